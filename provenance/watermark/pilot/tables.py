"""A picture seen from the side, but not turned: the commonest keystones, searched densely.

A projective map without translation, ``M = [L 0; t 1]``, has the Jacobian ``L D(x, t)`` at an
observed point x, with ``D = ((1 + t x) I - x t^T) / (1 + t x)^2``, which does not depend on L.
Near the identity the logarithms of L and D add up.  So each window's score is tabled once over
linear maps on a logarithmic grid, and the score of every L under one tilt t is a sum of the
windows' tables, each shifted by ``log D`` at its centre: a few million maps in half a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.pilot import peaks
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
    count: int,
) -> list[NDArray[np.float64]]:
    """The ``count`` likeliest maps (3, 3), centre to centre, best first, no two alike.

    Args:
        levels: (W, n, n) of the windows, see :func:`peaks.level_of`.
        centres: (W, 2) canonical pixels from the picture's centre.
        reach: canonical pixels from there to the picture's long edge.
        pilot: (P, 2) pilot frequencies (fx, fy), cycles per canonical pixel.
        count: how many.
    """
    tables, found = _tables(levels, pilot), []
    for tilt in _tilts():
        scores = _summed(tables, centres, tilt * (TILT_STEP / reach))
        for index in np.argpartition(scores.ravel(), -BEST)[-BEST:]:
            terms = np.array(np.unravel_index(index, scores.shape)) - SPANS
            place = np.array([*terms, *tilt], np.float64)
            found.append((float(scores.ravel()[index]), place))
    kept: list[NDArray[np.float64]] = []
    for _, place in sorted(found, key=lambda entry: -entry[0]):
        if all(np.abs(place - other).max() >= APART for other in kept):
            kept.append(place)
            if len(kept) == count:
                break
    return [_map(place, reach) for place in kept]


def _tilts() -> Iterator[NDArray[np.float64]]:
    """(across, down) in steps, inside a circle."""
    for across in range(-TILTS, TILTS + 1):
        for down in range(-TILTS, TILTS + 1):
            if across**2 + down**2 <= TILTS**2:
                yield np.array([across, down], np.float64)


def _map(place: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """The map (3, 3) of a place: four terms of L, two of the tilt, in steps."""
    matrix = np.eye(3)
    matrix[:2, :2] = _exponential(place[:4] * STEP)
    matrix[2, :2] = place[4:] * (TILT_STEP / reach)
    return matrix


def _tables(levels: NDArray[np.float32], pilot: NDArray[np.float64]) -> list[NDArray[np.float32]]:
    """For each window its score over the grid of linear maps, the tables' room included."""
    places = _grid_places(pilot.tobytes(), levels.shape[-1])
    sides = [2 * (a + b) + 1 for a, b in zip(SPANS, ROOM, strict=True)]
    tables = []
    for level in levels:
        flat, total = level.ravel(), np.zeros(places.shape[1], np.float32)
        for row in places:
            total += flat.take(row)
        tables.append(total.reshape(sides))
    return tables


@lru_cache(maxsize=2)
def _grid_places(pilot: bytes, size: int) -> NDArray[np.int32]:
    """(P, N) where each map of the grid puts each pilot point in a flat spectrum."""
    axes = [np.arange(-a - b, a + b + 1) * STEP for a, b in zip(SPANS, ROOM, strict=True)]
    matrices = _exponential(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 4))
    return np.stack(list(peaks.places(np.frombuffer(pilot).reshape(-1, 2), matrices, size)))


def _summed(
    tables: list[NDArray[np.float32]], centres: NDArray[np.float64], tilt: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Scores of all linear maps of the grid under one tilt."""
    total = np.zeros([2 * span + 1 for span in SPANS], np.float32)
    for table, centre in zip(tables, centres, strict=True):
        weight = 1.0 + float(tilt @ centre)
        local = (weight * np.eye(2) - np.outer(centre, tilt)) / weight**2
        shift = np.clip(np.rint(_logarithm(local) / STEP).astype(int), np.negative(ROOM), ROOM)
        total += table[
            tuple(
                slice(room + s, room + s + 2 * span + 1)
                for room, span, s in zip(ROOM, SPANS, shift, strict=True)
            )
        ]
    return total


def _exponential(terms: Terms) -> NDArray[np.float64]:
    """(..., 2, 2): ``exp(s) (cosh d I + sinh d / d A)``, A traceless with ``A^2 = d^2 I``."""
    s, p, q, r = np.moveaxis(np.asarray(terms, np.float64), -1, 0)
    square = p * p + q * r
    even, odd = 1.0 + square / 2.0 + square**2 / 24.0, 1.0 + square / 6.0 + square**2 / 120.0
    rows = [[even + odd * p, odd * q], [odd * r, even - odd * p]]
    return np.asarray(np.exp(s) * np.array(rows)).transpose(*range(2, np.ndim(s) + 2), 0, 1)


def _logarithm(matrix: NDArray[np.float64]) -> Terms:
    """(4,) of a matrix (2, 2) near the identity."""
    size = np.sqrt(np.linalg.det(matrix))
    part = matrix / size
    even = part.trace() / 2.0
    odd = 1.0 + (even - 1.0) / 3.0
    return np.array([np.log(size), (part[0, 0] - even) / odd, part[0, 1] / odd, part[1, 0] / odd])
