"""Watermark keys and what is derived from them, one HKDF label a purpose.

Two secrets make a key.  ``pilot_secret`` belongs to the organisation and outlives rotation: it
places the pilot that the search for geometry looks for, so one search serves every key.
``secret`` belongs to the key: it deals out the coded bits and authenticates the stamp id.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from provenance.results.payload import LAYOUT, StampId

SECRET_BYTES = 32
AUTHENTICATION_BYTES = 4
"""The keyed authentication code is HMAC-SHA256 of the stamp id, truncated to 32 bits."""


@dataclass(frozen=True, slots=True)
class WatermarkKey:
    """A named pair of 32-byte secrets; neither ever shows in ``repr``.

    Raises:
        ValueError: when a secret is not 32 bytes long.
    """

    key_id: str
    secret: bytes = field(repr=False)
    pilot_secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES or len(self.pilot_secret) != SECRET_BYTES:
            raise ValueError(f"a watermark key has two secrets of {SECRET_BYTES} bytes")

    def derive(self, purpose: str, length: int = SECRET_BYTES, layout: int = LAYOUT) -> bytes:
        """Derive ``length`` bytes for ``purpose`` ("permutation", "signs", "authentication")."""
        return _hkdf(self.secret, purpose, length, layout)

    def derive_pilot(self, length: int = SECRET_BYTES, layout: int = LAYOUT) -> bytes:
        """Derive ``length`` bytes for the organisation's pilot."""
        return _hkdf(self.pilot_secret, "pilot", length, layout)

    def authenticate(self, stamp_id: StampId, layout: int = LAYOUT) -> bytes:
        """Four bytes that only a holder of the key can compute for this stamp id."""
        return self.authenticator(layout)(stamp_id)

    def authenticator(self, layout: int = LAYOUT) -> Callable[[StampId], bytes]:
        """:meth:`authenticate` for many ids: the secret is derived once."""
        secret = self.derive("authentication", layout=layout)

        def authenticate(stamp_id: StampId) -> bytes:
            return hmac.digest(secret, stamp_id.raw, hashlib.sha256)[:AUTHENTICATION_BYTES]

        return authenticate


def keystream(seed: bytes, count: int) -> NDArray[np.uint64]:
    """``count`` uniform 64-bit words from ChaCha20 under the 32-byte ``seed``.

    A cipher's stream, not a library's random generator: the layout is the same on every machine
    and in every release of NumPy, and nobody without the key can tell it from noise.
    """
    cipher = Cipher(ChaCha20(seed, bytes(16)), mode=None)
    return np.frombuffer(cipher.encryptor().update(bytes(8 * count)), dtype="<u8")


def _hkdf(secret: bytes, purpose: str, length: int, layout: int) -> bytes:
    info = f"provenance-stamp/watermark/layout-{layout}/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)
