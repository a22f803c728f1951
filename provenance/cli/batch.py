"""``provenance batch``: stamp what a list or a folder names, each job exactly once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from provenance.batch import (
    Cluster,
    Control,
    LocalWorkers,
    RayWorkers,
    Row,
    Settings,
    Watch,
    Workers,
    run_batch,
    share_out,
)
from provenance.batch.jobs import Ledger, WatchedFolder
from provenance.cli.batch_dry import check_jobs
from provenance.cli.batch_setup import (
    FIELDS,
    job_defaults,
    list_jobs,
    listed_jobs,
    results_path,
    run_settings,
)
from provenance.cli.batch_telling import Logging, Telling
from provenance.cli.batch_view import BatchView
from provenance.cli.delivering import deliver_all, receivers
from provenance.cli.exits import batch_exit_code
from provenance.cli.lazy import examples
from provenance.cli.opening import (
    NO_REGISTRY,
    open_keyring,
    opened_registry,
    own_environment,
    settings,
    token_pin,
)
from provenance.cli.options import (
    again_option,
    consent_option,
    defaults_option,
    json_option,
    keys_option,
    quiet_option,
    registry_option,
    restamp_option,
    signer_options,
    stamp_options,
)
from provenance.cli.output import stdout, warn
from provenance.cli.stopping import Stopped
from provenance.errors import OutputError, UsageError
from provenance.system.processes import usable_cores

_ARITHMETIC = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@click.command(
    cls=Logging,
    epilog=examples(
        "provenance batch jobs.jsonl --out stamped --dry-run",
        "provenance batch jobs.jsonl --out stamped --workers 4 --bound-approvals",
        "provenance batch --from clips --glob '*.mov' --out s3://bucket/stamped/ \\\n"
        "    --model-name ExampleVideoModel --model-version 3.2.1 --prompt-from-tags",
        "provenance batch --watch inbox --out stamped --json-logs --metrics batch.prom",
    ),
)
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
    "--list-jobs",
    is_flag=True,
    help="Print the jobs of --from as a list (.jsonl) to edit and run, and stamp nothing.",
)
@defaults_option
@stamp_options(*FIELDS, "--prompt-from-tags", "--keep-tags")
@consent_option
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
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Use the workers of this Ray cluster: HOST:PORT, or auto for the one that this machine is "
    "a node of.",
)
@click.option(
    "--attempts",
    metavar="N",
    type=click.IntRange(1, 100),
    default=3,
    help="How often a job is tried when storage, key service or timestamps fail.  [default: 3]",
)
@click.option(
    "--stall",
    metavar="SECONDS",
    type=click.FloatRange(min=1.0),
    default=3600.0,
    help="Replace a worker whose job has not moved for so long; it costs the job an attempt.  "
    "[default: 3600]",
)
@click.option("--fail-fast", is_flag=True, help="Begin no further job once one has failed.")
@click.option("--retry-failed", is_flag=True, help="Try again what an earlier run found hopeless.")
@restamp_option
@again_option
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
    "--two-approvals-for",
    metavar="PROFILE",
    multiple=True,
    help="Ask for two where a job's profile is this one: faint, standard, strong; repeatable.",
)
@click.option(
    "--bound-approvals",
    is_flag=True,
    help="Count only approvals that name what the clip is stamped as: model, prompt, consents, "
    "source type and the rest (`provenance approve --jobs`).",
)
@click.option(
    "--allow-unapproved",
    is_flag=True,
    help="Stamp clips without an approval too.  It is recorded with each.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check keys, registry, disk, inputs, approvals and outputs, and stamp nothing.",
)
@click.option(
    "--watch",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Instead of JOBS: stamp what comes into this folder, CLIP once CLIP.job.json is beside "
    "it, until stopped.",
)
@click.option(
    "--deliver",
    is_flag=True,
    help="At the end, tell the webhook or hook of the settings what happened (`provenance registry "
    "deliver`).",
)
@click.option(
    "--json-logs",
    is_flag=True,
    help="Log to standard error, one JSON object a line, and write no other text anywhere.",
)
@click.option(
    "--metrics",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Keep Prometheus metrics in this .prom file.",
)
@click.option(
    "--metrics-port",
    metavar="N",
    type=click.IntRange(0, 65535),
    help="Serve Prometheus metrics on this port of 127.0.0.1.",
)
@click.option(
    "--traces", metavar="URL", help="Send OpenTelemetry traces here, as http://HOST:4318/v1/traces."
)
@stamp_options("--tsa", "--min-margin")
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
    address: str | None,
    fail_fast: bool,
    dry_run: bool,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> int:
    """Stamp what JOBS names (.jsonl or .csv), each job exactly once, approved clips only.

    What is done is skipped, so the same command goes on after any interruption.  Each job ends in
    a line of the results: stamped, skipped, done elsewhere (the registry has it, and the output is
    not here), withdrawn (done, and taken back since) or failed, and why.  The exit code is 0 only
    when all are done and none is withdrawn.
    """
    names = ("keys", "signer", "signer_chain", "tsa", "min_margin")
    asked = {name: flags[name] for name in names} | {"registry": registry_url}
    asked["bound_approvals"] = flags["bound_approvals"] or None
    chosen = settings(asked, quiet=quiet)
    watched = flags["watch"] is not None
    if watched and (dry_run or jobs is not None or flags["source"] is not None):
        raise UsageError("--watch takes its jobs from its folder, and goes on; give it without "
                         "JOBS, --from and --dry-run.")  # fmt: skip
    if flags["list_jobs"]:
        return list_jobs(jobs, chosen, flags)
    told = receivers(chosen) if flags["deliver"] else []
    if told and chosen.registry == NO_REGISTRY:
        raise UsageError("--deliver tells what a registry has on record; name one.")
    listed = () if watched else listed_jobs(jobs, chosen, flags)
    keyring = open_keyring(chosen, quiet=quiet)

    number = None if watched else len(listed)
    control, started, logs = Control(), time.monotonic(), flags["json_logs"]
    with contextlib.ExitStack() as stack:
        cluster = None if address is None else stack.enter_context(Cluster(address))
        rooms = (usable_cores(),) if cluster is None else cluster.rooms
        size, threads = share_out(rooms, number, workers)
        run = run_settings(out, chosen, keyring, flags, threads)
        if dry_run:
            with opened_registry(chosen, keyring):
                return check_jobs(listed, run, as_json=as_json, logs=logs)
        registry = stack.enter_context(opened_registry(chosen, keyring))
        _make_folder(run.spool)
        path = results or results_path(out, run)
        rows = stack.enter_context(_rows(path, "a" if watched else "w"))
        ledger = stack.enter_context(Ledger(run.ledger))
        tell = Telling(stack, flags, len(listed))
        view = stack.enter_context(BatchView(number, quiet=quiet or logs))
        received = stack.enter_context(_signals(control))
        pool = _pool(stack, cluster, size, run)

        def ended(row: Row) -> None:
            line = json.dumps(row.as_json(), allow_nan=False)
            rows.write(line + "\n")
            rows.flush()
            if as_json:
                click.echo(line)
            tell(row.outcome())
            if not logs:  # they say it already
                view.ended(row)

        folder = WatchedFolder(flags["watch"], job_defaults(chosen, flags)) if watched else None
        ending = run_batch(
            listed,
            run,
            pool,
            ledger,
            Watch(ended, view.event, view.begun, view.waits),
            prompt_keys=keyring.prompt_keys,
            registry=registry,
            control=control,
            fail_fast=fail_fast,
            more=None if folder is None else lambda: folder.look(warn),
        )
        if registry is not None:
            deliver_all(registry, told, chosen)
    summary = tell.end(time.monotonic() - started, ending)
    if not as_json and not quiet and not logs:
        stdout().print("\n".join(view.summary(summary, ending)), soft_wrap=True)
    if ending.stopped:
        raise Stopped(received[0])
    return batch_exit_code(ending.faults, ending.unfinished)


def _pool(
    stack: contextlib.ExitStack, cluster: Cluster | None, size: int, run: Settings
) -> Workers:

    if cluster is not None:
        return stack.enter_context(RayWorkers(cluster, size, run, own_environment))
    for name in _ARITHMETIC:  # read by the workers, at their start
        os.environ.setdefault(name, str(run.threads))
    return stack.enter_context(LocalWorkers(size, run, pin=token_pin()))


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"The folder {path} cannot be made: {reason}.") from error


@contextlib.contextmanager
def _rows(path: Path, mode: str) -> Iterator[IO[str]]:
    try:
        handle = path.open(mode, encoding="utf-8")
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
