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
MIRRORED = 5
"""Place of the picture flipped left to right among the eight forms that ``pdqhash`` returns."""


@dataclass(frozen=True, slots=True)
class PictureHash:
    """The PDQ of a picture and of its mirror image, 32 bytes each, and its quality, 0 to 100."""

    value: bytes
    mirrored: bytes
    quality: int


def pdq(picture: NDArray[np.float32]) -> PictureHash:
    """Hash a luma plane (H, W), in 8-bit grey levels, of 64 x 64 samples or more."""
    forms, quality = pdqhash.compute_dihedral(_grey(picture))
    return PictureHash(_packed(forms[0]), _packed(forms[MIRRORED]), int(quality))


def distance(left: bytes, right: bytes) -> int:
    """Bits in which two hashes of one length differ."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()


def _grey(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _packed(bits: NDArray[np.int64]) -> bytes:
    return np.packbits(bits.astype(np.uint8)).tobytes()
