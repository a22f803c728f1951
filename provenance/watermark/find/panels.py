"""Panels: rectangles of a frame that are pictures of their own.

Side by side, in a grid, or one laid over another: what lies beyond a panel's borders is another
picture, with a mark of its own or none.  A detector that is handed a panel alone, at its own
resolution, is not disturbed by the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Plane
from provenance.watermark.find.edges import Line, edges_of, lines_in, support
from provenance.watermark.tuning import PANELS_ALIKE as ALIKE
from provenance.watermark.tuning import PANELS_CLEAR as CLEAR
from provenance.watermark.tuning import PANELS_EDGE as EDGE
from provenance.watermark.tuning import PANELS_FOUND as FOUND
from provenance.watermark.tuning import PANELS_SHORTEST as SHORTEST
from provenance.watermark.tuning import PANELS_WHOLE as WHOLE


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, its sides in fractions of the shown picture from the upper left corner."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    @property
    def share(self) -> float:
        """Of the picture."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def shared(self, other: Box) -> float:
        """Share of the picture that both cover."""
        both = Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )
        return both.share

    def alike(self, other: Box) -> bool:
        """Whether two are one and the same, but for a border found twice."""
        both = self.shared(other)
        return both >= ALIKE * (self.share + other.share - both)


def panels(plane: Plane) -> list[Box]:
    """The likeliest panels in a residual (h, w), those with the clearest borders first.

    Each side is a straight border, or the frame's own edge; one side at least is a border.
    """
    height, width = plane.shape
    level, upright = edges_of(plane), edges_of(np.ascontiguousarray(plane.T))
    across, down = (
        _places(lines_in(level, (0.0,), SHORTEST), height),
        _places(lines_in(upright, (0.0,), SHORTEST), width),
    )
    boxes = [
        box
        for (top, bottom), (left, right) in product(combinations(across, 2), combinations(down, 2))
        if (box := Box(left, top, right, bottom)).share <= WHOLE
        and min(right - left, bottom - top) >= SHORTEST
    ]
    clear = np.hstack([_clear(level, boxes), _clear(upright, [_turned(box) for box in boxes])])
    found = [
        (float(np.nanmean(sides)), box)
        for sides, box in zip(clear, boxes, strict=True)
        if np.nanmin(sides) >= CLEAR
    ]
    return distinct([box for _, box in sorted(found, key=lambda one: -one[0])])


def distinct(boxes: Sequence[Box]) -> list[Box]:
    """The first few of them, of those that are alike the first."""
    kept: list[Box] = []
    for box in boxes:
        if not any(box.alike(other) for other in kept):
            kept.append(box)
    return kept[:FOUND]


def _places(lines: list[Line], length: int) -> list[float]:
    """Where lines are, as fractions, between the frame's edges."""
    inner = (float(place / length) + 0.5 for _, place, _ in lines)
    return [0.0, *sorted(one for one in inner if EDGE < one < 1.0 - EDGE), 1.0]


def _clear(edges: Plane, boxes: Sequence[Box]) -> NDArray[np.float64]:
    """(N, 2): how clear the upper and the lower border are; NaN for the frame's own edges."""
    sides = [((b.left, side), (b.right, side)) for b in boxes for side in (b.top, b.bottom)]
    ends = np.array(sides, np.float64).reshape(-1, 2, 2)
    inner = (ends[:, 0, 1] > 0.0) & (ends[:, 0, 1] < 1.0)
    found = np.full(len(ends), np.nan)
    places = (ends[inner] - 0.5) * edges.shape[::-1]
    if len(places):
        found[inner] = support(edges, places[:, 0], places[:, 1])
    return found.reshape(-1, 2)


def _turned(box: Box) -> Box:
    return Box(box.top, box.left, box.bottom, box.right)
