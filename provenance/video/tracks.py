"""Tracks that pass through untouched: sound, subtitles, data, attachments, cover art, chapters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from provenance.errors import UsageError
from provenance.results import Tag
from provenance.video.covers import bare_picture
from provenance.video.encoders import Container
from provenance.video.opening import is_cover
from provenance.video.retiming import Retimer
from provenance.video.tags import TagPlan, is_chapter_track, is_listed
from provenance.video.timetable import Grid, Timetable

if TYPE_CHECKING:
    from av.container.core import Chapter

_COVER_CODECS: Final = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png")}


class UnkeepableError(ValueError):
    """A track that a container does not hold; never leaves this package."""


class TrackCopier:
    """Adds one output track for an input track and copies its packets bit for bit.

    Args:
        plan: what goes along of the tags.
        target: where the tracks go.
        container: its kind.
        origin: seconds that are taken off all times.
        sounds: grids of sounds whose container rounds times, by their index.
    """

    def __init__(
        self,
        plan: TagPlan,
        target: OutputContainer,
        container: Container,
        *,
        origin: Fraction = Fraction(0),
        sounds: Mapping[int, Grid] | None = None,
    ) -> None:
        self._plan, self._target, self._container = plan, target, container
        self._origin, self._sounds = origin, sounds or {}
        self._streams: dict[int, Stream] = {}
        self._fillers: set[int] = set()
        self._covers: dict[int, bytes] = {}
        self.timecode: dict[str, str] = {}
        """What the picture's tags have to say of the timecode."""
        self._timecodes: dict[int, int] = {}
        self._retimers: dict[int, Retimer] = {}

    def add(self, stream: Stream, cover: bytes | None = None) -> None:
        """Add a track like ``stream``; ``cover`` is the picture of a cover-art track.

        Raises :class:`UnkeepableError` if the container cannot hold it.
        """
        if is_chapter_track(stream):
            return  # the muxer writes its own from the chapters
        if stream.index in self._plan.omitted:
            return
        tags = carried(self._plan, stream)
        if stream.type == "data" and "timecode" in stream.metadata:
            # PyAV cannot give a data track the frame rate that a copied timecode track needs, but
            # from the picture's timecode tag the muxer writes the same track (mkv: a tag) itself.
            self.timecode = {k: v for k, v in tags.items() if k in ("timecode", "reel_name")}
            self._timecodes[stream.index] = 0
            return
        try:
            bare = self._bare(stream, cover or b"") if is_cover(stream) else None
            made = self._add(stream, tags, bare)
        except (ValueError, LookupError, NotImplementedError) as error:
            raise UnkeepableError(str(error)) from error
        if made is None:
            return
        made.metadata.update(tags)
        made.disposition = stream.disposition
        if stream.index in self._plan.private and made.codec_context is not None:
            made.codec_context.extradata = self._plan.private[stream.index]
        self._streams[stream.index] = made
        grid = self._sounds.get(stream.index)
        self._retimers[stream.index] = Retimer(stream, self._origin, grid)
        if isinstance(stream, SubtitleStream) and stream.codec_context.name == "mov_text":
            self._fillers.add(stream.index)

    def packet(self, packet: Packet[Stream]) -> None:
        """Write a packet of a copied track; packets of other tracks are ignored.

        Raises :class:`UnkeepableError` for a timecode that jumps.
        """
        index = packet.stream_index
        if index in self._timecodes and packet.size:
            self._timecodes[index] += 1
            if self._timecodes[index] > 1:
                raise UnkeepableError("a timecode with jumps")
        if index not in self._streams or (packet.size == 0 and packet.dts is None):
            return
        if index in self._fillers and packet.size == 2:
            return  # an empty caption between two others: the muxer writes these itself
        if index in self._covers:
            packet = with_content(packet, self._covers[index])
        for ready in self._retimers[index].take(packet):
            self._write(index, ready)

    def finish(self) -> None:
        """Write what was held back."""
        for index, retimer in self._retimers.items():
            for ready in retimer.finish():
                self._write(index, ready)

    def _write(self, index: int, packet: Packet[Stream]) -> None:
        packet.stream = self._streams[index]
        self._target.mux_one(packet)

    def _bare(self, stream: Stream, cover: bytes) -> bytes:
        bare = bare_picture(cover)
        if bare is None:
            raise ValueError("no cover that could be freed of what is written in it")
        self._covers[stream.index] = bare
        return bare

    def _add(self, stream: Stream, tags: Mapping[str, str], cover: bytes | None) -> Stream | None:
        if is_cover(stream) and self._container in ("matroska", "webm"):
            self._attach(stream, tags, cover)
            return None
        if stream.type == "attachment" and self._container != "matroska":
            raise ValueError("attachments live in mkv only")
        if stream.type == "data" and self._container in ("matroska", "webm"):
            raise ValueError("no data tracks in mkv")
        if stream.type == "data" and stream.name is None:
            raise ValueError("a kind of data whose description the muxer would leave empty")
        if stream.codec_context is None and stream.type not in ("data", "attachment"):
            # No decoder is needed to copy: name the codec for the muxer, then copy everything.
            name = getattr(stream, "name", None)
            if name is None:
                raise ValueError("a codec without a name")
            made = self._target.add_mux_stream(name)
            BitStreamFilterContext("null", stream, made)
            return made
        made = self._target.add_stream_from_template(stream, opaque=True)
        made.time_base = stream.time_base
        return made

    def _attach(self, stream: Stream, tags: Mapping[str, str], cover: bytes | None) -> None:
        codec = stream.codec_context.codec.canonical_name
        if self._container == "webm" or codec not in _COVER_CODECS or not cover:
            raise ValueError("no cover art of this kind")
        suffix, mime = _COVER_CODECS[codec]
        made = self._target.add_attachment(f"cover.{suffix}", mime, cover)
        made.metadata.update(tags)


def muxer_options(container: Container, plan: TagPlan, *, cover: bool) -> dict[str, str]:
    """Options of the muxer: index in front for mp4 and mov, custom tags where there are any.

    Args:
        container: what is written.
        plan: the tags that are carried over.
        cover: whether a cover picture is.

    Raises :class:`UsageError` for tags and a cover picture together where only one can be kept.
    """
    if container not in ("mp4", "mov"):
        return {}
    custom = [key for key in plan.container if not is_listed(key)]
    if cover and (custom or container == "mov"):
        # FFmpeg's muxer writes cover art only into the iTunes list, which knows no custom tags.
        other = f"the tag {Tag.named('container', custom[0]).name}" if custom else "mov's own tags"
        raise UsageError(
            f"The cover picture of the input and {other} cannot be kept together in {container}; "
            "write to mkv instead, or keep one of them."
        )
    return {"movflags": "+faststart" + ("+use_metadata_tags" if custom else "")}


def movie_clock(
    container: Container, times: Timetable, streams: Iterable[Stream]
) -> dict[str, str]:
    """The option by which mp4 and mov say when a track starts in units that this is a whole of.

    Their own unit is the millisecond, to which a delay of 1/12 s would be rounded.
    """
    if container not in ("mp4", "mov"):
        return {}
    units = 1000
    for stream in streams:
        if stream.type in ("audio", "video", "subtitle") and stream.start_time and stream.time_base:
            start = stream.start_time * stream.time_base - times.origin
            finer = math.lcm(units, start.denominator)
            units = finer if start > 0 and finer < 1 << 31 else units
    return {} if units == 1000 else {"movie_timescale": str(units)}


def moved(chapters: Iterable[Chapter], origin: Fraction) -> list[Chapter]:
    """Chapters ``origin`` seconds earlier, but for what would lie before the film."""
    made: list[Chapter] = []
    for chapter in chapters:
        shift = round(origin / Fraction(chapter["time_base"] or 1))
        start, end = chapter["start"] - shift, chapter["end"] - shift
        if not shift or end > 0:
            made.append({**chapter, "start": max(start, min(chapter["start"], 0)), "end": end})
    return made


def carried(plan: TagPlan, stream: Stream) -> dict[str, str]:
    """A track's tags as the muxer takes them."""
    tags = dict(plan.tracks.get(stream.index, {}))
    if "name" in tags:  # how the mp4 demuxer calls what every muxer takes as the title
        tags.setdefault("title", tags.pop("name"))
    return tags


def with_content(packet: Packet[Stream], content: bytes) -> Packet[Stream]:
    """A packet like another, of the same track and times, that holds ``content``."""
    made: Packet[Stream] = Packet(content)
    made.stream = packet.stream
    made.time_base, made.pts, made.dts = packet.time_base, packet.pts, packet.dts
    made.duration, made.is_keyframe = packet.duration, packet.is_keyframe
    return made
