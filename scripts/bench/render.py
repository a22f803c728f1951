"""Decode, run the stages, encode: one pass of an attack, with PyAV and OpenCV alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.filter import Graph

from bench.frames import Frames, Matrix, Size, clock_of, filtered, peek, time_of
from bench.stages import Scene, Stage, Warp

# SVT-AV1 writes a page of settings to standard error for every encode otherwise: errors only.
os.environ.setdefault("SVT_LOG", "1")

STILLS = (".png", ".jpg", ".webp")
CLOCK = Fraction(1, 90000)


@dataclass(frozen=True, slots=True)
class Encode:
    """How a pass ends.

    Attributes:
        codec: libavcodec's encoder; "copy" remuxes, and for stills the suffix says it all.
        options: the encoder's own options.
        suffix: the container, or the still image's kind.
        bit_rate: bits a second; with it the encoder runs in average-rate mode.
        quantiser: fixed quantiser of the MPEG codecs.
        pix_fmt: of the encoder.
        rate: only these frame rates are known to the codec; others are converted to it.
    """

    codec: str = "libx264"
    options: tuple[tuple[str, str], ...] = ()
    suffix: str = ".mp4"
    bit_rate: int | None = None
    quantiser: int | None = None
    pix_fmt: str = "yuv420p"
    rate: Fraction | None = None


REPEATABLE = ("x264-params", "asm=avx2")
"""x264's AVX-512 code makes now and then another file of the same frames (seen on two clips)."""


def x264(crf: int) -> Encode:
    """H.264 at preset medium."""
    return Encode(options=(("crf", str(crf)), ("preset", "medium"), REPEATABLE))


def x264_rate(bit_rate: int) -> Encode:
    """H.264 at preset medium and an average rate, peaks at most half as much again."""
    peak = (("maxrate", str(bit_rate * 3 // 2)), ("bufsize", str(bit_rate * 2)))
    return Encode(options=(("preset", "medium"), REPEATABLE, *peak), bit_rate=bit_rate)


USUAL = x264(23)


@dataclass(frozen=True, slots=True)
class Pass:
    """Stages in order, then an encode."""

    stages: tuple[Stage, ...] = ()
    encode: Encode = USUAL


def run(
    passes: tuple[Pass, ...],
    source: Path,
    folder: Path,
    other: Path,
    seed: int,
    *,
    threads: int = 1,
) -> Path:
    """Attack a file; the result lies in ``folder``.

    Args:
        passes: at least one; each works on the one before's output.
        source: the clip.
        folder: for the passes' files.
        other: an unmarked clip to mix in where an attack does.
        seed: of everything random.
        threads: of the encoder.
    """
    path = source
    rng = np.random.default_rng(seed)
    for number, step in enumerate(passes):
        suffix = path.suffix if step.encode.codec == "copy" else step.encode.suffix
        target = folder / f"pass{number}{suffix}"
        if step.encode.codec == "copy":
            remux(path, target)
        else:
            _pass(step, path, target, Scene(rng, Fraction(25), 0.0, other), threads)
        path = target
    return path


def place(passes: tuple[Pass, ...], size: Size, progress: float = 0.0) -> tuple[Matrix, Size]:
    """Map from the final picture's edge coordinates to the clip's, and the final size.

    ``progress``, from 0 to 1 through the clip, matters where the geometry :func:`moves`.
    """
    total: Matrix = np.eye(3)
    for step in passes:
        for stage in step.stages:
            matrix, size = stage.place(size, progress)
            total = total @ matrix
    return total, size


def moves(passes: tuple[Pass, ...]) -> bool:
    """Whether the geometry changes with time."""
    return any(isinstance(stage, Warp) and stage.moving for step in passes for stage in step.stages)


def remux(source: Path, target: Path) -> None:
    """Copy every packet into a new container; what belongs to no track (the manifest) is lost."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        streams = {s.index: writer.add_stream_from_template(s) for s in reader.streams}
        for packet in reader.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                writer.mux(packet)


def _pass(step: Pass, source: Path, target: Path, scene: Scene, threads: int) -> None:
    with av.open(str(source)) as reader:
        stream = reader.streams.video[0]
        stream.thread_type = "SLICE" if threads == 1 else "AUTO"
        scene.rate = Fraction(stream.average_rate or 25)
        scene.duration = float(reader.duration or 0) / av.time_base
        frames: Frames = reader.decode(stream)
        for stage in step.stages:
            frames = stage.apply(frames, scene)
        if step.encode.suffix in STILLS:
            _still(next(frames), step.encode, target)
        elif step.encode.suffix == ".gif":
            _gif(frames, target)
        else:
            scene.pixel_aspect = stream.sample_aspect_ratio
            _encode(frames, step.encode, target, scene, threads)


def _encode(frames: Frames, how: Encode, target: Path, scene: Scene, threads: int) -> None:
    first, frames = peek(frames)
    if how.rate is not None:
        frames = filtered(frames, (f"fps={how.rate}",), scene.rate)
        scene.rate = how.rate
    with av.open(str(target), "w") as writer:
        options = dict(how.options)
        if how.quantiser is not None:
            # PyAV sets no quality on frames, so FFmpeg's -q would be ignored; limits are not.
            options |= {"qmin": str(how.quantiser), "qmax": str(how.quantiser)}
        stream: Any = writer.add_stream(how.codec, rate=scene.rate, options=options)
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, how.pix_fmt
        context.thread_count = threads
        if scene.pixel_aspect:
            context.sample_aspect_ratio = scene.pixel_aspect
        if how.quantiser is None and how.rate is None:
            context.time_base = CLOCK
        else:
            context.time_base = 1 / scene.rate
        if how.bit_rate is not None:
            context.bit_rate = how.bit_rate
        for frame in _timed(frames, how, context.time_base):
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())


def _timed(frames: Frames, how: Encode, clock: Fraction) -> Iterator[av.VideoFrame]:
    """Frames in the encoder's format, their times from zero, each after the one before."""
    start: Fraction | None = None
    last = -1
    for frame in frames:
        time = time_of(frame)
        start = time if start is None else start
        due = max(last + 1, round((time - start) / clock))
        ready = frame if frame.format.name == how.pix_fmt else frame.reformat(format=how.pix_fmt)
        ready.pts, ready.time_base, ready.pict_type = due, clock, 0
        last = due
        yield ready


def _still(frame: av.VideoFrame, how: Encode, target: Path) -> None:
    written = cv2.imwrite(
        str(target), frame.to_ndarray(format="bgr24"), _still_quality(target, dict(how.options))
    )
    if not written:
        raise OSError(f"{target.name} could not be written")


def _still_quality(target: Path, options: dict[str, str]) -> list[int]:
    flags = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}
    if target.suffix not in flags:
        return []
    return [flags[target.suffix], int(options["quality"])]


def _gif(frames: Frames, target: Path) -> None:
    """An animated GIF with a palette of its own, dithered as FFmpeg does by default."""
    first, frames = peek(frames)
    graph = Graph()
    graph.threads = 1
    base = clock_of(first)
    source = graph.add(
        "buffer",
        f"video_size={first.width}x{first.height}:pix_fmt={first.format.name}:"
        f"time_base={base.numerator}/{base.denominator}:pixel_aspect=1/1",
    )
    split, make = graph.add("split"), graph.add("palettegen")
    use, sink = graph.add("paletteuse"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(make, 0, 0)
    split.link_to(use, 1, 0)
    make.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    for frame in frames:
        graph.vpush(frame)
    graph.vpush(None)
    with av.open(str(target), "w") as writer:
        stream = writer.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "pal8"
        stream.codec_context.time_base = Fraction(1, 100)
        start: Fraction | None = None
        while True:
            try:
                frame = graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            time = time_of(frame)
            start = time if start is None else start
            frame.pts, frame.time_base = round((time - start) * 100), Fraction(1, 100)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
