"""A few frames in colour, upright and small, for people to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provenance.video.reader import runs

_MOST_SAR = 8.0
"""A sample that is said to be longer than this has no shape that anybody could look at."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One frame as it is shown.

    ``rgb`` is (H, W, 3) uint8; ``time`` is in seconds on the player's clock; ``across`` and
    ``down`` are the picture's own pixels, upright, before it was made small.
    """

    rgb: npt.NDArray[np.uint8]
    time: float
    across: int
    down: int


def read_stills(
    path: str | os.PathLike[str], times: Sequence[float], *, longest: int
) -> Iterator[Still]:
    """Yield the first frame from each of several seconds on, its longer side ``longest`` at most.

    ``times`` ascend.  High dynamic range is shown as it is coded, without tone mapping.

    Raises :class:`UnsupportedMediaError` for files without a readable picture.
    """
    for frame, time, stream, orientation in runs(path, times, 1):
        sar = float(stream.sample_aspect_ratio or 1)
        wide = frame.width * (sar if 1 / _MOST_SAR <= sar <= _MOST_SAR else 1.0)
        smaller = min(1.0, longest / max(wide, frame.height))
        width, height = (max(2, round(side * smaller)) for side in (wide, frame.height))
        converted = frame.reformat(width=width, height=height, format="rgb24")
        small = np.asarray(converted.to_ndarray(), np.uint8)
        across, down = frame.width, frame.height
        if orientation.rotation % 180:
            across, down = down, across
        shown = np.ascontiguousarray(orientation.apply(small))
        yield Still(shown.astype(np.uint8, copy=False), time, across, down)
