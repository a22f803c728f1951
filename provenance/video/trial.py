"""Can a container hold a track?  The only way to know is to write it there: on trial, in memory."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from pymediainfo import MediaInfo

from provenance.errors import UsageError
from provenance.video.encoders import Container, named
from provenance.video.opening import is_cover
from provenance.video.tags import TagPlan, is_chapter_track
from provenance.video.tracks import TrackCopier, muxer_options, with_content

Heads: TypeAlias = "dict[int, list[Packet[Any]]]"
"""The first packets of each track but the picture's, by its index."""
_ORDER: Final[tuple[Container, ...]] = ("mp4", "mov", "matroska")


def try_tracks(
    media: InputContainer,
    picture: VideoStream,
    container: Container,
    plan: TagPlan,
    heads: Heads,
) -> None:
    """Write the first packets of every track that goes along, each alone and then together.

    Raises:
        UsageError: one that ``container`` does not hold, by name, with what to do.
    """
    others = [stream for stream in media.streams if stream is not picture]
    others = [s for s in others if s.index not in plan.omitted and not is_chapter_track(s)]
    muxer_options(container, plan, cover=any(map(is_cover, others)))
    for stream in others:
        if not _held([stream], container, plan, heads):
            raise _refusal(media, stream, container, plan, heads)
    if len(others) > 1 and not _held(others, container, plan, heads):
        raise UsageError(
            f"{named(container)} files cannot hold the input's tracks together; "
            + _elsewhere(_holding(others, container, plan, heads), "remove some of them first")
        )


def _held(
    streams: Sequence[Stream], container: Container, plan: TagPlan, heads: Mapping[int, list[Any]]
) -> bool:
    covers = {s.index: bytes(heads[s.index][0]) for s in streams if heads.get(s.index)}
    try:
        options = muxer_options(container, plan, cover=any(map(is_cover, streams)))
        options.pop("movflags", None)  # to move the index forward, the muxer opens a file again
        target: OutputContainer = av.open(
            io.BytesIO(), "w", format=container, container_options=options
        )
        copier = TrackCopier(plan, target, container)
        for stream in streams:
            copier.add(stream, covers.get(stream.index))
        if not target.streams:
            return True  # a timecode, which the picture's tags say
        target.start_encoding()
        for stream in streams:
            for packet in heads.get(stream.index, ()):
                copier.packet(with_content(packet, bytes(packet)))  # muxing changes its times
        copier.finish()
        target.close()
    except (ValueError, av.error.FFmpegError):
        return False
    return True


def _holding(
    streams: Sequence[Stream], without: Container, plan: TagPlan, heads: Heads
) -> list[str]:
    rest = [one for one in _ORDER if one != without]
    return [named(one) for one in rest if _held(streams, one, plan, heads)]


def _elsewhere(containers: list[str], otherwise: str) -> str:
    if not containers:
        return f"no container that this tool writes does, so {otherwise}."
    return f"write to {' or '.join(containers)} instead, or {otherwise}."


def _refusal(
    media: InputContainer, stream: Stream, container: Container, plan: TagPlan, heads: Heads
) -> UsageError:
    kind = "cover picture" if is_cover(stream) else f"{stream.type} track"
    language = stream.metadata.get("language")
    codec = _codec_of(media, stream)
    detail = ", ".join(x for x in (codec, language if language != "und" else None) if x)
    if stream.type == "data" and stream.name is None:
        # Whatever it is written to, the description of such a track comes out empty.
        way = "leave `data` out of the tags to keep."
    else:
        number = stream.index
        way = _elsewhere(
            _holding([stream], container, plan, heads),
            f"remove the track first (`ffmpeg -i IN -map 0 -map -0:{number} -c copy OUT` does)",
        )
    return UsageError(
        f"{named(container)} files cannot hold track {stream.index} of the input "
        f"({kind}{': ' + detail if detail else ''}); {way}"
    )


def _codec_of(media: InputContainer, stream: Stream) -> str | None:
    """The codec's name; of one that libav does not know, what the container calls it."""
    if stream.codec_context is not None:
        return stream.codec_context.codec.canonical_name
    name = getattr(stream, "name", None)
    if name is not None or stream.type not in ("audio", "video", "subtitle"):
        return name
    try:
        # By its content, not by its path: so it cannot follow a reference to another file.
        with open(media.name, "rb") as handle:
            tracks = MediaInfo.parse(handle).tracks
    except (OSError, RuntimeError):
        return None
    found = [one.codec_id for one in tracks if str(one.streamorder) == str(stream.index)]
    return str(found[0]) if found and found[0] else None
