"""Cells of a picture that does not lie where it was laid: moved, or zoomed, by some pixels.

A copy that is slowly zoomed, or that was filmed by hand, lies where the watermark says in some
moments and beside it in others; a few pixels are enough for a cell's bits to differ.  So a few
frames of what is seen are hashed at every shift of 4 pixels around as well.  Where one zoom and
shift brings many more cells of a frame to what was registered, the cells count as they lie then;
other content fits under none: it has a few numbers to choose, and dozens of cells to meet.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.lattice import (
    CELL,
    CELL_BITS,
    CELL_BYTES,
    VISIBLE,
    Extent,
    Plane,
    cells,
)

STEP = 4
"""Canonical pixels between shifts: at half of them, diagonally, 0.2 of the bits differ."""
STEPS = 6
"""Shifts to either side."""
MARGIN = STEP * STEPS
ACROSS = 2 * STEPS + 1
SHIFTS = ACROSS * ACROSS
LOOKS = 8
"""Frames of a clip that are hashed so."""
ZOOMS = np.linspace(-0.16, 0.16, 17)
"""Relative change of size."""
FITS = 0.24
"""Share of a cell's bits up to which it shows what was registered."""
NEAR = 1
"""Registered frames to either side of the one that fits best."""
LEAST_GAIN = 4
GAIN = 0.15
"""Share of the cells compared, and at least so many, that must come to fit."""

Floats = NDArray[np.float64]


def around(canvas: Plane, visible: NDArray[np.bool_], extent: Extent) -> bytes:
    """Hash the cells of an extent at every shift, row by row.

    Args:
        canvas: as for :func:`provenance.fingerprint.lattice.cells`, with a margin of 24 pixels.
        visible: the same of pixels: whether each is in view.
        extent: where it lies, without the margin.

    Returns:
        The bits of all cells, shift by shift: (dx, dy) from (-24, -24), dx first.
    """
    width, height = extent.size
    share = _share_in_view(visible)
    parts = []
    for dy in range(0, 2 * MARGIN + 1, STEP):
        for dx in range(0, 2 * MARGIN + 1, STEP):
            part = np.ascontiguousarray(canvas[dy : dy + height, dx : dx + width])
            seen = share[dy : dy + height : CELL, dx : dx + width : CELL]
            parts.append(cells(part, seen, extent).bits)
    return b"".join(parts)


def _share_in_view(visible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the cell that begins at a pixel is whole enough to be hashed."""
    sums = np.zeros((visible.shape[0] + 1, visible.shape[1] + 1))
    sums[1:, 1:] = visible.cumsum(axis=0).cumsum(axis=1)
    area = sums[CELL:, CELL:] - sums[:-CELL, CELL:] - sums[CELL:, :-CELL] + sums[:-CELL, :-CELL]
    return np.asarray(area >= VISIBLE * CELL * CELL)


def size_of(extent: Extent) -> int:
    """Bytes that :func:`around` gives."""
    return SHIFTS * CELL_BYTES * extent.count


def better_laid(
    old: NDArray[np.uint64], shifted: NDArray[np.uint64], bits: Floats, extent: Extent
) -> Floats | None:
    """How the cells of a frame differ where it lies as it fits best.

    Args:
        old: (F, C) all registered cells: where it lies elsewhere, its moment isn't known either.
        shifted: (S, C) its own cells at every shift.
        bits: (C,) share of bits in which they differ where it was laid; not a number where there
            is nothing to compare.
        extent: where the cells lie in the seen picture.

    Returns:
        (C,) as ``bits``, not a number for cells that would lie too far off; None where no other
        place is clearly better.
    """
    met = [np.count_nonzero(_table(shifted, words).min(axis=0) <= FITS) for words in old]
    at = int(np.argmax(met))
    near = old[max(0, at - NEAR) : at + NEAR + 1]
    table = np.min([_table(shifted, words) for words in near], axis=0)
    fits = table <= FITS
    places = _places(extent)
    inside = places >= 0
    index = np.where(inside, places, 0)
    columns = np.arange(table.shape[1])
    counts = (fits[index, columns] & inside).sum(axis=1)
    best = int(np.argmax(counts))
    now = int(np.count_nonzero(bits <= FITS))
    least = max(LEAST_GAIN, GAIN * int(np.count_nonzero(~np.isnan(bits))))
    if counts[best] - now < least:
        return None
    laid = np.where(inside[best], table[index[best], columns], np.nan)
    return np.where(np.isinf(laid), np.nan, laid)


def _table(shifted: NDArray[np.uint64], words: NDArray[np.uint64]) -> Floats:
    """(S, C) share of bits that differ at each shift; infinite with nothing to compare."""
    both = (shifted != 0) & (words != 0)
    return np.where(both, np.bitwise_count(shifted ^ words) / CELL_BITS, np.inf)


@lru_cache(maxsize=4)
def _places(extent: Extent) -> NDArray[np.intp]:
    """(P, C) index of the shift that each cell has under each zoom and shift; -1 when too far."""
    y, x = np.mgrid[: extent.rows, : extent.columns]
    at = CELL * np.stack([x.ravel() + extent.left, y.ravel() + extent.top], axis=-1)
    moves = STEP * (np.arange(ACROSS) - STEPS)
    whole = np.stack(np.meshgrid(moves, moves), axis=-1).reshape(-1, 1, 2)
    off = np.rint((ZOOMS[:, None, None, None] * at + whole) / STEP).astype(np.intp) + STEPS
    inside = ((off >= 0) & (off < ACROSS)).all(axis=-1)
    found = np.where(inside, off[..., 1] * ACROSS + off[..., 0], -1)
    return found.reshape(-1, extent.count)
