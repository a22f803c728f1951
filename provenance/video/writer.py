"""Transcode a video through a marking function, keeping everything that is not the picture.

One pass, streaming: demux, decode, mark (in a few threads), encode, mux; all other packets are
copied as they come.  Memory is bounded by the frames in flight and the encoder's lookahead,
whatever the duration.

Tags go along by a list of their own (:mod:`provenance.video.tags`).  What else is kept, and how:
presentation times exactly (the encoder counts in the source's time base; only a container with a
coarser clock rounds: 1 ms in mkv and webm); the first timestamps of every track (mp4 and mov say
them by edit lists); sample aspect ratio, colour tags, chroma siting, field order, HDR10 side data,
display matrix; closed captions and timecodes that travel with frames; pixel format as near as the
encoder has it.  Odd sizes grow by one repeated line or column where the encoder needs even ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from provenance.errors import OutputError, UnreadableFileError, UnsupportedMediaError, UsageError
from provenance.video.encoders import Container, EncoderOptions, container_for, plan_encoder
from provenance.video.integrity import missing_bytes
from provenance.video.opening import is_cover, is_image, main_video, open_media
from provenance.video.output import OutputPicture, add_picture, frame_shape
from provenance.video.pipeline import FrameInfo, Mark, MarkPool
from provenance.video.sink import BUFFER, Sink, writing
from provenance.video.strict import StrictDecoder
from provenance.video.tags import TagPlan, plan_tags
from provenance.video.tracks import TrackCopier, carried, muxer_options

Progress = Callable[[int, int | None], object]
"""Called with the frames done and the total, None if that is not known."""


@dataclass(frozen=True, slots=True)
class TranscodeResult:
    """What was written.  ``duration`` runs from the first frame's time to the last's, seconds."""

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
    container: Container | None = None,
    keep_tags: Collection[str] = (),
    progress: Progress | None = None,
    mark_threads: int = 0,
) -> TranscodeResult:
    """Write ``source`` to ``target`` with every frame's luma passed through ``mark`` once.

    ``container`` defaults to what ``target``'s suffix says; give it where the name is temporary.
    Tags go along as :mod:`provenance.video.tags` says, and those that ``keep_tags`` names.
    Only ``target`` is written; on any error it is left incomplete, for the caller to remove.

    Raises :class:`UsageError` (options, or a track the container cannot hold),
    :class:`UnreadableFileError` (damaged: the sentence gives the time, no frame is ever skipped),
    :class:`UnsupportedMediaError`, :class:`OutputError` (disk full, not allowed).  Whatever
    ``mark`` or ``progress`` raise comes out unchanged.
    """
    into = container or container_for(target)
    with open_media(source) as media:
        if missing_bytes(source):
            raise UnreadableFileError(
                f"{Path(source).name} is truncated: its end is missing; get a fresh copy."
            )
        stream = main_video(media, source)
        if is_image(media):
            raise UnsupportedMediaError(
                f"{Path(source).name} is an image, not a video; give a video file."
            )
        _refuse_other_pictures(media, stream, Path(source))
        if stream.metadata.get("alpha_mode") == "1":
            # VP8 and VP9 keep transparency beside the picture, and no decoder here gives it out.
            raise UsageError(
                f"The picture of {Path(source).name} has transparency, which cannot be kept; "
                "flatten it first."
            )
        plan = plan_tags(media, into, keep_tags)
        job = _Job(media, stream, Path(source), Path(target), into, tags=plan)
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
        tags: TagPlan,
    ) -> None:
        self._media, self._stream, self._source, self._tags = media, stream, source, tags
        self._target, self._container = target, container
        self._decoder = StrictDecoder(media, stream, source)
        self._packets = media.demux()
        self._frames, self._last_pts = 0, -(1 << 62)
        self._times = [0.0, 0.0]

    def run(
        self, mark: Mark, options: EncoderOptions, progress: Progress | None, mark_threads: int
    ) -> TranscodeResult:
        """Transcode; see :func:`transcode`."""
        held, early = self._until_first_frame()
        first = early[0]
        picture = OutputPicture.of(
            self._stream, self._key_packet(held), first, carried(self._tags, self._stream)
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
            copier = TrackCopier(self._tags, target.container, self._container)
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
            for done, frame in enumerate(marked, 1):
                target.encode(made, frame)
                if progress is not None:
                    progress(done, total)
            target.encode(made, None)
            target.finish()
        return TranscodeResult(
            frames=self._frames,
            duration=self._times[1] - self._times[0],
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
        return _Target(self._target, self._container, self._tags, options)

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
                    f"{time:.2f} s; convert it to one size first."
                )
            self._set_pts(frame)
            if self._frames == 0:
                self._times[0] = time
            self._times[1] = time
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
                yield from self._decoder.decode(packet)
            else:
                target.copy(copier, packet)
        self._decoder.finish()

    def _until_first_frame(self) -> tuple[list[Packet[Stream]], list[VideoFrame]]:
        held: list[Packet[Stream]] = []
        for packet in self._read():
            held.append(packet)
            if packet.stream_index == self._stream.index:
                frames = self._decoder.decode(packet)
                if frames:
                    return held, frames
        raise self._decoder.nothing()

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
        """Give a frame without a time its place, and keep times increasing (by one tick)."""
        clock = self._decoder.clock
        if frame.pts is None:
            step = max(1, round(clock.step / clock.time_base))
            frame.pts = 0 if self._last_pts < -(1 << 61) else self._last_pts + step
        frame.time_base = frame.time_base or clock.time_base
        if frame.pts <= self._last_pts:
            frame.pts = self._last_pts + 1
        self._last_pts = frame.pts


class _Target:
    """The output container: a context manager that writes the trailer only after ``finish``."""

    def __init__(
        self, path: Path, container: Container, tags: TagPlan, options: dict[str, str]
    ) -> None:
        self._path = path
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
            self.container.set_chapters(list(tags.chapters))

    def __enter__(self) -> _Target:
        return self

    def __exit__(self, *_: object) -> None:
        self._sink.close()  # before the container: see Sink
        with suppress(Exception):
            self.container.close()

    def start(self) -> None:
        """Write the header."""
        try:
            with writing(self._path):
                self.container.start_encoding()
        except OutputError as error:
            cause = error.__cause__
            if isinstance(cause, (av.error.ArgumentError, av.error.InvalidDataError)):
                raise UsageError(
                    f"{self._path.suffix or 'This container'} cannot hold the input's tracks "
                    "together; write to mkv instead."
                ) from cause
            raise

    def encode(self, stream: VideoStream, frame: VideoFrame | None) -> None:
        """Encode a frame (None: the end) and write what comes out."""
        try:
            packets = stream.encode(frame)
        except av.error.FFmpegError as error:
            raise OutputError(
                f"The encoder failed while writing {self._path} ({error.strerror}); "
                "try another codec or preset."
            ) from error
        with writing(self._path):
            self.container.mux(packets)

    def copy(self, copier: TrackCopier, packet: Packet[Stream]) -> None:
        """Write another track's packet."""
        with writing(self._path):
            copier.packet(packet)

    def finish(self) -> None:
        """Write the trailer and close."""
        with writing(self._path):
            self.container.close()
            self._sink.close()


def _refuse_other_pictures(media: InputContainer, main: VideoStream, source: Path) -> None:
    others = [s for s in media.streams.video if s is not main and not is_cover(s)]
    if others:
        raise UnsupportedMediaError(
            f"{source.name} holds {len(others) + 1} picture tracks, and a copy of the unmarked "
            "ones would go along; keep one and remove the others."
        )
