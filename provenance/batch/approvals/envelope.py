"""DSSE envelopes: a payload and who signed it (https://github.com/secure-systems-lab/dsse).

What is signed is not the payload alone but its pre-authentication encoding, which binds the
payload's type: a signature made for one kind of document can't stand under another.  Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.manifest.certificates import PublicKey

_MAX_SIGNATURES: Final = 8


@dataclass(frozen=True, slots=True)
class Envelope:
    """One envelope, taken apart and not checked; ``signatures`` holds key ids and signatures."""

    payload: bytes
    payload_type: str
    signatures: tuple[tuple[str, bytes], ...]


def key_id(key: PublicKey) -> str:
    """SHA-256 of a public key (its SubjectPublicKeyInfo in DER): 64 hexadecimal digits."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: ``PAE`` of the DSSE protocol, version 1."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def enclose(payload_type: str, payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """Sign a payload: one line of JSON, with its line end."""
    signature = key.sign(pre_authentication(payload_type, payload))
    whole = {
        "payload": base64.b64encode(payload).decode("ascii"),
        "payloadType": payload_type,
        "signatures": [
            {
                "keyid": key_id(key.public_key()),
                "sig": base64.b64encode(signature).decode("ascii"),
            }
        ],
    }
    return json.dumps(whole, separators=(",", ":")).encode("ascii") + b"\n"


def take_apart(line: bytes) -> Envelope:
    """Read an envelope; nothing in it is to be believed yet.

    Raises:
        ValueError: it is none.
    """
    try:
        whole: Any = json.loads(line)
        signatures = tuple(
            (str(one.get("keyid") or ""), _decoded(one["sig"])) for one in whole["signatures"]
        )
        payload_type = whole["payloadType"]
        payload = _decoded(whole["payload"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("no DSSE envelope") from error
    if not isinstance(payload_type, str) or not 1 <= len(signatures) <= _MAX_SIGNATURES:
        raise ValueError("no DSSE envelope")
    return Envelope(payload, payload_type, signatures)


def signers(envelope: Envelope, trusted: Mapping[str, Ed25519PublicKey]) -> frozenset[str]:
    """The ids of the trusted keys whose signature holds.

    The ids in an envelope are hints that anybody can write, so every trusted key is tried.
    """
    signed = pre_authentication(envelope.payload_type, envelope.payload)
    return frozenset(
        name
        for name, key in trusted.items()
        if any(_holds(key, signature, signed) for _, signature in envelope.signatures)
    )


def _holds(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    """Base64 in either alphabet, as the protocol asks of a reader."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
