"""Cells of a picture that lie where they lay, whatever was cut away around them.

The plane is the watermark's canonical one: the stamped picture's short side measures 360, and
coordinates count from its centre.  Cell (column, row) is the square of 64 canonical pixels whose
centre is (64 column, 64 row).  So a copy that was cut, mirrored or turned shows some of the
registered cells whole once it is laid back onto that plane, and those are compared.

A cell is hashed as PDQ hashes a picture (cosine transform, bits by the median), but keeps the 64
lowest of its 256 frequencies: waves of 16 canonical pixels and longer.  They outlive any encoder,
and most of the watermark, which a forger may have copied along, lies above them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CELL = 64
REACH = 17
"""Cells from the centre that are looked at: the longest picture that is examined fits."""
PERIOD = 8
"""Cells after which the watermark's pattern repeats: where a copy lies is known but for these."""
VISIBLE = 0.9
"""Share of a cell's side that has to be in view."""
LOW = 8
MIN_TEXTURE = 1.5
"""Grey levels of deviation, in the frequencies kept, below which a cell is too flat to compare."""
STEPS = 4.0
"""Steps of a texture's byte to a doubling: coarse on purpose."""
CELL_BYTES = LOW * LOW // 8
CELL_BITS = LOW * LOW

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Extent:
    """A block of the lattice: its first column and row, and how many of each."""

    left: int
    top: int
    columns: int
    rows: int

    def __post_init__(self) -> None:
        across = -REACH <= self.left <= self.left + self.columns <= REACH + 1
        down = -REACH <= self.top <= self.top + self.rows <= REACH + 1
        if not (across and down) or min(self.columns, self.rows) < 0:
            raise ValueError("a fingerprint's cells lie too far out")

    @classmethod
    def within(cls, left: float, top: float, right: float, bottom: float) -> Extent:
        """The cells that are in view in a box of canonical coordinates; may be none."""
        first_column, columns = _span(left, right)
        first_row, rows = _span(top, bottom)
        return cls(first_column, first_row, columns, rows)

    @property
    def count(self) -> int:
        """Cells in it."""
        return self.columns * self.rows

    @property
    def corner(self) -> tuple[float, float]:
        """Canonical coordinates (x, y) of the centre of its first pixel."""
        return CELL * self.left - CELL / 2 + 0.5, CELL * self.top - CELL / 2 + 0.5

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in canonical pixels."""
        return CELL * self.columns, CELL * self.rows


def _span(low: float, high: float) -> tuple[int, int]:
    margin = (VISIBLE - 0.5) * CELL
    first = max(-REACH, int(np.ceil((low + margin) / CELL)))
    last = min(REACH, int(np.floor((high - margin) / CELL)))
    return (first, last - first + 1) if last >= first else (0, 0)


class Cells(NamedTuple):
    """What is kept of a picture's cells, row by row.

    ``bits``: 8 bytes each, zeros for a cell that is out of view or flat.  ``textures``: a byte
    each, see :func:`grey_levels`; 0 for a cell that is out of view.  ``details``: of the squares in
    them, see :mod:`.details`; empty where they weren't asked for.
    """

    bits: bytes
    textures: bytes
    details: bytes = b""


def cells(canvas: Plane, visible: NDArray[np.bool_], extent: Extent) -> Cells:
    """Hash every cell of an extent.

    Args:
        canvas: (height, width) of the extent, 8-bit grey levels, as laid onto the stamped picture.
        visible: (rows, columns): whether enough of a cell is in view.
        extent: where it lies.
    """
    blocks = canvas.reshape(extent.rows, CELL, extent.columns, CELL).swapaxes(1, 2)
    waves = np.matmul(np.matmul(_COSINES, blocks), _COSINES.T)
    waves = waves.reshape(extent.rows, extent.columns, CELL_BITS)
    texture = np.sqrt(np.mean(waves * waves, axis=-1) * CELL_BITS) / CELL
    bits = waves > np.median(waves, axis=-1, keepdims=True)
    bits &= (visible & (texture >= MIN_TEXTURE))[..., None]
    steps = np.clip(np.rint(STEPS * np.log2(1.0 + texture)), 1, 255)
    steps = np.where(visible, steps, 0).astype(np.uint8)
    return Cells(np.packbits(bits, axis=-1).tobytes(), steps.tobytes())


def grey_levels(textures: bytes) -> NDArray[np.float64]:
    """(C,) the deviation in grey levels, in the frequencies kept, that each byte stands for."""
    return np.asarray(np.exp2(np.frombuffer(textures, np.uint8) / STEPS) - 1.0)


def _cosines() -> Plane:
    """(8, 64): the first rows of PDQ's cosine transform, which leaves out the constant."""
    wave, at = np.mgrid[1 : LOW + 1, 0:CELL]
    return np.asarray(np.sqrt(2.0 / CELL) * np.cos(np.pi * wave * (at + 0.5) / CELL), np.float32)


_COSINES = _cosines()
