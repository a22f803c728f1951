"""Look for the watermark in a file: few frames first, more only while undecided.

1. A few dozen frames, spread over the clip (its key frames, when it is long), read where they lie.
2. A few hundred, and the whole search for geometry.
3. Up to several hundred more, and the whole search again.
4. Where a find's timeline disagrees with itself (a splice), short runs around the places in
   question; a file that is marked throughout is not read again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from provenance.errors import UnreadableFileError
from provenance.results import Detection
from provenance.results.payload import StampId
from provenance.video import LumaFrame, MediaInfo, Skip, read_luma
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.detector import Detector
from provenance.watermark.picture.observation import Observation
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
LOOKS = (240, 640)
"""Frames in the second and third round."""
MORE = 1.6
"""Times as many frames as before for which the whole search is worth repeating."""
STILL_FRAMES = 16
MOST_OTHERS = 8
"""Stamps besides the first that are looked for."""
SEARCHED = 60.0
"""Seconds up to which the whole search for geometry is made for another stamp."""
LEAST_STRETCH = 1.0
"""Seconds without the first stamp in which another one is looked for."""
BIDIRECTIONAL = 6
"""Times as many frames as wanted from which on B frames are left out: they are most of a clip."""

_log = logging.getLogger(__name__)


def grid_of(info: MediaInfo) -> Grid:
    """The canonical grid of a file's picture, as it is shown."""
    video = info.video
    return Grid(video.width, video.height, float(video.sar), video.rotation)


def examine(
    path: Path,
    info: MediaInfo,
    keys: Sequence[WatermarkKey],
    *,
    expected: StampId | None = None,
) -> Detection:
    """Find and read the watermark of a video or still image.

    Args:
        path: the file.
        info: what :func:`provenance.video.probe` said of it.
        keys: every key to try, newest first.
        expected: the stamp id of a file this program just wrote: it is looked for where it lies
            only, and its margin is measured also when it cannot be read.

    Raises:
        UnreadableFileError: when nothing of it decodes.
    """
    if not keys:
        return Detection("not_checked", reason="no watermark key was given")
    if too_narrow(info):
        return Detection("not_checked", reason="the picture is too small or too narrow to look at")
    detector = Detector(keys)
    observation = _observe(info, survey(path, info))
    look = partial(_between, path, info) if info.kind == "video" and expected is None else None
    detection = detector.quick(observation, look)
    if expected is not None and detection.margin_db is None:
        return replace(detection, margin_db=detector.measure(observation, expected))
    if expected is not None:
        return detection
    seen = 0
    for frames in LOOKS if detection.stamp_id is None else ():
        if info.kind == "video":
            observation = _observe(info, _sampled(path, info, frames))
        if seen and observation.frames < MORE * seen:
            break
        seen = observation.frames
        detection = detector.thorough(observation, look)
        _log.debug("%s: %s after %d frames", path, detection.status, seen)
        if detection.stamp_id is not None:
            break
    return detection


def others_beside(
    path: Path, info: MediaInfo, keys: Sequence[WatermarkKey], found: Detection
) -> tuple[Detection, ...]:
    """Other stamps in the moments of a video that do not carry the one that was found.

    Compilations, reactions and news pieces are made of many clips.  Each stretch that is left is
    searched as a file of its own would be, until nothing more is found in it.

    Args:
        path: the file.
        info: what :func:`provenance.video.probe` said of it.
        keys: every key to try, newest first.
        found: what :func:`examine` found.
    """
    finds: list[Detection] = []
    rest = _unmarked([(s.start, s.end) for s in found.segments], found)
    while found.stamp_id is not None and len(finds) < MOST_OTHERS:
        rest = [(start, end) for start, end in rest if end - start >= LEAST_STRETCH]
        if not rest:
            break
        detector = Detector(keys)
        observation = Observation(grid_of(info), info.video.bit_depth, info.duration)
        _add(observation, info, _within(path, rest, LOOKS[0]))
        if not observation.frames:
            break
        brief = sum(end - start for start, end in rest) > SEARCHED
        search = detector.brief if brief else detector.thorough
        other = search(observation, partial(_between, path, info))
        known = {found.stamp_id, *(find.stamp_id for find in finds)}
        if other.stamp_id is None or other.stamp_id in known:
            break
        kept = tuple(
            replace(s, start=max(s.start, start), end=min(s.end, end))
            for s in other.segments
            for start, end in rest
            if min(s.end, end) > max(s.start, start)
        )
        finds.append(replace(other, status="partial", segments=kept))
        rest = _unmarked(rest, finds[-1])
    return tuple(finds)


def _unmarked(
    stretches: Sequence[tuple[float, float]], found: Detection
) -> list[tuple[float, float]]:
    """What of stretches a find does not mark."""
    marked = [s for s in found.segments if s.status == "marked"]
    for mark in marked:
        stretches = [
            part
            for start, end in stretches
            for part in ((start, min(end, mark.start)), (max(start, mark.end), end))
            if part[1] > part[0]
        ]
    merged: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _within(
    path: Path, stretches: Sequence[tuple[float, float]], count: int
) -> Iterator[LumaFrame]:
    """About ``count`` frames of stretches of time, of long ones key frames alone."""
    total = sum(end - start for start, end in stretches)
    skip: Skip = "predicted" if total > LONG else "none"
    parts = (read_luma(path, start=start, end=end, skip=skip) for start, end in stretches)
    return every(chain.from_iterable(parts), total / count)


def too_narrow(info: MediaInfo) -> bool:
    """Whether a picture is too small, or too long, to be laid on the canonical grid."""
    long_side, short_side = max(info.video.display_size), min(info.video.display_size)
    return long_side > MAX_ELONGATION * short_side or short_side < 16


def _between(path: Path, info: MediaInfo, start: float, end: float, count: int) -> Iterator[Seen]:
    """About ``count`` frames from one second to another."""
    frames = (end - start) * float(info.video.fps or 25.0)
    stride = max(1, round(frames / max(count, 1)))
    size = (info.video.height, info.video.width)
    for frame in read_luma(path, start=max(start, 0.0), end=end, stride=stride):
        if frame.luma.shape == size:
            yield frame.luma, frame.time


def survey(path: Path, info: MediaInfo) -> Iterator[LumaFrame]:
    """About 40 frames spread over the clip, or every frame of a still image (up to 16)."""
    if info.kind == "image":
        yield from first(read_luma(path), STILL_FRAMES)
    else:
        yield from _sampled(path, info, FIRST_LOOK)


def _observe(info: MediaInfo, frames: Iterator[LumaFrame]) -> Observation:
    observation = Observation(grid_of(info), info.video.bit_depth, info.duration)
    _add(observation, info, frames)
    if not observation.frames:
        raise UnreadableFileError(
            f"No picture could be decoded from {info.path}",
            advice="get a complete copy of the file",
        )
    return observation


def _add(observation: Observation, info: MediaInfo, frames: Iterator[LumaFrame]) -> None:
    size = (info.video.height, info.video.width)
    for frame in frames:
        # A stream may change its size half way; the rest has a grid of its own.
        if frame.luma.shape == size:
            observation.add(frame.luma, frame.time)


def _sampled(path: Path, info: MediaInfo, count: int) -> Iterator[LumaFrame]:
    """About ``count`` frames in order of time: runs at key frames when long, else evenly spread."""
    duration = info.duration or 0.0
    if duration <= LONG:
        yield from spread(path, info, count)
        return
    times = [frame.time for frame in read_luma(path, skip="predicted")]
    if len(times) < PLACES:
        yield from spread(path, info, count)
        return
    chosen = [times[i * len(times) // PLACES] for i in range(PLACES)]
    for time in chosen:
        run = max(1, count // PLACES)
        skip: Skip = "unreferenced" if run > 1 else "none"
        yield from first(read_luma(path, start=time - 1e-3, skip=skip), run)


def spread(path: Path, info: MediaInfo, count: int) -> Iterator[LumaFrame]:
    """One pass; of frames others are predicted from, those nearest ``count`` even times."""
    total = info.video.frames
    if total is None and info.duration and info.video.fps:
        total = int(info.duration * info.video.fps)
    if total is None or total <= count or not info.duration:
        yield from first(read_luma(path), count)
        return
    plenty = total > BIDIRECTIONAL * count
    skip: Skip = "bidirectional" if plenty else "unreferenced" if total > 2 * count else "none"
    yield from every(read_luma(path, skip=skip), info.duration / count)


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
