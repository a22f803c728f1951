"""Who signed each manifest of a store: the signatures and certificates, read from its boxes.

The library says whether a signature holds, not by which certificate: its JSON has a serial number
alone.  So the COSE_Sign1 structures (RFC 9052, with the chain of RFC 9360) are taken from the
store's boxes (:mod:`.jumbf`) here.  Pure, and suspicious: a store that is not as it should
be has no signers, which nobody can mistake for a trusted one.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field

import cbor2
from cryptography import x509

from provenance.manifest.jumbf import boxes_in, superboxes
from provenance.manifest.paths import MALFORMED, MAX_CHAIN

_X5CHAIN = (33, "x5chain")
"""The header that holds the chain: its number since RFC 9360, and the text used before."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One manifest's signature: the SHA-256 of its value, and the signer's chain, leaf first."""

    digest: str
    chain: tuple[x509.Certificate, ...] = field(repr=False)

    @property
    def leaf(self) -> x509.Certificate:
        """The signer's own certificate."""
        return self.chain[0]


def signatures(store: bytes) -> dict[str, Signature]:
    """The signatures of a manifest store, by the label of their manifest.

    A manifest whose boxes or certificates can't be read, or that comes twice, has none.
    """
    found: dict[str, Signature | None] = {}
    for label, manifest in superboxes(store):
        if label != "c2pa":
            continue
        for name, content in superboxes(manifest):
            found[name] = None if name in found else _signature_of(content)
    return {name: signature for name, signature in found.items() if signature is not None}


def signature_digests(store: bytes) -> frozenset[str]:
    """What tells the manifests of a store from all others: SHA-256 of each signature's value."""
    return frozenset(signature.digest for signature in signatures(store).values())


def _signature_of(manifest: bytes) -> Signature | None:
    boxes = [content for name, content in superboxes(manifest) if name == "c2pa.signature"]
    if len(boxes) != 1:
        return None
    values = [content for kind, content in boxes_in(boxes[0]) if kind == b"cbor"]
    if len(values) != 1:
        return None
    try:
        signed = cbor2.load(io.BytesIO(values[0]))
        if isinstance(signed, cbor2.CBORTag):
            signed = signed.value
        protected, unprotected, _, value = signed
        headers = cbor2.loads(protected) if protected else {}
        listed = _chain(headers) or _chain(unprotected)
        chain = tuple(x509.load_der_x509_certificate(one) for one in listed)
        if not chain or not isinstance(value, bytes):
            return None
        return Signature(hashlib.sha256(value).hexdigest(), chain)
    except (cbor2.CBORError, RecursionError, KeyError, *MALFORMED):
        return None


def _chain(headers: object) -> list[bytes]:
    if not isinstance(headers, dict):
        return []
    for key in _X5CHAIN:
        value = headers.get(key)
        if isinstance(value, bytes):
            return [value]
        if isinstance(value, list) and 0 < len(value) <= MAX_CHAIN:
            return [one for one in value if isinstance(one, bytes)]
    return []
