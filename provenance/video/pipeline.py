"""Marking in a few threads ahead of the encoder: order kept, number of frames bounded."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np
from av.video.frame import VideoFrame

from provenance.video.colour import Colour
from provenance.video.luma import FULL, LIMITED, LumaPlane, luma_view, plane_dtype, plane_view

_AHEAD: Final = 3
"""Frames in flight beyond one for each thread."""


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """Which frame is being marked: its number from 0 in presentation order, its time in seconds."""

    index: int
    time: float


class Mark(Protocol):
    """Writes the marked version of ``luma_in`` into ``luma_out`` (same shape and dtype).

    Called once for each frame, from several threads at once.  The arrays are valid during the
    call only, and never overlap.
    """

    def __call__(self, luma_in: LumaPlane, luma_out: LumaPlane, info: FrameInfo, /) -> object:
        """Mark one frame."""
        ...


@dataclass(frozen=True, slots=True)
class FrameShape:
    """The picture the encoder takes; it differs from the decoded one in format or even size."""

    pix_fmt: str
    width: int
    height: int
    colour: Colour
    converted_matrix: int | None = None
    """Matrix to convert RGB with, None if the source is YUV."""


class MarkPool:
    """Feeds frames to marking threads and gives them back in order.

    Use as a context manager: leaving it cancels what has not started and joins the threads.
    """

    def __init__(self, mark: Mark, shape: FrameShape, threads: int = 0) -> None:
        count = threads or min(4, os.cpu_count() or 1)
        self._mark, self._shape = mark, shape
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="mark")
        self._pending: deque[Future[VideoFrame]] = deque()
        self._limit = count + _AHEAD
        self._scratch = threading.local()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def put(self, frame: VideoFrame, info: FrameInfo) -> Iterator[VideoFrame]:
        """Hand in a frame; yields the marked frames that must leave to keep the bound."""
        self._pending.append(self._pool.submit(self._work, frame, info))
        while len(self._pending) > self._limit:
            yield self._pending.popleft().result()

    def drain(self) -> Iterator[VideoFrame]:
        """Yield all frames still in flight, in order."""
        while self._pending:
            yield self._pending.popleft().result()

    def _work(self, frame: VideoFrame, info: FrameInfo) -> VideoFrame:
        ready = fit(frame, self._shape)
        # The decoder may still predict from this buffer: make_writable copies it in that case
        # (properties and side data too), and leaves it alone when nobody else holds it.
        ready.make_writable()
        ready.pict_type = 0  # else the encoder repeats the source's frame types
        target = luma_view(ready)[: frame.height, : frame.width]
        source = self._buffer(target)
        np.copyto(source, target)
        self._mark(source, target, info)
        if (ready.width, ready.height) != (frame.width, frame.height):
            _repeat_edges(luma_view(ready), frame.width, frame.height)
        return ready

    def _buffer(self, like: LumaPlane) -> LumaPlane:
        buffer: LumaPlane | None = getattr(self._scratch, "luma", None)
        if buffer is None or buffer.shape != like.shape or buffer.dtype != like.dtype:
            buffer = np.empty(like.shape, like.dtype)
            self._scratch.luma = buffer
        return buffer


def fit(frame: VideoFrame, shape: FrameShape) -> VideoFrame:
    """``frame`` in the encoder's format and (even) size; itself if it already fits."""
    if frame.format.name != shape.pix_fmt:
        if _same_layout(frame.format.name, shape.pix_fmt):
            frame = _padded(frame, shape)
        else:
            converted = frame.reformat(
                format=shape.pix_fmt,
                dst_colorspace=shape.converted_matrix,
                src_color_range=FULL if frame.format.is_rgb else _range_of(frame),
                dst_color_range=shape.colour.range or LIMITED,
                interpolation="BICUBIC",
            )
            converted.pts, converted.time_base = frame.pts, frame.time_base
            converted.duration = frame.duration
            frame = converted
    if (frame.width, frame.height) != (shape.width, shape.height):
        frame = _padded(frame, shape)
    return frame


def _range_of(frame: VideoFrame) -> int:
    return FULL if frame.format.name.startswith("yuvj") else frame.color_range or LIMITED


def _same_layout(a: str, b: str) -> bool:
    """Whether two formats differ only in the range their name implies (yuvj420p, yuv420p)."""
    return a.replace("yuvj", "yuv") == b.replace("yuvj", "yuv")


def _padded(frame: VideoFrame, shape: FrameShape) -> VideoFrame:
    """A copy of ``frame`` under the new format name, edges repeated to the new size."""
    padded = VideoFrame(shape.width, shape.height, shape.pix_fmt)
    dtype = plane_dtype(shape.pix_fmt)
    for old, new in zip(frame.planes, padded.planes, strict=True):
        source, target = plane_view(old, dtype), plane_view(new, dtype)
        rows, columns = min(source.shape[0], target.shape[0]), min(source.shape[1], target.shape[1])
        target[:rows, :columns] = source[:rows, :columns]
        _repeat_edges(target, columns, rows)
    padded.pts, padded.time_base, padded.duration = frame.pts, frame.time_base, frame.duration
    padded.color_range, padded.colorspace = frame.color_range, frame.colorspace
    padded.color_primaries, padded.color_trc = frame.color_primaries, frame.color_trc
    return padded


def _repeat_edges(plane: LumaPlane, width: int, height: int) -> None:
    plane[:height, width:] = plane[:height, width - 1 : width]
    plane[height:] = plane[height - 1 : height]
