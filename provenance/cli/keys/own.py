"""``provenance keys init``, ``list`` and ``rotate``: the keys that lie in the keys folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import keys_folder, settings
from provenance.cli.options import json_option, keys_option
from provenance.cli.output import print_json, stdout, warn
from provenance.errors import UsageError
from provenance.keyring import init_keyring, list_keys
from provenance.keyring import rotate as rotate_keys
from provenance.report.keys import show_keys


@click.command(
    epilog=examples(
        'provenance keys init --org "Example Studio"',
        'provenance keys init --keys keys --org "Example Studio"',
    )
)
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

    keyring = init_keyring(keys_folder(settings({"keys": keys}).keys), organisation)
    out = stdout()
    out.print(f"Keys of {keyring.organisation} are in {keyring.folder}", soft_wrap=True)
    out.print(
        f"watermark key {keyring.watermark_key.key_id}, prompt key {keyring.prompt_key.key_id}"
    )
    out.print("Back this folder up, keep it secret, and give verifiers only what they need.")


@click.command(
    epilog=examples(
        "provenance keys list",
        "provenance keys list --keys keys --json",
    )
)
@keys_option
@json_option
def list_command(keys: Path | None, as_json: bool) -> None:
    """List every key: its id, its state, and until when its certificate is valid.

    No secret is shown.  A certificate that ends within 30 days is warned of on standard error.
    """

    now = datetime.now(UTC)
    found = list_keys(keys_folder(settings({"keys": keys}).keys))
    if as_json:
        for key in found:
            print_json(key.as_json(now))
    else:
        show_keys(found, stdout(), now)
    for key in found:
        if (sentence := key.warning(now)) is not None:
            warn(sentence)


@click.command(
    epilog=examples(
        "provenance keys rotate --signing",
        "provenance keys rotate --all --keys keys",
    )
)
@keys_option
@click.option("--watermark", is_flag=True, help="A new watermark key.")
@click.option("--signing", is_flag=True, help="A new signing key and certificate.")
@click.option("--prompt", is_flag=True, help="A new prompt key.")
@click.option("--all", "everything", is_flag=True, help="All three.")
@click.option(
    "--authority",
    is_flag=True,
    help="A new certificate authority, and a signing certificate under it; those who verify need "
    "its root.",
)
def rotate(keys: Path | None, everything: bool, **chosen: bool) -> None:
    """Make new keys and stamp with them from now on; the old ones stay for verifying.

    Back the folder up again, and bring its copies on other machines up to date: a verifier without
    the new watermark key does not find the new marks.
    """

    kinds = {kind for kind, asked in chosen.items() if asked}
    if everything:
        kinds |= {"watermark", "signing", "prompt"}
    if not kinds:
        raise UsageError(
            "Say which keys to rotate: --watermark, --signing, --prompt, --all of them, or "
            "--authority."
        )
    folder = keys_folder(settings({"keys": keys}).keys)
    before = {key.key_id for key in list_keys(folder)}
    rotate_keys(folder, kinds)
    out = stdout()
    for key in list_keys(folder):
        if key.key_id not in before:
            out.print(f"{key.kind} {key.key_id} is {key.state} in {folder}", soft_wrap=True)
    out.print("Back this folder up again, and give verifiers its new index and keys.")
