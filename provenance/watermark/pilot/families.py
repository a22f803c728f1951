"""Every likely linear map at once: those that happen to videos, on dense grids.

Turned and scaled, the pilot's points move along the axes of a spectrum that is sampled by the
logarithm of radius and by angle.  So one point's share in the scores of all such maps is a part of
that picture, moved, and all scores are a sum of sixteen of them: no map is computed, and memory is
read in order.  Stretched along the axes, each coordinate of a point is a product.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Plane
from provenance.watermark.tuning import PEAKS_ANGLE_STEP as ANGLE_STEP
from provenance.watermark.tuning import PEAKS_SCALE_STEP as SCALE_STEP
from provenance.watermark.tuning import PEAKS_SCALES as SCALES
from provenance.watermark.tuning import PEAKS_SIZE as SIZE
from provenance.watermark.tuning import PEAKS_STRETCH as STRETCH

Matrices = NDArray[np.float64]
"""(N, 2, 2): observed to stamped canonical coordinates, linear part."""
Points = NDArray[np.float64]
"""(P, 2) frequencies (fx, fy), cycles per canonical pixel."""


class Level(NamedTuple):
    """A power spectrum in deviations from its neighbourhood.

    Attributes:
        values: (n, n) float32.
        step: canonical pixels between the samples that it was made of: a point is
            1 / (n step) cycles a canonical pixel.
    """

    values: Plane
    step: int = 1

    @property
    def grain(self) -> int:
        """How many times as coarse a grid of maps may be as for a spectrum of the whole."""
        return grain_of(len(self.values), self.step)

    def take(self, at: NDArray[np.intp]) -> NDArray[np.float32]:
        """The values at flat places."""
        return self.values.ravel().take(at)


_mirror = np.array([[-1.0, 0.0], [0.0, 1.0]])
_quarter = np.array([[0.0, -1.0], [1.0, 0.0]])


class Axes(NamedTuple):
    """The grids: natural logarithms of scale and of stretch, angles, and how fine they are.

    Attributes:
        logs: (S,) logarithms of scale, ``step`` apart.
        stretches: (B,) logarithms of the ratio of both sides' scales, ``step`` apart.
        angles: (A,) radians over half a turn.
        step: natural logarithm.
    """

    logs: NDArray[np.float64]
    stretches: NDArray[np.float64]
    angles: NDArray[np.float64]
    step: float


@lru_cache(maxsize=4)
def axes(grain: int) -> Axes:
    """As fine as a spectrum of the whole picture asks for, or ``grain`` times as coarse."""
    step = SCALE_STEP * grain
    most = int(np.log(STRETCH) / step)
    return Axes(
        logs=np.arange(np.log(SCALES[0]), np.log(SCALES[1]), step),
        stretches=np.arange(-most, most + 1) * np.float64(step),
        angles=np.arange(0.0, np.pi, ANGLE_STEP * grain),
        step=step,
    )


def grain_of(size: int, step: int) -> int:
    """See :attr:`Level.grain`: the spectrum of a window shows places less finely."""
    return max(1, SIZE // (size * step))


def likeliest(
    level: Level, pilot: Points, count: int
) -> Iterator[tuple[NDArray[np.float64], float]]:
    """The ``count`` best of each family, a linear map (2, 2) and its score.

    Args:
        level: see :func:`peaks.level_of`.
        pilot: its points.
        count: how many.
    """
    grid = axes(level.grain)
    for side, scores in zip((np.eye(2), _mirror), similarities(level, pilot), strict=True):
        for index in _top(scores, count):
            row, column = divmod(int(index), scores.shape[1])
            cosine, sine = np.cos(grid.angles[column]), np.sin(grid.angles[column])
            turn = np.exp(grid.logs[row]) * np.array([[cosine, -sine], [sine, cosine]])
            yield turn @ side, float(scores[row, column])
    sides = (np.eye(2), _mirror, _quarter, _quarter @ _mirror)
    for side, scores in zip(sides, stretches(level, pilot), strict=True):
        for index in _top(scores, count):
            row, column = divmod(int(index), scores.shape[1])
            half = grid.stretches[column] / 2.0
            yield np.diag(np.exp(grid.logs[row] + [half, -half])) @ side, float(scores[row, column])


def similarities(level: Level, pilot: Points) -> tuple[Plane, Plane]:
    """(scales, angles) each: scores of all turned and scaled maps, as they are and mirrored."""
    grid = axes(level.grain)
    radii, turn = np.log(np.hypot(*pilot.T)), np.pi / len(grid.angles)
    low = float(radii.min())
    rows = np.rint((radii - low) / (grid.step / 2.0)).astype(int)
    columns = np.rint(np.arctan2(pilot[:, 1], pilot[:, 0]) / (turn / 2.0)).astype(int)
    reach = len(grid.logs) + int(rows.max()) // 2 + 1
    polar = level.take(_polar_places(round(low, 12), reach, len(level.values), level.step))
    back = np.stack([_reversed(polar[:, 0], 0), _reversed(polar[:, 1], 1)], axis=1)
    plain, mirrored = (np.zeros((len(grid.logs), len(grid.angles)), np.float32) for _ in range(2))
    for row, column in zip(rows, columns, strict=True):
        start, half_row = divmod(int(row), 2)
        shift, half_column = divmod(int(column), 2)
        for total, sampled in ((plain, polar), (mirrored, back)):
            part = sampled[half_row, half_column, start : start + len(grid.logs)]
            _add_rolled(total, part, shift)
    return plain, mirrored


@lru_cache(maxsize=4)
def _polar_places(low: float, rows: int, size: int, step: int) -> NDArray[np.intp]:
    """(2, 2, rows, angles) where samples lie in a flat spectrum: half steps of radius, of angle.

    Column j is the angle of minus j steps (plus the half); a map's angle counts backwards so.
    """
    grid = axes(grain_of(size, step))
    count = len(grid.angles)
    table = np.empty((2, 2, rows, count), np.intp)
    for half_row in range(2):
        radius = np.exp(low + grid.step * (np.arange(rows) + half_row / 2.0))
        radius *= size * step * SCALES[0]
        for half_column in range(2):
            angle = -np.pi / count * (np.arange(count) - half_column / 2.0)
            x = np.rint(np.outer(radius, np.cos(angle))).astype(np.int32)
            y = np.rint(np.outer(radius, np.sin(angle))).astype(np.int32)
            table[half_row, half_column] = in_flat(x, y, size)
    return table


def in_flat(x: NDArray[np.int32], y: NDArray[np.int32], size: int) -> NDArray[np.intp]:
    """Where frequencies lie in a flat (size, size) spectrum; outside it, the place of zero."""
    half = size // 2
    inside = (x + (half - 1)).view(np.uint32) < np.uint32(size - 1)
    inside &= (y + (half - 1)).view(np.uint32) < np.uint32(size - 1)
    flat = (y & (size - 1)) * size
    flat |= x & (size - 1)
    flat *= inside
    return np.asarray(flat, np.intp)


def places(pilot: Points, matrices: Matrices, size: int, step: int) -> NDArray[np.intp]:
    """(P, N): where each map (N, 2, 2) puts the pilot's points, see :func:`in_flat`."""
    found = np.empty((len(pilot), len(matrices)), np.intp)
    columns = np.ascontiguousarray(matrices.reshape(-1, 4).T, np.float32)
    for row, (fx, fy) in zip(found, (pilot * size * step).astype(np.float32), strict=True):
        x = np.rint(columns[0] * fx + columns[2] * fy).astype(np.int32)
        y = np.rint(columns[1] * fx + columns[3] * fy).astype(np.int32)
        row[:] = in_flat(x, y, size)
    return found


def stretches(level: Level, pilot: Points) -> Iterator[Plane]:
    """(scales, stretches) each: scores of all maps along the axes, as they are, mirrored, turned by
    a quarter, and both.

    Across and down each map is a factor, and a factor's places are one short table a point.
    """
    size, grid = len(level.values), axes(level.grain)
    count = len(grid.stretches)
    rows, columns = np.indices((len(grid.logs), count))
    # Logarithms of both factors, in half steps from the least.
    along, against = 2 * rows + columns, 2 * rows - columns + count - 1
    steps = np.arange(2 * len(grid.logs) + count) - (count - 1) / 2.0
    factors = size * level.step * SCALES[0] * np.exp(steps * grid.step / 2.0)

    def at(frequency: float) -> NDArray[np.intp]:
        """(steps,) places along an axis; outside the spectrum that of zero, where nothing is."""
        points = np.rint(frequency * factors).astype(np.intp)
        return np.where(np.abs(points) < size // 2, points % size, 0)

    totals = [np.zeros((len(grid.logs), count), np.float32) for _ in range(4)]
    for fx, fy in pilot:
        right, left, down = at(fx), at(-fx), at(fy)
        for total, x, y in (
            (totals[0], right[along], down[against]),
            (totals[1], left[along], down[against]),
            (totals[2], down[against], left[along]),
            (totals[3], at(-fy)[against], left[along]),
        ):
            np.add(total, level.take(y * size + x), out=total)
    yield from totals


def _reversed(sampled: Plane, first: int) -> Plane:
    """Columns backwards, so that 0 comes from ``first``: the same angles with the other sign."""
    return np.roll(sampled[..., ::-1], first + 1, axis=-1)


def _add_rolled(total: Plane, part: Plane, shift: int) -> None:
    """Add (h, w) to a total, its columns moved on by ``shift``, round the end."""
    shift %= part.shape[1]
    total[:, shift:] += part[:, : part.shape[1] - shift]
    total[:, :shift] += part[:, part.shape[1] - shift :]


def _top(scores: Plane, count: int) -> NDArray[np.intp]:
    """Flat indices of the ``count`` highest, in no order."""
    return np.argpartition(scores.ravel(), -count)[-count:]
