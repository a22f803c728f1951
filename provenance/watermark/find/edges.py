"""Straight edges in a summed residual: where one picture ends and another begins.

A border between two pictures stays where it is while what they show moves, so it stands in the sum
over the clip as a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Plane
from provenance.watermark.tuning import OUTLINES_APART as APART
from provenance.watermark.tuning import OUTLINES_AROUND as AROUND
from provenance.watermark.tuning import OUTLINES_CLIP as CLIP
from provenance.watermark.tuning import OUTLINES_FAINTEST as FAINTEST
from provenance.watermark.tuning import OUTLINES_GRID as GRID
from provenance.watermark.tuning import OUTLINES_LINES as LINES
from provenance.watermark.tuning import OUTLINES_SAMPLES as SAMPLES
from provenance.watermark.tuning import OUTLINES_SHORTEST as SHORTEST
from provenance.watermark.tuning import OUTLINES_SLOPES as SLOPES

Line = tuple[float, float, float]
"""Score, place in the middle of the frame, slope."""


def edges_of(plane: Plane) -> Plane:
    """(h, w): how much more the residual changes downwards than it does all around."""
    change = np.abs(cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3))
    texture = cv2.blur(change, (AROUND, AROUND))
    floor = 0.5 * float(np.median(texture)) + 1e-9
    return np.asarray(np.clip(change / (texture + floor), 0.0, CLIP) - 1.0, np.float32)


def lines_in(
    edges: Plane, slopes: Sequence[float] = SLOPES, shortest: float = SHORTEST
) -> list[Line]:
    """The straightest edges that go across, each at its best length, no two alike.

    Args:
        edges: (h, w), see :func:`edges_of`.
        slopes: that a line may have.
        shortest: a line's least length, relative to the width.
    """
    height, width = edges.shape
    ends = np.arange(0, width + 1, GRID)
    start, stop = np.triu_indices(len(ends), k=max(1, int(shortest * width / GRID)))
    length = np.sqrt(ends[stop] - ends[start]).astype(np.float32)
    found = []
    for slope in slopes:
        shear = np.array([[1, 0, 0], [slope, 1, -slope * (width - 1) / 2.0]])
        straight = cv2.warpAffine(
            edges, shear, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        # The mean of each GRID columns, which OpenCV has sooner than NumPy their sum.
        blocks = cv2.resize(
            straight[:, : ends[-1]], (len(ends) - 1, height), interpolation=cv2.INTER_AREA
        )
        sums = np.zeros((height, len(ends)), np.float32)
        np.cumsum(blocks * np.float32(GRID), axis=1, out=sums[:, 1:])
        scores = (sums[:, stop] - sums[:, start]) / length
        best = scores.argmax(axis=1)
        top = scores[np.arange(height), best]
        for row in np.flatnonzero(top > FAINTEST):
            near, far = ends[start[best[row]]], ends[stop[best[row]]]
            found.append((float(top[row]), row - (height - 1) / 2.0, slope, near, far))
    kept: list[tuple[float, float, float]] = []
    for score, place, slope, near, far in sorted(found, reverse=True):
        span = np.array([near, far]) - (width - 1) / 2.0
        if all(
            np.abs(place - other + (slope - tilt) * span).max() > APART for _, other, tilt in kept
        ):
            kept.append((score, place, slope))
            if len(kept) == LINES:
                break
    return kept


def support(
    edges: Plane, start: NDArray[np.float64], stop: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N,) how clearly there is an edge from one corner (N, 2) to another."""
    share = (np.arange(SAMPLES) + 0.5) / SAMPLES
    points = start[:, None] + (stop - start)[:, None] * share[:, None]
    x, y = np.moveaxis((points + middle_of(edges)).astype(np.float32), -1, 0)
    seen = cv2.remap(edges, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    length = np.hypot(*(stop - start).T)
    return np.asarray(seen.mean(axis=1) * np.sqrt(length), np.float64)


def middle_of(plane: Plane) -> NDArray[np.float64]:
    """Pixel coordinates (x, y) of a plane's centre."""
    height, width = plane.shape
    return np.array([(width - 1) / 2.0, (height - 1) / 2.0])
