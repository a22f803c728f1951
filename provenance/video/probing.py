"""What a media file holds, as frozen facts, without decoding more than its first frame."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av.error
from av.container import InputContainer
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from provenance.errors import UnreadableFileError
from provenance.system.extent import extent_of
from provenance.video.colour import Colour, ContentLight, MasteringDisplay, hdr_of
from provenance.video.exif import orientation_of
from provenance.video.geometry import Matrix, Orientation, display_matrix
from provenance.video.luma import luma_depth, with_luma
from provenance.video.opening import encrypted, is_cover, is_image, main_video, open_media


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The picture track.

    ``width`` and ``height`` are the coded picture's, before ``orientation``; ``frames`` is the
    container's count or an estimate from the duration, None if neither is known; ``fps`` is the
    mean rate.  ``start`` is the first timestamp in seconds on the container's own scale.
    """

    codec: str
    profile: str | None
    width: int
    height: int
    pix_fmt: str
    bit_depth: int
    fps: Fraction | None
    frames: int | None
    start: float | None
    time_base: Fraction
    sar: Fraction
    orientation: Orientation
    matrix: Matrix | None
    colour: Colour
    interlaced: bool
    mastering: MasteringDisplay | None
    light: ContentLight | None

    @property
    def rotation(self) -> int:
        """Clockwise turn in degrees (0, 90, 180, 270) that shows the picture upright."""
        return self.orientation.rotation

    @property
    def mirrored(self) -> bool:
        """Whether a left-right flip follows the rotation."""
        return self.orientation.mirrored

    @property
    def full_range(self) -> bool:
        """Whether luma uses the full range (0 to 255) instead of 16 to 235."""
        return self.colour.full_range

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in coded samples as shown, after the rotation."""
        turned = self.rotation in (90, 270)
        return (self.height, self.width) if turned else (self.width, self.height)


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """Any other track, in the file's order."""

    index: int
    type: Literal["video", "audio", "subtitle", "data", "attachment", "unknown"]
    codec: str | None
    language: str | None
    title: str | None
    cover: bool = False


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A file that can be examined.  ``truncated``: bytes its own index promises are missing."""

    path: str
    kind: Literal["video", "image"]
    container: str
    duration: float | None
    size: int
    video: VideoInfo
    tracks: tuple[TrackInfo, ...]
    truncated: bool


def probe(path: str | os.PathLike[str]) -> MediaInfo:
    """Open ``path``, decode its first picture and report what it is.

    Raises :class:`UnreadableFileError` (missing, forbidden, a folder, empty, truncated so that
    nothing decodes, no media) or :class:`UnsupportedMediaError` (no video, unknown codec,
    encrypted, too large), each in one sentence.
    """
    with open_media(path) as container:
        stream = main_video(container, path)
        frame = first_frame(container, stream, path)
        return MediaInfo(
            path=os.fspath(path),
            kind="image" if is_image(container) else "video",
            container=container.format.name,
            duration=_duration(container, stream),
            size=Path(path).stat().st_size,
            video=_video_info(path, stream, frame, _duration(container, stream)),
            tracks=tuple(_track(s) for s in container.streams if s is not stream),
            truncated=extent_of(path).missing > 0,
        )


def first_frame(
    container: InputContainer, stream: VideoStream, path: str | os.PathLike[str]
) -> VideoFrame:
    """Decode until one picture comes out; the container is then no longer at its beginning."""
    tried = 0
    for packet in container.demux(stream):
        if packet.has_sidedata("encryption_info"):
            raise encrypted(path)
        try:
            for frame in stream.decode(packet):
                return frame
        except (av.error.InvalidDataError, EOFError):
            tried += 1
            if tried > 500:
                break
    raise UnreadableFileError(
        f"No picture could be decoded from {Path(path).name}",
        advice="the file is damaged or incomplete, so get a fresh copy",
    )


def _video_info(
    path: str | os.PathLike[str],
    stream: VideoStream,
    frame: VideoFrame,
    duration: float | None,
) -> VideoInfo:
    context = stream.codec_context
    mastering, light = hdr_of(frame)
    rate = stream.average_rate or stream.guessed_rate
    count = stream.frames or (round(duration * float(rate)) if duration and rate else None)
    base = Fraction(stream.time_base or Fraction(1, 1000))
    depth = luma_depth(frame.format.name) or luma_depth(with_luma(frame).format.name)
    return VideoInfo(
        codec=context.codec.canonical_name,
        profile=context.profile,
        width=frame.width,
        height=frame.height,
        pix_fmt=frame.format.name,
        bit_depth=depth or 8,
        fps=Fraction(rate) if rate else None,
        frames=count,
        start=None if stream.start_time is None else float(stream.start_time * base),
        time_base=base,
        sar=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
        orientation=orientation_of(frame, path),
        matrix=display_matrix(frame),
        colour=Colour.of(stream, frame),
        interlaced=frame.interlaced_frame or context.field_order > 1,
        mastering=mastering,
        light=light,
    )


def _track(stream: Stream) -> TrackInfo:
    metadata: dict[str, Any] = stream.metadata
    context = stream.codec_context
    name = context.codec.canonical_name if context is not None else getattr(stream, "name", None)
    language = metadata.get("language")
    return TrackInfo(
        index=stream.index,
        type=stream.type,
        codec=name,
        language=None if language in (None, "und") else language,
        title=metadata.get("title") or metadata.get("name"),
        cover=is_cover(stream),
    )


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    single = stream.frames == 1 and stream.duration is None
    if is_image(container) and (container.format.name.endswith("_pipe") or single):
        return None
    if stream.duration is not None and stream.time_base:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1_000_000
