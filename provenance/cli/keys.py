"""``provenance keys``: make, list and rotate the organisation's keys, certify those elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from provenance.cli.options import (
    json_option,
    keys_folder,
    keys_option,
    read_pem,
    settings,
    token_pin,
)
from provenance.cli.output import print_json, stdout, warn
from provenance.errors import OutputError, UsageError


@click.group()
def keys() -> None:
    """Make, list and rotate the keys that stamping and verifying need."""


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


@keys.command("list")
@keys_option
@json_option
def list_command(keys: Path | None, as_json: bool) -> None:
    """List every key: its id, its state, and until when its certificate is valid.

    No secret is shown.  A certificate that ends within 30 days is warned of on standard error.
    """
    from provenance.keyring import list_keys  # noqa: PLC0415 - slow to import
    from provenance.report.keys import show_keys  # noqa: PLC0415 - slow to import

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


@keys.command()
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
    from provenance.keyring import list_keys  # noqa: PLC0415 - slow to import
    from provenance.keyring import rotate as rotate_keys  # noqa: PLC0415 - slow to import

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


_signer_option = click.option(
    "--signer",
    metavar="URI",
    help="The key: file:PATH, pkcs11:... or awskms:KEY.  [default: the keyring's signing key]",
)

_org_option = click.option(
    "--org",
    "organisation",
    metavar="NAME",
    required=True,
    help="Your organisation's name, as the certificate is to show it.",
)
_out_option = click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to this new file.  [default: standard output]",
)
_MAX_FILE = 1024 * 1024


@keys.command()
@keys_option
@_signer_option
@_org_option
@_out_option
def csr(keys: Path | None, signer: str | None, organisation: str, out: Path | None) -> None:
    """Make a signing request for a certificate authority, signed where the key is.

    It asks for the usages that C2PA wants of a signer.  Install what the authority sends back with
    `provenance keys import-chain`.
    """
    from provenance.keyring import key_holder  # noqa: PLC0415 - slow to import
    from provenance.signers import signing_request  # noqa: PLC0415 - slow to import

    folder = keys_folder(settings({"keys": keys}).keys)
    request = signing_request(key_holder(folder, signer, pin=token_pin()), organisation)
    _put(request, out, f"The request is in {out}; send it to your authority.")


@keys.command()
@click.argument("request", metavar="REQUEST", type=click.Path(path_type=Path))
@keys_option
@_org_option
@_out_option
def issue(request: Path, keys: Path | None, organisation: str, out: Path | None) -> None:
    """Certify the key of REQUEST by the keyring's own certificate authority.

    For a signing key in a service when no other authority is to vouch for it.  Needs the
    authority's key, the `ca` folder.
    """
    from provenance.keyring import issue as issue_certificate  # noqa: PLC0415 - slow to import

    folder = keys_folder(settings({"keys": keys}).keys)
    certificate = issue_certificate(folder, _read(request), organisation)
    _put(certificate, out, f"The certificate is in {out}; install it with keys import-chain.")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_FILE)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UsageError(f"{path} cannot be read: {reason}.") from error


def _put(content: bytes, out: Path | None, sentence: str) -> None:
    """Into a new file, or on standard output."""
    if out is None:
        click.echo(content.decode("ascii"), nl=False)
        return
    try:
        with out.open("xb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise UsageError(f"{out} exists already; name another file with --out.") from error
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"{out} cannot be written: {reason}.") from error
    stdout().print(sentence, soft_wrap=True)


@keys.command("import-chain")
@click.argument("chain", metavar="CHAIN", type=click.Path(path_type=Path))
@keys_option
@_signer_option
@click.option(
    "--root",
    metavar="PEM",
    type=click.Path(path_type=Path),
    help="The authority's root, to be trusted from now on; not needed when CHAIN holds it.",
)
def import_chain(chain: Path, keys: Path | None, signer: str | None, root: Path | None) -> None:
    """Sign with the certificates in CHAIN from now on: the key's own first, then its issuers.

    The key signs a test first.  Older signing keys stay in the list, and who was trusted stays
    trusted.
    """
    from provenance.keyring import import_chain as install  # noqa: PLC0415 - slow to import
    from provenance.keyring import list_keys  # noqa: PLC0415 - slow to import

    folder = keys_folder(settings({"keys": keys}).keys)
    install(
        folder,
        read_pem(chain),
        uri=signer,
        root_pem=None if root is None else read_pem(root),
        pin=token_pin(),
    )
    key = next(key for key in list_keys(folder) if key.kind == "signing")
    out = stdout()
    out.print(f"signing {key.key_id} is {key.state} in {folder}", soft_wrap=True)
    out.print("Give verifiers its root certificate, and back this folder up.")


@keys.command("binding-key")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@keys_option
def binding_key_command(file: Path, keys: Path | None) -> None:
    """Write the key with which reviewers bind their approvals to a prompt into the new FILE.

    It is derived from the prompt key, and can't be used to guess the prompts of published clips.
    Give it to reviewers by a safe way; whoever has it and an approval can test guesses of that
    approval's prompt.  After `keys rotate --prompt` give them a new one; the old one still counts.
    """
    from provenance.batch.approvals import binding_key, write_binding_key  # noqa: PLC0415 - slow import
    from provenance.keyring import Keyring  # noqa: PLC0415

    keyring = Keyring.load(keys_folder(settings({"keys": keys}).keys))
    key = binding_key(keyring.prompt_key)
    write_binding_key(file, key)
    stdout().print(f"Binding key {key.key_id} is in {file}; give it to reviewers.", soft_wrap=True)
