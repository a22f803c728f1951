"""Before the work starts: one look through a file, at its packets, without decoding any.

It finds out what goes along (:mod:`provenance.video.tags`), when each frame is shown
(:mod:`provenance.video.timetable`), and whether the output can hold every other track: the first
packets of each are written on trial, into memory.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from provenance.errors import UnreadableFileError, UnsupportedMediaError, UsageError
from provenance.system.extent import extent_of
from provenance.video.aperture import cropped_by_container
from provenance.video.encoders import Container
from provenance.video.feed import Feed
from provenance.video.opening import is_cover, is_image, main_video, open_media
from provenance.video.tags import TagPlan, plan_tags
from provenance.video.timetable import LONGEST_WAIT, Grid, SeenTimes, Timetable, units_for
from provenance.video.trial import Heads, try_tracks

_COARSE: Final = ("matroska", "webm", "flv", "asf", "mpegts", "mpeg", "rm", "wtv")
"""Containers that count in units of their own, whatever the frame rate is."""
_CLOCKLESS: Final = ("mpegts", "mpeg", "flv", "live_flv", "wtv", "ogg", "rm", "asf")
"""Containers whose clock starts anywhere."""
_WRAPPING: Final = ("mpegts", "mpeg")
"""Those whose clock begins anew after a day; what comes before that has times below 0."""
_FRAME_SIZES: Final = (256, 480, 512, 960, 1024, 1152, 1536, 1920, 2048, 2880, 4096, 4608)
"""Samples in a packet of sound, as codecs have them."""
_HEAD: Final = 64
_HEAD_BYTES: Final = 1 << 20
"""Packets, and bytes of them, that are kept of a track for the trial."""
_MICROSECOND: Final = Fraction(1, 1_000_000)
_MILLISECOND: Final = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Foresight:
    """What is known of a transcode before it begins.

    ``sounds`` are grids of sounds whose container rounds times, by the tracks' indices.
    """

    tags: TagPlan
    times: Timetable
    sounds: Mapping[int, Grid]


def foresee(
    path: str | os.PathLike[str], container: Container, keep_tags: Collection[str] = ()
) -> Foresight:
    """Look through a file that is to be written anew.

    Args:
        path: the file.
        container: what is going to be written.
        keep_tags: names of tags to keep besides those that always are.

    Raises:
        UsageError: a track that ``container`` can't hold; the sentence names one that can.
        UnsupportedMediaError: an image, several picture tracks, or none.
        UnreadableFileError: the file can't be opened, or is incomplete.
    """
    name = Path(path).name
    with open_media(path) as media:
        if extent_of(path).missing:
            raise UnreadableFileError(
                f"{name} is truncated: its end is missing",
                advice="get a fresh copy",
            )
        stream = main_video(media, path)
        if is_image(media):
            raise UnsupportedMediaError(
                f"{name} is an image, not a video",
                advice="give a video file",
            )
        _refuse_other_pictures(media, stream, name)
        if stream.metadata.get("alpha_mode") == "1":
            # VP8 and VP9 keep transparency beside the picture, and no decoder here gives it out.
            raise UsageError(
                f"The picture of {name} has transparency, which cannot be kept; flatten it first."
            )
        context = stream.codec_context
        if cropped_by_container(path, context.width, context.height):
            raise UnsupportedMediaError(
                f"{name} has its picture cropped by the container, and what that hides would "
                "come into view",
                advice="crop it for good first",
            )
        tags = plan_tags(media, container, keep_tags)
        heads, seen = _look_through(media, stream, Feed(media, path, stream))
        try_tracks(media, stream, container, tags, heads)
        times = _timetable(media, stream, seen.pop(stream.index))
        grids = {index: one.grid(None) for index, one in seen.items()}
        sounds = {index: grid for index, grid in grids.items() if grid and grid.whole}
        if _rounds_again(container, stream):
            return Foresight(tags, replace(times, time_base=_base(stream), grid=None), {})
        return Foresight(tags, times, sounds)


def _rounds_again(container: Container, stream: VideoStream) -> bool:
    """Whether the output rounds as the input did, so that times stay as they are."""
    return container in ("matroska", "webm") and _base(stream) >= _MILLISECOND


def _base(stream: VideoStream) -> Fraction:
    return Fraction(stream.time_base or _MILLISECOND)


def _look_through(
    media: InputContainer, stream: VideoStream, feed: Feed
) -> tuple[Heads, dict[int, SeenTimes]]:
    """The first packets of all other tracks; times of the picture, and of sounds where rounded.

    Damage is left for the decoder to name.
    """
    base = _base(stream)
    coarse = _is_one_of(media, _COARSE)
    named = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    seen = {stream.index: SeenTimes(base, coarse, [Fraction(rate) for rate in named if rate])}
    for sound in media.streams.audio if coarse else ():
        if sound.codec_context is not None and sound.codec_context.sample_rate and sound.time_base:
            sizes = (sound.codec_context.frame_size, *_FRAME_SIZES)
            rates = [Fraction(sound.codec_context.sample_rate, size) for size in sizes if size]
            seen[sound.index] = SeenTimes(Fraction(sound.time_base), coarse, rates)
    heads: Heads = {}
    sizes_of: dict[int, int] = {}
    for packet in _packets(feed):
        at = packet.stream_index
        if not packet.size:
            continue
        if at == stream.index and (packet.is_discard or not feed.shows((packet.pts or 0) * base)):
            continue
        if at in seen:
            seen[at].add(packet.pts, packet.duration or 0)
        if at == stream.index:
            continue
        head = heads.setdefault(at, [])
        if len(head) < _HEAD and sizes_of.get(at, 0) < _HEAD_BYTES:
            head.append(packet)
            sizes_of[at] = sizes_of.get(at, 0) + packet.size
    return heads, seen


def _packets(feed: Feed) -> Iterator[Packet[Any]]:
    packets = iter(feed)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.error.FFmpegError):
            return


def _timetable(media: InputContainer, stream: VideoStream, times: SeenTimes) -> Timetable:
    base = _base(stream)
    rate = stream.average_rate or stream.guessed_rate
    rate = Fraction(rate) if rate and 0 < rate <= 1000 else None
    grid: Grid | None = times.grid(rate)
    end = _end(media, stream, times, base)
    if grid is not None and grid.whole and end is not None and times.last is not None:
        even = times.last + 1 / grid.rate
        end = even if abs(end - even) < _MILLISECOND else end
    origin = _origin(media, base)
    if grid is None:
        return Timetable(origin, base, rate, end=end)
    if not grid.tick:
        return Timetable(origin, base, grid.rate if grid.whole else rate, grid.whole, end)
    return Timetable(origin, units_for(grid, base), grid.rate, grid.whole, end, grid)


def _origin(media: InputContainer, base: Fraction) -> Fraction:
    starts = [
        stream.start_time * Fraction(stream.time_base)
        for stream in media.streams
        if stream.type in ("audio", "video") and not is_cover(stream)
        if stream.start_time is not None and stream.time_base
    ]
    first = min(starts, default=Fraction(0))
    anywhere = _WRAPPING if first < 0 else _CLOCKLESS
    if first > LONGEST_WAIT or (first and _is_one_of(media, anywhere)):
        return first // base * base
    return Fraction(0)


def _end(
    media: InputContainer, stream: VideoStream, times: SeenTimes, base: Fraction
) -> Fraction | None:
    """Until when the last picture is shown: as the container's index says, else its packet."""
    if times.last is None:
        return None
    said: Fraction | None = None
    if "mov" in media.format.name and stream.duration is not None and stream.frames:
        # Frames are stored in the order of decoding, and so are their durations: the last one's
        # says little of the last picture's.
        said = ((stream.start_time or 0) + stream.duration) * base
    elif "matroska" in media.format.name and media.duration is not None:
        total = (media.duration + (media.start_time or 0)) * _MICROSECOND
        said = _clock_time(stream.metadata.get("DURATION", ""))
        alone = sum(one.type in ("audio", "video") for one in media.streams) == 1
        if said is None and alone:
            said = total
        if said is not None and said > total + base:
            said = None  # left over from before the file was cut
    return said if said is not None and said > times.last else times.end


def _clock_time(text: str) -> Fraction | None:
    """Seconds from ``hh:mm:ss.fraction``."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except (ValueError, ZeroDivisionError):
        return None


def _is_one_of(media: InputContainer, names: Collection[str]) -> bool:
    return bool(set(media.format.name.split(",")) & set(names))


def _refuse_other_pictures(media: InputContainer, main: VideoStream, name: str) -> None:
    others = [s for s in media.streams.video if s is not main and not is_cover(s)]
    if others:
        raise UnsupportedMediaError(
            f"{name} holds {len(others) + 1} picture tracks, and a copy of the unmarked ones "
            "would go along",
            advice="keep one and remove the others",
        )
