"""``provenance registry``: look stamps up, withdraw them, check the log, take copies of it all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.options import (
    json_option,
    keys_option,
    open_keyring,
    open_keyring_if_any,
    open_registry,
    quiet_option,
    read_issuers,
    registry_option,
    settings,
)
from provenance.cli.output import print_json, stdout
from provenance.errors import InputError, UsageError
from provenance.report import registry as show

if TYPE_CHECKING:
    from provenance.registry import WithdrawalKind
    from provenance.results.payload import StampId

_Command = TypeVar("_Command", bound=Callable[..., Any])
NOT_WHOLE = 1
"""Exit code of an audit that found something."""


@click.group()
def registry() -> None:
    """Look stamps up, withdraw them, check the audit log, restore, export and import.

    The registry is an SQLite file in your data folder, or whatever --registry names.
    """


@registry.command("show")
@click.argument("stamp_id", metavar="STAMP-ID")
@click.option(
    "--manifest",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the manifest store (.c2pa) to this file.",
)
@registry_option
@json_option
def show_command(
    stamp_id: str, manifest: Path | None, registry_url: str | None, as_json: bool
) -> None:
    """Show what a stamp id stands for, and whether it was withdrawn."""
    from provenance.registry import Facts, Shown  # noqa: PLC0415 - slow to import

    wanted = _stamp_id(stamp_id)
    with open_registry(settings({"registry": registry_url})) as stamps:
        record = stamps.find(wanted)
        if record is None:
            raise InputError(f"The registry {stamps.name} has no stamp {wanted}.")
        revocation = stamps.withdrawals.hitting(Facts.of(record))
        if manifest is not None:
            _write_manifest(manifest, stamps.manifest(wanted))
    if as_json:
        print_json(Shown(record, revocation).as_json())
    else:
        show.show_record(record, revocation, stdout())


@registry.command("search")
@click.option("--model-name", metavar="NAME")
@click.option("--model-version", metavar="V")
@click.option("--key", "key_id", metavar="ID", help="A watermark key or a signing certificate.")
@click.option("--consent", metavar="REF", help="A consent reference.")
@click.option("--reviewer", metavar="KEY-ID", help="The id of a key that approved.")
@click.option("--sha256", metavar="HEX", help="Of the clip before or after stamping.")
@click.option("--since", metavar="DATE", help="Stamped on or after this day (YYYY-MM-DD, UTC).")
@click.option("--until", metavar="DATE", help="Stamped before this day.")
@click.option(
    "--like",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Look by fingerprint alone for clips that look like this one: leads, never proof.",
)
@click.option("--limit", metavar="N", type=click.IntRange(1), default=100, show_default=True)
@registry_option
@json_option
def search_command(
    like: Path | None, registry_url: str | None, limit: int, as_json: bool, **asked: str | None
) -> None:
    """List stamps, newest first; everything given has to fit."""
    with open_registry(settings({"registry": registry_url})) as stamps:
        if like is not None:
            if any(value is not None for value in asked.values()):
                raise UsageError("--like looks by fingerprint alone; leave the other filters out.")
            from provenance.verifying.lookup import leads_for  # noqa: PLC0415 - slow to import
            from provenance.verifying.verify import fingerprint  # noqa: PLC0415

            leads = leads_for(stamps, fingerprint(like))[:limit]
            if as_json:
                for lead in leads:
                    print_json(lead.as_json())
            else:
                show.show_leads(leads, stdout())
            return
        found = stamps.search(limit=limit, **asked)
    if as_json:
        from provenance.registry import Found  # noqa: PLC0415 - slow to import

        for record in found:
            print_json(Found(record).as_json())
    else:
        show.show_records(found, stdout())


def _target_options(command: _Command) -> _Command:
    for option in (
        click.option("--reason", metavar="TEXT", required=True, help="Why; shown to verifiers."),
        click.option(
            "--reviewer", metavar="KEY-ID", help="Everything that this reviewer's key approved."
        ),
        click.option("--consent", metavar="REF", help="Everything that needed this consent."),
        click.option("--key", metavar="ID", help="Everything of a watermark or signing key."),
        click.option("--model-version", metavar="V", help="One version of it.  [default: all]"),
        click.option("--model-name", metavar="NAME", help="Everything of a model."),
        click.option("--stamp", metavar="STAMP-ID", help="One stamp."),
    ):
        command = option(command)
    return command


@registry.command("revoke")
@_target_options
@click.option(
    "--good-before",
    metavar="TIME",
    help="With --key or --reviewer: what provably existed before this moment still counts (a day, "
    "or ISO 8601 with a zone).",
)
@registry_option
@json_option
def revoke_command(
    reason: str,
    good_before: str | None,
    registry_url: str | None,
    as_json: bool,
    **asked: str | None,
) -> None:
    """Withdraw a stamp, or every stamp of a model, a key, a consent or a reviewer's key.

    Verification then says REVOKED, with the date, the reason, and what it would have said; also of
    clips that were stamped from one that is withdrawn.
    """
    kind, target = _target(**asked)
    moment = None if good_before is None else _moment(good_before)
    with open_registry(settings({"registry": registry_url})) as stamps:
        entry = stamps.withdrawals.withdraw(kind, target, reason, good_before=moment)
        hit = sum(1 for _ in stamps.hit_by(entry))
    if as_json:
        from provenance.registry import Withdrawn  # noqa: PLC0415 - slow to import

        print_json(Withdrawn(entry, hit).as_json())
    else:
        stdout().print(
            f"Withdrawn: {kind} {show.target(kind, target)}{show.spared(entry)}, which hits {hit} "
            f"stamp{'' if hit == 1 else 's'} registered so far.",
            soft_wrap=True,
        )


@registry.command("reinstate")
@_target_options
@registry_option
def reinstate_command(reason: str, registry_url: str | None, **asked: str | None) -> None:
    """End a withdrawal; it stays on record, and so does the reason."""
    kind, target = _target(**asked)
    with open_registry(settings({"registry": registry_url})) as stamps:
        stamps.withdrawals.reinstate(kind, target, reason)
    stdout().print(f"Reinstated: {kind} {show.target(kind, target)}.", soft_wrap=True)


@registry.command("sweep")
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


@registry.command("audit")
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
    from provenance.documents import exports  # noqa: PLC0415 - slow to import

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
    return NOT_WHOLE if wrong is not None else 0


@registry.command("export")
@click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--bundle",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A signed bundle, for `verify --bundle`.",
)
@click.option(
    "--revocations",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A signed list of what is withdrawn, for `verify --revocations`.",
)
@click.option(
    "--valid-days",
    metavar="N",
    type=click.IntRange(1, 3660),
    default=7,
    show_default=True,
    help="Days until the signed file expires.",
)
@keys_option
@registry_option
@quiet_option
def export_command(  # noqa: PLR0917 - click passes every parameter by name
    file: Path | None,
    bundle: Path | None,
    revocations: Path | None,
    valid_days: int,
    keys: Path | None,
    registry_url: str | None,
    quiet: bool,
) -> None:
    """Write the registry to FILE as JSON Lines, or sign a bundle or a revocation list."""
    from provenance.documents import exports  # noqa: PLC0415 - slow to import

    if [file, bundle, revocations].count(None) != 2:
        raise UsageError("Name one file: FILE for JSON Lines, --bundle FILE or --revocations FILE.")
    chosen = settings({"registry": registry_url, "keys": keys}, quiet=quiet)
    valid = timedelta(days=valid_days)
    out = stdout()
    with open_registry(chosen) as stamps:
        if file is not None:
            done = exports.write_lines(stamps, file)
            out.print(f"{file}: {show.counted(done)}", soft_wrap=True)
        elif bundle is not None:
            signer = open_keyring(chosen, quiet=quiet).signer
            done = exports.write_bundle(stamps, bundle, signer, valid=valid)
            out.print(f"{bundle}: {show.counted(done)}, signed", soft_wrap=True)
        elif revocations is not None:
            signer = open_keyring(chosen, quiet=quiet).signer
            count = exports.write_revocations(stamps, revocations, signer, valid=valid)
            out.print(f"{revocations}: {count} in force, signed", soft_wrap=True)


@registry.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@registry_option
def import_command(file: Path, registry_url: str | None) -> None:
    """Take over stamps and withdrawals from JSON Lines; what is known already stays as it is.

    The lines are believed as they are: import only what comes from yourself.
    """
    from provenance.documents import exports  # noqa: PLC0415 - slow to import

    with open_registry(settings({"registry": registry_url}), create=True) as stamps:
        done = exports.read_lines(stamps, file)
    stdout().print(f"{file}: {show.counted(done)} taken over, {done.known} known already")


@registry.command("restore")
@click.argument("copy", metavar="COPY", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@keys_option
@registry_option
@quiet_option
def restore_command(  # noqa: PLR0917 - click passes every parameter by name
    copy: Path,
    target: Path,
    overwrite: bool,
    keys: Path | None,
    registry_url: str | None,
    quiet: bool,
) -> None:
    """Write COPY to OUT with the manifest that it lost, as the parent of a new one.

    COPY has to verify as WATERMARK_MATCH, and picture, order, speed, length and sound have to be
    what was stamped; what differs or can't be compared is refused.  OUT says that it is a copy that
    was given its credential back, and verifies as the copy did.
    """
    from provenance.stamping.restore import restore  # noqa: PLC0415 - slow to import

    chosen = settings({"registry": registry_url, "keys": keys}, quiet=quiet)
    keyring = open_keyring(chosen, quiet=quiet)
    with open_registry(chosen) as stamps:
        report = restore(copy, target, keyring=keyring, registry=stamps, overwrite=overwrite)
    stdout().print(
        f"{target}: stamp {report.watermark.stamp_id}, its manifest is back as the parent of a "
        "new one",
        soft_wrap=True,
    )


def _stamp_id(text: str) -> StampId:
    from provenance.results.payload import StampId  # noqa: PLC0415 - only here

    try:
        return StampId.from_hex(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is no stamp id; it has 16 hexadecimal digits.") from error


def _target(
    *,
    stamp: str | None,
    model_name: str | None,
    model_version: str | None,
    key: str | None,
    consent: str | None,
    reviewer: str | None,
) -> tuple[WithdrawalKind, str]:
    from provenance.registry import (  # noqa: PLC0415 - slow to import
        check_reference,
        check_reviewer_id,
        model_target,
    )

    if [stamp, model_name, key, consent, reviewer].count(None) != 4:
        raise UsageError("Say what: one of --stamp, --model-name, --key, --consent or --reviewer.")
    if stamp is not None:
        return "stamp", _stamp_id(stamp).hex
    if model_name is not None:
        return "model", model_target(model_name, model_version)
    if model_version is not None:
        raise UsageError("--model-version goes with --model-name.")
    if key is not None:
        return "key", check_reference(key)
    if reviewer is not None:
        return "reviewer", check_reviewer_id(reviewer.strip().lower())
    return "consent", check_reference(consent)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    day = moment is not None and len(text.strip()) == len("2026-11-22")
    if moment is None or (moment.tzinfo is None and not day):
        raise UsageError(
            f"{text!r} is no moment; give a day, as 2026-11-22, or a time with its zone, as "
            "2026-11-22T14:30:00+01:00."
        )
    return moment.replace(tzinfo=UTC) if day else moment.astimezone(UTC)


def _write_manifest(path: Path, store: bytes | None) -> None:
    from provenance.documents.exports import write_whole  # noqa: PLC0415 - slow to import

    if store is None:
        raise InputError("This stamp has no manifest in the registry.")
    write_whole(path, [store])
