"""Payload to coded bits and back: 64-bit stamp id, 32-bit authentication code, polar code.

The keyed code is what makes a decode believable, and it also picks the right word from the
decoder's list, as a CRC does in CRC-aided list decoding (Tal & Vardy, 2015): the 32 bits are paid
once and used twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.results.payload import LAYOUT, STAMP_ID_BYTES, StampId
from provenance.watermark import polar
from provenance.watermark.keys import AUTHENTICATION_BYTES, WatermarkKey

CODED_BITS = 1024
INFORMATION_BITS = 8 * (STAMP_ID_BYTES + AUTHENTICATION_BYTES)
PATHS = 64
"""List size: every entry is one more word whose authentication code may match by chance."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An authenticated payload and how many words were compared with an authentication code."""

    stamp_id: StampId | None
    tries: int


def encode(stamp_id: StampId, key: WatermarkKey, layout: int = LAYOUT) -> NDArray[np.float32]:
    """The codeword of a stamp id: (1024,) float32 of +1 (bit 0) and -1 (bit 1)."""
    raw = stamp_id.raw + key.authenticate(stamp_id, layout)
    information = np.unpackbits(np.frombuffer(raw, dtype=np.uint8))
    return 1.0 - 2.0 * polar.encode(information, CODED_BITS).astype(np.float32)


def decode(soft: NDArray[np.float32], key: WatermarkKey, layout: int = LAYOUT) -> Decoded:
    """Find the authenticated stamp id in soft bits.

    Args:
        soft: (1024,) soft bits in any scale, positive for bit 0.
        key: whose authentication code to check.
        layout: layout version.
    """
    return authenticated(likely_words(soft[None])[0], key, layout)


def likely_words(soft: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(B, L, 12): the likeliest words of each row of soft bits (B, 1024), best first, as bytes.

    Many rows at once take little longer than one.
    """
    return np.packbits(polar.decode(soft, INFORMATION_BITS, PATHS), axis=-1)


def authenticated(words: NDArray[np.uint8], key: WatermarkKey, layout: int = LAYOUT) -> Decoded:
    """The first of some words (L, 12) whose authentication code is the key's."""
    authenticate = key.authenticator(layout)
    for rank, raw in enumerate(words, start=1):
        stamp_id = StampId(raw[:STAMP_ID_BYTES].tobytes())
        if raw[STAMP_ID_BYTES:].tobytes() == authenticate(stamp_id):
            return Decoded(stamp_id, rank)
    return Decoded(None, len(words))
