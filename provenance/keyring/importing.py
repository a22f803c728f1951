"""Install the certificate that an authority issued for a signing key, in a service or in a file."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.errors import KeyringError
from provenance.keyring.files import PUBLIC, day_and_time, locked, written_to
from provenance.keyring.folder import KeyFolder
from provenance.keyring.making import Files, Fresh
from provenance.keyring.reading import Keyring
from provenance.keyring.rotating import commit, made_current
from provenance.manifest.certificates import check_validity, fingerprint_id
from provenance.manifest.signer import LocalSigner
from provenance.manifest.trust import SIGNER_EKUS
from provenance.signers import KeyHolder, SignerSpec, check_ready, open_signer
from provenance.signers.spec import FileKey


def key_holder(folder: Path, uri: str | None, *, pin: str | None = None) -> KeyHolder:
    """The key that a certificate is to be requested for.

    Args:
        folder: of the keyring.
        uri: of the key; None for the keyring's current signing key.
        pin: see :meth:`Keyring.load`.

    Raises:
        UsageError: when the address can't be read.
        KeyringError: when the keyring or the key can't be read.
    """
    if uri is not None:
        return open_signer(SignerSpec(uri), pin=pin)
    source = KeyFolder(folder)
    entry = source.signing_entry(source.index())
    if "signer" in entry:
        return open_signer(source.spec(entry, None), pin=pin)
    return LocalSigner(source.read(entry["key"], private=True), None)


def import_chain(
    folder: Path,
    chain_pem: bytes,
    *,
    uri: str | None = None,
    root_pem: bytes | None = None,
    pin: str | None = None,
    now: datetime | None = None,
) -> Keyring:
    """Make a key with its certificates the current signer, after it has signed a test.

    Args:
        folder: of the keyring.
        chain_pem: the key's certificate first, then its issuers; a root among them is left out.
        uri: of the key; None for the keyring's current signing key.
        root_pem: certificates to trust as signers from now on, the chain's root most often; a
            root in the chain is added too.
        pin: see :meth:`Keyring.load`.
        now: when the certificates have to be valid; default: the clock.

    Returns:
        The keyring as it is now.

    Raises:
        UsageError: when the address can't be read.
        KeyringError: when the certificates are damaged, do not follow one another, are not for
            signing claims, do not belong to the key, or lead to no root that is trusted.
        SigningError: when the key can't sign, or a certificate is not valid now.
        OutputError: when the keyring can't be written; it is as it was.
    """
    moment = datetime.now(UTC) if now is None else now
    chain, roots = _read_chain(chain_pem)
    roots += _read(root_pem) if root_pem is not None else []
    pem = _written(chain)
    check_validity(pem, moment)
    KeyFolder(folder).index()
    with written_to(folder), locked(folder):
        source = KeyFolder(folder, pin=pin)
        index = dict(source.index())
        if uri is None:
            current = source.signing_entry(index)
            where = {name: text for name, text in current.items() if name in ("key", "signer")}
        else:
            where = {"signer": _address(uri)}
        if "signer" in where:
            check_ready(open_signer(source.spec(where, pem), pin=pin))
        else:
            LocalSigner(source.read(where["key"], private=True), pem)
        key_id = fingerprint_id(chain[0])
        if key_id in {entry["id"] for entry in source.entries(index, "signing_keys")}:
            raise KeyringError(f"The certificate {key_id} is in {folder} already.")
        name = f"signing/{key_id}.chain.pem"
        dated = {"created": day_and_time(moment), "state": "current"}
        fresh = Fresh({"id": key_id, **where, "chain": name, **dated}, {name: (pem, PUBLIC)})
        made_current(source, index, "signing_keys", fresh)
        anchors = source.names(index, "trust_anchors")
        trusted = [c for anchor in anchors for c in _read(source.certificates(anchor))]
        files: Files = dict(fresh.files)
        for root in roots:
            if root not in trusted:
                anchor = f"trust/{fingerprint_id(root)}.pem"
                anchors = [anchor, *anchors]
                files[anchor] = (_written([root]), PUBLIC)
                trusted.append(root)
        if not any(_issued_by(chain[-1], root) for root in trusted):
            raise KeyringError(
                "The chain leads to no root that is trusted here",
                advice="add the authority's root certificate",
                settings=("root",),
            )
        index["trust_anchors"] = anchors
        return commit(folder, index, files, pin=pin)


def _address(uri: str) -> str:
    """An address that means the same from every folder."""
    key = SignerSpec(uri).key
    return f"file:{key.path.resolve()}" if isinstance(key, FileKey) else uri


def _read(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise KeyringError(
            "A file holds no certificate, or a damaged one",
            advice="use the PEM file that the authority sent",
        ) from error


def _read_chain(pem: bytes) -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    """The chain without its root, and the root if it is there."""
    chain = _read(pem)
    for below, above in itertools.pairwise(chain):
        if not _issued_by(below, above):
            raise KeyringError(
                "The certificates do not follow one another",
                advice="put the key's own first, then its issuer, and so on",
            )
    leaf = chain[0]
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        fits = usage.digital_signature and not usage.key_cert_sign
        fits = fits and any(purpose.dotted_string in SIGNER_EKUS for purpose in purposes)
    except (x509.ExtensionNotFound, ValueError):
        fits = False
    if not fits:
        raise KeyringError(
            "The first certificate is not one for signing claims: it needs the key usage "
            f"digitalSignature and one of the extended key usages {', '.join(SIGNER_EKUS)}."
        )
    if len(chain) > 1 and _issued_by(chain[-1], chain[-1]):
        return chain[:-1], chain[-1:]
    return chain, []


def _issued_by(below: x509.Certificate, above: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _written(certificates: list[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
