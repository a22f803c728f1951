"""Tiny clips made on the spot with PyAV: textured moving pictures, tone, subtitles, tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Disposition

from provenance.video import read_luma
from provenance.video.template import apply_hdr
from tests.values import present

ROTATE_90 = (0, 65536, 0, -65536, 0, 0, 0, 0, 1073741824)
"""A display matrix that turns the picture clockwise by 90 degrees."""


@dataclass(frozen=True)
class Spec:
    """What a clip is to contain.  The defaults make a second of plain 160 x 120 H.264."""

    codec: str = "libx264"
    size: tuple[int, int] = (160, 120)
    pix_fmt: str = "yuv420p"
    frames: int = 24
    rate: Fraction = Fraction(24)
    time_base: Fraction | None = None
    pts: Sequence[int] | None = None
    sar: Fraction | None = None
    colour: tuple[int, int, int, int] | None = None
    """primaries, transfer, matrix, range"""
    matrix: tuple[int, ...] | None = None
    interlaced: bool = False
    options: dict[str, str] = field(default_factory=dict)
    title: str | None = None
    audio: Sequence[str] = ()
    """languages of the sound tracks"""
    audio_codec: str = "aac"
    audio_title: str | None = None
    subtitles: str | None = None
    """codec of a subtitle track"""
    chapters: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    cover: bool = False
    attachment: bytes | None = None
    muxer: dict[str, str] = field(default_factory=dict)
    hdr: Any = None
    """(MasteringDisplay, ContentLight) to write at container level"""


def picture(width: int, height: int, index: int, seed: int = 7) -> np.ndarray[Any, Any]:
    """An (H, W) uint8 texture, mid grey with soft detail, moving with ``index``."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, (height + 64, width + 64)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.5)
    soft = soft / soft.std() * 28 + 120
    at = index % 48
    part = np.clip(soft[at : at + height, at : at + width], 20, 230)
    return np.asarray(part, np.uint8)


def copy(luma_in: Any, luma_out: Any, _info: object) -> None:
    """A mark that changes nothing."""
    np.copyto(luma_out, luma_in)


def video_frame(spec: Spec, index: int) -> av.VideoFrame:
    """Frame ``index`` of a clip, in its pixel format."""
    width, height = spec.size
    luma = picture(width, height, index)
    ramp = np.linspace(90, 165, width, dtype=np.float32)[None, :].repeat(height, 0)
    rgb = np.stack([luma, np.clip(luma * 0.6 + ramp * 0.4, 0, 255), 255 - ramp], 2)
    frame = av.VideoFrame.from_ndarray(rgb.astype(np.uint8), format="rgb24")
    return frame.reformat(format=spec.pix_fmt)


def make_clip(path: Path, spec: Spec | None = None) -> Path:
    """Write a clip to ``path`` (container by suffix) and return the path."""
    spec = spec or Spec()
    container = {".mkv": "matroska", ".m4v": "mp4"}.get(path.suffix, path.suffix[1:])
    out = av.open(str(path), "w", format=container, container_options=spec.muxer)
    out.metadata.update(spec.tags)
    stream = _picture_stream(out, spec)
    sounds = [_sound(out, spec, language) for language in spec.audio]
    subtitle = _subtitle_stream(out, spec)
    if spec.attachment is not None:
        out.add_attachment("font.ttf", "application/x-truetype-font", spec.attachment)
    if spec.chapters:
        marks = ((0, 400, "Opening"), (400, 1000, "The chase"))
        out.set_chapters(
            [
                {
                    "id": number,
                    "start": start,
                    "end": end,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title},
                }
                for number, (start, end, title) in enumerate(marks, 1)
            ]
        )
    if spec.cover:
        _cover(out, container)
    for frame in _frames(spec):
        out.mux(stream.encode(frame))
    out.mux(stream.encode())
    for sound in sounds:
        _tone(out, sound, (len(spec.pts) if spec.pts else spec.frames) / float(spec.rate))
    if subtitle is not None:
        _captions(out, subtitle, spec.subtitles or "")
    out.close()
    return path


def grey_clip(frames: list[np.ndarray[Any, Any]], target: Path, rate: int = 24) -> Path:
    """Write grey pictures as H.264 CRF 20."""
    height, width = frames[0].shape
    with av.open(str(target), "w") as out:
        stream: Any = out.add_stream("libx264", rate=Fraction(rate))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast"}
        for luma in frames:
            planes = np.full((height * 3 // 2, width), 128, np.uint8)
            planes[:height] = luma
            out.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        out.mux(stream.encode(None))
    return target


def frame_time(frame: av.VideoFrame) -> Fraction:
    """When a frame is shown, in seconds."""
    return present(frame.pts) * present(frame.time_base)


def lumas(path: str | Path) -> list[np.ndarray[Any, Any]]:
    """Every frame's (H, W) luma."""
    return [frame.luma.copy() for frame in read_luma(path)]


def _picture_stream(out: Any, spec: Spec) -> Any:
    stream = out.add_stream(spec.codec, rate=spec.rate)
    if spec.hdr:
        name = {"libx265": "hevc", "libvpx-vp9": "vp9", "prores_ks": "prores"}[spec.codec]
        apply_hdr(stream, name, spec.size, *spec.hdr)  # PyAV has no setter for it
    context = stream.codec_context
    context.width, context.height = spec.size
    context.pix_fmt = spec.pix_fmt
    context.framerate = spec.rate
    context.time_base = stream.time_base = spec.time_base or 1 / spec.rate
    if spec.sar:
        context.sample_aspect_ratio = spec.sar
    if spec.colour:
        context.color_primaries, context.color_trc = spec.colour[:2]
        context.colorspace, context.color_range = spec.colour[2:]
    if spec.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    context.flags |= Flags.frame_duration
    options = dict(spec.options)
    if spec.codec == "libx264":
        options.setdefault("preset", "veryfast")
    if spec.codec == "libx265":
        extra = options.get("x265-params")
        options["x265-params"] = "log-level=none:pools=1" + (f":{extra}" if extra else "")
        options.setdefault("preset", "ultrafast")
    context.options = options
    if spec.matrix:
        stream.set_display_matrix(spec.matrix)
    if spec.title:
        stream.metadata["title"] = spec.title
    return stream


def _frames(spec: Spec) -> Iterator[av.VideoFrame]:
    base = spec.time_base or 1 / spec.rate
    step = round(1 / spec.rate / base)
    for index in range(len(spec.pts) if spec.pts is not None else spec.frames):
        frame = video_frame(spec, index)
        frame.pts = spec.pts[index] if spec.pts is not None else index * step
        frame.time_base, frame.duration = base, step
        if spec.colour:
            frame.color_primaries, frame.color_trc = spec.colour[:2]
            frame.colorspace, frame.color_range = spec.colour[2:]
        yield frame


def _cover(out: Any, container: str) -> None:
    if container == "matroska":
        out.add_attachment("cover.png", "image/png", cover_png())
        return
    stream = out.add_mux_stream("png", width=32, height=24)
    stream.disposition = Disposition.attached_pic
    packet = Packet(cover_png())
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = 0
    packet.is_keyframe = True
    out.mux(packet)


def cover_png() -> bytes:
    """A small PNG."""
    done, data = cv2.imencode(".png", cv2.merge([picture(32, 24, i) for i in range(3)]))
    assert done
    return bytes(data)


def _sound(out: Any, spec: Spec, language: str) -> Any:
    stream = out.add_stream(spec.audio_codec, rate=48000, layout="stereo")
    stream.metadata["language"] = language
    if spec.audio_title:
        stream.metadata["title"] = spec.audio_title
    return stream


def _tone(out: Any, stream: Any, seconds: float) -> None:
    size, rate = 1024 if stream.codec_context.name == "aac" else 960, 48000
    fmt = stream.codec_context.format.name
    for start in range(0, int(seconds * rate), size):
        wave = np.sin(2 * np.pi * 440 * (np.arange(start, start + size) / rate))
        if fmt.startswith("s16"):
            data = (wave * 9000).astype(np.int16)
        else:
            data = (wave * 0.3).astype(np.float32)
        both = np.stack([data, data])
        if not fmt.endswith("p"):
            both = both.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(both), format=fmt, layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        out.mux(stream.encode(frame))
    out.mux(stream.encode())


def _subtitle_stream(out: Any, spec: Spec) -> Any:
    if spec.subtitles is None:
        return None
    stream = out.add_mux_stream(spec.subtitles)
    stream.time_base = Fraction(1, 1000)
    stream.metadata.update({"language": "fra", "title": "Sous-titres"})
    stream.disposition = Disposition.forced
    return stream


def _captions(out: Any, stream: Any, codec: str) -> None:
    for number, start in enumerate((100, 500)):
        text = f"caption {number}".encode()
        packet = Packet(len(text).to_bytes(2, "big") + text if codec == "mov_text" else text)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration, packet.is_keyframe = 300, True
        out.mux(packet)
