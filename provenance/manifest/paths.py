"""Whether a chain of certificates leads to an anchor: for signed documents, and for issuers.

The library judges the signers of manifests by itself; what it does not judge is whether a signer is
one of *these few*.  After RFC 5280, section 6, as far as the chains of signers need it.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from provenance.manifest.trust import SIGNER_EKUS

MAX_CHAIN: Final = 8
MALFORMED: Final = (
    *(ValueError, TypeError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""What a certificate that a stranger made up may raise."""
_UNDERSTOOD: Final = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)
"""Extensions that are checked here: with any other critical one, as a name constraint, a
certificate says that it must not be relied upon (RFC 5280, section 4.2)."""


def why_untrusted(  # noqa: PLR0911 - one return a reason
    chain: Sequence[x509.Certificate], anchors_pem: bytes, moment: datetime
) -> str | None:
    """Why a chain, leaf first, leads to no anchor at a moment; None when it does.

    An anchor is an authority, or the leaf itself.
    """
    anchors = x509.load_pem_x509_certificates(anchors_pem) if anchors_pem.strip() else []
    leaf = chain[0]
    if not _may_sign(leaf):
        return "its certificate is not for signing"
    current, rest = leaf, chain[1:]
    for depth in range(MAX_CHAIN):
        if not _is_valid(current, moment):
            return "a certificate is not valid at this time"
        if depth and not _is_authority(current, depth - 1):
            return "a certificate in its chain may not issue others"
        if current in anchors:
            return None
        issuers = [anchor for anchor in anchors if _issued(current, anchor)]
        if any(_is_valid(one, moment) and _is_authority(one, depth) for one in issuers):
            return None
        if issuers:
            return "its root is not valid now"
        if not rest or not _issued(current, rest[0]):
            return "its certificate leads to no root that is trusted here"
        current, rest = rest[0], rest[1:]
    return "its chain is too long"


def _is_valid(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*MALFORMED, InvalidSignature):
        return False
    return True


def _may_sign(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, *MALFORMED):
        return False
    fits = any(oid.dotted_string in SIGNER_EKUS for oid in purposes)
    return usage.digital_signature and fits and _is_understood(leaf)


def _is_authority(certificate: x509.Certificate, below: int) -> bool:
    """Whether a certificate may issue others, with ``below`` authorities between it and the leaf.

    A root of which nothing is said but that it is one may; what is said is held to.
    """
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = [
            one.value for one in certificate.extensions if isinstance(one.value, x509.KeyUsage)
        ]
    except (x509.ExtensionNotFound, *MALFORMED):
        return False
    if not basic.ca or (basic.path_length is not None and basic.path_length < below):
        return False
    return all(one.key_cert_sign for one in usage) and _is_understood(certificate)


def _is_understood(certificate: x509.Certificate) -> bool:
    return all(isinstance(one.value, _UNDERSTOOD) for one in certificate.extensions if one.critical)
