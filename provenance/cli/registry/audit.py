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
from provenance.documents import exports
from provenance.report import registry as show


@click.command(
    epilog=examples(
        "provenance registry audit --sign head.json",
        "provenance registry audit --head head.json",
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
@keys_option
@registry_option
@json_option
@quiet_option
def audit_command(  # noqa: PLR0917 - click passes every parameter by name
    sign: Path | None,
    head: tuple[Path, ...],
    keys: Path | None,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Walk the audit log and hold the registry against it; name the first row that does not hold.

    A change to any row, record, manifest, fingerprint or withdrawal made behind the program's back
    is found.  Rows taken off the end of the log are found with a head that was signed before
    (--sign) and given with --head.  Exit code: 0 when all holds, 1 when something does not.
    """

    chosen = settings({"registry": registry_url, "keys": keys}, quiet=quiet)
    with open_registry(chosen) as stamps:
        report = stamps.check()
        wrong = None if report.broken is None else report.broken.sentence
        if head and wrong is None:
            issuers = read_issuers(chosen, open_keyring_if_any(chosen, quiet=quiet))
            said = (exports.check_head(stamps, path, issuers) for path in head)
            wrong = next((one for one in said if one is not None), None)
        if sign is not None and wrong is None:
            exports.write_head(stamps, sign, open_keyring(chosen, quiet=quiet).signer)
    if as_json:
        print_json(show.Audit.of(report, wrong).as_json())
    else:
        show.show_audit(report, wrong, stdout())
    return DONE if wrong is None else NOT_ACCEPTED


@click.command(
    epilog=examples(
        "provenance registry sweep",
    )
)
@registry_option
@json_option
def sweep_command(registry_url: str | None, as_json: bool) -> None:
    """Settle what killed runs left: reservations without a file are given up.

    A stamp whose run still works, or ran on another machine within a day, is left alone.
    """
    with open_registry(settings({"registry": registry_url})) as stamps:
        report = stamps.reservations.sweep()
    if as_json:
        print_json(report.as_json())
    else:
        show.show_sweep(report, stdout())
