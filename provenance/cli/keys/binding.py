"""``provenance keys binding-key``: what binds reviewers' approvals to a prompt."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.batch.approvals import binding_key, write_binding_key
from provenance.cli.lazy import examples
from provenance.cli.opening import keys_folder, settings
from provenance.cli.options import keys_option
from provenance.cli.output import stdout
from provenance.keyring import Keyring


@click.command(
    epilog=examples(
        "provenance keys binding-key binding.key",
    )
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@keys_option
def binding_key_command(file: Path, keys: Path | None) -> None:
    """Write the key with which reviewers bind their approvals to a prompt into the new FILE.

    It is derived from the prompt key, and can't be used to guess the prompts of published clips.
    Give it to reviewers by a safe way; whoever has it and an approval can test guesses of that
    approval's prompt.  After `keys rotate --prompt` give them a new one; the old one still counts.
    """

    keyring = Keyring.load(keys_folder(settings({"keys": keys}).keys))
    key = binding_key(keyring.prompt_key)
    write_binding_key(file, key)
    stdout().print(f"Binding key {key.key_id} is in {file}; give it to reviewers.", soft_wrap=True)
