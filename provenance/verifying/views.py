"""Parts of a picture that are looked at together, in one pass over the frames."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from provenance.results import Detection
from provenance.verifying.places import misplaced
from provenance.verifying.regions import Region
from provenance.verifying.wording import placed
from provenance.video import LumaFrame
from provenance.watermark.arrays import Plane
from provenance.watermark.picture.observation import Observation
from provenance.watermark.where.boundaries import Look, Seen

SHORT = 0.9
"""Of the frame's short side, what the stamped picture's is at most where that is laid in another:
the short side alone is known to the pixel, the long one only as far as the mark was seen."""
EDGE = 6
"""Pixels around the stamped picture that belong to neither: its border is no texture."""
TEXTURE = 0.2
"""Of the texture beside it, what a part of the picture must have to show anything: bars have none,
and no mark could be heard in them."""


class View(NamedTuple):
    """A region, and what was seen in it."""

    region: Region
    observation: Observation


def watch(
    views: Sequence[View],
    frames: Iterator[LumaFrame],
    known: Collection[float] = (),
    also: Observation | None = None,
) -> list[float]:
    """Add frames to every view; gives their times.  A stream may change its size half way: what
    follows has a grid of its own, and is left out.  So are moments that ``known`` holds.

    ``also``: of a longer time, which gets what the views of the same picture get.
    """
    whole, times = views[0].region.whole, []
    for frame in frames:
        if frame.time not in known and frame.luma.shape == (whole.height, whole.width):
            times.append(frame.time)
            for view in views:
                view.observation.add(view.region.of_frame(frame.luma), frame.time, also)
    return times


def look_into(region: Region, look: Look | None) -> Look | None:
    """Frames read again, of a region alone."""
    if look is None:
        return None
    again = look

    def into(start: float, end: float, count: int) -> Iterator[Seen]:
        for luma, time in again(start, end, count):
            yield region.of_frame(luma), time

    return into


def texture(plane: Plane, window: Plane | None = None) -> float:
    """How much a residual (h, w) is, over the places that are looked at."""
    share = 1.0 if window is None else max(float(window.mean()), 1e-6)
    return float(np.sqrt(np.mean(plane * plane) / share))


def laid_in(found: Detection, plane: Plane) -> bool:
    """Whether the stamped picture fills a part of the shown one, and pictures surround it, no bars.

    Args:
        found: in the whole picture.
        plane: (h, w) the whole picture's residual, upright.
    """
    if found.picture is None or not placed(found) or misplaced(found):
        return False
    height, width = plane.shape
    corners = np.array(found.picture.outline) * (width, height)
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    if sides.min() > SHORT * min(width, height):
        return False
    left, top, right, bottom = (
        round(at * side) for at, side in zip(found.picture.frame, (width, height) * 2, strict=True)
    )
    inside, outside = np.zeros_like(plane), np.ones_like(plane)
    inside[top + EDGE : bottom - EDGE, left + EDGE : right - EDGE] = 1.0
    outside[max(0, top - EDGE) : bottom + EDGE, max(0, left - EDGE) : right + EDGE] = 0.0
    around = texture(plane * outside, outside)
    return around > TEXTURE * texture(plane * inside, inside)
