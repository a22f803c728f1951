"""Step 12, before the map: which of its repetitions the mark lies in.

The pattern repeats, so a map is known but for whole tiles.  Finders take the picture to lie about
where it was; a panel at the side of a wide frame does not.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from provenance.results import PictureMap
from provenance.watermark.code.grid import CANONICAL_LINES
from provenance.watermark.read.reading import Reading
from provenance.watermark.tuning import CROPS_LONGEST as LONGEST
from provenance.watermark.tuning import CROPS_SLACK as SLACK
from provenance.watermark.where.picture_map import MARKED

SHIFTS = (0, -1, 1, -2, 2)
"""Tiles by which a map may be off, the likeliest first."""
FAR = 100.0
"""Canonical pixels by which another place has to be better: a fifth of a tile."""
NEAR = 24.0
"""Canonical pixels within which marked cells are the mark's end."""
CUT = 0.3
"""Share of the cells at an end that lie at the shown picture's border, from which it is cut off."""

_Points = NDArray[np.float64]


def centred(reading: Reading, picture: PictureMap, size: tuple[int, int]) -> Reading:
    """The reading with its map moved by whole tiles, where the mark can't lie as the map says.

    A picture lies about its middle: where the mark ends within view on both sides, they are as far
    off; where it is cut off on one, that one is nearer.

    Args:
        reading: the codeword and how it lies, but for whole tiles.
        picture: where the mark was seen under that map.
        size: (width, height) of the shown picture, canonical pixels.
    """
    # What a mark would give is not known yet; where the pattern shows beyond chance, it is.
    marked = np.flatnonzero(np.array(picture.scores) >= MARKED)
    if not len(marked):
        return reading
    rows, columns = np.divmod(marked, picture.columns)
    shown = np.column_stack(
        [
            ((columns + 0.5) / picture.columns - 0.5) * size[0],
            ((rows + 0.5) / picture.rows - 0.5) * size[1],
            np.ones(len(marked)),
        ]
    )
    stamped = shown @ reading.matrix.T
    points = stamped[:, :2] / stamped[:, 2:]
    border = (rows == 0) | (rows == picture.rows - 1)
    border |= (columns == 0) | (columns == picture.columns - 1)
    ends = np.array([_ends(axis, border) for axis in points.T])
    shifts = sorted(product(SHIFTS, SHIFTS), key=lambda one: abs(one[0]) + abs(one[1]))
    moves = np.array(shifts, np.float64) * reading.layout.spec.tile
    wrong = [_wrong(ends[:, :2] + move[:, None], ends[:, 2:] > 0) for move in moves]
    best = int(np.argmin(wrong))
    if wrong[0] - wrong[best] < FAR:
        return reading
    shift = np.eye(3)
    shift[:2, 2] = moves[best]
    return replace(reading, matrix=shift @ reading.matrix)


def _ends(along: _Points, border: NDArray[np.bool_]) -> tuple[float, float, bool, bool]:
    """Where marked cells end along an axis, and whether the shown picture's border cuts them."""
    low, high = np.quantile(along, (0.02, 0.98))
    first, last = (border[np.abs(along - end) < NEAR].mean() >= CUT for end in (low, high))
    return float(low), float(high), bool(first), bool(last)


def _wrong(ends: _Points, cut: NDArray[np.bool_]) -> float:
    """Canonical pixels by which ends (2, 2), axis by axis, are not those of a picture's."""
    reach = np.abs(ends)
    half = CANONICAL_LINES / 2.0
    rooms = np.array([(LONGEST * half, half), (half, LONGEST * half)]) + SLACK
    beyond = float(np.maximum(reach.max(axis=1) - rooms, 0.0).sum(axis=1).min())
    skew = 0.0
    for (low, high), (low_cut, high_cut) in zip(reach, cut, strict=True):
        if not high_cut:
            skew += max(0.0, low - high)
        if not low_cut:
            skew += max(0.0, high - low)
    return beyond + skew
