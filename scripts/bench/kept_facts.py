"""What a video file says and shows, read with PyAV, with MediaInfo and from its boxes."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.codec.context import Flags
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Discard, Disposition
from pymediainfo import MediaInfo

from bench.kept_boxes import Movie, Span, movie_of

LEAD: Final = Fraction(1, 4)
"""Seconds before the first sound that is played in which its decoder may be started."""
_MEDIAINFO: Final = {
    "General": ("title", "count_of_video_streams", "count_of_audio_streams", "duration"),
    "Video": (
        *("clean_aperture_width", "clean_aperture_height"),
        *("width", "height", "rotation", "pixel_aspect_ratio", "frame_rate_mode", "frame_rate"),
        *("frame_count", "bit_depth", "chroma_subsampling", "chromasubsampling_position"),
        *("color_range", "color_primaries", "transfer_characteristics", "matrix_coefficients"),
        *("scan_type", "scan_order", "language", "title", "default", "forced", "duration"),
        "time_code_of_first_frame",
    ),
    "Audio": (
        *("format", "channel_s", "sampling_rate", "language", "title", "default", "forced"),
        "duration",
    ),
    "Text": ("format", "language", "title", "default", "forced"),
    "Other": ("type", "time_code_of_first_frame"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A packet that is played: from when to when, in seconds, and its bytes."""

    start: Fraction
    end: Fraction
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Other:
    """A track besides the picture: what it says, and its packets.

    ``parts`` are played; ``leads`` come right before, for the decoder to start with.
    """

    kind: str
    said: dict[str, object]
    tags: dict[str, str]
    parts: list[Part]
    leads: list[bytes]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of a file.

    Attributes:
        format: the container, as the demuxer calls it.
        said: fields of the whole and of the picture, by name; ``seen``: those of MediaInfo.
        tags: tags of the container; ``picture_tags``: of the picture.
        shown: from when to when each frame is shown, seconds.
        frames: (N, H, W) luma.
        unit: what the picture's times are whole numbers of, seconds.
        movie: what an mp4 or mov says in its boxes.
    """

    format: str
    said: dict[str, object]
    seen: dict[str, object]
    tags: dict[str, str]
    picture_tags: dict[str, str]
    shown: list[tuple[Fraction, Fraction]]
    frames: list[np.ndarray[Any, Any]]
    others: list[Other]
    unit: Fraction
    movie: Movie | None

    @property
    def is_fine(self) -> bool:
        """Whether the container counts in units that fit the picture."""
        return any(name in self.format for name in ("mov", "avi"))


def read(path: Path) -> Facts:
    """Read a file."""
    movie = movie_of(path)
    with av.open(str(path)) as media:
        main = _main(media)
        said = _said(media, main)
        kind, tags, picture_tags = media.format.name, dict(media.metadata), dict(main.metadata)
        others = [s for s in media.streams if s is not main and not _is_chapters(s)]
        spans = {s.index: _spans(movie, s.index) for s in (main, *others)}
        unit = Fraction(main.time_base or 1)
        found = [_other(path, stream, spans[stream.index]) for stream in others]
        index, rate = main.index, main.average_rate or main.guessed_rate
    shown, frames, first = _pictures(path, index, spans[index], rate)
    said |= {"size": (first.width, first.height), "pixel format": first.format.name}
    said |= {"turned": _matrix(first), "interlaced": bool(first.interlaced_frame)}
    return Facts(
        *(kind, said, _seen(path), tags, picture_tags, shown, frames, found, unit, movie),
    )


def _main(media: Any) -> Any:
    return next(s for s in media.streams.video if not s.disposition & Disposition.attached_pic)


def _is_chapters(stream: Any) -> bool:
    return bool(stream.type == "data" and stream.discard == Discard.all)


def _spans(movie: Movie | None, index: int) -> tuple[Span, ...]:
    """An edit list to go by; none for files without, and for tracks that are played whole."""
    if movie is None or index >= len(movie.tracks):
        return ()
    return movie.tracks[index].spans


def _said(media: Any, main: Any) -> dict[str, object]:
    context = main.codec_context
    return {
        "codec": context.codec.canonical_name,
        "chapters": [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"].get("title"))
            for c in media.chapters()
        ],
        "sar": Fraction(main.sample_aspect_ratio or 1) or Fraction(1),
        "primaries": int(context.color_primaries),
        "transfer": int(context.color_trc),
        "matrix": int(context.colorspace),
        "range": int(context.color_range),
        "field order": int(context.field_order),
        "rate": main.average_rate,
        "disposition": int(main.disposition),
    }


def _matrix(frame: Any) -> tuple[int, ...]:
    for entry in frame.side_data:
        if entry.type == SideDataType.DISPLAYMATRIX:
            return struct.unpack("=9i", bytes(entry)[:36])
    return ()


def _other(path: Path, stream: Any, spans: tuple[Span, ...]) -> Other:
    context = stream.codec_context
    said: dict[str, object] = {
        "codec": getattr(stream, "name", None) if context is None else context.name,
        "disposition": int(stream.disposition),
    }
    if stream.type == "audio":
        said |= {"sampling rate": context.sample_rate, "channels": context.layout.name}
    if stream.type == "attachment":
        whole = Part(Fraction(0), Fraction(0), bytes(stream.data))
        return Other("attachment", said, dict(stream.metadata), [whole], [])
    parts, leads = _packets(path, stream.index, spans)
    if is_plain(said):
        parts = [*_in_one(parts)]  # packets of any length: only the samples count
    kind = "cover" if stream.disposition & Disposition.attached_pic else stream.type
    return Other(kind, said, dict(stream.metadata), parts, leads)


def _packets(path: Path, index: int, spans: tuple[Span, ...]) -> tuple[list[Part], list[bytes]]:
    with av.open(str(path), options={"ignore_editlist": "1"} if spans else {}) as media:
        stream: Any = media.streams[index]
        is_sound = stream.type == "audio"
        plain = is_sound and stream.codec_context.name.startswith("pcm")
        raw: list[Part] = []
        discarded: list[Part] = []
        for packet in media.demux(stream):
            if packet.pts is None or not packet.size:
                continue
            start = packet.pts * Fraction(packet.time_base)
            part = Part(start, start + (packet.duration or 0) * packet.time_base, bytes(packet))
            if not spans and is_sound:
                part = _without_padding(part, packet, stream.codec_context.sample_rate)
            (discarded if packet.is_discard else raw).append(part)
    if spans:
        parts = list(played(raw, spans, plain=plain))
        first = next((one.media for one in spans if one.media is not None), Fraction(0))
        ahead = [one for one in raw if first - LEAD <= one.start and one.end <= first]
    else:
        parts = [one for one in raw if one.end > one.start or not is_sound]
        begin = min((one.start for one in parts), default=Fraction(0))
        ahead = [one for one in (*raw, *discarded) if one not in parts and one.end <= begin]
    return parts, [one.data for one in ahead]


def _without_padding(part: Part, packet: Any, rate: int) -> Part:
    """What of a packet of sound is played: its container says how many samples are not.

    Those at its end are not in its length.
    """
    if not packet.has_sidedata("skip_samples"):
        return part
    first = int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
    return Part(min(part.end, part.start + Fraction(first, rate)), part.end, part.data)


def is_plain(said: dict[str, object]) -> bool:
    """Whether a track is plain samples."""
    return str(said["codec"]).startswith("pcm")


def _in_one(parts: list[Part]) -> Iterator[Part]:
    if parts:
        yield Part(parts[0].start, parts[-1].end, b"".join(one.data for one in parts))


def played(raw: Iterable[Part], spans: tuple[Span, ...], *, plain: bool = False) -> Iterator[Part]:
    """What of these is played by an edit list, and when; ``plain`` ones are cut as well."""
    raw, at = list(raw), Fraction(0)
    for span in spans:
        if span.media is not None:
            begin, end = span.media, span.media + span.length
            for part in raw:
                if part.start < end and (part.end > begin or part.start == part.end >= begin):
                    shift, first, last = at - begin, max(part.start, begin), min(part.end, end)
                    data = part.data
                    if plain:
                        pace = len(data) / (part.end - part.start)
                        data = data[
                            int((first - part.start) * pace) : int((last - part.start) * pace)
                        ]
                    yield Part(first + shift, last + shift, data)
        at += span.length


def _pictures(
    path: Path, index: int, spans: tuple[Span, ...], rate: Fraction | None
) -> tuple[list[tuple[Fraction, Fraction]], list[np.ndarray[Any, Any]], Any]:
    """When each frame is shown, the frames, and the first of them as it was decoded."""
    options = {"ignore_editlist": "1"} if spans else {}
    with av.open(str(path), options=options) as media:
        stream: Any = media.streams[index]
        # Without it, columns on the left that are cropped come into the picture.
        stream.codec_context.flags |= Flags.unaligned
        stream.thread_type = "NONE"
        decoded = []
        last: dict[Fraction, Fraction] = {}
        for packet in media.demux(stream):
            if packet.pts is not None and packet.size:
                time = packet.pts * Fraction(packet.time_base)
                last[time] = (packet.duration or 0) * Fraction(packet.time_base)
            decoded += stream.decode(packet)
        said = _end_of(media, stream)
    times = [frame.pts * Fraction(frame.time_base) for frame in decoded]
    step = last.get(times[-1]) or (1 / rate if rate else Fraction(0))
    end = said if said is not None and said > times[-1] else times[-1] + step
    ends = [*times[1:], end]
    raw = [
        Part(start, stop, number.to_bytes(4, "big"))
        for number, (start, stop) in enumerate(zip(times, ends, strict=True))
    ]
    parts = list(played(raw, spans)) if spans else raw
    numbers = [int.from_bytes(one.data, "big") for one in parts]
    lumas = [_luma(frame) for frame in decoded]
    return [(one.start, one.end) for one in parts], [lumas[n] for n in numbers], decoded[0]


def _end_of(media: Any, stream: Any) -> Fraction | None:
    """Until when the picture is shown, if the container says so; on the packets' own clock."""
    if "mov" in media.format.name and stream.duration is not None:
        end: Fraction = ((stream.start_time or 0) + stream.duration) * Fraction(stream.time_base)
        return end
    if "matroska" in media.format.name:
        hours, minutes, seconds = stream.metadata.get("DURATION", "0:0:0").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    return None


def _luma(frame: Any) -> np.ndarray[Any, Any]:
    grey = frame.reformat(format="gray") if frame.format.is_rgb else frame
    plane = grey.planes[0]
    deep = max((c.bits for c in grey.format.components), default=8)
    kind = np.uint16 if deep > 8 else np.uint8
    wide = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width]
    return (wide.astype(np.float32) / (1 << (deep - 8))).astype(np.float32)


def _seen(path: Path) -> dict[str, object]:
    """MediaInfo's word for it."""
    seen: dict[str, object] = {}
    numbers: dict[str, int] = {}
    for track in MediaInfo.parse(str(path)).tracks:
        kind = track.track_type
        number = numbers[kind] = numbers.get(kind, -1) + 1
        for name in _MEDIAINFO.get(kind, ()):
            value = getattr(track, name, None)
            if value is not None:
                seen[f"{kind} {number} {name}"] = value
    return seen


def digest(data: Iterable[bytes]) -> str:
    """A name for bytes."""
    return hashlib.sha256(b"".join(data)).hexdigest()[:12]
