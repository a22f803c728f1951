"""Small, odd, valid video files, each made from a recipe with PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Disposition

RATE: Final = 48_000
FORMATS: Final = {"mkv": "matroska", "ts": "mpegts"}
_SMALL: Final = (160, 120)
_LARGE: Final = (400, 304)
_PERIOD: Final = 96
"""Frames until the pictures repeat."""
_SAMPLES: Final = {"libopus": 960, "ac3": 1536, "libmp3lame": 1152, "flac": 4608}
_QUIET: Final = {
    "libx264": {"preset": "veryfast", "crf": "12"},
    "libx265": {"preset": "ultrafast", "crf": "14", "x265-params": "log-level=none:pools=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "14"},
    "libsvtav1": {"preset": "12", "crf": "14"},
    "mpeg2video": {"qscale": "2", "flags": "+qscale", "global_quality": "236"},
    "mpeg4": {"flags": "+qscale", "global_quality": "236"},
    "mjpeg": {"flags": "+qscale", "global_quality": "236"},
}


@dataclass(frozen=True, slots=True)
class Sound:
    """A tone from ``delay`` on; ``seconds`` is how long it is, by default as the picture."""

    codec: str = "aac"
    language: str = ""
    title: str = ""
    delay: Fraction = Fraction(0)
    seconds: Fraction | None = None
    disposition: int = 0


@dataclass(frozen=True, slots=True)
class Captions:
    """Two captions: the codec, and the track's language."""

    codec: str
    language: str = "fra"
    disposition: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a file is to contain, and what it is to become.

    Attributes:
        name: says what is odd about it.
        source: suffix of the file; ``target``: of its copy.
        pts: times of the frames in ``base``; None: ``frames`` at ``rate``.
        delay: when the picture starts, seconds.
        hold: how long the last frame is shown, seconds; None: as all the others.
        filter: a bitstream filter that the picture's packets go through.
        pictures: how many picture tracks there are.
        patches: changes of the finished file.
        into: the codec of the copy; None: the product's choice.
        refused: words of the sentence by which the product refuses it; None: it must not.
    """

    name: str
    source: str = "mp4"
    target: str = "mp4"
    codec: str = "libx264"
    size: tuple[int, int] = _SMALL
    pix_fmt: str = "yuv420p"
    frames: int = 24
    rate: Fraction = Fraction(24)
    base: Fraction | None = None
    pts: tuple[int, ...] | None = None
    delay: Fraction = Fraction(0)
    hold: Fraction | None = None
    sar: Fraction | None = None
    colour: tuple[int, int, int, int] | None = None
    matrix: tuple[int, ...] | None = None
    interlaced: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    muxer: Mapping[str, str] = field(default_factory=dict)
    sounds: tuple[Sound, ...] = ()
    captions: tuple[Captions, ...] = ()
    chapters: bool = False
    title: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    cover: bool = False
    attachment: bytes = b""
    filter: str = ""
    pictures: int = 1
    sound_first: bool = False
    patches: tuple[Callable[[Path], object], ...] = ()
    into: str | None = None
    keep: tuple[str, ...] = ()
    refused: str | None = None

    def larger(self) -> Recipe:
        """The same with a picture that a mark fits into."""
        return replace(self, size=_LARGE, frames=max(self.frames, 36))

    @property
    def is_small(self) -> bool:
        """Whether its size and number of frames are of no importance to what it shows."""
        return self.size == _SMALL and self.pts is None and not self.patches and not self.refused


def make(recipe: Recipe, folder: Path) -> Path:
    """Make the file in a folder."""
    path = folder / f"{recipe.name}.{recipe.source}"
    # An mkv does not say when frames are decoded, which filters and muxers want to know.
    before = recipe.source.replace("mkv", "mp4")
    first = path.with_name(f"before.{before}") if recipe.filter else path
    _write(recipe, first)
    if recipe.filter:
        _filtered(first, path, recipe)
        first.unlink()
    for patch in recipe.patches:
        patch(path)
    return path


def _write(recipe: Recipe, path: Path) -> None:
    suffix = path.suffix[1:]
    kind = FORMATS.get(suffix, suffix)
    with av.open(str(path), "w", format=kind, container_options=dict(recipe.muxer)) as out:
        out.metadata.update(recipe.tags)
        early = recipe.sounds if recipe.sound_first else ()
        sounds = [(_sound_stream(out, one), one) for one in early]
        pictures = [_picture_stream(out, recipe) for _ in range(recipe.pictures)]
        sounds += [(_sound_stream(out, one), one) for one in recipe.sounds[len(early) :]]
        texts = [(_caption_stream(out, one), one) for one in recipe.captions]
        if recipe.attachment:
            out.add_attachment("font.ttf", "application/x-truetype-font", recipe.attachment)
        if recipe.chapters:
            out.set_chapters([*_chapters()])
        packets: list[Any] = [_cover_packet(out)] if recipe.cover else []
        for stream in pictures:
            packets += _picture_packets(stream, recipe)
        for stream, sound in sounds:
            packets += _sound_packets(stream, sound, sound.seconds or _length(recipe))
        for stream, captions in texts:
            packets += _caption_packets(stream, captions.codec)
        for packet in sorted(packets, key=lambda one: one.dts * one.time_base):
            out.mux(packet)


def _length(recipe: Recipe) -> Fraction:
    if recipe.pts is None:
        return recipe.frames / recipe.rate
    return (recipe.pts[-1] - recipe.pts[0]) * _base(recipe) + 1 / recipe.rate


def _base(recipe: Recipe) -> Fraction:
    return recipe.base or 1 / recipe.rate


def _picture_stream(out: Any, recipe: Recipe) -> Any:
    stream = out.add_stream(recipe.codec, rate=recipe.rate)
    context = stream.codec_context
    context.width, context.height = recipe.size
    context.pix_fmt, context.framerate = recipe.pix_fmt, recipe.rate
    context.time_base = stream.time_base = _base(recipe)
    context.thread_count = 1
    if recipe.sar:
        context.sample_aspect_ratio = recipe.sar
    if recipe.colour:
        context.color_primaries, context.color_trc = recipe.colour[:2]
        context.colorspace, context.color_range = recipe.colour[2:]
    if recipe.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    context.flags |= Flags.frame_duration
    options = dict(_QUIET.get(recipe.codec, {}))
    for name, value in recipe.options.items():
        joined = name in options and name.endswith("-params")
        options[name] = f"{options[name]}:{value}" if joined else value
    context.options = options
    if recipe.matrix:
        stream.set_display_matrix(recipe.matrix)
    if recipe.title:
        stream.metadata["title"] = recipe.title
    return stream


def _picture_packets(stream: Any, recipe: Recipe) -> list[Any]:
    """The picture's packets, each with how long it lasts."""
    base = _base(recipe)
    step = max(1, round(1 / recipe.rate / base))
    times = recipe.pts or tuple(range(0, recipe.frames * step, step))
    times = tuple(one + round(recipe.delay / base) for one in times)
    hold = step if recipe.hold is None else round(recipe.hold / base)
    lasts = {a: b - a for a, b in zip(times, (*times[1:], times[-1] + hold), strict=True)}
    packets: list[Any] = []
    for index, time in enumerate(times):
        frame = _frame(recipe, index)
        frame.pts, frame.time_base, frame.duration = time, base, lasts[time]
        packets += stream.encode(frame)
    packets += stream.encode(None)
    for packet in packets:
        packet.duration = lasts.get(packet.pts, step)
        packet.dts = packet.pts if packet.dts is None else packet.dts
    if recipe.source in ("mp4", "mov"):
        # Stored in the order of decoding: the last one takes what is left of the film.
        total = times[-1] + hold - times[0]
        packets[-1].duration = max(1, packets[0].dts + total - packets[-1].dts)
    return packets


def luma(width: int, height: int, index: int) -> np.ndarray[Any, Any]:
    """An (H, W) uint8 texture that moves with ``index``."""
    noise = np.random.default_rng(7).normal(0, 1, (height + _PERIOD, width + _PERIOD))
    soft = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 2.0)
    soft = soft / soft.std() * 28 + 120
    at = index % _PERIOD
    grey: np.ndarray[Any, Any] = np.clip(soft[at : at + height, at : at + width], 20, 230)
    return grey.astype(np.uint8)


def _frame(recipe: Recipe, index: int) -> av.VideoFrame:
    width, height = recipe.size
    grey = luma(width, height, index)
    ramp = np.linspace(90, 165, width, dtype=np.float32)[None, :].repeat(height, 0)
    rgb = np.stack([grey, np.clip(grey * 0.6 + ramp * 0.4, 0, 255), 255 - ramp], 2)
    frame = av.VideoFrame.from_ndarray(rgb.astype(np.uint8), format="rgb24")
    made = frame.reformat(format=recipe.pix_fmt)
    if recipe.colour:
        made.color_primaries, made.color_trc = recipe.colour[:2]
        made.colorspace, made.color_range = recipe.colour[2:]
    return made


def _sound_stream(out: Any, sound: Sound) -> Any:
    stream = out.add_stream(sound.codec, rate=RATE, layout="stereo")
    if sound.language:
        stream.metadata["language"] = sound.language
    if sound.title:
        stream.metadata["title"] = sound.title
    stream.disposition = Disposition(sound.disposition)
    return stream


def _sound_packets(stream: Any, sound: Sound, seconds: Fraction) -> Iterator[Any]:
    size = _SAMPLES.get(sound.codec, 1024)
    context = stream.codec_context
    context.open()
    form = context.format.name
    packets: list[Any] = []
    total = int(seconds * RATE)
    for start in range(0, total, size):
        at = np.arange(start, min(start + size, total))
        wave = np.sin(2 * np.pi * (440 + at / 60) * at / RATE)
        whole = form.startswith(("s16", "s32"))
        scale = {"s16": 9000, "s32": 9000 << 16}.get(form.removesuffix("p"), 0.3)
        kind = {"s16": np.int16, "s32": np.int32}.get(form.removesuffix("p"), np.float32)
        data = (wave * scale).astype(kind if whole else np.float32)
        both = np.stack([data, data])
        if not form.endswith("p"):
            both = both.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(both), format=form, layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        packets += stream.encode(frame)
    packets += stream.encode(None)
    for packet in packets:
        shift = round(sound.delay / packet.time_base)
        packet.pts += shift
        packet.dts += shift
        yield packet


def _caption_stream(out: Any, captions: Captions) -> Any:
    stream = out.add_mux_stream(captions.codec)
    stream.time_base = Fraction(1, 1000)
    stream.metadata.update({"language": captions.language, "title": "Sous-titres"})
    stream.disposition = Disposition(captions.disposition)
    return stream


def _caption_packets(stream: Any, codec: str) -> Iterator[Any]:
    for number, start in enumerate((100, 500)):
        text = f"caption {number}".encode()
        if codec == "mov_text":
            text = len(text).to_bytes(2, "big") + text
        elif codec == "ass":
            text = f"{number},0,Default,,0,0,0,,caption {number}".encode()
        packet: Packet[Any] = Packet(text)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration, packet.is_keyframe = 300, True
        yield packet


def _chapters() -> Iterator[Any]:
    for number, (start, end, title) in enumerate(((0, 400, "Opening"), (400, 1000, "The chase"))):
        yield {
            "id": number + 1,
            "start": start,
            "end": end,
            "time_base": Fraction(1, 1000),
            "metadata": {"title": title},
        }


def _cover_packet(out: Any) -> Any:
    stream = out.add_mux_stream("png", width=32, height=24)
    stream.disposition = Disposition.attached_pic
    done, data = cv2.imencode(".png", cv2.merge([luma(32, 24, i) for i in range(3)]))
    if not done:
        raise ValueError("no picture could be made for a cover")
    packet: Packet[Any] = Packet(bytes(data))
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = 0
    packet.is_keyframe = True
    return packet


def _filtered(source: Path, target: Path, recipe: Recipe) -> None:
    """A copy whose picture went through a bitstream filter."""
    kind = FORMATS.get(recipe.source, recipe.source)
    with (
        av.open(str(source)) as media,
        av.open(str(target), "w", format=kind, container_options=dict(recipe.muxer)) as out,
    ):
        main = media.streams.video[0]
        made: dict[int, Any] = {}
        through: Any = None
        for stream in media.streams:
            if stream is main:
                made[stream.index] = out.add_mux_stream(stream.codec_context.codec.canonical_name)
                through = av.BitStreamFilterContext(recipe.filter, stream, made[stream.index])
            else:
                made[stream.index] = out.add_stream_from_template(stream)
        for packet in media.demux():
            if not packet.size:
                continue
            index = packet.stream_index
            for one in through.filter(packet) if index == main.index else [packet]:
                one.stream = made[index]
                out.mux(one)
