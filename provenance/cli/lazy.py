"""Groups of commands that know them by name, and load one only when it is run.

After "Lazily loading subcommands" in click's own documentation.  So every command's module imports
what it needs at its top, and ``provenance --help`` still waits for none of it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import click

from provenance.system.lazy import loading


@dataclass(slots=True)
class Run:
    """What the end of a run must know of its beginning."""

    debug: bool = False


class Lazy(NamedTuple):
    """Where a command is, as ``module:name``, and the line that the group's help has for it."""

    place: str
    short_help: str

    def load(self) -> click.Command:
        """Import it."""
        module, _, name = self.place.partition(":")
        with loading():
            command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the tables are our own
        return command


class LazyGroup(click.Group):
    """A group whose commands are loaded when they are run; every one of them has ``--debug``."""

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy], **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self._lazy = lazy
        self.params.append(_debug_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the table's order."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, loaded; None when there is none."""
        if cmd_name not in self._lazy:
            return None
        if cmd_name not in self.commands:
            command = self._lazy[cmd_name].load()
            if not isinstance(command, LazyGroup):
                command.params.append(_debug_option())
            self.add_command(command, cmd_name)
        return self.commands[cmd_name]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them by the table; click itself would load each for its short help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.short_help) for name, lazy in self._lazy.items()])


def examples(*commands: str, more: str = "") -> str:
    """An epilog that shows these commands as they are, a line each, after ``more``."""
    shown = "\n".join(commands)
    return f"{more}\n\nExamples:\n\n\b\n{shown}".strip()


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_debug,
        help="Show tracebacks and a log on standard error.",
    )


def _debug(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    run = ctx.find_object(Run)
    if value and run is not None:
        run.debug = True
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(name)s: %(message)s")
        for noisy in ("asyncio", "PIL"):
            logging.getLogger(noisy).setLevel(logging.INFO)
