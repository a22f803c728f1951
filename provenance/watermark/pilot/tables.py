"""A picture seen from the side, but not turned: the commonest keystones, searched densely.

A projective map without translation, ``M = [L 0; t 1]``, has the Jacobian ``L D(x, t)`` at an
observed point x, with ``D = ((1 + t x) I - x t^T) / (1 + t x)^2``, which does not depend on L.
Near the identity the logarithms of L and D add up.  So each window's score is tabled once over
linear maps on a logarithmic grid, and the score of every L under one tilt t is a sum of the
windows' tables, each shifted by ``log D`` at its centre: a few million maps in half a second.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    grid, tilts, found = _grid(pilot.tobytes(), levels.shape[-1], step), _tilts(), []
    moves = grid.moves(tilts * (TILT_STEP / reach), centres)
    totals = np.zeros((len(tilts), len(grid.terms)), np.float32)
    for level, shifts in zip(levels, moves, strict=True):
        grid.add(level, shifts, totals)
    for tilt, scores in zip(tilts, totals, strict=True):
        for index in np.argpartition(scores, -BEST)[-BEST:]:
            place = np.array([*grid.terms[index], *tilt], np.float64)
            found.append((float(scores[index]), place))
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


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The linear maps that are tabled, a table flat.  Scale is its last axis: it is the longest,
    so that what is added up lies together.

    Attributes:
        places: (P, N) where each map, the tables' room included, puts each pilot point.
        strides: (4,) places in a table from one step of a term to the next.
        inner: (M,) places of the maps without the room, counted from the first.
        first: that of the first.
        terms: (M, 4) steps from the identity.
    """

    places: NDArray[np.intp]
    strides: NDArray[np.intp]
    inner: NDArray[np.intp]
    first: int
    terms: NDArray[np.intp]

    def moves(self, tilts: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.intp]:
        """(W, T) by how many places ``log D`` moves a table, for tilts (T, 2) per pixel."""
        weight = (1.0 + centres @ tilts.T)[..., None, None]
        local = (weight * np.eye(2) - np.einsum("wi,tj->wtij", centres, tilts)) / weight**2
        shift = np.clip(np.rint(_logarithm(local) / STEP), np.negative(ROOM), ROOM)
        return np.asarray(shift @ self.strides, np.intp)

    def add(
        self, level: NDArray[np.float32], shifts: NDArray[np.intp], totals: NDArray[np.float32]
    ) -> None:
        """Table a window and add it, moved, to the scores (T, M) under each tilt."""
        table = np.zeros(self.places.shape[1], np.float32)
        for row in self.places:
            table += level.ravel().take(row)
        part = np.empty(len(self.inner), np.float32)
        for total, shift in zip(totals, shifts, strict=True):
            table[self.first + shift :].take(self.inner, out=part, mode="clip")
            np.add(total, part, out=total)


@lru_cache(maxsize=2)
def _grid(pilot: bytes, size: int, step: int) -> _Grid:
    """For (P, 2) pilot frequencies and spectra of a size."""
    order, spans, room = [1, 2, 3, 0], np.array(SPANS), np.array(ROOM)
    reach = spans + room
    sides = (2 * reach + 1)[order]
    strides = np.empty(4, np.intp)
    strides[order] = [int(np.prod(sides[axis + 1 :])) for axis in range(4)]
    whole = _steps(reach, order)
    points = np.frombuffer(pilot).reshape(-1, 2)
    places = families.places(points, _exponential(whole.astype(np.float64) * STEP), size, step)
    terms = _steps(spans, order)
    inner = (terms + spans) @ strides
    return _Grid(places, strides, inner, int(room @ strides), terms)


def _steps(reach: NDArray[np.intp], order: Sequence[int]) -> NDArray[np.intp]:
    """(N, 4): all steps of the four terms up to a reach, the last of ``order`` running fastest."""
    axes = [np.arange(-reach[term], reach[term] + 1) for term in order]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 4)
    return grid[:, np.argsort(order)]


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
