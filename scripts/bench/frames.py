"""Frames and pictures: filters, warps and changes of pixels that the stages are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

Size = tuple[int, int]
"""(width, height)"""
Matrix = NDArray[np.float64]
"""(3, 3) projective map from output to input edge coordinates."""
Picture = NDArray[np.uint8]
"""(H, W, 3) uint8: luma and both chroma planes at full size, as coded (video range)."""
Frames = Iterator[av.VideoFrame]
BLACK = (16, 128, 128)


def even(value: float) -> int:
    """The nearest even number, at least 16 (no encoder takes less)."""
    return max(16, 2 * round(value / 2))


def peek(frames: Frames) -> tuple[av.VideoFrame, Frames]:
    """The first frame, and all of them."""
    first = next(frames)

    def again() -> Frames:
        yield first
        yield from frames

    return first, again()


def warped(
    picture: Picture, matrix: Matrix, size: Size, border: tuple[int, int, int] | None = BLACK
) -> Picture:
    """A picture seen through a map from output to input edge coordinates; border None reflects."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    pixels = np.linalg.inv(half) @ matrix @ half
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    if border is None:
        seen = cv2.warpPerspective(
            picture, pixels, size, flags=flags, borderMode=cv2.BORDER_REFLECT
        )
    else:
        seen = cv2.warpPerspective(picture, pixels, size, flags=flags, borderValue=border)
    return np.asarray(seen, np.uint8)


def clock_of(frame: av.VideoFrame) -> Fraction:
    """What its time counts in, seconds; every frame here has one."""
    if frame.time_base is None:
        raise ValueError("a frame without a time base")
    return frame.time_base


def time_of(frame: av.VideoFrame) -> Fraction:
    """When it is shown, seconds."""
    if frame.pts is None:
        raise ValueError("a frame without a time")
    return frame.pts * clock_of(frame)


def filtered(frames: Frames, chain: tuple[str, ...], rate: Fraction) -> Frames:
    """Frames through a libavfilter chain on one thread."""
    try:
        first, frames = peek(frames)
    except StopIteration:
        return
    graph = Graph()
    graph.threads = 1
    base = clock_of(first)
    node = graph.add(
        "buffer",
        f"video_size={first.width}x{first.height}:pix_fmt={first.format.name}:"
        f"time_base={base.numerator}/{base.denominator}:"
        f"frame_rate={rate.numerator}/{rate.denominator}:pixel_aspect=1/1",
    )
    for text in (*chain, "buffersink"):
        name, _, arguments = text.partition("=")
        following = graph.add(name, arguments or None)
        node.link_to(following)
        node = following
    graph.configure()
    for frame in frames:
        graph.vpush(frame)
        yield from drained(graph)
    graph.vpush(None)
    yield from drained(graph)


def drained(graph: Graph) -> Frames:
    """What a graph has ready."""
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def painted(frames: Frames, change: Callable[[Picture, float], Picture]) -> Frames:
    """Frames through a function of an (H, W, 3) picture and its time in seconds."""
    for frame in frames:
        planes = frame.to_ndarray(format="yuv444p")
        after = change(np.ascontiguousarray(np.moveaxis(planes, 0, 2)), frame.time or 0.0)
        yield like(frame, after)


def like(frame: av.VideoFrame, picture: Picture) -> av.VideoFrame:
    """A new frame of an (H, W, 3) picture with another frame's time, format and colours."""
    planes = np.ascontiguousarray(np.moveaxis(picture, 2, 0))
    name = frame.format.name if frame.format.name.startswith("yuv") else "yuv420p"
    made = av.VideoFrame.from_ndarray(planes, format="yuv444p").reformat(format=name)
    made.pts, made.time_base = frame.pts, frame.time_base
    made.color_range, made.colorspace = frame.color_range, frame.colorspace
    return made
