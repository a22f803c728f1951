"""Step 3: a picture that was cropped, scaled or mirrored, but not turned: the commonest copy.

The pilot's 16 points are added up with their phases, under every scale and translation.  That hears
a pilot which power spectra, blind to phase, do not, and is affordable for this one family of maps.
Sixteen waves agree by chance in many places, so several translations of each likely scale are
given; what lies inside the picture that was stamped goes before what does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.alarms import CROPS_HEARD as HEARD
from provenance.watermark.alarms import CROPS_READ_FROM as READ_FROM
from provenance.watermark.arrays import Plane
from provenance.watermark.code import pattern
from provenance.watermark.code.grid import CANONICAL_LINES
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.find.fits import fit_on
from provenance.watermark.picture.geometry import Canvas
from provenance.watermark.pilot import correlation
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import CROPS_APART as APART
from provenance.watermark.tuning import CROPS_FITTED as CROPPED
from provenance.watermark.tuning import CROPS_LIKELY_SCALES as LIKELY_SCALES
from provenance.watermark.tuning import CROPS_LOCAL_MEAN as LOCAL_MEAN
from provenance.watermark.tuning import CROPS_LONGEST as LONGEST
from provenance.watermark.tuning import CROPS_NEARBY as NEARBY
from provenance.watermark.tuning import CROPS_PLACES as PLACES
from provenance.watermark.tuning import CROPS_SCALE_STEP as SCALE_STEP
from provenance.watermark.tuning import CROPS_SCALES as SCALES
from provenance.watermark.tuning import CROPS_SIZE as SIZE
from provenance.watermark.tuning import CROPS_SLACK as SLACK
from provenance.watermark.tuning import CROPS_STEP as STEP

Stretch = NDArray[np.float64]
"""(2,) stamped canonical pixels to an observed one, across and down; across is negative where the
picture is mirrored."""


@dataclass(frozen=True, slots=True)
class Crops:
    """Heard by the pilot's phases.

    ``least``: score up to which crops may be passed over unheard; 0 to be told of all.
    """

    least: float = HEARD
    name: ClassVar = "crops"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """The likeliest crops, fitted."""
        found = cropped(scene.plane, layout, CROPPED, self.least)
        scene.tell(self.name, found)
        for one in takewhile(lambda one: one.score >= HEARD, found):
            yield fit_on(scene.sight, one, layout, READ_FROM)


def cropped(plane: Plane, layout: Layout, count: int, least: float = 0.0) -> list[Hypothesis]:
    """The ``count`` likeliest, best first.

    Args:
        plane: (h, w) observed residual.
        layout: whose pilot.
        count: how many.
        least: score up to which they may be left out: a scale whose points could not reach it if
            all their phases agreed, four of five without a mark, is not listened to.
    """
    values = _spectrum(Canvas.of(plane).halved())
    scales = np.exp(np.arange(np.log(SCALES[0]), np.log(SCALES[1]), SCALE_STEP))
    stretches = np.concatenate([scales[:, None] * np.array([side, 1.0]) for side in (1.0, -1.0)])
    points = _points(values, layout, stretches)
    most = np.abs(points).sum(axis=1) / np.sqrt(points.shape[1])
    scored = [
        (float(_surface(points[i], layout, stretches[i], plane.shape).max()), i)
        for i in np.flatnonzero(most >= least).tolist()
    ]
    likely: list[int] = []
    for _, i in sorted(scored, reverse=True):
        if all(abs(stretches[i, 0] / stretches[other, 0] - 1.0) > APART for other in likely):
            likely.append(i)
            if len(likely) == LIKELY_SCALES:
                break
    found = [
        (score, *stretches[i], x, y)
        for i in likely
        for score, x, y in _peaks(_surface(points[i], layout, stretches[i], plane.shape), PLACES)
    ]
    return [
        Hypothesis(np.array([[across, 0, x], [0, down, y], [0, 0, 1.0]]), score=score)
        for score, across, down, x, y in sorted(found, reverse=True)[:count]
    ]


def _spectrum(seen: Canvas) -> NDArray[np.complex64]:
    """(n, n) spectrum seen from the picture's centre, in deviations of its neighbourhood.

    A point is 1 / ``SIZE`` cycles a canonical pixel.
    """
    spectrum = seen.fold(SIZE)
    levelled: NDArray[np.complex64] = spectrum / pattern.noise(spectrum, LOCAL_MEAN)
    return levelled


def _points(
    values: NDArray[np.complex64], layout: Layout, stretches: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """(S, P) the pilot's points under each stretch (S, 2), without their phases."""
    at = np.rint(layout.pilot_frequencies * stretches[:, None] * SIZE).astype(int) % len(values)
    found = values[at[..., 1], at[..., 0]] * np.exp(-1j * layout.pilot_phases)
    correlation.limit(found)
    return np.asarray(found, np.complex128)


def _surface(
    points: NDArray[np.complex128], layout: Layout, stretch: Stretch, shape: tuple[int, ...]
) -> Plane:
    """The pilot's score at all translations under a stretch, zero where it is not likely."""
    tile = layout.spec.tile
    surface = correlation.translations(layout, reach=tile // 2, step=STEP).surface(points)
    surface *= _inside(abs(float(stretch[0])), float(stretch[1]), shape, tile)
    return surface


@lru_cache(maxsize=1024)
def _inside(across: float, down: float, shape: tuple[int, ...], tile: int) -> NDArray[np.bool_]:
    """(tile / 2, tile / 2): at which translations what is seen lies inside the stamped picture.

    Of that, only the short side is known.  All, where more is seen than the picture.
    """
    across, down = across * shape[1], down * shape[0]
    steps = tile // STEP
    offset = np.abs(np.fft.fftfreq(steps) * tile)
    inside = np.zeros((steps, steps), np.bool_)
    for wide, tall in ((LONGEST, 1.0), (1.0, LONGEST)):
        room_x = (wide * CANONICAL_LINES - across) / 2.0 + SLACK
        room_y = (tall * CANONICAL_LINES - down) / 2.0 + SLACK
        if room_x > 0 and room_y > 0:
            inside |= (offset <= room_y)[:, None] & (offset <= room_x)[None, :]
    return inside if inside.any() else ~inside


def _peaks(surface: Plane, count: int) -> Iterator[tuple[float, float, float]]:
    """(score, x, y) of the highest peaks, canonical pixels."""
    surface, steps = surface.copy(), len(surface)
    for _ in range(count):
        row, column = divmod(int(np.argmax(surface)), steps)
        offset = np.fft.fftfreq(steps) * steps * STEP
        yield float(surface[row, column]), float(offset[column]), float(offset[row])
        rows = np.arange(row - NEARBY, row + NEARBY + 1) % steps
        columns = np.arange(column - NEARBY, column + NEARBY + 1) % steps
        surface[np.ix_(rows, columns)] = 0.0
