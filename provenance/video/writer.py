"""Transcode a video through a marking function, keeping everything that is not the picture.

One pass, streaming: demux, decode, mark (in a few threads), encode, mux; all other packets are
copied as they come.  Memory is bounded by the frames in flight and the encoder's lookahead,
whatever the duration.

Tags go along by a list of their own (:mod:`provenance.video.tags`), times by a timetable that is
made beforehand (:mod:`provenance.video.foresight`).  What else is kept, and how: the first
timestamps of every track (mp4 and mov say them by edit lists; mkv and webm round to 1 ms); sample
aspect ratio, colour tags, chroma siting, field order, HDR10 side data, display matrix; closed
captions and timecodes that travel with frames; pixel format as near as the encoder has it.  Odd
sizes grow by one repeated line or column where the encoder needs even ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from provenance.errors import OutputError, UnsupportedMediaError
from provenance.video.encoders import Container, EncoderOptions, container_for, plan_encoder
from provenance.video.feed import Feed
from provenance.video.foresight import Foresight, foresee
from provenance.video.opening import is_cover, main_video, open_media
from provenance.video.output import OutputPicture, add_picture, frame_shape
from provenance.video.pipeline import FrameInfo, Mark, MarkPool
from provenance.video.sink import BUFFER, Sink, writing
from provenance.video.strict import StrictDecoder
from provenance.video.tags import TagPlan
from provenance.video.tracks import TrackCopier, carried, moved, movie_clock, muxer_options

Progress = Callable[[int, int | None], object]
"""Called with the frames done and the total, None if that is not known."""


@dataclass(frozen=True, slots=True)
class TranscodeResult:
    """What was written.  ``duration`` is how long the picture is shown, seconds."""

    frames: int
    duration: float
    codec: str
    pix_fmt: str
    width: int
    height: int


def transcode(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    mark: Mark,
    options: EncoderOptions | None = None,
    *,
    foresight: Foresight | None = None,
    container: Container | None = None,
    progress: Progress | None = None,
    mark_threads: int = 0,
) -> TranscodeResult:
    """Write ``source`` to ``target`` with every frame's luma passed through ``mark`` once.

    ``container`` defaults to what ``target``'s suffix says; give it where the name is temporary.
    ``foresight`` is what :func:`provenance.video.foresight.foresee` found out of ``source`` for
    this container; without it, that is done first.
    Only ``target`` is written; on any error it is left incomplete, for the caller to remove.

    Raises :class:`UsageError` (options, or a track the container cannot hold),
    :class:`UnreadableFileError` (damaged: the sentence gives the time, no frame is ever skipped),
    :class:`UnsupportedMediaError`, :class:`OutputError` (disk full, not allowed).  Whatever
    ``mark`` or ``progress`` raise comes out unchanged.
    """
    into = container or container_for(target)
    foresight = foresight or foresee(source, into)
    with open_media(source) as media:
        stream = main_video(media, source)
        job = _Job(media, stream, Path(source), Path(target), into, foresight=foresight)
        return job.run(mark, options or EncoderOptions(), progress, mark_threads)


class _Job:
    """One transcoding run over open input."""

    def __init__(
        self,
        media: InputContainer,
        stream: VideoStream,
        source: Path,
        target: Path,
        container: Container,
        *,
        foresight: Foresight,
    ) -> None:
        self._media, self._stream, self._source = media, stream, source
        self._tags, self._times, self._sounds = foresight.tags, foresight.times, foresight.sounds
        self._target, self._container = target, container
        self._decoder = StrictDecoder(media, stream, source)
        self._feed = Feed(media, source, stream)
        self._packets = iter(self._feed)
        self._frames, self._first, self._end = 0, 0, 0
        self._last_pts: int | None = None

    def run(
        self, mark: Mark, options: EncoderOptions, progress: Progress | None, mark_threads: int
    ) -> TranscodeResult:
        """Transcode; see :func:`transcode`."""
        held, early = self._until_first_frame()
        first = early[0]
        picture = OutputPicture.of(
            self._stream,
            self._key_packet(held),
            first,
            self._times,
            carried(self._tags, self._stream),
        )
        plan = plan_encoder(
            options,
            source_codec=self._stream.codec_context.codec.canonical_name,
            source_pix_fmt=first.format.name,
            container=self._container,
        )
        shape = frame_shape(first, plan, picture)
        total = self._stream.frames or None
        with ExitStack() as stack:
            pool = stack.enter_context(MarkPool(mark, shape, mark_threads))
            target = stack.enter_context(self._opened())
            made: VideoStream | None = None
            copier = TrackCopier(
                self._tags,
                target.container,
                self._container,
                origin=self._times.origin,
                sounds=self._sounds,
            )
            covers = {p.stream_index: bytes(p) for p in held if is_cover(p.stream)}
            for stream in self._media.streams:
                if stream is self._stream:
                    made = add_picture(target.container, self._container, plan, picture, shape)
                else:
                    copier.add(stream, covers.get(stream.index))
            if made is None:  # pragma: no cover - the stream came from this container
                raise UnsupportedMediaError(f"{self._source.name} holds no video track.")
            for name, value in copier.timecode.items():
                made.metadata.setdefault(name, value)
            target.start()
            marked = self._marked(held, early, pool, copier, target)
            for done, frame in enumerate(self._lasting(marked), 1):
                target.encode(made, frame)
                if progress is not None:
                    progress(done, total)
            target.finish(copier)
            target.end(made, self._end - self._first)
        return TranscodeResult(
            frames=self._frames,
            duration=float((self._end - self._first) * self._times.time_base),
            codec=plan.codec,
            pix_fmt=plan.pix_fmt,
            width=shape.width,
            height=shape.height,
        )

    def _opened(self) -> _Target:
        covers = [
            stream
            for stream in self._media.streams
            if is_cover(stream) and stream.index not in self._tags.omitted
        ]
        options = muxer_options(self._container, self._tags, cover=bool(covers))
        options |= movie_clock(self._container, self._times, self._media.streams)
        return _Target(self._target, self._container, self._tags, self._times.origin, options)

    def _marked(
        self,
        held: list[Packet[Stream]],
        early: list[VideoFrame],
        pool: MarkPool,
        copier: TrackCopier,
        target: _Target,
    ) -> Iterator[VideoFrame]:
        """Decode on, copy other tracks' packets, yield marked frames in presentation order."""
        for packet in held:
            if packet.stream_index != self._stream.index:
                target.copy(copier, packet)
        shape = (early[0].width, early[0].height, early[0].format.name)
        for frame in self._all_frames(early, copier, target):
            time = self._decoder.clock.seconds(frame, self._stream)
            if (frame.width, frame.height, frame.format.name) != shape:
                raise UnsupportedMediaError(
                    f"The picture of {self._source.name} changes its size or format at "
                    f"{time:.2f} s",
                    advice="convert it to one size first",
                )
            self._set_pts(frame)
            info = FrameInfo(self._frames, time)
            self._frames += 1
            yield from pool.put(frame, info)
        yield from pool.drain()

    def _all_frames(
        self, early: Iterable[VideoFrame], copier: TrackCopier, target: _Target
    ) -> Iterator[VideoFrame]:
        yield from early
        for packet in self._read():
            if packet.stream_index == self._stream.index:
                yield from self._shown(packet)
            else:
                target.copy(copier, packet)
        self._decoder.finish()

    def _until_first_frame(self) -> tuple[list[Packet[Stream]], list[VideoFrame]]:
        held: list[Packet[Stream]] = []
        for packet in self._read():
            held.append(packet)
            if packet.stream_index == self._stream.index:
                frames = self._shown(packet)
                if frames:
                    return held, frames
        raise self._decoder.nothing()

    def _shown(self, packet: Packet[Stream]) -> list[VideoFrame]:
        """The frames that a packet brings out, as far as they are played."""
        frames = self._decoder.decode(packet)
        if self._feed.window is None:
            return frames
        base = self._decoder.clock.time_base
        frames = [f for f in frames if f.pts is None or self._feed.shows(f.pts * base)]
        if not packet.size:
            self._decoder.restart(self._feed)
        return frames

    def _key_packet(self, held: list[Packet[Stream]]) -> Packet[Stream]:
        mine = [p for p in held if p.stream_index == self._stream.index and p.size]
        return next((p for p in mine if p.is_keyframe), mine[0])

    def _read(self) -> Iterator[Packet[Stream]]:
        while True:
            try:
                yield next(self._packets)
            except StopIteration:
                return
            except av.error.FFmpegError as error:
                raise self._decoder.damaged() from error

    def _set_pts(self, frame: VideoFrame) -> None:
        """Put a frame at its time in the output; times increase, by one tick at least."""
        clock, unit = self._decoder.clock, self._times.time_base
        if frame.pts is not None:
            pts = self._times.shown(frame.pts * Fraction(frame.time_base or clock.time_base))
        elif self._last_pts is None:
            pts = 0
        else:
            pts = self._last_pts + max(1, round(clock.step / unit))
        if self._last_pts is not None and pts <= self._last_pts:
            pts = self._last_pts + 1
        frame.pts, frame.time_base = pts, unit
        self._last_pts = pts

    def _lasting(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """The same frames, each with how long it is shown: until the next, or the film's end."""
        before: VideoFrame | None = None
        for frame in frames:
            if before is None:
                self._first = frame.pts or 0
            else:
                before.duration = (frame.pts or 0) - (before.pts or 0)
                yield before
            before = frame
        if before is not None:
            before.duration = self._times.last(before.pts or 0)
            self._end = (before.pts or 0) + before.duration
            yield before


class _Target:
    """The output container: a context manager that writes the trailer only after ``finish``."""

    def __init__(
        self,
        path: Path,
        container: Container,
        tags: TagPlan,
        origin: Fraction,
        options: dict[str, str],
    ) -> None:
        self._path = path
        self._lasting: dict[int, int] = {}
        self._held: list[Packet[Any]] = []
        self._first: tuple[int, int] | None = None
        self._stored_in_order = container in ("mp4", "mov")
        with writing(path):
            self._sink = Sink(path)
            self.container: OutputContainer = av.open(
                self._sink,
                "w",
                format=container,
                container_options=options,
                buffer_size=BUFFER,
            )
        self.container.metadata.update(tags.container)
        if tags.chapters:
            self.container.set_chapters(moved(tags.chapters, origin))

    def __enter__(self) -> _Target:
        return self

    def __exit__(self, *_: object) -> None:
        self._sink.close()  # before the container: see Sink
        with suppress(Exception):
            self.container.close()

    def start(self) -> None:
        """Write the header."""
        with writing(self._path):
            self.container.start_encoding()

    def encode(self, stream: VideoStream, frame: VideoFrame | None) -> None:
        """Encode a frame (None: the end) and write what comes out, but for the latest packet.

        Not every encoder hands on how long a frame lasts, so each packet is told again.
        """
        if frame is not None and frame.pts is not None:
            self._lasting[frame.pts] = frame.duration
        try:
            packets = stream.encode(frame)
        except av.error.FFmpegError as error:
            raise OutputError(
                f"The encoder failed while writing {self._path} ({error.strerror})",
                advice="try another codec or preset",
            ) from error
        for packet in packets:
            if packet.pts in self._lasting:
                packet.duration = self._lasting.pop(packet.pts)
            if self._first is None and packet.dts is not None and packet.pts is not None:
                self._first = (packet.pts, packet.dts)
        ready = [*self._held, *packets]
        self._held = ready[-1:]
        with writing(self._path):
            self.container.mux(ready[:-1])

    def finish(self, copier: TrackCopier) -> None:
        """Write what is left of other tracks."""
        with writing(self._path):
            copier.finish()

    def end(self, stream: VideoStream, total: int) -> None:
        """Write the rest and the trailer, and close; ``total`` is how long the picture lasts.

        mp4 and mov store frames in the order of decoding and add up what lies between them: there
        the last one stored takes whatever is left.  It must not be shown longer after it is decoded
        than the first one is, or it would end behind the film.
        """
        self.encode(stream, None)
        for packet in self._held if self._stored_in_order else ():
            if self._first is None or packet.pts is None or packet.dts is None:
                continue
            shown, decoded = self._first
            packet.dts = max(packet.dts, packet.pts - (shown - decoded))
            packet.duration = max(1, decoded + total - packet.dts)
        with writing(self._path):
            self.container.mux(self._held)
            self.container.close()
            self._sink.close()

    def copy(self, copier: TrackCopier, packet: Packet[Stream]) -> None:
        """Write another track's packet."""
        with writing(self._path):
            copier.packet(packet)
