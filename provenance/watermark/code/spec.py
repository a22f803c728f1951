"""A layout is a value: all that a reader has to know to find and read a mark, but for the keys.

:data:`LAYOUT_1` is the one in use (docs/adr/0001-watermark-layout-1.md).  What is out in the world
depends on its every number; a change is another layout with a number of its own, which a detector
reads beside it: :class:`provenance.watermark.detector.Detector` takes several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from provenance.results.payload import STAMP_ID_BYTES

AUTHENTICATION_BYTES = 4
"""The keyed authentication code is HMAC-SHA256 of the stamp id, truncated to 32 bits."""
INFORMATION_BITS = 8 * (STAMP_ID_BYTES + AUTHENTICATION_BYTES)


@dataclass(frozen=True, slots=True)
class LayoutSpec:
    """The constants of one layout.

    Attributes:
        version: its number; part of every derivation from a key, so another number is other keys.
        tile: side, canonical pixels, of the square that is repeated over the plane; even.
        band: cycles per canonical pixel of the ring that is used: below, the host drowns the mark;
            above, encoders drop it first.
        pilots: how many points of the ring are the pilot.
        pilot_band: cycles per canonical pixel between which they lie.
        pilot_energy: share of the pattern's energy in the pilot.
        coded_bits: length of the polar code, a power of two.
        slopes: at which the data is read; the first is that of a pattern made for no clip.
            Starved encoders keep the low frequencies (slope 2), a still texture drowns them (slope
            -0.8); the embedder leans the same way for the same reasons (measured).
        middle: cycles per canonical pixel at which a point has its nominal amplitude.
        moves: how the pattern changes with time.
    """

    version: int
    tile: int
    band: tuple[float, float]
    pilots: int
    pilot_band: tuple[float, float]
    pilot_energy: float
    coded_bits: int
    slopes: tuple[float, ...]
    middle: float
    moves: Literal["never"]


LAYOUT_1 = LayoutSpec(
    version=1,
    tile=512,
    band=(0.05, 0.19),
    pilots=16,
    pilot_band=(0.07, 0.15),
    pilot_energy=0.23,
    coded_bits=1024,
    slopes=(0.6, -0.8, 2.0),
    middle=0.11,
    moves="never",
)
LAYOUTS = (LAYOUT_1,)
"""Those that are looked for, the one that is written first."""
