"""Read luma planes from a video or still image, streaming, whatever state the file is in.

Reading serves verification, so it is forgiving: packets that do not decode are counted and
skipped, and an error is raised only if nothing decodes at all.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from provenance.errors import UnreadableFileError, UnsupportedMediaError, UsageError
from provenance.system.processes import own_share
from provenance.video.exif import orientation_of
from provenance.video.geometry import Orientation
from provenance.video.luma import LumaPlane, luma_depth, luma_view, with_luma
from provenance.video.opening import MAX_FRAMES, encrypted, main_video, open_media
from provenance.video.timing import Clock


@dataclass(frozen=True, slots=True, eq=False)
class LumaFrame:
    """One decoded frame's luma.

    ``luma`` is the (H, W) coded plane, uint8 or uint16 below ``2**depth``; it is a view that
    stays valid while this object does.  ``time`` is in seconds on the player's clock (see
    :class:`provenance.video.timing.Clock`).  ``sar`` is the width of a sample over its height
    and ``rotation`` the clockwise turn in degrees (then ``mirrored``: a left-right flip) that
    shows the picture upright.
    """

    luma: LumaPlane
    time: float
    depth: int
    keyframe: bool
    sar: Fraction
    rotation: int
    mirrored: bool = False
    full_range: bool = False
    _owner: VideoFrame | None = field(default=None, repr=False)

    def upright(self) -> LumaPlane:
        """The plane as a viewer sees it, turned and flipped by strides alone (no copy)."""
        return Orientation(self.rotation, self.mirrored).apply(self.luma)


_EXACT: Final = 1e-3
"""Seconds by which a time that is sought may lie beside the frame that is meant."""

Skip = Literal["none", "unreferenced", "bidirectional", "predicted"]
_SKIP: Final[dict[Skip, Literal["DEFAULT", "NONREF", "BIDIR", "NONKEY"]]] = {
    "none": "DEFAULT",
    "unreferenced": "NONREF",
    "bidirectional": "BIDIR",
    "predicted": "NONKEY",
}


@dataclass(slots=True)
class ReadStats:
    """What a pass over a file met; filled in while :func:`read_luma` runs.

    ``frames`` are those of the interval, ``decoded`` all that the decoder gave.
    """

    frames: int = 0
    decoded: int = 0
    damaged_packets: int = 0
    damaged_frames: int = 0


def read_luma(
    path: str | os.PathLike[str],
    *,
    start: float | None = None,
    end: float | None = None,
    stride: int = 1,
    skip: Skip = "none",
    threads: int = 0,
    stats: ReadStats | None = None,
) -> Generator[LumaFrame, None, None]:
    """Yield the luma of a video's frames, or of a still image (one frame; several if animated).

    ``start`` and ``end`` are seconds, the interval is half open; ``stride`` keeps every n-th frame
    of those decoded in it.  ``skip`` lets the decoder leave out frames that nothing is predicted
    from ("unreferenced"), every bidirectionally predicted one ("bidirectional") or all but key
    frames ("predicted").
    ``threads`` is the number of decoder threads, 0 for this process's share of the cores.

    Raises :class:`UnreadableFileError` if nothing decodes (though an interval that holds no frame
    is merely empty), :class:`UnsupportedMediaError` for files without a readable picture.
    """
    if stride < 1:
        raise UsageError(f"A stride of {stride} frames is impossible; give 1 or more.")
    counts = stats if stats is not None else ReadStats()
    with open_media(path) as container:
        stream = _picture(container, path, skip, threads)
        clock = Clock.of(container, stream)
        sought = start is not None and start > 0 and _seek(container, stream, clock.ticks(start))
        index, orientation = 0, None
        for frame in _decoded(container, stream, path, counts):
            time = clock.seconds(frame, stream)
            if end is not None and time >= end:
                break
            if start is not None and time < start:
                continue
            counts.frames += 1
            index += 1
            if (index - 1) % stride:
                continue
            if orientation is None:
                orientation = orientation_of(frame, path)
            yield _luma_frame(frame, time, stream, orientation)
        if not counts.frames and not sought and start is None and end is None:
            raise UnreadableFileError(
                f"No picture could be decoded from {Path(path).name}",
                advice="the file is damaged, so get a fresh copy",
            )


def read_runs(
    path: str | os.PathLike[str],
    times: Sequence[float],
    count: int,
    *,
    skip: Skip = "none",
    stats: ReadStats | None = None,
) -> Iterator[LumaFrame]:
    """Yield the luma of ``count`` frames from each of several seconds on, the file opened once.

    ``times`` ascend, and are meant to a millisecond: a run from where a key frame is shown begins
    with it, and nothing before it is decoded.  ``skip`` and ``stats`` as in :func:`read_luma`.
    What cannot be sought in is read through.

    Raises :class:`UnsupportedMediaError` for files without a readable picture.
    """
    for frame, time, stream, orientation in runs(path, times, count, skip=skip, stats=stats):
        yield _luma_frame(frame, time, stream, orientation)


def runs(
    path: str | os.PathLike[str],
    times: Sequence[float],
    count: int,
    *,
    skip: Skip = "none",
    stats: ReadStats | None = None,
) -> Iterator[tuple[VideoFrame, float, VideoStream, Orientation]]:
    """As :func:`read_runs`: the frames as they are decoded, when each is shown, and how."""
    counts = stats if stats is not None else ReadStats()
    with open_media(path) as container:
        stream = _picture(container, path, skip)
        clock = Clock.of(container, stream)
        orientation, after = None, float("-inf")
        for start in times:
            seen = 0
            # Seconds are rounded to ticks: a seek that falls short decodes a whole group in vain.
            _seek(container, stream, clock.ticks(start + _EXACT))
            for frame in _decoded(container, stream, path, counts):
                time = clock.seconds(frame, stream)
                if time < start - _EXACT or time <= after:
                    continue
                if orientation is None:
                    orientation = orientation_of(frame, path)
                yield frame, time, stream, orientation
                seen, after = seen + 1, time
                if seen == count:
                    break


def key_times(path: str | os.PathLike[str]) -> list[float]:
    """Seconds at which a video's key frames are shown, in order, from its packets alone.

    Raises :class:`UnsupportedMediaError` for files without a readable picture.
    """
    with open_media(path) as container:
        stream = main_video(container, path)
        clock = Clock.of(container, stream)
        return sorted(
            float(packet.pts * clock.time_base - clock.origin)
            for packet in _packets(container, stream, ReadStats())
            if packet.is_keyframe and not packet.is_discard and packet.pts is not None
        )


def picture_count(path: str | os.PathLike[str]) -> int:
    """How many pictures a file holds, from its packets alone: of an animation, say.

    Raises :class:`UnsupportedMediaError` for files without a readable picture.
    """
    with open_media(path) as container:
        stream = main_video(container, path)
        return sum(1 for _ in _packets(container, stream, ReadStats()))


def _picture(
    container: InputContainer, path: str | os.PathLike[str], skip: Skip, threads: int = 0
) -> VideoStream:
    """The main picture, its decoder set up, and everything else left out."""
    stream = main_video(container, path)
    context = stream.codec_context
    context.thread_type = "AUTO"
    context.thread_count = threads or own_share()
    context.skip_frame = _SKIP[skip]
    for other in container.streams:
        if other is not stream:
            other.discard = av.stream.Discard.all
    return stream


def _luma_frame(
    frame: VideoFrame, time: float, stream: VideoStream, orientation: Orientation
) -> LumaFrame:
    coded = with_luma(frame)
    return LumaFrame(
        luma=luma_view(coded),
        time=time,
        depth=luma_depth(coded.format.name) or 8,
        keyframe=frame.key_frame,
        sar=stream.sample_aspect_ratio or Fraction(1),
        rotation=orientation.rotation,
        mirrored=orientation.mirrored,
        full_range=coded.color_range == 2 or coded.format.name.startswith("yuvj"),
        _owner=coded,
    )


def _decoded(
    container: InputContainer, stream: VideoStream, path: str | os.PathLike[str], counts: ReadStats
) -> Iterator[VideoFrame]:
    # Some decoders (VP9's) decode every frame whatever they are told to skip.
    keys_alone = stream.codec_context.skip_frame == _SKIP["predicted"]
    for packet in _packets(container, stream, counts):
        if keys_alone and packet.size and not packet.is_keyframe:
            continue
        if packet.has_sidedata("encryption_info"):
            raise encrypted(path)
        try:
            frames = stream.decode(packet)
        except (av.error.FFmpegError, EOFError):
            counts.damaged_packets += 1
            continue
        for frame in frames:
            if frame.is_corrupt:
                counts.damaged_frames += 1
            counts.decoded += 1
            if counts.decoded > MAX_FRAMES:
                raise UnsupportedMediaError(
                    f"{Path(path).name} holds more than {MAX_FRAMES} pictures",
                    advice="cut out the part in question",
                )
            yield frame


def _packets(
    container: InputContainer, stream: VideoStream, counts: ReadStats
) -> Iterator[Packet[Any]]:
    packets = container.demux(stream)
    while True:
        try:
            yield next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            # The demuxer cannot go on after this: hand the decoder its end so it gives up what
            # it still holds.
            counts.damaged_packets += 1
            flush: Packet[Any] = Packet()
            flush.stream = stream
            flush.time_base = Fraction(stream.time_base or Fraction(1, 1000))
            yield flush
            return


def _seek(container: InputContainer, stream: VideoStream, ticks: int) -> bool:
    try:
        container.seek(ticks, stream=stream, backward=True)
    except av.error.FFmpegError:
        return False  # not seekable: decode from the beginning instead
    return True
