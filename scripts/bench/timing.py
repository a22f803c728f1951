"""Stages that choose, order and mix frames: trims, drops, joins, insets.

Every number here is a fixed parameter of the bench.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile

import av
import cv2
import numpy as np

from bench.effects import blurred_fill
from bench.frames import Frames, Matrix, Picture, Size, filtered, like
from bench.stages import IDENTITY, Scene


@dataclass(frozen=True, slots=True)
class Still:
    """Base of stages that only choose frames."""

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """Nothing moves."""
        return IDENTITY, size


@dataclass(frozen=True, slots=True)
class Trim(Still):
    """``seconds`` from a random place; 0 for a single frame."""

    seconds: float

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Let through what lies inside."""
        start = float(scene.rng.uniform(0.0, max(scene.duration - max(self.seconds, 0.2), 0.0)))
        scene.duration = self.seconds
        for frame in frames:
            if frame.time is None or frame.time < start:
                continue
            if self.seconds and frame.time >= start + self.seconds:
                return
            yield frame
            if not self.seconds:
                return


@dataclass(frozen=True, slots=True)
class First(Still):
    """The first ``seconds``."""

    seconds: float

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Let through what lies inside."""
        scene.duration = min(scene.duration, self.seconds)
        return takewhile(lambda frame: (frame.time or 0.0) < self.seconds, frames)


@dataclass(frozen=True, slots=True)
class Drop(Still):
    """A random ``share`` of the frames left out; the others keep their times."""

    share: float

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Let the others through."""
        for index, frame in enumerate(frames):
            if scene.rng.random() >= self.share or index == 0:
                yield frame


@dataclass(frozen=True, slots=True)
class Shuffle(Still):
    """Pieces of one second in random order."""

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Hold all frames, then hand them out piece by piece at an even rate."""
        held = list(frames)
        size = max(1, round(scene.rate))
        pieces = [held[i : i + size] for i in range(0, len(held), size)]
        order = [frame for i in scene.rng.permutation(len(pieces)) for frame in pieces[int(i)]]
        yield from evenly(order, scene.rate)


@dataclass(frozen=True, slots=True)
class Join(Still):
    """Marked video cut into unmarked: ``share`` of at most 20 seconds is marked, in the middle."""

    share: float
    limit: float = 20.0

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Other, marked, other; everything at the marked clip's size and rate."""
        marked = []
        for frame in frames:
            if (frame.time or 0.0) >= min(scene.duration, self.limit * self.share):
                break
            marked.append(frame)
        count = round(len(marked) * (1 / self.share - 1))
        size = (marked[0].width, marked[0].height)
        scene.duration = (count + len(marked)) / float(scene.rate)

        def order() -> Frames:
            source = unmarked(scene, size)
            for _ in range(count // 2):
                yield next(source)
            yield from marked
            for _ in range(count - count // 2):
                yield next(source)

        yield from evenly(order(), scene.rate)


@dataclass(frozen=True, slots=True)
class Inset:
    """Picture in picture: the clip at ``share`` of the sides over unmarked video."""

    share: float

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Shrink and lay over."""
        background: Frames | None = None
        for frame in frames:
            size = (frame.width, frame.height)
            background = background or unmarked(scene, size)
            under = _picture(next(background))
            x, y, w, h = self._box(size)
            small = cv2.resize(_picture(frame), (w, h), interpolation=cv2.INTER_AREA)
            under[y : y + h, x : x + w] = small
            yield like(frame, under)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """A shift and a factor."""
        x, y, w, h = self._box(size)
        across, down = size[0] / w, size[1] / h
        return np.array([[across, 0, -x * across], [0, down, -y * down], [0, 0, 1.0]]), size

    def _box(self, size: Size) -> tuple[int, int, int, int]:
        w, h = round(size[0] * self.share), round(size[1] * self.share)
        return round(size[0] * 0.95) - w, round(size[1] * 0.92) - h, w, h


@dataclass(frozen=True, slots=True)
class Fill:
    """:func:`blurred_fill` to an aspect ratio."""

    aspect: float

    def apply(self, frames: Frames, _scene: Scene) -> Frames:
        """Frame every picture."""
        for frame in frames:
            yield like(frame, blurred_fill(_picture(frame), self.aspect))

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """A shift down."""
        height = 2 * round(size[0] / self.aspect / 2)
        top = (height - size[1]) // 2
        return np.array([[1, 0, 0], [0, 1, -top], [0, 0, 1.0]]), (size[0], height)


def unmarked(scene: Scene, size: Size) -> Frames:
    """The other clip's frames, over and over, scaled to a size."""
    while True:
        with av.open(str(scene.other)) as source:
            scaled = (f"scale={size[0]}:{size[1]}:flags=bicubic", "format=yuv420p")
            yield from filtered(source.decode(video=0), scaled, scene.rate)


def evenly(frames: Frames | list[av.VideoFrame], rate: Fraction) -> Frames:
    """Frames with new times, 1/rate apart."""
    for index, frame in enumerate(frames):
        frame.pts, frame.time_base = index, 1 / rate
        yield frame


def _picture(frame: av.VideoFrame) -> Picture:
    return np.ascontiguousarray(np.moveaxis(frame.to_ndarray(format="yuv444p"), 0, 2))
