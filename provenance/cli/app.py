"""The command ``provenance``: its sub-commands, its exit codes, and the one place errors end in.

=====  ==================================================================
exit   meaning
=====  ==================================================================
0      done (``verify``: every verdict is an accepted one)
1      ``verify``: some file's verdict is not an accepted one
2      wrong usage
3      a file could not be examined or stamped
4      something the tool itself needs failed
5      ``stamp``: the clip was stamped before, as the same
130    stopped by Ctrl-C (143: told to terminate)
141    the reader of the output went away
=====  ==================================================================
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import click

from provenance.cli.exits import FAILED, WRONG_USAGE, exit_code
from provenance.cli.flags import worded
from provenance.cli.lazy import Lazy, LazyGroup, Run, examples
from provenance.cli.output import complain
from provenance.cli.stopping import Stopped, stoppable
from provenance.errors import ProvenanceError
from provenance.system.processes import forbid_dumps
from provenance.system.version import software_version

_COMMANDS: Final = {
    "approve": Lazy("provenance.cli.approve:approve", "Approve clips for stamping."),
    "batch": Lazy("provenance.cli.batch:batch", "Stamp many clips, each exactly once."),
    "keys": Lazy("provenance.cli.keys:keys", "Make, list, rotate and certify keys."),
    "registry": Lazy("provenance.cli.registry:registry", "Look up, withdraw, audit, restore."),
    "report": Lazy("provenance.cli.report:report", "Check filed reports."),
    "serve": Lazy("provenance.cli.serve:serve", "A page and an interface for verifying."),
    "stamp": Lazy("provenance.cli.stamp:stamp", "Mark and sign a clip."),
    "tokens": Lazy("provenance.cli.tokens:tokens", "Let programs use the desk, or no longer."),
    "verify": Lazy("provenance.cli.verify:verify", "Examine videos or images."),
}


class _Program(LazyGroup):
    """The group at the top, whose errors all end in one sentence and the contract's exit code."""

    def main(  # type: ignore[override]  # click's overloads only split by standalone_mode
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **extra: Any,
    ) -> NoReturn:
        run = Run()
        extra.pop("standalone_mode", None)
        # Nearly every command holds keys, a PIN or a password sooner or later.
        forbid_dumps()
        with stoppable():
            code = self._code(run, args, prog_name or "provenance", extra)
        sys.exit(code)

    def _code(  # noqa: PLR0911 - one return an exit code
        self, run: Run, args: Sequence[str] | None, prog_name: str, extra: dict[str, Any]
    ) -> int:
        try:
            result = super().main(args, prog_name, standalone_mode=False, obj=run, **extra)
            sys.stdout.flush()
        except click.exceptions.Exit as error:
            return error.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return WRONG_USAGE
        except click.ClickException as error:
            context = error.ctx if isinstance(error, click.UsageError) else None
            command = prog_name if context is None else context.command_path
            complain(f"{error.format_message().rstrip('.')}; see `{command} --help`.")
            return WRONG_USAGE
        except (click.Abort, KeyboardInterrupt, _Halted) as error:
            stopped = error if isinstance(error, KeyboardInterrupt) else error.__cause__
            complain("Stopped; nothing half-done is left behind.", label="")
            return 128 + (stopped.number if isinstance(stopped, Stopped) else signal.SIGINT)
        except BrokenPipeError:
            # Nobody reads any more: not a failure of ours, and nothing to tell anyone.
            _drop_output()
            return 128 + 13
        except ProvenanceError as error:
            if run.debug:
                traceback.print_exc()
            for one in (error, *error.others):
                complain(worded(one))
            return exit_code(error)
        except Exception as error:
            if run.debug:
                traceback.print_exc()
            complain(
                f"Something unforeseen went wrong ({type(error).__name__}); "
                "run it again with --debug for the traceback, and report it."
            )
            try:
                sys.stdout.flush()
            except (OSError, ValueError):
                # A full disk: Python would try once more on its way out, and say so.
                _drop_output()
            return FAILED
        return result if isinstance(result, int) else 0

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click itself would turn a broken pipe into exit code 1, and print an
        empty line when a signal comes, in the middle of a log too."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise _ReaderGone from error
        except KeyboardInterrupt as error:
            raise _Halted from error
        return result


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Halted(Exception):
    """A signal that came, in a form that click does not look for."""


class _ReaderGone(BrokenPipeError):
    """A broken pipe without the error number that click looks for."""


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    click.echo(f"provenance {software_version()}")
    ctx.exit()


@click.group(
    name="provenance",
    cls=_Program,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        'provenance keys init --org "Example Studio"',
        "provenance stamp clip.mp4 stamped.mp4 --model-name ExampleVideoModel \\\n"
        "    --model-version 3.2.1 --prompt-file prompt.txt",
        "provenance verify stamped.mp4",
        more="Settings come from flags, then PROVENANCE_* variables (PROVENANCE_KEYS for --keys), "
        "then provenance.toml in the working folder (keys = ...), then defaults.",
    ),
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Stamp AI-generated video so that it can be told later, and verify what others send.

    A stamp has two layers: an invisible watermark in every frame, and a signed C2PA manifest.
    `provenance keys init` makes your keys; then `provenance stamp` and `provenance verify`.
    """
