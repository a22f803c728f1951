"""``provenance keys``: make the organisation's keys."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.options import keys_folder, keys_option, settings
from provenance.cli.output import stdout


@click.group()
def keys() -> None:
    """Make the keys that stamping and verifying need."""


@keys.command()
@keys_option
@click.option(
    "--org",
    "organisation",
    metavar="NAME",
    default="My organisation",
    show_default=True,
    help="Your organisation's name; every stamped file shows it as the signer.",
)
def init(keys: Path | None, organisation: str) -> None:
    """Make a certificate authority, a signing certificate, a watermark key and a prompt key.

    Private files are readable by you alone.  An existing keyring is never overwritten.  Keep a
    backup in a safe place: without the watermark key, nobody can read the marks again.
    """
    from provenance.keyring import init_keyring  # noqa: PLC0415 - slow to import

    keyring = init_keyring(keys_folder(settings({"keys": keys}).keys), organisation)
    out = stdout()
    out.print(f"Keys of {keyring.organisation} are in {keyring.folder}", soft_wrap=True)
    out.print(
        f"watermark key {keyring.watermark_key.key_id}, prompt key {keyring.prompt_key.key_id}"
    )
    out.print("Back this folder up, keep it secret, and give verifiers only what they need.")
