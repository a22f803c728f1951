"""Who signed each manifest of a store: the signatures and certificates, read from its boxes.

The library says whether a signature holds, not by which certificate: its JSON has a serial number
alone.  So the COSE_Sign1 structures (RFC 9052, with the chain of RFC 9360) are taken from the
store's JUMBF boxes (ISO/IEC 19566-5) here.  Pure, and suspicious: a store that is not as it should
be has no signers, which nobody can mistake for a trusted one.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import cbor2
from cryptography import x509

from provenance.manifest.paths import MALFORMED, MAX_CHAIN

_X5CHAIN = (33, "x5chain")
"""The header that holds the chain: its number since RFC 9360, and the text used before."""
_LABELLED = 0x02
"""Toggle of a description box that carries a label."""
_MAX_BOXES = 4096
_BOX_HEAD, _LONG_HEAD = 8, 16


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
    for label, manifest in _superboxes(store):
        if label != "c2pa":
            continue
        for name, content in _superboxes(manifest):
            found[name] = None if name in found else _signature_of(content)
    return {name: signature for name, signature in found.items() if signature is not None}


def signature_digests(store: bytes) -> frozenset[str]:
    """What tells the manifests of a store from all others: SHA-256 of each signature's value."""
    return frozenset(signature.digest for signature in signatures(store).values())


def _signature_of(manifest: bytes) -> Signature | None:
    boxes = [content for name, content in _superboxes(manifest) if name == "c2pa.signature"]
    if len(boxes) != 1:
        return None
    values = [content for kind, content in _boxes(boxes[0]) if kind == b"cbor"]
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


def _superboxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The label and the whole content of each superbox."""
    for kind, content in _boxes(data):
        if kind != b"jumb":
            continue
        first = next(_boxes(content), None)
        if first is not None and first[0] == b"jumd" and len(first[1]) > 17:
            toggles, rest = first[1][16], first[1][17:]
            if toggles & _LABELLED:
                yield rest.partition(b"\0")[0].decode("utf-8", "replace"), content


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The type and content of each box, up to the first that does not fit."""
    at = 0
    for _ in range(_MAX_BOXES):
        if at + _BOX_HEAD > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = _BOX_HEAD
        if size == 1 and at + _LONG_HEAD <= len(data):
            (size,), head = struct.unpack_from(">Q", data, at + _BOX_HEAD), _LONG_HEAD
        elif size == 0:
            size = len(data) - at
        if size < head or at + size > len(data):
            return
        yield kind, data[at + head : at + size]
        at += size
