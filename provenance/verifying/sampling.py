"""Which frames of a file are looked at: a few, spread over it, and from where it is cheap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from provenance.results import Coverage, Effort
from provenance.results.reports import Stage
from provenance.video import (
    LumaFrame,
    MediaInfo,
    Skip,
    key_times,
    picture_count,
    read_luma,
    read_runs,
)
from provenance.watermark.code.grid import Grid
from provenance.watermark.where.boundaries import Seen

MIN_LINES = 120
"""Shorter pictures hold no mark that survives anything."""
MAX_ELONGATION = 6.0
"""Pictures longer than this many times their short side are not looked at: a hostile 1 x 60000
image would otherwise fill the memory on the canonical grid."""
LONG = 20.0
"""Seconds from which a clip is sampled at its key frames instead of read through."""
FIRST_LOOK = 40
PLACES = 32
STILL_FRAMES = 16
HEARD_EVERY = 3.0
"""Seconds of a long stretch in which one frame is looked at, at least."""
BIDIRECTIONAL = 6
"""Times as many frames as wanted from which on B frames are left out: they are most of a clip."""


def grid_of(info: MediaInfo) -> Grid:
    """The canonical grid of a file's picture, as it is shown."""
    video = info.video
    return Grid(video.width, video.height, float(video.sar), video.rotation)


def too_narrow(info: MediaInfo) -> bool:
    """Whether a picture is too small, or too long, to be laid on the canonical grid."""
    long_side, short_side = max(info.video.display_size), min(info.video.display_size)
    return long_side > MAX_ELONGATION * short_side or short_side < 16


class Footage:
    """A file's frames, a few at a time: what the steps of a search look at.

    Args:
        path: the file.
        info: what :func:`provenance.video.probe` said of it.
    """

    def __init__(self, path: Path, info: MediaInfo) -> None:
        self.path, self.info = path, info

    @cached_property
    def keys(self) -> list[float]:
        """Seconds at which its key frames are shown."""
        return key_times(self.path)

    def survey(self) -> Iterator[LumaFrame]:
        """About 40 frames spread over the clip, or 16 of an animation; a still image's only one."""
        return self.sampled(FIRST_LOOK)

    def sampled(self, count: int) -> Iterator[LumaFrame]:
        """About ``count`` frames in order of time: runs at key frames when long, else spread."""
        if self.info.kind == "image":
            stride = -(-picture_count(self.path) // STILL_FRAMES)
            return first(read_luma(self.path, stride=max(1, stride)), STILL_FRAMES)
        if (self.info.duration or 0.0) <= LONG or len(self.keys) < PLACES:
            return self.spread(count)
        chosen = [self.keys[i * len(self.keys) // PLACES] for i in range(PLACES)]
        run = max(1, count // PLACES)
        return read_runs(self.path, chosen, run, skip="unreferenced" if run > 1 else "none")

    @property
    def total(self) -> int | None:
        """About how many frames there are, if that is known without decoding."""
        info = self.info
        if info.video.frames is None and info.duration and info.video.fps:
            return int(info.duration * info.video.fps)
        return info.video.frames

    def spread(self, count: int) -> Iterator[LumaFrame]:
        """One pass; of frames others are predicted from, those nearest ``count`` even times."""
        info, total = self.info, self.total
        if total is None or total <= count or not info.duration:
            return first(read_luma(self.path), count)
        plenty = total > BIDIRECTIONAL * count
        skip: Skip = "bidirectional" if plenty else "unreferenced" if total > 2 * count else "none"
        return every(read_luma(self.path, skip=skip), info.duration / count)

    def within(self, stretches: Sequence[tuple[float, float]], count: int) -> Iterator[LumaFrame]:
        """About ``count`` frames of stretches of time.

        Of long ones key frames, where there is one every few seconds, else some of those that
        others are predicted from.
        """
        total = sum(end - start for start, end in stretches)
        skip: Skip = "none"
        gap = total / count
        if total > LONG:
            keys = sum(start <= key < end for key in self.keys for start, end in stretches)
            if keys * HEARD_EVERY >= total:
                skip = "predicted"
            else:
                gap, skip = max(gap, HEARD_EVERY / 2.0), "bidirectional"
        parts = (read_luma(self.path, start=start, end=end, skip=skip) for start, end in stretches)
        return every(chain.from_iterable(parts), gap)

    def between(self, start: float, end: float, count: int) -> Iterator[Seen]:
        """About ``count`` frames from one second to another."""
        frames = (end - start) * float(self.info.video.fps or 25.0)
        stride = max(1, round(frames / max(count, 1)))
        size = (self.info.video.height, self.info.video.width)
        for frame in read_luma(self.path, start=max(start, 0.0), end=end, stride=stride):
            if frame.luma.shape == size:
                yield frame.luma, frame.time


def coverage_of(
    times: Sequence[float], length: float, effort: Effort, spent: tuple[Stage, ...]
) -> Coverage | None:
    """What frames looked at at some seconds cover of a clip, 0 seconds long if it is a still."""
    if not times:
        return None
    apart = np.array(sorted(set(times)))
    near = np.diff(np.concatenate([[0.0], apart, [max(length, apart[-1])]]))
    reach = np.array([HEARD_EVERY / 2.0, *[HEARD_EVERY] * (len(near) - 2), HEARD_EVERY / 2.0])
    heard = float(np.minimum(near, reach).sum())
    return Coverage(
        effort=effort,
        frames=len(apart),
        share=heard / length if length else 1.0,
        longest_gap_s=float(near.max()),
        spent=spent,
    )


def every(frames: Iterable[LumaFrame], gap: float) -> Iterator[LumaFrame]:
    """Frames that lie ``gap`` seconds apart, as nearly as they can."""
    due = float("-inf")
    for frame in frames:
        if frame.time >= due:
            yield frame
            due = max(due + gap, frame.time + gap / 2.0)


def first(frames: Iterator[LumaFrame], count: int) -> Iterator[LumaFrame]:
    """At most ``count`` frames; no more are decoded."""
    for _, frame in zip(range(count), frames, strict=False):
        yield frame
