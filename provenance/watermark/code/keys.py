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

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provenance.results.payload import StampId
from provenance.watermark.code.spec import AUTHENTICATION_BYTES

SECRET_BYTES = 32


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

    def derive(self, purpose: str, version: int) -> bytes:
        """32 bytes for a ``purpose`` ("permutation", "signs", "authentication") in one layout."""
        return _hkdf(self.secret, purpose, version)

    def derive_pilot(self, version: int) -> bytes:
        """32 bytes for the organisation's pilot in one layout."""
        return _hkdf(self.pilot_secret, "pilot", version)

    def authenticator(self, version: int) -> Callable[[StampId], bytes]:
        """What gives the four bytes that only a holder of the key can compute for a stamp id."""
        secret = self.derive("authentication", version)

        def authenticate(stamp_id: StampId) -> bytes:
            return hmac.digest(secret, stamp_id.raw, hashlib.sha256)[:AUTHENTICATION_BYTES]

        return authenticate


def _hkdf(secret: bytes, purpose: str, version: int) -> bytes:
    info = f"provenance-stamp/watermark/layout-{version}/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=info).derive(secret)
