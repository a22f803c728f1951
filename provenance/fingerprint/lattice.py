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


def cells(canvas: Plane, visible: NDArray[np.bool_], extent: Extent) -> bytes:
    """Hash every cell of an extent.

    Args:
        canvas: (height, width) of the extent, 8-bit grey levels, as laid onto the stamped picture.
        visible: (rows, columns): whether enough of a cell is in view.
        extent: where it lies.

    Returns:
        8 bytes a cell, row by row; zeros for a cell that is out of view or flat.
    """
    blocks = canvas.reshape(extent.rows, CELL, extent.columns, CELL).swapaxes(1, 2)
    waves = np.matmul(np.matmul(_COSINES, blocks), _COSINES.T)
    waves = waves.reshape(extent.rows, extent.columns, CELL_BITS)
    texture = np.sqrt(np.mean(waves * waves, axis=-1) * CELL_BITS) / CELL
    bits = waves > np.median(waves, axis=-1, keepdims=True)
    bits &= (visible & (texture >= MIN_TEXTURE))[..., None]
    return np.packbits(bits, axis=-1).tobytes()


def _cosines() -> Plane:
    """(8, 64): the first rows of PDQ's cosine transform, which leaves out the constant."""
    wave, at = np.mgrid[1 : LOW + 1, 0:CELL]
    return np.asarray(np.sqrt(2.0 / CELL) * np.cos(np.pi * wave * (at + 0.5) / CELL), np.float32)


_COSINES = _cosines()
