"""Parts of a picture that are looked at together, in one pass over the frames."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from provenance.verifying.regions import Region
from provenance.video import LumaFrame
from provenance.watermark.arrays import Plane
from provenance.watermark.picture.observation import Observation
from provenance.watermark.where.boundaries import Look, Seen


class View(NamedTuple):
    """A region, and what was seen in it."""

    region: Region
    observation: Observation


def watch(
    views: Sequence[View], frames: Iterator[LumaFrame], known: Collection[float] = ()
) -> list[float]:
    """Add frames to every view; gives their times.  A stream may change its size half way: what
    follows has a grid of its own, and is left out.  So are moments that ``known`` holds."""
    whole, times = views[0].region.whole, []
    for frame in frames:
        if frame.time not in known and frame.luma.shape == (whole.height, whole.width):
            times.append(frame.time)
            for view in views:
                view.observation.add(view.region.of_frame(frame.luma), frame.time)
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
