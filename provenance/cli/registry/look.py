"""``provenance registry show`` and ``search``: what is on record."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import open_registry, settings
from provenance.cli.options import json_option, quiet_option, registry_option
from provenance.cli.output import print_json, stdout
from provenance.cli.registry.targets import stamp_id_of
from provenance.documents.lines import write_whole
from provenance.errors import InputError, UsageError
from provenance.registry import Facts, Found, Shown
from provenance.report import registry as show
from provenance.verifying.lookup import leads_for
from provenance.verifying.verify import fingerprint


@click.command(
    epilog=examples(
        "provenance registry show 67140baa2d6342f5",
        "provenance registry show 67140baa2d6342f5 --manifest store.c2pa --json",
    )
)
@click.argument("stamp_id", metavar="STAMP-ID")
@click.option(
    "--manifest",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the manifest store (.c2pa) to this file.",
)
@registry_option
@json_option
@quiet_option
def show_command(
    stamp_id: str,
    manifest: Path | None,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show what a stamp id stands for, and whether it was withdrawn."""

    wanted = stamp_id_of(stamp_id)
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        record = stamps.find(wanted)
        if record is None:
            raise InputError(f"The registry {stamps.name} has no stamp {wanted}.")
        revocation = stamps.withdrawals.hitting(Facts.of(record))
        places = tuple(dict.fromkeys(one.place for one in stamps.places.of(wanted)))
        if manifest is not None:
            _write_manifest(manifest, stamps.manifest(wanted))
    shown = Shown(record, revocation, places)
    if as_json:
        print_json(shown.as_json())
    else:
        show.show_record(shown, stdout())


@click.command(
    epilog=examples(
        "provenance registry search --model-name ExampleVideoModel --since 2026-11-01",
        "provenance registry search --like clip.mp4 --limit 5",
    )
)
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
@quiet_option
def search_command(
    like: Path | None,
    registry_url: str | None,
    limit: int,
    as_json: bool,
    quiet: bool,
    **asked: str | None,
) -> None:
    """List stamps, newest first; everything given has to fit."""
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        if like is not None:
            if any(value is not None for value in asked.values()):
                raise UsageError("--like looks by fingerprint alone; leave the other filters out.")

            leads = leads_for(stamps, fingerprint(like))[:limit]
            if as_json:
                for lead in leads:
                    print_json(lead.as_json())
            else:
                show.show_leads(leads, stdout())
            return
        found = stamps.search(limit=limit, **asked)
    if as_json:
        for record in found:
            print_json(Found(record).as_json())
    else:
        show.show_records(found, stdout())


def _write_manifest(path: Path, store: bytes | None) -> None:

    if store is None:
        raise InputError("This stamp has no manifest in the registry.")
    write_whole(path, [store])
