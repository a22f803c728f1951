"""The encoded picture track: everything the input's picture says about itself, said again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, Self

import av
import av.error
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from provenance.errors import UsageError
from provenance.video.chroma import chroma_location
from provenance.video.colour import Colour, ContentLight, MasteringDisplay, hdr_of
from provenance.video.encoders import Container, EncoderPlan
from provenance.video.geometry import Matrix, display_matrix
from provenance.video.luma import BT601, BT709
from provenance.video.pipeline import FrameShape
from provenance.video.template import apply_hdr
from provenance.video.timetable import Timetable

_HVC1: Final = "hvc1"  # Apple's players take hevc only under this tag
_PARAMS: Final = {
    "libx264": "x264-params",
    "libx265": "x265-params",
    "libsvtav1": "svtav1-params",
}
_VUI: Final = ("h264", "hevc")
_BOTTOM_FIRST: Final = (3, 4)
"""Field orders, as libavcodec numbers them, in which the bottom field is shown first."""


@dataclass(frozen=True, slots=True)
class OutputPicture:
    """What the output's picture track has to say, taken from the input's."""

    time_base: Fraction
    rate: Fraction | None
    constant_rate: bool
    sar: Fraction
    colour: Colour
    chroma_location: str | None
    matrix: Matrix | None
    field_order: int
    interlaced: bool
    mastering: MasteringDisplay | None
    light: ContentLight | None
    disposition: int
    tags: Mapping[str, str]

    @classmethod
    def of(
        cls,
        stream: VideoStream,
        key: Packet[Any],
        first: VideoFrame,
        times: Timetable,
        tags: Mapping[str, str],
    ) -> Self:
        """Collect it from the stream, its first key packet, its first frame; and tags to keep."""
        mastering, light = hdr_of(first)
        field_order = stream.codec_context.field_order
        colour = Colour.of(stream, first)
        if first.format.is_rgb or first.format.has_palette:
            matrix = _rgb_matrix(first)
            colour = Colour(colour.primaries, colour.transfer, matrix, 1)
        return cls(
            time_base=times.time_base,
            rate=times.rate,
            constant_rate=times.constant,
            sar=Fraction(stream.sample_aspect_ratio or 0),
            colour=colour,
            chroma_location=chroma_location(stream, key),
            matrix=display_matrix(first),
            field_order=field_order,
            interlaced=first.interlaced_frame,
            mastering=mastering,
            light=light,
            disposition=int(stream.disposition),
            tags=tags,
        )


def frame_shape(first: VideoFrame, plan: EncoderPlan, picture: OutputPicture) -> FrameShape:
    """The encoder's picture: one line or column more where it needs even sizes."""
    width, height = first.width, first.height
    if plan.even_sizes:
        width, height = width + width % 2, height + height % 2
    rgb = first.format.is_rgb or first.format.has_palette
    return FrameShape(
        plan.pix_fmt,
        width,
        height,
        output_colour(picture, plan),
        _rgb_matrix(first) if rgb else None,
    )


def output_colour(picture: OutputPicture, plan: EncoderPlan) -> Colour:
    """The source's colour description, except that ProRes knows no full range."""
    limited = plan.codec == "prores" and picture.colour.full_range
    return replace(picture.colour, range=1) if limited else picture.colour


def add_picture(
    target: OutputContainer,
    container: Container,
    plan: EncoderPlan,
    picture: OutputPicture,
    shape: FrameShape,
) -> VideoStream:
    """Add the picture track and open its encoder.

    Raises :class:`UsageError` for encoder options that do not exist or cannot be.
    """
    stream = target.add_stream(plan.library)
    if not isinstance(stream, VideoStream):  # pragma: no cover - what PyAV's types leave open
        raise UsageError(f"{plan.library} is no video encoder.")
    if picture.mastering or picture.light:
        size = (shape.width, shape.height)
        apply_hdr(stream, plan.codec, size, picture.mastering, picture.light)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = shape.width, shape.height, plan.pix_fmt
    context.time_base = stream.time_base = picture.time_base
    context.framerate = picture.rate or Fraction(0, 1)
    context.sample_aspect_ratio = picture.sar
    colour = shape.colour
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    context.colorspace, context.color_range = colour.matrix, colour.range
    if picture.sar not in (0, 1) and container in ("matroska", "webm") and plan.codec not in _VUI:
        # PyAV cannot set the aspect ratio of a Matroska track; H.264 and HEVC say it themselves.
        raise UsageError(
            f"Pixels that are not square ({picture.sar.numerator}:{picture.sar.denominator}) "
            f"cannot be kept for {plan.codec} in mkv or webm; write to mp4 or mov instead."
        )
    context.field_order = picture.field_order
    # Frames keep their own durations: variable frame rates need the last one too.
    context.flags |= Flags.frame_duration
    if picture.interlaced and plan.library in ("libx264", "prores_ks"):
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    if plan.codec == "hevc" and container in ("mp4", "mov"):
        context.codec_tag = _HVC1
    if plan.bit_rate is not None:
        context.bit_rate = plan.bit_rate
    context.thread_count = plan.threads
    # PyAV's default, slices, makes x264 cut every picture into slices: worse and no faster.
    context.thread_type = "FRAME" if plan.library == "libx264" else "AUTO"
    options = plan.options | _bitstream_facts(plan, picture)
    if picture.chroma_location is not None:
        options["chroma_sample_location"] = picture.chroma_location
    if plan.library == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only; SVT-AV1 has no other switch
    _open(stream, options, plan)
    stream.metadata.update(picture.tags)
    stream.disposition = Disposition(picture.disposition)
    if picture.matrix is not None:
        stream.set_display_matrix(picture.matrix)
    return stream


def _bitstream_facts(plan: EncoderPlan, picture: OutputPicture) -> dict[str, str]:
    """HDR10 in the bitstream itself, quiet encoders, and the caller's own parameters last."""
    name = _PARAMS.get(plan.library)
    if name is None:
        return {}
    facts: list[str] = []
    mastering, light = picture.mastering, picture.light
    if plan.library == "libx265":
        facts += ["log-level=error"]
        facts += [f"master-display={mastering.as_x265()}"] if mastering else []
        facts += [f"max-cll={light}"] if light else []
        facts += ["hdr10=1", "repeat-headers=1"] if mastering or light else []
    elif plan.library == "libx264":
        facts += [f"mastering-display={mastering.as_x265()}"] if mastering else []
        facts += [f"cll={light}"] if light else []
        # Without this x264 writes the time base into the stream as if it were the frame rate.
        facts += ["force-cfr=1"] if picture.constant_rate else []
        # x264 takes the order from the frames, but only after it wrote down that top comes first.
        bottom = picture.interlaced and picture.field_order in _BOTTOM_FIRST
        facts += ["bff=1"] if bottom else []
    else:
        facts += [f"mastering-display={mastering.as_svtav1()}"] if mastering else []
        facts += [f"content-light={light}"] if light else []
    asked = plan.options.get(name)
    facts += [asked] if asked else []
    return {name: ":".join(facts)} if facts else {}


def _open(stream: VideoStream, options: dict[str, str], plan: EncoderPlan) -> None:
    context = stream.codec_context
    known = context.supported_options
    names = {option.name for option in (*known.generic, *known.private)}
    strange = [name for name in options if name not in names]
    if strange:
        raise UsageError(
            f"The encoder {plan.library} has no option {strange[0]!r}; "
            f"see `ffmpeg -h encoder={plan.library}` for those it has."
        )
    context.options = dict(options)
    try:
        context.open()
    except (av.error.FFmpegError, ValueError) as error:
        asked = ", ".join(f"{name}={value}" for name, value in options.items())
        raise UsageError(
            f"The encoder {plan.library} refuses these settings for a {context.width} x "
            f"{context.height} {plan.pix_fmt} picture ({asked}); change them."
        ) from error


def _rgb_matrix(frame: VideoFrame) -> int:
    return BT709 if min(frame.width, frame.height) >= 720 else BT601
