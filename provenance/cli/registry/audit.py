"""``provenance registry audit`` and ``sweep``: does it hold together, and what runs left behind."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.exits import DONE, NOT_ACCEPTED
from provenance.cli.lazy import examples
from provenance.cli.opening import (
    open_keyring,
    open_keyring_if_any,
    open_registry,
    read_issuers,
    settings,
)
from provenance.cli.options import json_option, keys_option, quiet_option, registry_option
from provenance.cli.output import print_json, stdout
from provenance.cli.registry.moments import moment_of
from provenance.documents import archives, heads
from provenance.errors import UsageError
from provenance.report import registry as show


@click.command(
    epilog=examples(
        "provenance registry audit --sign head.json",
        "provenance registry audit --head head.json",
        "provenance registry audit --archive log-2026.jsonl --before 2027-01-01",
        "provenance registry audit --archived log-2026.jsonl",
    )
)
@click.option(
    "--sign",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the log's head, signed, to FILE; keep it elsewhere.",
)
@click.option(
    "--head",
    metavar="FILE",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Check that the head signed earlier is still in the log; repeatable.",
)
@click.option(
    "--archive",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Move the rows from before --before out of the log into FILE, signed; keep it.",
)
@click.option(
    "--before",
    metavar="TIME",
    help="Which rows --archive takes: a day, or ISO 8601 with a zone.",
)
@click.option(
    "--archived",
    metavar="FILE",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Check with the rows of this archive; repeatable, the oldest first.",
)
@keys_option
@registry_option
@json_option
@quiet_option
def audit_command(  # noqa: PLR0917 - click passes every parameter by name
    sign: Path | None,
    head: tuple[Path, ...],
    archive: Path | None,
    before: str | None,
    archived: tuple[Path, ...],
    keys: Path | None,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Walk the audit log and hold the registry against it; name the first row that does not hold.

    A change to any row, record, manifest, fingerprint or withdrawal made behind the program's back
    is found.  Rows taken off the end of the log are found with a head that was signed before
    (--sign) and given with --head.  With --archive, a log that holds gives its oldest rows to a
    file; it stays one chain with them, and --archived checks both.  Exit code: 0 when all holds, 1
    when something does not.
    """

    if (archive is None) != (before is None):
        raise UsageError("--archive FILE and --before TIME go together.")
    moment = None if before is None else moment_of(before)
    chosen = settings({"registry": registry_url, "keys": keys}, quiet=quiet)
    with open_registry(chosen) as stamps:
        issuers = b""
        if head or archived:
            issuers = read_issuers(chosen, open_keyring_if_any(chosen, quiet=quiet))
        report = stamps.check(archives.archived(archived, issuers))
        wrong = None if report.broken is None else report.broken.sentence
        if wrong is None:
            said = (
                heads.check_head(stamps, path, issuers, archives.archived(archived, issuers))
                for path in head
            )
            wrong = next((one for one in said if one is not None), None)
        if sign is not None and wrong is None:
            heads.write_head(stamps, sign, open_keyring(chosen, quiet=quiet).signer)
        if archive is not None and moment is not None and wrong is None:
            keyring = open_keyring(chosen, quiet=quiet)
            archives.archive(stamps, archive, moment, keyring.signer)
            # As one chain, if all of it is at hand.
            files = () if report.archived and not archived else (*archived, archive)
            report = stamps.check(archives.archived(files, keyring.issuers_pem))
            wrong = None if report.broken is None else report.broken.sentence
    if as_json:
        print_json(show.Audit.of(report, wrong).as_json())
    else:
        show.show_audit(report, wrong, stdout(), archives="--archived")
    return DONE if wrong is None else NOT_ACCEPTED


@click.command(
    epilog=examples(
        "provenance registry sweep",
    )
)
@registry_option
@json_option
@quiet_option
def sweep_command(registry_url: str | None, as_json: bool, quiet: bool) -> None:
    """Settle what killed runs left: reservations without a file are given up.

    A stamp whose run still works, or ran on another machine within a day, is left alone.
    """
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        report = stamps.reservations.sweep()
    if as_json:
        print_json(report.as_json())
    else:
        show.show_sweep(report, stdout())
