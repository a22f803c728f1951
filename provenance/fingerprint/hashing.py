"""PDQ, the perceptual hash of trust-and-safety teams: 256 bits and a quality for a picture.

"The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm", Facebook 2019;
``pdqhash`` holds the reference implementation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pdqhash
from numpy.typing import NDArray

HASH_BYTES = 32
HASH_BITS = 256
MIN_QUALITY = 50
"""Of 100: below, a picture is too flat for its hash to mean anything (vPDQ's limit)."""


@dataclass(frozen=True, slots=True)
class PictureHash:
    """The PDQ of a picture: 32 bytes, most significant bit first, and its quality, 0 to 100."""

    value: bytes
    quality: int


def pdq(picture: NDArray[np.float32]) -> PictureHash:
    """Hash a luma plane (H, W), in 8-bit grey levels, of 64 x 64 samples or more."""
    bits, quality = pdqhash.compute(_grey(picture))
    return PictureHash(_packed(bits), int(quality))


def every_way_round(picture: NDArray[np.float32]) -> tuple[PictureHash, ...]:
    """The hashes of a plane (H, W) as it is and in its seven other mirrored and turned forms."""
    forms, quality = pdqhash.compute_dihedral(_grey(picture))
    return tuple(PictureHash(_packed(bits), int(quality)) for bits in forms)


def distance(left: bytes, right: bytes) -> int:
    """Bits in which two hashes of one length differ."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()


def _grey(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _packed(bits: NDArray[np.int64]) -> bytes:
    return np.packbits(bits.astype(np.uint8)).tobytes()
