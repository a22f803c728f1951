"""A picture seen from the side, but not turned: the commonest keystones, searched densely.

A projective map without translation, ``M = [L 0; t 1]``, has the Jacobian ``L D(x, t)`` at an
observed point x, with ``D = ((1 + t x) I - x t^T) / (1 + t x)^2``, which does not depend on L.
Near the identity the logarithms of L and D add up.  So each window's score is tabled once over
linear maps on a logarithmic grid, and the score of every L under one tilt t is a sum of the
windows' tables, each shifted by ``log D`` at its centre: a few million maps in half a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.pilot import families
from provenance.watermark.tuning import TABLES_APART as APART
from provenance.watermark.tuning import TABLES_BEST as BEST
from provenance.watermark.tuning import TABLES_ROOM as ROOM
from provenance.watermark.tuning import TABLES_SPANS as SPANS
from provenance.watermark.tuning import TABLES_STEP as STEP
from provenance.watermark.tuning import TABLES_TILT_STEP as TILT_STEP
from provenance.watermark.tuning import TABLES_TILTS as TILTS

Terms = NDArray[np.float64]
"""(..., 4): logarithm of a matrix: its identity part, diag(1, -1), and both off-diagonals."""


ORDER = (1, 2, 3, 0)
"""Of a table's axes.  Scale is the last: it is the longest, and what is added up lies together."""


def tilted(
    levels: NDArray[np.float32],
    centres: NDArray[np.float64],
    reach: float,
    pilot: NDArray[np.float64],
    *,
    count: int,
    step: int = 1,
) -> list[NDArray[np.float64]]:
    """The ``count`` likeliest maps (3, 3), centre to centre, best first, no two alike.

    Args:
        levels: (W, n, n) of the windows, see :func:`peaks.level_of`.
        centres: (W, 2) canonical pixels from the picture's centre.
        reach: canonical pixels from there to the picture's long edge.
        pilot: (P, 2) pilot frequencies (fx, fy), cycles per canonical pixel.
        count: how many.
        step: canonical pixels between the samples that the spectra were made of.
    """
    tilts, found = _tilts(), []
    moves = _moves(tilts * (TILT_STEP / reach), centres)
    grid = _grid(pilot.tobytes(), levels.shape[-1], step, tuple(np.abs(moves).max(axis=(0, 1))))
    sides = [2 * SPANS[term] + 1 for term in ORDER]
    tables = [grid.table(level, moved) for level, moved in zip(levels, moves, strict=True)]
    starts = (moves - moves.min(axis=1, keepdims=True)).swapaxes(0, 1)[..., ORDER].tolist()
    for tilt, firsts in zip(tilts, starts, strict=True):
        scores = np.zeros(sides, np.float32)
        for table, (a, b, c, d) in zip(tables, firsts, strict=True):
            scores += table[a : a + sides[0], b : b + sides[1], c : c + sides[2], d : d + sides[3]]
        flat = scores.ravel()
        for best in np.argpartition(flat, -BEST)[-BEST:]:
            place = np.array([*np.unravel_index(best, sides), *tilt], np.float64)
            place[list(ORDER)] = place[:4] - np.take(SPANS, ORDER)
            found.append((float(flat[best]), place))
    kept: list[NDArray[np.float64]] = []
    for _, place in sorted(found, key=lambda entry: -entry[0]):
        if all(np.abs(place - other).max() >= APART for other in kept):
            kept.append(place)
            if len(kept) == count:
                break
    return [_map(place, reach) for place in kept]


def _tilts() -> NDArray[np.float64]:
    """(T, 2): across and down in steps, inside a circle."""
    steps = np.arange(-TILTS, TILTS + 1, dtype=np.float64)
    square = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(square[(square**2).sum(axis=1) <= TILTS**2], np.float64)


def _map(place: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """The map (3, 3) of a place: four terms of L, two of the tilt, in steps."""
    matrix = np.eye(3)
    matrix[:2, :2] = _exponential(place[:4] * STEP)
    matrix[2, :2] = place[4:] * (TILT_STEP / reach)
    return matrix


def _moves(tilts: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.intp]:
    """(W, T, 4) by how many steps ``log D`` moves a table, for tilts (T, 2) per pixel."""
    weight = (1.0 + centres @ tilts.T)[..., None, None]
    local = (weight * np.eye(2) - np.einsum("wi,tj->wtij", centres, tilts)) / weight**2
    return np.clip(np.rint(_logarithm(local) / STEP), np.negative(ROOM), ROOM).astype(np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The linear maps that are tabled.

    Attributes:
        places: (P, ...) where each puts each pilot point in a flat spectrum, axes in ``ORDER``.
        room: (4,) steps beyond ``SPANS``, either side.
    """

    places: NDArray[np.intp]
    room: tuple[int, ...]

    def table(self, level: NDArray[np.float32], moves: NDArray[np.intp]) -> NDArray[np.float32]:
        """The scores in a window (n, n), axes in ``ORDER``, as far as its moves (T, 4) reach."""
        first, last = self.room + moves.min(axis=0), self.room + moves.max(axis=0)
        used = tuple(slice(first[term], last[term] + 2 * SPANS[term] + 1) for term in ORDER)
        flat, places = level.ravel(), self.places[:, *used]
        scores = np.zeros(places.shape[1:], np.float32)
        for row in places:
            scores += flat.take(row)
        return scores


@lru_cache(maxsize=4)
def _grid(pilot: bytes, size: int, step: int, room: tuple[int, ...]) -> _Grid:
    """For (P, 2) pilot frequencies, spectra of a size, and ``room`` steps either side."""
    reach = np.array(SPANS) + room
    axes = [np.arange(-most, most + 1) * STEP for most in reach]
    # Scale, the first term, is a factor of all that the other three give.
    others = np.stack(np.meshgrid(0.0, *axes[1:], indexing="ij"), axis=-1)
    points = np.frombuffer(pilot).reshape(-1, 2)
    seen = (points @ _exponential(others.reshape(-1, 4)) * (size * step)).astype(np.float32)
    scales = np.exp(axes[0]).astype(np.float32)
    places = np.empty((len(points), len(seen), len(scales)), np.intp)
    for row, point in zip(places, seen.transpose(1, 2, 0), strict=True):
        x, y = (np.rint(np.outer(one, scales)).astype(np.int32) for one in point)
        row[:] = families.in_flat(x, y, size)
    return _Grid(places.reshape(len(points), *(2 * reach[list(ORDER)] + 1)), room)


def _exponential(terms: Terms) -> NDArray[np.float64]:
    """(..., 2, 2): ``exp(s) (cosh d I + sinh d / d A)``, A traceless with ``A^2 = d^2 I``."""
    s, p, q, r = np.moveaxis(np.asarray(terms, np.float64), -1, 0)
    square = p * p + q * r
    even, odd = 1.0 + square / 2.0 + square**2 / 24.0, 1.0 + square / 6.0 + square**2 / 120.0
    rows = [[even + odd * p, odd * q], [odd * r, even - odd * p]]
    return np.asarray(np.exp(s) * np.array(rows)).transpose(*range(2, np.ndim(s) + 2), 0, 1)


def _logarithm(matrices: NDArray[np.float64]) -> Terms:
    """Of matrices (..., 2, 2) near the identity."""
    size = np.sqrt(np.linalg.det(matrices))
    part = matrices / size[..., None, None]
    even = (part[..., 0, 0] + part[..., 1, 1]) / 2.0
    odd = 1.0 + (even - 1.0) / 3.0
    rest = (part[..., 0, 0] - even, part[..., 0, 1], part[..., 1, 0])
    return np.stack([np.log(size), *(one / odd for one in rest)], axis=-1)
