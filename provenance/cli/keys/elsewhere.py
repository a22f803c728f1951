"""``provenance keys csr``, ``issue`` and ``import-chain``: keys that lie elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import keys_folder, read_pem, settings, token_pin
from provenance.cli.options import keys_option
from provenance.cli.output import stdout
from provenance.errors import OutputError, UsageError
from provenance.keyring import import_chain as install
from provenance.keyring import issue as issue_certificate
from provenance.keyring import key_holder, list_keys
from provenance.signers import signing_request

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


@click.command(
    epilog=examples(
        'provenance keys csr --org "Example Studio" --out request.pem',
        "provenance keys csr --signer 'pkcs11:token=studio;object=signing' --org Example",
    )
)
@keys_option
@_signer_option
@_org_option
@_out_option
def csr(keys: Path | None, signer: str | None, organisation: str, out: Path | None) -> None:
    """Make a signing request for a certificate authority, signed where the key is.

    It asks for the usages that C2PA wants of a signer.  Install what the authority sends back with
    `provenance keys import-chain`.
    """

    folder = keys_folder(settings({"keys": keys}).keys)
    request = signing_request(key_holder(folder, signer, pin=token_pin()), organisation)
    _put(request, out, f"The request is in {out}; send it to your authority.")


@click.command(
    epilog=examples(
        'provenance keys issue request.pem --org "Example Studio" --out chain.pem',
    )
)
@click.argument("request", metavar="REQUEST", type=click.Path(path_type=Path))
@keys_option
@_org_option
@_out_option
def issue(request: Path, keys: Path | None, organisation: str, out: Path | None) -> None:
    """Certify the key of REQUEST by the keyring's own certificate authority.

    For a signing key in a service when no other authority is to vouch for it.  Needs the
    authority's key, the `ca` folder.
    """

    folder = keys_folder(settings({"keys": keys}).keys)
    certificate = issue_certificate(folder, _read(request), organisation)
    _put(certificate, out, f"The certificate is in {out}; install it with keys import-chain.")


@click.command(
    epilog=examples(
        "provenance keys import-chain chain.pem --root root.pem",
        "provenance keys import-chain chain.pem --signer awskms:alias/studio",
    )
)
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
