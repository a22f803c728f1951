"""``provenance registry moved`` and ``locate``: where outputs went."""

from __future__ import annotations

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import open_registry, settings
from provenance.cli.options import json_option, quiet_option, registry_option
from provenance.cli.output import print_json, stdout
from provenance.cli.registry.targets import stamp_id_of
from provenance.errors import InputError
from provenance.registry import Located, Moved


@click.command(
    epilog=examples(
        "provenance registry moved 67140baa2d6342f5 https://cdn.example.com/v/sea.mp4",
        "provenance registry moved 67140baa2d6342f5 s3://studio-public/v/sea.mp4 --json",
    )
)
@click.argument("stamp_id", metavar="STAMP-ID")
@click.argument("place", metavar="PLACE")
@registry_option
@json_option
@quiet_option
def moved_command(
    stamp_id: str, place: str, registry_url: str | None, as_json: bool, quiet: bool
) -> None:
    """Tell the registry where the output of a stamp is now: a URL, or what else you call it.

    `locate` shows it, and so does whoever refuses to stamp the clip a second time.  Earlier places
    stay on record.
    """
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        entry = stamps.places.moved(stamp_id_of(stamp_id), place)
    if as_json:
        print_json(Moved(entry).as_json())
    else:
        stdout().print(f"Stamp {entry.stamp_id} is at {entry.place}.", soft_wrap=True)


@click.command(
    epilog=examples(
        "provenance registry locate 67140baa2d6342f5",
        "provenance registry locate 67140baa2d6342f5 --json",
    )
)
@click.argument("stamp_id", metavar="STAMP-ID")
@registry_option
@json_option
@quiet_option
def locate_command(stamp_id: str, registry_url: str | None, as_json: bool, quiet: bool) -> None:
    """Print where the output of a stamp is, as `moved` was told last."""
    wanted = stamp_id_of(stamp_id)
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        if stamps.find(wanted) is None:
            raise InputError(f"The registry {stamps.name} has no stamp {wanted}.")
        found = stamps.places.of(wanted)
    if not found:
        raise InputError(
            f"Nobody told where the output of stamp {wanted} is",
            advice="`provenance registry moved` tells it",
        )
    if as_json:
        print_json(Located(found[0], found[1:]).as_json())
    else:
        click.echo(found[0].place)
