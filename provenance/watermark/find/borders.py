"""Borders of pictures laid over others: where neighbouring lines differ, frame after frame.

At the border of an inset two pictures meet that know nothing of one another, so neighbouring lines
differ more there than within either, whatever the two show and however they move.  That is seen in
the frame's own lines, in a single frame even, where the sum of residuals shows nothing.  What tells
an inset from a wall or a door frame is that its borders end at its corners.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Luma, Plane
from provenance.watermark.code.grid import Grid
from provenance.watermark.find.edges import lines_in, support
from provenance.watermark.find.panels import Box, distinct
from provenance.watermark.tuning import BORDERS_ALONG as ALONG
from provenance.watermark.tuning import BORDERS_CLEAR as CLEAR
from provenance.watermark.tuning import BORDERS_CLIP as CLIP
from provenance.watermark.tuning import BORDERS_EDGE as EDGE
from provenance.watermark.tuning import BORDERS_LINE as LINE
from provenance.watermark.tuning import BORDERS_NEAR as NEAR
from provenance.watermark.tuning import BORDERS_SIDES as SIDES
from provenance.watermark.tuning import BORDERS_USUAL as USUAL
from provenance.watermark.tuning import PANELS_SHORTEST as SHORTEST
from provenance.watermark.tuning import PANELS_WHOLE as WHOLE


class Borders:
    """Sums, over frames, of how much neighbouring lines differ.

    Args:
        grid: size, pixel aspect and rotation of the coded picture.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.frames = 0
        self._down: NDArray[np.float32] | None = None
        self._across: NDArray[np.float32] | None = None

    def add(self, luma: Luma) -> None:
        """One (H, W) luma plane."""
        down = cv2.absdiff(luma[1:], luma[:-1])
        across = cv2.absdiff(luma[:, 1:], luma[:, :-1])
        if self._down is None or self._across is None:
            self._down = np.zeros(down.shape, np.float32)
            self._across = np.zeros(across.shape, np.float32)
        cv2.accumulate(down, self._down)
        cv2.accumulate(across, self._across)
        self.frames += 1

    def insets(self) -> list[Box]:
        """Pictures laid over another, those with the clearest borders first, to the pixel."""
        if self._down is None or self._across is None:
            return []
        level, upright = self._grid.upright(self._down), self._grid.upright(self._across)
        if self._grid.rotation % 180:
            level, upright = upright, level
        upright = np.asarray(cv2.transpose(upright), np.float32)
        width, height = self._grid.upright_size
        seen = _edges(level, (width, height)), _edges(upright, (height, width))
        return [_exact(box, level, upright) for box in distinct(_framed(*seen))]


def alike(one: Box, other: Box, slack: float = 0.02) -> bool:
    """Whether two are of one size, as the same picture at two moments is."""
    wide = abs((one.right - one.left) - (other.right - other.left))
    high = abs((one.bottom - one.top) - (other.bottom - other.top))
    return max(wide, high) <= slack


def _edges(differences: NDArray[np.float32], size: tuple[int, int]) -> Plane:
    """(h, w) on the canonical grid: how much more lines differ here than a few lines off.

    Args:
        differences: (H - 1, W) of neighbouring lines.
        size: (width, height) of the grid.
    """
    width, height = size
    lines = len(differences) + 1
    seen = cv2.resize(differences, (width, lines - 1), interpolation=cv2.INTER_AREA)
    seen = cv2.blur(seen, (ALONG, 1))
    around = 2 * round(NEAR * lines / height / 2.0) + 1
    usual = cv2.blur(seen, (1, around))
    more = seen / (usual + 0.02 * float(usual.mean()) + 1e-6)
    # The clearest of the lines that come to lie on one of the grid's.
    place = np.minimum(np.arange(1, lines) * height // lines, height - 1)
    first = np.flatnonzero(np.diff(place, prepend=-1))
    last = np.append(first[1:], lines - 1) - 1
    clearest = more[first]
    for step in range(1, int((last - first).max()) + 1):
        np.maximum(clearest, more[np.minimum(first + step, last)], out=clearest)
    most = np.zeros((height, width), np.float32)
    most[place[first]] = clearest
    return np.asarray(np.minimum(most, CLIP) - USUAL, np.float32)


def _framed(level: Plane, upright: Plane) -> list[Box]:
    """Boxes with borders all around that end at their corners, the clearest first."""
    across, down = _places(level), _places(upright)
    (top, bottom), (left, right) = _pairs(across), _pairs(down)
    # (N, M): each pair of level lines with each of upright ones.
    flat, tall = (
        _clear(level, across, down[left], down[right]),
        _clear(upright, down, across[top], across[bottom]),
    )
    sides = np.stack([flat[top], flat[bottom], tall[left].T, tall[right].T])
    high, wide = (across[bottom] - across[top])[:, None], down[right] - down[left]
    due = np.isfinite(sides)
    fits = (np.minimum(high, wide) >= SHORTEST) & (high * wide <= WHOLE) & (due.sum(0) >= SIDES)
    fits &= np.where(due, sides, np.inf).min(axis=0) >= CLEAR
    found = np.argwhere(fits)
    order = np.argsort(-np.where(due, sides, 0.0).sum(axis=0)[fits])
    return [
        Box(
            *(
                float(at)
                for at in (down[left[j]], across[top[i]], down[right[j]], across[bottom[i]])
            )
        )
        for i, j in found[order]
    ]


def _pairs(places: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(len(places), k=1)


def _places(edges: Plane) -> NDArray[np.float64]:
    """Where clear lines are, as fractions, between the frame's edges."""
    lines = lines_in(edges, (0.0,), SHORTEST)
    found = [place / len(edges) + 0.5 for score, place, _ in lines if score >= LINE]
    return np.array([0.0, *sorted(one for one in found if EDGE < one < 1.0 - EDGE), 1.0])


def _clear(
    edges: Plane,
    places: NDArray[np.float64],
    start: NDArray[np.float64],
    stop: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(A, P): how clear a border is at each place between each start and stop, and how much less
    so is what goes on beyond them; the lesser of both.  NaN for the frame's own edges."""
    reach = (stop - start) / 2.0
    own = _mean(edges, places, start, stop)
    before = _mean(edges, places, np.maximum(0.0, start - reach), start - EDGE)
    after = _mean(edges, places, stop + EDGE, np.minimum(1.0, stop + reach))
    beyond = np.fmax(before, after)
    clear = np.where(np.isnan(beyond), own, np.minimum(own, own - beyond))
    clear[(places <= 0.0) | (places >= 1.0)] = np.nan
    return clear


def _mean(
    edges: Plane,
    places: NDArray[np.float64],
    start: NDArray[np.float64],
    stop: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(A, P) of edges along level lines, all in fractions; NaN where one is too short to say."""
    height, width = edges.shape
    at, near, far = (one.ravel() for one in np.broadcast_arrays(places[:, None], start, stop))
    ends = [np.stack([(x - 0.5) * width, (at - 0.5) * height], axis=1) for x in (near, far)]
    long = np.maximum(far - near, EDGE)
    mean = support(edges, ends[0], ends[1]) / np.sqrt(long * width)
    return np.where(far - near > EDGE, mean, np.nan).reshape(len(places), len(start))


def _exact(box: Box, level: NDArray[np.float32], upright: NDArray[np.float32]) -> Box:
    """The same, its borders between the very lines that differ most nearby."""
    top, bottom = (_line(level, at, box.left, box.right) for at in (box.top, box.bottom))
    left, right = (_line(upright, at, box.top, box.bottom) for at in (box.left, box.right))
    return Box(left, top, right, bottom)


def _line(differences: NDArray[np.float32], at: float, start: float, stop: float) -> float:
    if at in {0.0, 1.0}:
        return at
    lines, across = len(differences) + 1, differences.shape[1]
    reach = 2 * -(-lines // 360)
    near = round(at * lines) - 1
    low, high = max(0, near - reach), min(lines - 1, near + reach + 1)
    part = differences[low:high, round(start * across) : round(stop * across)]
    return (low + int(part.mean(axis=1).argmax()) + 1) / lines
