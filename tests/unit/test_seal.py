"""Signed documents: who may sign one, and what a made-up one does."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID, ObjectIdentifier
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from provenance.documents.seal import Sealed, seal, unseal
from provenance.errors import SealError
from provenance.manifest import LocalSigner

NOW = datetime.now(UTC)
EMAIL = ObjectIdentifier("1.3.6.1.5.5.7.3.4")


class Maker:
    """A certificate and its key; ``issuer`` None makes a root."""

    def __init__(
        self,
        name: str,
        issuer: Maker | None,
        *extensions: tuple[x509.ExtensionType, bool],
        days: tuple[int, int] = (-1, 30),
        key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey | None = None,
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
        parent = issuer or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(parent.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days[0]))
            .not_valid_after(NOW + timedelta(days[1]))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        digest = None if isinstance(parent.key, Ed25519PrivateKey) else SHA256()
        self.certificate = builder.sign(parent.key, digest)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def usage(*, sign: bool = False, issue: bool = False) -> tuple[x509.KeyUsage, bool]:
    names = (
        *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("crl_sign", "encipher_only", "decipher_only"),
    )
    rest = dict.fromkeys(names, False)
    return x509.KeyUsage(digital_signature=sign, key_cert_sign=issue, **rest), True


def authority(path_length: int | None = None) -> tuple[x509.BasicConstraints, bool]:
    return x509.BasicConstraints(ca=True, path_length=path_length), True


LEAF = (usage(sign=True), (x509.ExtendedKeyUsage([EMAIL]), False))


def sealed(leaf: Maker, *between: Maker) -> bytes:
    pem = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(one.pem for one in (leaf, *between))
    return seal("bundle", {"said": 1}, LocalSigner(pem, chain), valid=timedelta(days=7))


def refused(data: bytes, anchors: bytes, match: str) -> None:
    with pytest.raises(SealError, match=match):
        unseal("bundle", data, anchors, "f", expires=True)


def test_a_chain_is_followed_to_its_root() -> None:
    root = Maker("Root", None, authority(), usage(issue=True))
    middle = Maker("Middle", root, authority(0), usage(issue=True))
    data = sealed(Maker("Leaf", middle, *LEAF), middle)
    done = unseal("bundle", data, root.pem, "f", expires=True)
    assert (done.document["said"], done.signer) == (1, "Leaf")


def test_an_authority_with_an_ed25519_key_is_followed_though_the_library_refuses_it() -> None:
    """Why the walk is our own (docs/adr/0007): look there again when this fails."""
    root = Maker("Root", None, authority(), usage(issue=True), key=Ed25519PrivateKey.generate())
    leaf = Maker("Leaf", root, *LEAF)
    assert unseal("bundle", sealed(leaf), root.pem, "f", expires=True).signer == "Leaf"
    anything = ExtensionPolicy.permit_all()
    authorities = anything.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    verifier = (
        PolicyBuilder()
        .store(Store([root.certificate]))
        .extension_policies(ca_policy=authorities, ee_policy=anything)
        .build_client_verifier()
    )
    with pytest.raises(VerificationError, match="Forbidden public key algorithm"):
        verifier.verify(leaf.certificate, [])


def test_an_authority_issues_no_further_than_it_may() -> None:
    root = Maker("Root", None, authority(0), usage(issue=True))
    middle = Maker("Middle", root, authority(), usage(issue=True))
    refused(sealed(Maker("Leaf", middle, *LEAF), middle), root.pem, "root is not valid")
    root = Maker("Root", None, authority(), usage(issue=True))
    first = Maker("First", root, authority(0), usage(issue=True))
    second = Maker("Second", first, authority(), usage(issue=True))
    refused(sealed(Maker("Leaf", second, *LEAF), second, first), root.pem, "may not issue")


@pytest.mark.parametrize(
    "middle",
    [
        (),
        ((x509.BasicConstraints(ca=False, path_length=None), True),),
        (authority(), usage(sign=True)),
        (authority(), (x509.NameConstraints([x509.DNSName("a.example")], None), True)),
    ],
)
def test_what_may_not_issue_or_is_not_understood_ends_the_chain(
    middle: tuple[tuple[x509.ExtensionType, bool], ...],
) -> None:
    root = Maker("Root", None, authority(), usage(issue=True))
    between = Maker("Middle", root, *middle)
    refused(sealed(Maker("Leaf", between, *LEAF), between), root.pem, "may not issue others")


def test_a_root_that_was_renewed_is_as_good_as_before() -> None:
    old = Maker("Root", None, authority(), usage(issue=True), days=(-9, -1))
    new = Maker("Root", None, authority(), usage(issue=True), key=old.key)
    data = sealed(Maker("Leaf", new, *LEAF))
    assert unseal("bundle", data, old.pem + new.pem, "f", expires=True).signer == "Leaf"
    refused(data, old.pem, "root is not valid")


def test_a_made_up_certificate_is_refused_in_a_sentence() -> None:
    root = Maker("Root", None, authority(), usage(issue=True))
    whole = json.loads(sealed(Maker("Leaf", root, *LEAF)))
    text = whole["protected"] + "=" * (-len(whole["protected"]) % 4)
    header = json.loads(base64.urlsafe_b64decode(text))
    der = bytearray(base64.b64decode(header["x5c"][0]))
    for at in range(len(der)):
        broken = bytearray(der)
        broken[at] ^= 5
        header["x5c"] = [base64.b64encode(broken).decode()]
        changed = json.dumps(header).encode()
        protected = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        refused(json.dumps(whole | {"protected": protected}).encode(), root.pem, ".")


def test_dates_are_held_to() -> None:
    """Before it was issued, or after it expired, a document says nothing; a clock may be off a
    little."""
    root = Maker("Root", None, authority(), usage(issue=True))
    data = sealed(Maker("Leaf", root, *LEAF))

    def read(days: float) -> Sealed:
        moment = datetime.now(UTC) + timedelta(days=days)
        return unseal("bundle", data, root.pem, "f", expires=True, now=moment)

    done = read(0)
    assert done.expires_at == done.issued_at + timedelta(days=7)
    assert read(-0.002).issued_at == done.issued_at
    with pytest.raises(SealError, match="still to come"):
        read(-0.5)
    with pytest.raises(SealError, match="expired on"):
        read(8)


def test_what_must_expire_has_to_say_when() -> None:
    """A list that stood for ever would hide that nobody keeps it up any more."""
    root = Maker("Root", None, authority(), usage(issue=True))
    leaf = Maker("Leaf", root, *LEAF)
    pem = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    data = seal("audit-head", {"number": 1}, LocalSigner(pem, leaf.pem))
    assert unseal("audit-head", data, root.pem, "f", expires=False).expires_at is None
    with pytest.raises(SealError, match="from when to when"):
        unseal("audit-head", data, root.pem, "f", expires=True)
