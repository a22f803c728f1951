"""Step 7: a picture by its outline: a screen that was filmed, a picture laid over another.

A border between two pictures stays where it is while what they show moves, so it stands in the sum
over the clip as a straight line, whatever became of the pilot.  Four lines make a quadrilateral,
and that the map, but for the picture's aspect, which the pilot tells.  Of what lies outside nothing
is looked at any more; so a picture in a picture is heard by its own noise alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.alarms import OUTLINES_HEARD as HEARD
from provenance.watermark.alarms import OUTLINES_SEEN as SEEN
from provenance.watermark.arrays import Plane
from provenance.watermark.code.grid import CANONICAL_LINES
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.edges import Line, edges_of, lines_in, middle_of, support
from provenance.watermark.find.finder import Scene
from provenance.watermark.find.fits import fit_on
from provenance.watermark.picture.geometry import Canvas, Sight
from provenance.watermark.pilot import correlation
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import OUTLINES_FOUND as OUTLINES
from provenance.watermark.tuning import OUTLINES_MARGIN as MARGIN
from provenance.watermark.tuning import OUTLINES_OFF as OFF
from provenance.watermark.tuning import OUTLINES_READ as READ
from provenance.watermark.tuning import OUTLINES_SHORTEST as SHORTEST
from provenance.watermark.tuning import OUTLINES_STRETCHES as STRETCHES


class Outlines:
    """By the border, whatever became of the pilot; the pilot tells which side is up."""

    name = "outlines"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """What fills the likely outlines, as it looks and as it is heard."""
        for picture in outlined(scene.plane, layout):
            scene.tell(self.name, [picture])
            yield picture


def outlined(plane: Plane, layout: Layout) -> Iterator[Hypothesis]:
    """Maps of what fills the likely outlines in a residual (h, w), whatever the pilot's score.

    First as they look; then as they are heard, and fitted.  What the pilot is not heard in at all
    is left.
    """
    found = [_filled(plane, corners, layout) for corners in outlines(plane)]
    pictures = [picture for picture in found if picture]
    yield from (seen for seen, _, _ in pictures[:READ])
    for _, heard, part in sorted(pictures, key=lambda one: -one[1].score)[:READ]:
        if heard.score < HEARD:
            break
        yield heard
        yield replace(heard, matrix=fit_on(part, heard, layout).matrix)


def outlines(plane: Plane) -> list[NDArray[np.float64]]:
    """The likeliest outlines in a residual (h, w): (4, 2) canonical pixels from its centre each.

    Corners go clockwise from the upper left.
    """
    height, width = plane.shape
    turned = np.ascontiguousarray(plane.T)
    level, upright = edges_of(plane), edges_of(turned)
    across, down = lines_in(level), lines_in(upright)
    quads = [
        _corners(upper, right, lower, left)
        for upper, lower in combinations(sorted(across, key=lambda line: line[1]), 2)
        for left, right in combinations(sorted(down, key=lambda line: line[1]), 2)
    ]
    corners = np.asarray(quads).reshape(-1, 4, 2)
    wide = (corners[:, (1, 2), 0] - corners[:, (0, 3), 0]).min(axis=1)
    high = (corners[:, (2, 3), 1] - corners[:, (1, 0), 1]).min(axis=1)
    corners = corners[(wide > SHORTEST * width) & (high > SHORTEST * height)]
    if not len(corners):
        return []
    score = (
        support(level, corners[:, 0], corners[:, 1])
        + support(level, corners[:, 3], corners[:, 2])
        + support(upright, corners[:, 0, ::-1], corners[:, 3, ::-1])
        + support(upright, corners[:, 1, ::-1], corners[:, 2, ::-1])
    )
    return [corners[i] for i in np.argsort(-score)[:OUTLINES]]


def _corners(upper: Line, right: Line, lower: Line, left: Line) -> NDArray[np.float64]:
    """(4, 2): where a frame's four lines meet."""
    corners = []
    for (_, y, across), (_, x, down) in (
        (upper, left),
        (upper, right),
        (lower, right),
        (lower, left),
    ):
        # y = y0 + a x and x = x0 + b y.
        scale = 1.0 / (1.0 - across * down)
        corners.append(((x + down * y) * scale, (y + across * x) * scale))
    return np.asarray(corners)


def _filled(
    plane: Plane, corners: NDArray[np.float64], layout: Layout
) -> tuple[Hypothesis, Hypothesis, Sight] | None:
    """The picture that fills an outline, with the aspect that it looks like and as it is heard.

    The pilot is added up for each aspect and either side.  Also the residual inside alone.
    """
    inside = np.zeros(plane.shape, np.uint8)
    inner = corners - MARGIN * np.sign(corners - corners.mean(axis=0))
    pixels = np.rint(inner + middle_of(plane)).astype(np.int32)
    cv2.fillConvexPoly(inside, pixels, 1)
    part = plane * inside
    sides = np.hypot(*(corners - np.roll(corners, 1, axis=0)).T)
    aspect = (sides[1] + sides[3]) / (sides[0] + sides[2])
    size = CANONICAL_LINES * np.array([aspect, 1.0]) / min(aspect, 1.0)
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size / 2.0
    matrix = np.asarray(
        cv2.getPerspectiveTransform(corners.astype(np.float32), square.astype(np.float32)),
        np.float64,
    )
    sight = Sight(part)
    canvas = sight.under(matrix)
    if canvas is None:
        return None
    points = _stretched(canvas, layout)
    points /= correlation.pilot_deviation(canvas.fold(layout.spec.tile), layout)
    correlation.limit(points)
    surfaces = (points @ _moved(layout)).real / np.sqrt(len(layout.pilot_phases))
    side, stretch, at = np.unravel_index(int(np.argmax(np.abs(surfaces))), surfaces.shape)
    score = float(surfaces[side, stretch, at])
    x, y = OFF[at % len(OFF)], OFF[at // len(OFF)]
    laid = np.array([[(1.0, -1.0)[side] * STRETCHES[stretch], 0, x], [0, 1, y], [0, 0, 1.0]])
    heard = Hypothesis(laid @ matrix, 1 if score > 0 else -1, abs(score), plane=part)
    seen = float(surfaces[0, len(STRETCHES) // 2, surfaces.shape[-1] // 2])
    return Hypothesis(matrix, score=abs(seen), least=SEEN, plane=part), heard, sight


def _stretched(canvas: Canvas, layout: Layout) -> NDArray[np.complex128]:
    """(2, S, P) the pilot's points, without their phases, as is and mirrored, in each stretch."""
    height, width = canvas.plane.shape
    x = canvas.left + canvas.step * np.arange(width)
    y = canvas.top + canvas.step * np.arange(height)
    fx, fy = layout.pilot_frequencies.T
    rows = correlation.waves(np.outer(fy, y) + layout.pilot_phases[:, None] / (2.0 * np.pi))
    lines = (rows @ canvas.plane)[:, :, None]
    waves = correlation.waves(fx[:, None, None] * STRETCHES[:, None] * x)
    return np.stack([(side @ lines)[..., 0].T for side in (waves, waves.conj())])


@lru_cache(maxsize=2)
def _moved(layout: Layout) -> NDArray[np.complex128]:
    """(P, T) what each displacement does to the pilot's points."""
    x, y = (grid.ravel() for grid in np.meshgrid(OFF, OFF))
    return np.asarray(np.exp(-2j * np.pi * (layout.pilot_frequencies @ np.stack([x, y]))))
