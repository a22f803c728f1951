"""Projective maps: under keystone the picture's spectrum smears, but each window's does not.

The summed residual is cut into overlapping windows; a projective map moves the pilot's points in
each window's own power spectrum to ``J(centre)^T f``, J the map's Jacobian there.  A map's score
is the sum over windows and pilot points.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Plane
from provenance.watermark.picture.geometry import Canvas
from provenance.watermark.pilot import families, peaks
from provenance.watermark.pilot.families import Level
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.pilot.tables import tilted
from provenance.watermark.tuning import WINDOWS_CLIMB as CLIMB
from provenance.watermark.tuning import WINDOWS_LOCAL_MEAN as LOCAL_MEAN
from provenance.watermark.tuning import WINDOWS_SIDE as WINDOW
from provenance.watermark.tuning import WINDOWS_SIZE as SIZE
from provenance.watermark.tuning import WINDOWS_STEP as STEP
from provenance.watermark.tuning import WINDOWS_TILT as TILT
from provenance.watermark.tuning import WINDOWS_TILT_STEPS as TILT_STEPS
from provenance.watermark.tuning import WINDOWS_TILTED as TILTED


class WindowSpectra:
    """The window spectra of a summed residual, or the mean of those of several.

    Args:
        seen: the residuals, all of one size.

    Attributes:
        levels: (W, n, n) float32, power in units of its local mean, clipped; 512 points to a cycle
            a pixel.
        step: canonical pixels between the samples that they were made of.
        centres: (W, 2) canonical pixels from the picture's centre.
    """

    def __init__(self, *seen: Canvas) -> None:
        planes, self.step = [one.plane for one in seen], seen[0].step
        self.shape = planes[0].shape
        height, width = self.shape
        side = min(WINDOW // self.step, height, width)
        shape = np.hanning(side + 2)[1:-1].astype(np.float32)
        taper = np.outer(shape, shape)
        levels, centres = [], []
        for top in _places(height, side, self.step):
            for left in _places(width, side, self.step):
                parts = [plane[top : top + side, left : left + side] * taper for plane in planes]
                levels.append(peaks.level_of(parts, SIZE // self.step, LOCAL_MEAN))
                middle = np.array([left, top]) + (side - 1) / 2.0
                centres.append(middle * self.step + (seen[0].left, seen[0].top))
        self.levels = np.stack(levels)
        self.centres = np.asarray(centres)
        self.reach = max(height, width) * self.step / 2.0
        self._tilted: dict[bytes, list[NDArray[np.float64]]] = {}

    def middle(self) -> Level:
        """Mean over the windows about the centre, where a map is nearly linear."""
        distance = np.hypot(*self.centres.T)
        near = distance <= np.sort(distance)[min(3, len(distance) - 1)] + 1.0
        return Level(np.ascontiguousarray(self.levels[near].mean(axis=0)), self.step)

    def parts(self) -> Iterator[tuple[Level, Plane]]:
        """Parts of the frame: the mean level of windows about a place, and (h, w) where it is."""
        height, width = self.shape
        y, x = np.mgrid[:height, :width].astype(np.float32)
        x -= (width - 1) / 2.0
        y -= (height - 1) / 2.0
        for across in _thirds(self.centres[:, 0]):
            for down in _thirds(self.centres[:, 1]):
                distance = np.abs(self.centres - (across, down)).max(axis=1)
                near = distance <= np.sort(distance)[min(3, len(distance) - 1)] + 1.0
                centre = self.centres[near].mean(axis=0)
                reach = np.abs(self.centres[near] - centre).max(axis=0) + WINDOW / 2.0
                inside = (np.abs(x - centre[0]) < reach[0]) & (np.abs(y - centre[1]) < reach[1])
                level = np.ascontiguousarray(self.levels[near].mean(axis=0))
                yield Level(level, self.step), inside.astype(np.float32)

    def score(self, maps: NDArray[np.float64], pilot: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over windows and pilot points for each projective map (N, 3, 3), centre to centre."""
        size = self.levels.shape[-1]
        local = np.stack([_jacobian(maps, x, y) for x, y in self.centres], axis=1)
        at = families.places(pilot, local.reshape(-1, 2, 2), size, self.step)
        at = at.reshape(-1, *local.shape[:2])
        at += size * size * np.arange(len(self.levels))
        return np.asarray(self.levels.ravel().take(at).sum(axis=(0, 2)), np.float64)

    def projective(
        self, linear: list[Hypothesis], pilot: NDArray[np.float64], count: int
    ) -> list[NDArray[np.float64]]:
        """The best projective maps (3, 3), around linear candidates and of tilted pictures.

        Where no window alone shows the pilot clearly enough for a linear candidate, all of them
        together still do.
        """
        sides = np.linspace(-TILT, TILT, TILT_STEPS) / self.reach
        across, down = (grid.ravel() for grid in np.meshgrid(sides, sides))
        starts = self.tilted(pilot)
        for candidate in linear:
            maps = np.zeros((len(across), 3, 3))
            maps[:, :2, :2] = candidate.matrix[:2, :2]
            maps[:, 2, 0], maps[:, 2, 1], maps[:, 2, 2] = across, down, 1.0
            starts.append(maps[int(np.argmax(self.score(maps, pilot)))])
        return self._climbed(starts, pilot, count)

    def tilted(self, pilot: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The best maps (3, 3) of tilted pictures alone, best first."""
        key = pilot.tobytes()
        if key not in self._tilted:
            starts = tilted(
                self.levels, self.centres, self.reach, pilot, count=TILTED, step=self.step
            )
            self._tilted[key] = self._climbed(starts, pilot, TILTED)
        return list(self._tilted[key])

    def _climbed(
        self, starts: list[NDArray[np.float64]], pilot: NDArray[np.float64], kept: int
    ) -> list[NDArray[np.float64]]:
        """Coordinate ascent of each map, halving steps: four linear terms, two tilts."""
        maps = np.stack(starts)
        count, scores = len(maps), self.score(maps, pilot)
        places = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
        sizes = np.sqrt(np.abs(np.linalg.det(maps[:, :2, :2])))
        steps = np.tile(sizes[:, None] * 0.012, (1, 6))
        steps[:, 4:] = TILT / TILT_STEPS / self.reach
        for _ in range(CLIMB):
            trials = np.repeat(maps[:, None], 12, axis=1)
            for index, (row, column) in enumerate(places):
                trials[:, 2 * index, row, column] -= steps[:, index]
                trials[:, 2 * index + 1, row, column] += steps[:, index]
            tried = self.score(trials.reshape(-1, 3, 3), pilot).reshape(count, 12)
            best = tried.argmax(axis=1)
            better = tried.max(axis=1) > scores
            maps = np.where(better[:, None, None], trials[np.arange(count), best], maps)
            scores = np.where(better, tried.max(axis=1), scores)
            steps = np.where(better[:, None], steps, steps / 2.0)
        return _distinct(maps[np.argsort(-scores)], self.reach, kept)


def _distinct(maps: NDArray[np.float64], reach: float, count: int) -> list[NDArray[np.float64]]:
    """The first ``count`` maps (N, 3, 3) of which no two differ by less than 2 % at the edge."""
    kept: list[NDArray[np.float64]] = []
    for matrix in maps:
        size = np.linalg.norm(matrix[:2, :2])
        scale = np.array([[1 / size] * 3] * 2 + [[reach] * 3])
        if all(np.abs((matrix - other) * scale)[:, :2].max() > 0.02 for other in kept):
            kept.append(matrix)
            if len(kept) == count:
                break
    return kept


def _thirds(places: NDArray[np.float64]) -> list[float]:
    """Both ends of what places cover, and the middle unless they are close together."""
    low, high = float(places.min()), float(places.max())
    return sorted({low, (low + high) / 2, high} if high - low > WINDOW else {low, high})


def _places(length: int, side: int, step: int) -> NDArray[np.intp]:
    """Window starts that cover ``length`` samples evenly, about ``STEP`` canonical pixels apart."""
    count = 1 + -(-(length - side) * step // STEP)
    return np.rint(np.linspace(0, length - side, count)).astype(np.intp)


def _jacobian(maps: NDArray[np.float64], x: float, y: float) -> NDArray[np.float64]:
    """(N, 2, 2) Jacobian of each projective map at one observed point."""
    image = maps @ np.array([x, y, 1.0])
    weight = image[:, 2]
    place = image[:, :2] / weight[:, None]
    linear = maps[:, :2, :2] - place[:, :, None] * maps[:, None, 2, :2]
    return np.asarray(linear / weight[:, None, None])
