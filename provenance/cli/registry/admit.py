"""``provenance registry admit``: let an organisation's keys stamp into a registry beside others."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import open_keyring, open_registry, settings
from provenance.cli.options import keys_option, quiet_option, registry_option
from provenance.cli.output import stdout
from provenance.cli.registry.targets import by_option


@click.command(
    epilog=examples(
        "provenance registry admit --keys keys/beta --registry postgresql://stamps@db/shared",
        "provenance registry admit --brand beta --by operator-7",
    )
)
@by_option("for the audit log")
@keys_option
@registry_option
@quiet_option
def admit_command(by: str | None, keys: Path | None, registry_url: str | None, quiet: bool) -> None:
    """Let the keys of one keyring stamp into a registry that has stamps by others only.

    For organisations that share a registry, and for keys made anew in another folder.  It is asked
    for once, and stands in the audit log.  After `keys rotate` it is not needed.
    """
    chosen = settings({"registry": registry_url, "keys": keys}, quiet=quiet)
    keyring = open_keyring(chosen, quiet=quiet)
    named = f"watermark key {keyring.watermark_key.key_id} of {keyring.organisation}"
    with open_registry(chosen, create=True) as stamps:
        new = stamps.stampers.admit(keyring.watermark_key_ids, by=by)
        told = "may stamp" if new else "might stamp already"
        stdout().print(f"{named} {told} into {stamps.name}", soft_wrap=True)
