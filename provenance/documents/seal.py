"""Signed documents: a JSON object in a JSON Web Signature, with the certificate chain in it.

The form is RFC 7515's flattened JSON serialization; the protected header holds ``alg``, ``typ``
(which names the kind of document, so that one can't stand for another) and ``x5c``.  The signer is
the one that signs manifests, and a reader trusts the same anchors.  Pure but for the signer.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.errors import SealError, about
from provenance.manifest import Signer
from provenance.manifest.certificates import check_validity
from provenance.manifest.paths import MALFORMED, MAX_CHAIN, why_untrusted
from provenance.manifest.signer import signature_fits
from provenance.system.text import printable

_JOSE: Final = {
    **{f"es{bits}": f"ES{bits}" for bits in (256, 384, 512)},
    **{f"ps{bits}": f"PS{bits}" for bits in (256, 384, 512)},
    "ed25519": "EdDSA",
}
"""COSE's names of the algorithms, in JOSE's spelling (RFC 7518, RFC 8037)."""
_WIDTHS: Final = {"es256": 32, "es384": 48, "es512": 66}
SKEW: Final = timedelta(minutes=5)
"""By how much a signer's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document whose signature holds: what it says, who signed it, and for how long it stands."""

    document: dict[str, Any]
    signer: str
    issued_at: datetime
    expires_at: datetime | None


def seal(
    kind: str, document: dict[str, Any], signer: Signer, *, valid: timedelta | None = None
) -> bytes:
    """Sign and date ``document`` as one of ``kind``: one line of JSON.

    Args:
        kind: "revocations", "bundle", "audit-head", "report" or "release" (scripts/release).
        document: what it says; ``issued_at`` and ``expires_at`` are added to it, in ISO 8601.
        signer: who signs.
        valid: how long it stands; None for what does not expire.

    Raises:
        SigningError: the signer, its certificate or the clock stops it.
    """
    check_validity(signer.chain_pem)
    chain = x509.load_pem_x509_certificates(signer.chain_pem)
    alg = signer.alg.lower()
    header = {
        "alg": _JOSE[alg],
        "typ": _type(kind),
        "x5c": [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in chain],
    }
    issued = datetime.now(UTC).replace(microsecond=0)
    dates = {"issued_at": issued.isoformat()}
    if valid is not None:
        dates["expires_at"] = (issued + valid).isoformat()
    protected, payload = (_base64(_json(part)) for part in (header, document | dates))
    signature = signer.sign(f"{protected}.{payload}".encode("ascii"))
    width = _WIDTHS.get(alg)
    if width is not None and len(signature) != 2 * width:  # DER, which a signer may give
        r, s = decode_dss_signature(signature)
        signature = r.to_bytes(width, "big") + s.to_bytes(width, "big")
    whole = {"payload": payload, "protected": protected, "signature": _base64(signature)}
    return _json(whole) + b"\n"


def unseal(
    kind: str,
    data: bytes,
    anchors_pem: bytes,
    name: str,
    *,
    expires: bool,
    now: datetime | None = None,
) -> Sealed:
    """Check a sealed document and give what it says.

    Args:
        kind: what it has to be.
        data: the file's content.
        anchors_pem: whom to trust.
        name: the file's name, for messages.
        expires: whether it has to say until when it stands.
        now: default: the clock.

    Raises:
        SealError: it is no such document, its signature does not hold, its signer is not trusted
            or its certificate not valid now, it is dated in the future, or it has expired.
    """
    moment = datetime.now(UTC) if now is None else now
    with about(name, SealError):
        return _unsealed(kind, data, anchors_pem, name, expires=expires, moment=moment)


def is_sealed(kind: str, data: bytes) -> bool:
    """Whether it was a sealed document of a kind, whoever signed it and whenever; it may be damaged
    by now."""
    line = data.partition(b"\n")[0]
    try:
        header = json.loads(_bytes(json.loads(line)["protected"]))
        return bool(header["typ"] == _type(kind))
    except (*MALFORMED, KeyError, TypeError, RecursionError):
        return line.startswith(b'{"payload":"')


def is_as_sealed(data: bytes) -> bool:
    """Whether it is written as :func:`seal` writes: then there is nothing in it besides what is
    signed, and the signature."""
    try:
        whole = json.loads(data)
        parts = [whole[key] for key in ("payload", "protected", "signature")]
        same = all(_base64(_bytes(part)) == part for part in parts)
        return same and len(whole) == len(parts) and _json(whole) + b"\n" == data
    except (*MALFORMED, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _unsealed(
    kind: str, data: bytes, anchors_pem: bytes, name: str, *, expires: bool, moment: datetime
) -> Sealed:
    try:
        whole = json.loads(data)
        protected, payload = whole["protected"], whole["payload"]
        header = json.loads(_bytes(protected))
        document = json.loads(_bytes(payload))
        chain = [x509.load_der_x509_certificate(base64.b64decode(c)) for c in header["x5c"]]
        signature, alg, found = _bytes(whole["signature"]), header["alg"], header["typ"]
        cose = next(ours for ours, theirs in _JOSE.items() if theirs == alg)
        if not chain or len(chain) > MAX_CHAIN or not isinstance(document, dict):
            raise ValueError
        signer = _organisation(chain[0])
    except (*MALFORMED, KeyError, StopIteration, RecursionError) as error:
        raise SealError(
            f"{name} is no signed document of this program",
            advice="get it again",
        ) from error
    if found != _type(kind):
        raise SealError(f"{name} is signed, but is no {kind} file ({printable(found, 60)}).")
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    if not signature_fits(cose, pem, signature, f"{protected}.{payload}".encode("ascii")):
        raise SealError(
            f"{name} was changed after it was signed",
            advice="get it again from its issuer",
        )
    wrong = why_untrusted(chain, anchors_pem, moment)
    if wrong is not None:
        raise SealError(
            f"{name} is signed by {printable(signer, 60)}, who is not trusted: {wrong}."
        )
    issued, ends = (_time(document.get(key)) for key in ("issued_at", "expires_at"))
    if issued is None or (ends is None and (expires or "expires_at" in document)):
        raise SealError(
            f"{name} does not say from when to when it stands",
            advice="get it again",
        )
    if issued > moment + SKEW:
        raise SealError(
            f"{name} is dated {issued.isoformat()}, which is still to come",
            advice="set this machine's clock, or ask its issuer",
        )
    if ends is not None and ends <= moment:
        raise SealError(
            f"{name} expired on {ends.isoformat()}",
            advice="get a fresh one from its issuer",
        )
    return Sealed(document, signer, issued, ends)


def _organisation(leaf: x509.Certificate) -> str:
    names = leaf.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    return str(names[0].value) if names else leaf.subject.rfc4514_string()


def _time(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None


def _type(kind: str) -> str:
    return f"application/vnd.provenance-stamp.{kind}+json"


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
