"""The organisation's own X.509: a root, and signing certificates under it.

No file is read or written here and nothing of C2PA's library is used: the keyring stores what
these functions make, the builder asks :func:`check_validity` before it signs.

What c2pa-rs asks of a signing certificate (measured, see the tests): X.509 v3, authority and
subject key identifiers, key usage ``digitalSignature`` and never ``keyCertSign`` with it, and an
extended key usage that the validator's list names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from provenance.errors import SigningError, UsageError

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

CLAIM_SIGNING_EKU = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
"""``c2pa-kp-claimSigning``, the usage the C2PA certificate profile names for a signer."""

EKUS = (CLAIM_SIGNING_EKU, ExtendedKeyUsageOID.EMAIL_PROTECTION)
"""The second makes a file readable as trusted by validators that were not told of claimSigning,
c2pa-rs without a ``trust_config`` among them."""

ROOT_YEARS = 20
LEAF_YEARS = 10
"""Long, because a file signed without a timestamp turns invalid when its leaf expires."""

BACKDATE = timedelta(hours=1)
"""A certificate starts this long before it is made, so that a verifier whose clock is a little
behind does not call a fresh file invalid."""

_MAX_NAME = 64
"""Bytes of UTF-8: X.520's bound of both names, as the cryptography package counts it."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A private key (PKCS #8 PEM, never shown in ``repr``) and its certificate (PEM)."""

    key_pem: bytes = field(repr=False)
    certificate_pem: bytes


def make_root(organisation: str, *, now: datetime | None = None, years: int = ROOT_YEARS) -> Issued:
    """Make a self-signed root (EC P-384) for ``organisation``.

    Raises:
        UsageError: see :func:`check_organisation`.
    """
    start = _start(now)
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name(organisation, "Root")
    builder = (
        _certificate(name, name, key.public_key(), start, start + timedelta(days=365 * years))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificate_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Issued(_key_pem(key), builder.sign(key, SHA384()).public_bytes(Encoding.PEM))


def issue_signer(
    organisation: str,
    root: Issued,
    *,
    now: datetime | None = None,
    years: float = LEAF_YEARS,
    key: PrivateKey | None = None,
    ekus: tuple[ObjectIdentifier, ...] = EKUS,
) -> Issued:
    """Issue a claim-signing certificate under ``root``, for a fresh EC P-256 key by default.

    Args:
        organisation: see :func:`certify`, as ``root``, ``now``, ``years`` and ``ekus``.
        key: an existing EC, Ed25519 or RSA key.

    Raises:
        ValueError: see :func:`certify`.
    """
    leaf = ec.generate_private_key(ec.SECP256R1()) if key is None else key
    certificate = certify(organisation, leaf.public_key(), root, now=now, years=years, ekus=ekus)
    return Issued(_key_pem(leaf), certificate)


def certify(
    organisation: str,
    key: PublicKey,
    root: Issued,
    *,
    now: datetime | None = None,
    years: float = LEAF_YEARS,
    ekus: tuple[ObjectIdentifier, ...] = EKUS,
) -> bytes:
    """A claim-signing certificate (PEM) for a public key, under ``root``.

    Args:
        organisation: subject name, shown by every C2PA reader as the signer.
        key: whose private half may be anywhere.
        root: what :func:`make_root` made.
        now: start of validity is this less :data:`BACKDATE`; default: the clock.
        years: length of validity, cut at the root's own end.
        ekus: extended key usages.

    Raises:
        ValueError: for a name that :func:`check_organisation` refuses, or a root's key that is
            damaged or of another type.
    """
    start = _start(now)
    root_key = load_pem_private_key(root.key_pem, password=None)
    root_certificate = x509.load_pem_x509_certificate(root.certificate_pem)
    if not isinstance(root_key, ec.EllipticCurvePrivateKey):
        raise ValueError("the root key is not an elliptic-curve key")
    root_ski = root_certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    end = min(start + timedelta(days=365 * years), root_certificate.not_valid_after_utc)
    name = _name(organisation, "Content Signing")
    builder = (
        _certificate(name, root_certificate.subject, key, start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificate_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(ekus), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_ski),
            critical=False,
        )
    )
    certificate = builder.sign(root_key, SHA384() if root_key.curve.key_size > 256 else SHA256())
    return certificate.public_bytes(Encoding.PEM)


def request_certificate(organisation: str, key: PrivateKey) -> bytes:
    """A PKCS #10 request (PEM) for a claim-signing certificate, signed by ``key``.

    It asks for what C2PA wants of a signer: a subject with the organisation's name, key usage
    ``digitalSignature``, :data:`EKUS`.

    Args:
        organisation: subject name.
        key: of any type that can sign a manifest; only its public half and its signature are
            asked for, so that it may stand for a key in a service.

    Raises:
        UsageError: see :func:`check_organisation`.
    """
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_name(organisation, "Content Signing"))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificate_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(EKUS), critical=False)
    )
    digest: SHA256 | SHA384 | SHA512 | None = SHA256()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        digest = None
    elif isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        digest = SHA384() if key.curve.key_size == 384 else SHA512()
    pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
    return builder.sign(
        key, digest, rsa_padding=pss if isinstance(key, rsa.RSAPrivateKey) else None
    ).public_bytes(Encoding.PEM)


def fingerprint_id(certificate: x509.Certificate) -> str:
    """What a certificate is called everywhere: eight hexadecimal digits of its SHA-256."""
    return certificate.fingerprint(SHA256()).hex()[:8]


def check_validity(chain_pem: bytes, now: datetime | None = None) -> None:
    """Say whether every certificate of a signing chain is valid at this moment.

    Raises:
        SigningError: when one is not valid yet (a clock that is behind, most often), or expired,
            or the chain can't be read.
    """
    moment = datetime.now(UTC) if now is None else now
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
    except ValueError as error:
        raise SigningError(
            "The signing certificate can't be read",
            advice="put its PEM file back or make new keys with `provenance keys init`",
        ) from error
    for certificate in chain:
        if moment < certificate.not_valid_before_utc:
            raise SigningError(
                f"This machine's clock says {_day(moment)}, but the signing certificate starts "
                f"at {_day(certificate.not_valid_before_utc)}",
                advice="set the clock right and try again",
            )
        if moment > certificate.not_valid_after_utc:
            raise SigningError(
                f"The signing certificate expired at {_day(certificate.not_valid_after_utc)} "
                f"(this machine's clock says {_day(moment)})",
                advice="issue a new one before signing",
            )


def check_organisation(organisation: str) -> str:
    """Return the name, stripped, if a certificate and a report can carry it.

    Raises:
        UsageError: when it is empty, longer than 64 bytes of UTF-8, or holds a control character.
    """
    name = organisation.strip()
    if not name or not name.isprintable() or len(name.encode()) > _MAX_NAME:
        raise UsageError(
            f"An organisation's name has 1 to {_MAX_NAME} printable characters (half or a third "
            "of that outside the Latin alphabet)",
            advice="give another one",
            settings=("org",),
        )
    return name


def _start(now: datetime | None) -> datetime:
    moment = datetime.now(UTC) if now is None else now
    return (moment - BACKDATE).replace(microsecond=0)


def _name(organisation: str, role: str) -> x509.Name:
    organisation = check_organisation(organisation)
    room = _MAX_NAME - len(role) - 1
    common = f"{organisation.encode()[:room].decode('utf-8', 'ignore')} {role}"
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: PublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _key_usage(*, certificate_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificate_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificate_authority,
        crl_sign=certificate_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
