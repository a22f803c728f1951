"""Steps of an attack: frames in, frames out, and where each output pixel came from.

Coordinates are edge coordinates of the coded picture: (0, 0) is the top left corner, (w, h) the
bottom right one, so that a change of size is a plain factor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.frames import Frames, Matrix, Picture, Size, even, filtered, painted, peek, warped

IDENTITY = np.eye(3)


@dataclass(slots=True)
class Scene:
    """What a stage may need to know besides the frames.

    ``rate`` is the nominal frame rate of what flows out of the stages so far; a stage that changes
    it says so here.  ``other`` is the unmarked clip that marked material is mixed with.
    """

    rng: np.random.Generator
    rate: Fraction
    duration: float
    other: Path
    pixel_aspect: Fraction | None = None


class Stage(Protocol):
    """One step."""

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Change the frames; lazy."""

    def place(self, size: Size, progress: float = 0.0, /) -> tuple[Matrix, Size]:
        """Where the output's points come from, and its size; ``progress`` through the clip."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A chain of libavfilter filters that leaves the picture where it is.

    ``chain`` holds ``name=arguments`` in FFmpeg's syntax; ``rate`` is the frame rate it makes.
    """

    chain: tuple[str, ...]
    rate: Fraction | None = None

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Push every frame through the chain."""
        if self.rate is not None:
            scene.rate = self.rate
        return filtered(frames, self.chain, scene.rate)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """Nothing moves."""
        return IDENTITY, size


@dataclass(frozen=True, slots=True)
class Speed:
    """Play ``factor`` times as fast, at the frame rate it had."""

    factor: float

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Scale the times, then drop or repeat frames."""
        scene.duration /= self.factor
        return filtered(frames, (f"setpts=PTS/{self.factor}", f"fps={scene.rate}"), scene.rate)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """Nothing moves."""
        return IDENTITY, size


@dataclass(frozen=True, slots=True)
class Resize:
    """Scale with libswscale: to ``lines`` on the short side, ``width``, or by factors.

    Sizes are rounded to even numbers.  Unless ``up`` is true, ``lines`` and ``width`` never
    enlarge, as sharing sites don't.
    """

    lines: int | None = None
    width: int | None = None
    factor: tuple[float, float] = (1.0, 1.0)
    size: Size | None = None
    up: bool = False
    flags: str = "bicubic"

    def target(self, size: Size) -> Size:
        """The size it scales to."""
        if self.size is not None:
            return self.size
        w, h = size
        across, down = self.factor
        if self.lines is not None:
            across = down = self.lines / min(w, h)
        elif self.width is not None:
            across = down = self.width / w
        if not self.up and (self.lines or self.width):
            across, down = min(across, 1.0), min(down, 1.0)
        return even(w * across), even(h * down)

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Scale every frame."""
        first, frames = peek(frames)
        w, h = self.target((first.width, first.height))
        return filtered(frames, (f"scale={w}:{h}:flags={self.flags}",), scene.rate)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """A factor each way."""
        w, h = self.target(size)
        return np.diag([size[0] / w, size[1] / h, 1.0]), (w, h)


@dataclass(frozen=True, slots=True)
class ThereAndBack:
    """Scale to a share of the size and back to what it was."""

    factor: float
    flags: str = "bicubic"

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Scale twice."""
        first, frames = peek(frames)
        w, h = even(first.width * self.factor), even(first.height * self.factor)
        back = f"scale={first.width}:{first.height}:flags={self.flags}"
        return filtered(frames, (f"scale={w}:{h}:flags=bicubic", back), scene.rate)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """Nothing moves in the end."""
        return IDENTITY, size


@dataclass(frozen=True, slots=True)
class Crop:
    """Cut to shares of width and height (``sides``), or to an aspect ratio (``aspect``).

    ``anchor`` places the cut: (0, 0) top left, (0.5, 0.5) centre, (1, 1) bottom right.  ``back``
    scales what is left to the size it was cut from.
    """

    sides: tuple[float, float] = (1.0, 1.0)
    aspect: float | None = None
    anchor: tuple[float, float] = (0.5, 0.5)
    back: bool = False

    def window(self, size: Size) -> tuple[int, int, int, int]:
        """(x, y, width, height), even numbers."""
        w, h = size
        cw, ch = w * self.sides[0], h * self.sides[1]
        if self.aspect is not None:
            cw, ch = min(w, h * self.aspect), min(h, w / self.aspect)
        width, height = even(cw), even(ch)
        x = int((w - width) * self.anchor[0]) & ~1
        y = int((h - height) * self.anchor[1]) & ~1
        return x, y, width, height

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Cut every frame."""
        first, frames = peek(frames)
        x, y, w, h = self.window((first.width, first.height))
        chain = [f"crop={w}:{h}:{x}:{y}"]
        if self.back:
            chain.append(f"scale={first.width}:{first.height}:flags=bicubic")
        return filtered(frames, tuple(chain), scene.rate)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """A shift, and a factor when scaled back."""
        x, y, w, h = self.window(size)
        matrix = np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
        if not self.back:
            return matrix, (w, h)
        return matrix @ np.diag([w / size[0], h / size[1], 1.0]), size


@dataclass(frozen=True, slots=True)
class Pad:
    """Black bars around it: the frame becomes ``sides`` times as wide and high."""

    sides: tuple[float, float]

    def frame(self, size: Size) -> tuple[int, int, int, int]:
        """(width, height, x, y) of the frame and of the picture in it."""
        w, h = even(size[0] * self.sides[0]), even(size[1] * self.sides[1])
        return w, h, (w - size[0]) // 2 & ~1, (h - size[1]) // 2 & ~1

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Pad every frame."""
        first, frames = peek(frames)
        w, h, x, y = self.frame((first.width, first.height))
        return filtered(frames, (f"pad={w}:{h}:{x}:{y}:black",), scene.rate)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """A shift."""
        w, h, x, y = self.frame(size)
        return np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]), (w, h)


@dataclass(frozen=True, slots=True)
class Turn:
    """An exact mirror or turn: "hflip", "vflip", "90" (clockwise) or "180"."""

    how: str

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Turn every frame."""
        chains = {
            "hflip": ("hflip",),
            "vflip": ("vflip",),
            "90": ("transpose=clock",),
            "180": ("hflip", "vflip"),
        }
        return filtered(frames, chains[self.how], scene.rate)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """A reflection or turn of the frame onto itself."""
        w, h = size
        if self.how == "90":
            return np.array([[0, 1, 0], [-1, 0, h], [0, 0, 1.0]]), (h, w)
        matrix = np.eye(3)
        if self.how in ("hflip", "180"):
            matrix[0, 0], matrix[0, 2] = -1.0, w
        if self.how in ("vflip", "180"):
            matrix[1, 1], matrix[1, 2] = -1.0, h
        return matrix, size


@dataclass(frozen=True, slots=True)
class Warp:
    """A projective map of the whole frame, in a frame of the same size, black around it.

    ``matrix`` gives the map from output to input edge coordinates for a size and a time from 0 to
    1 through the clip; ``moving`` says that the time matters.
    """

    matrix: Callable[[Size, float], Matrix]
    moving: bool = False

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Warp every frame, bicubic."""

        def change(picture: Picture, time: float) -> Picture:
            size = (picture.shape[1], picture.shape[0])
            progress = min(max(time / max(scene.duration, 1e-6), 0.0), 1.0)
            return warped(picture, self.matrix(size, progress), size)

        return painted(frames, change)

    def place(self, size: Size, progress: float = 0.0) -> tuple[Matrix, Size]:
        """The matrix itself."""
        return self.matrix(size, progress), size


@dataclass(frozen=True, slots=True)
class Paint:
    """A change of the pixels that moves none: ``make(size, rng)`` gives the function to apply."""

    make: Callable[[Size, np.random.Generator], Callable[[Picture, float], Picture]]

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Change every frame."""
        first, frames = peek(frames)
        return painted(frames, self.make((first.width, first.height), scene.rng))

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """Nothing moves."""
        return IDENTITY, size
