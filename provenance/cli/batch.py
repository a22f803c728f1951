"""``provenance batch``: stamp what a list or a folder names, each job exactly once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import platformdirs

from provenance import config
from provenance.cli.batch_view import BatchView
from provenance.cli.options import (
    APPLICATION,
    NO_REGISTRY,
    json_option,
    keys_option,
    open_keyring,
    opened_registry,
    quiet_option,
    read_pem,
    registry_option,
    registry_url,
    settings,
    signer_options,
)
from provenance.cli.output import stdout, warn
from provenance.cli.stopping import Stopped
from provenance.errors import OutputError, UsageError

if TYPE_CHECKING:
    from provenance.batch import Control, Row, Settings
    from provenance.jobs import Job
    from provenance.keyring import Keyring

_FIELDS = (
    ("--model-name", "NAME", "The model that made the clips."),
    ("--model-version", "V", "Its version."),
    ("--prompt-file", "FILE", "A prompt, as UTF-8 text."),
    ("--prompt-hash", "HEX", "A SHA-256 of the prompt made elsewhere."),
    ("--profile", "NAME", "Strength: faint, standard or strong.  [default: standard]"),
    ("--codec", "NAME", "h264, hevc, av1, vp9, prores or source."),
    ("--crf", "N", "Constant quality."),
    ("--bitrate", "RATE", "Bit rate instead of a CRF: 2M, 600k."),
    ("--preset", "NAME", "The encoder's preset."),
    ("--title", "TEXT", "Title.  [default: the output's file name]"),
)
_Command = Callable[..., Any]


def _field_options(command: _Command) -> _Command:
    for flag, metavar, text in reversed(_FIELDS):
        kind = float if flag == "--crf" else None
        command = click.option(flag, metavar=metavar, type=kind, help=text)(command)
    return command


@click.command(short_help="Stamp many clips, each exactly once.")
@click.argument("jobs", required=False, type=click.Path(path_type=Path))
@click.option("--out", metavar="DIR|URL", required=True, help="Where the stamped clips go.")
@click.option(
    "--from",
    "source",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Instead of JOBS: every clip in this folder that fits --glob.",
)
@click.option("--glob", "pattern", metavar="PATTERN", help="Which ones.  [default: *.mp4]")
@click.option(
    "--defaults",
    metavar="TOML",
    type=click.Path(path_type=Path),
    help="A file of values for jobs that do not give them; flags come before it.",
)
@_field_options
@click.option("--consent", "consents", metavar="REF", multiple=True, help="A consent; repeatable.")
@click.option(
    "--results",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="One JSON object a job, as it ends.  [default: results.jsonl in DIR]",
)
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the run keeps its ledger.  [default: hidden in DIR; your user data folder for a "
    "URL]",
)
@click.option("--workers", metavar="N", type=click.IntRange(1, 256), help="[default: one a core]")
@click.option(
    "--attempts",
    metavar="N",
    type=click.IntRange(1, 100),
    default=3,
    help="How often a job is tried when storage, key service or timestamps fail.  [default: 3]",
)
@click.option("--fail-fast", is_flag=True, help="Begin no further job once one has failed.")
@click.option("--retry-failed", is_flag=True, help="Try again what an earlier run found hopeless.")
@click.option(
    "--reviewers",
    metavar="PEM",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Public key of a reviewer, or a folder of them; repeatable.  [default: the keys folder's "
    "`reviewers`]",
)
@click.option("--approval-policy", metavar="NAME", help="What clips must be approved for.")
@click.option(
    "--approvals-needed",
    metavar="N",
    type=click.IntRange(1, 2),
    default=1,
    help="How many reviewers must have approved a clip: 1 or 2.  [default: 1]",
)
@click.option(
    "--allow-unapproved",
    is_flag=True,
    help="Stamp clips without an approval too.  It is recorded with each.",
)
@click.option("--tsa", metavar="URL", help="Timestamp authority for the signatures (RFC 3161).")
@click.option("--min-margin", metavar="DB", type=float, help="See `provenance stamp`.")
@keys_option
@registry_option
@signer_options
@json_option
@quiet_option
def batch(  # noqa: PLR0917 - click passes every parameter by name
    jobs: Path | None,
    out: str,
    results: Path | None,
    workers: int | None,
    fail_fast: bool,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> int:
    """Stamp what JOBS names (.jsonl or .csv), each job exactly once, approved clips only.

    What is done is skipped, so the same command goes on after any interruption.  Each job ends in
    a line of the results: stamped, skipped or failed, and why.  The exit code is 0 only when all
    are done.
    """
    chosen = settings(
        {name: flags[name] for name in ("keys", "signer", "signer_chain", "tsa", "min_margin")}
        | {"registry": registry_url},
        quiet=quiet,
    )
    listed = _listed(jobs, chosen, flags)
    keyring = open_keyring(chosen, quiet=quiet)

    from provenance.batch import Control, LocalWorkers, Watch, cores, run_batch  # noqa: PLC0415
    from provenance.jobs import Ledger  # noqa: PLC0415
    from provenance.telemetry import Tally  # noqa: PLC0415

    size = min(workers or cores(), len(listed))
    run = _run_settings(out, chosen, keyring, flags, threads=max(1, cores() // size))
    started, tally, control = time.monotonic(), Tally(), Control()
    with contextlib.ExitStack() as stack:
        registry = stack.enter_context(opened_registry(chosen))
        run.spool.mkdir(parents=True, exist_ok=True)
        rows = stack.enter_context(_rows(results or _results_path(out, run)))
        ledger = stack.enter_context(Ledger(run.ledger))
        received = stack.enter_context(_signals(control))
        pool = stack.enter_context(LocalWorkers(size, run))
        view = stack.enter_context(BatchView(len(listed), quiet=quiet or as_json))

        def ended(row: Row) -> None:
            line = json.dumps(row.as_json(), allow_nan=False)
            rows.write(line + "\n")
            rows.flush()
            if as_json:
                click.echo(line)
            tally.add(row.outcome())
            view.ended(row)

        watch = Watch(ended, view.event, view.begun, view.waits)
        ending = run_batch(
            listed,
            run,
            pool,
            ledger,
            watch,
            prompt_key=keyring.prompt_key,
            registry=registry,
            control=control,
            fail_fast=fail_fast,
        )
    if not as_json and not quiet:
        stdout().print("\n".join(view.summary(tally.summary(time.monotonic() - started), ending)))
    if ending.stopped:
        raise Stopped(received[0])
    return ending.exit_code


def _listed(jobs: Path | None, chosen: config.Settings, flags: dict[str, Any]) -> tuple[Job, ...]:
    """The jobs of a list or a folder; flags are defaults, before those of the file."""
    from provenance.jobs import find_jobs, read_defaults, read_jobs  # noqa: PLC0415
    from provenance.jobs.rows import merged  # noqa: PLC0415

    source, pattern = flags["source"], flags["pattern"]
    if (jobs is None) == (source is None):
        raise UsageError("Give a list of jobs, or --from DIR.")
    if source is None and pattern is not None:
        raise UsageError("--glob goes with --from.")
    names = [flag.removeprefix("--").replace("-", "_") for flag, _, _ in _FIELDS]
    given = {name: flags[name] for name in names if flags[name] is not None}
    if given.get("prompt_file"):
        given["prompt_file"] = str(Path(given["prompt_file"]).absolute())
    if flags["consents"]:
        given["consents"] = list(flags["consents"])
    set_before = {
        name: getattr(chosen, name) for name in ("profile", "codec", "crf", "bitrate", "preset")
    }
    defaults = {} if flags["defaults"] is None else read_defaults(flags["defaults"])
    defaults = merged(given, merged(defaults, set_before))
    if source is not None:
        return find_jobs(source, pattern or "*.mp4", defaults)
    found = read_jobs(jobs, defaults)  # type: ignore[arg-type]  # one of them is there
    if not found:
        raise UsageError(f"{jobs} holds no job.")
    return found


def _run_settings(
    out: str, chosen: config.Settings, keyring: Keyring, flags: dict[str, Any], threads: int
) -> Settings:
    from provenance.approvals import (  # noqa: PLC0415 - slow to import
        DEFAULT_POLICY,
        FOLDER,
        ApprovalPolicy,
        load_reviewers,
    )
    from provenance.batch import STATE, Settings  # noqa: PLC0415
    from provenance.signers import SignerSpec  # noqa: PLC0415
    from provenance.storage import is_url, place_in  # noqa: PLC0415

    place = place_in(out, "x")
    if place.is_local and is_url(out):
        out = str(place.path.parent)
    reviewers = flags["reviewers"]
    if not reviewers and (keyring.folder / FOLDER).is_dir():
        reviewers = (keyring.folder / FOLDER,)
    if not load_reviewers(reviewers) and not flags["allow_unapproved"]:
        raise UsageError(
            "No reviewer's key is known, so nothing counts as approved; give --reviewers, or put "
            f"their .pub files into {keyring.folder / FOLDER}."
        )
    state = flags["state"]
    if state is None and place.is_local:
        state = Path(out) / STATE
    elif state is None:
        name = hashlib.sha256(out.encode()).hexdigest()[:16]
        state = platformdirs.user_data_path(APPLICATION) / "batches" / name
    signer = None
    if chosen.signer is not None and chosen.signer_chain is not None:
        signer = SignerSpec(chosen.signer, read_pem(chosen.signer_chain))
    return Settings(
        keys=keyring.folder.absolute(),
        out=out if is_url(out) else str(Path(out).absolute()),
        state=state.absolute(),
        registry=None if chosen.registry == NO_REGISTRY else registry_url(chosen),
        signer=signer,
        reviewers=tuple(path.absolute() for path in reviewers),
        policy=ApprovalPolicy(
            flags["approval_policy"] or DEFAULT_POLICY, flags["approvals_needed"]
        ),
        allow_unapproved=flags["allow_unapproved"],
        provider=chosen.provider,
        digital_source_type=chosen.digital_source_type,
        encoder_options=chosen.encoder_options,
        tsa=chosen.tsa,
        min_margin=chosen.min_margin,
        threads=threads,
        attempts=flags["attempts"],
        retry_failed=flags["retry_failed"],
    )


def _results_path(out: str, run: Settings) -> Path:
    from provenance.storage import is_url  # noqa: PLC0415 - slow to import

    return (run.state if is_url(out) else Path(run.out)) / "results.jsonl"


@contextlib.contextmanager
def _rows(path: Path) -> Iterator[IO[str]]:
    try:
        handle = path.open("w", encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"The results file {path} cannot be written: {reason}.") from error
    with handle:
        yield handle


@contextlib.contextmanager
def _signals(control: Control) -> Iterator[list[int]]:
    """Count stop signals instead of being interrupted by them; the numbers that came."""
    received: list[int] = []

    def press(number: int, _frame: object) -> None:
        received.append(number)
        control.presses += 1
        if control.presses == 1:
            warn("stopping; running jobs are given back (press again to end them at once).")

    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        numbers.append(signal.SIGHUP)
    numbers = [one for one in numbers if signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, press) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
