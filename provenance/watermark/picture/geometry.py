"""Undo a map: lay an observed plane back onto the stamped picture's canonical grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code import pattern

MIN_CANVAS, MAX_CANVAS = 23.0, 2400.0
"""Canonical pixels, sides of what is worth laying out."""
HALF_UP_TO = 1.3
"""Stamped canonical pixels to an observed one up to which half the size holds the pilot: its
highest points, 0.15 cycles a pixel, are then seen at 0.2, where the low-pass leaves a third."""


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Samples of a plane.

    Attributes:
        plane: (h, w) the samples.
        left, top: canonical coordinates of the first, from the picture's centre.
        step: canonical pixels between two.
    """

    plane: Plane
    left: float
    top: float
    step: int = 1

    @classmethod
    def of(cls, plane: Plane) -> Canvas:
        """An observed plane (h, w) as it is, its centre the picture's."""
        height, width = plane.shape
        return cls(plane, -(width - 1) / 2.0, -(height - 1) / 2.0)

    def halved(self) -> Canvas:
        """Every second sample, after a low-pass: all of it below a quarter cycle a sample."""
        half = np.asarray(cv2.pyrDown(self.plane), np.float32)
        return Canvas(half, self.left, self.top, 2 * self.step)

    def fold(self, side: int) -> pattern.Spectrum:
        """Its spectrum, folded onto one tile of ``side`` canonical pixels."""
        return pattern.fold(self.plane, self.left, self.top, side, self.step)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a canvas lies: as there, and (width, height) in samples."""

    left: float
    top: float
    size: tuple[int, int]
    step: int = 1


class Sight:
    """A residual (h, w) as the pilot is listened to in it: at half its size, where that holds it.

    The pilot lies below :attr:`LayoutSpec.pilot_band`; a quarter of the samples hear it as well.
    """

    def __init__(self, plane: Plane) -> None:
        self.plane = plane

    @cached_property
    def half(self) -> Canvas:
        """Every second pixel of it."""
        return Canvas.of(self.plane).halved()

    def under(self, matrix: Map) -> Canvas | None:
        """:func:`unwarp`, at every second pixel."""
        frame = frame_of(self.plane.shape, [matrix], step=2)
        return None if frame is None else self.on(matrix, frame)

    def on(self, matrix: Map, frame: Frame) -> Canvas:
        """Laid onto a frame of every second pixel."""
        fine = np.linalg.norm(matrix[:2, :2], 2) > HALF_UP_TO
        return laid(Canvas.of(self.plane) if fine else self.half, matrix, frame)


def frame_of(shape: tuple[int, ...], maps: Sequence[Map], step: int = 1) -> Frame | None:
    """The smallest frame that holds planes of one shape (h, w) under all maps.

    ``step``: canonical pixels between its samples.  Returns None for a map that throws the picture
    to infinity, to almost nothing or to too much.
    """
    height, width = shape
    left, top = -(width - 1) / 2.0, -(height - 1) / 2.0
    corners = np.array([[left, top, 1], [-left, top, 1], [left, -top, 1], [-left, -top, 1]])
    mapped = np.concatenate([corners @ matrix.T for matrix in maps])
    if (mapped[:, 2] <= 0.2).any():
        return None
    mapped = mapped[:, :2] / mapped[:, 2:]
    low = np.floor(mapped.min(axis=0)) + 0.5
    extent = mapped.max(axis=0) - low
    if (extent > MAX_CANVAS).any() or (extent < MIN_CANVAS).any():
        return None
    size = np.ceil(extent / step).astype(int) + 1
    return Frame(float(low[0]), float(low[1]), (int(size[0]), int(size[1])), step)


def laid(seen: Canvas, matrix: Map, frame: Frame) -> Canvas:
    """What was observed, laid onto a frame of the stamped picture's canonical grid."""
    plane = seen.plane
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2])))) * seen.step / frame.step
    if shrink < 0.75:
        # The warp samples; what the frame's grid cannot hold must go first.
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.4 / shrink), np.float32)
    observed = np.array([[seen.step, 0, seen.left], [0, seen.step, seen.top], [0, 0, 1.0]])
    stamped = np.array(
        [[1, 0, -frame.left], [0, 1, -frame.top], [0, 0, frame.step]], dtype=np.float64
    )
    whole = stamped @ matrix @ observed
    warped = cv2.warpPerspective(plane, whole, frame.size, flags=cv2.INTER_CUBIC)
    return Canvas(np.asarray(warped, np.float32), frame.left, frame.top, frame.step)


def unwarp(plane: Plane, matrix: Map) -> Canvas | None:
    """Lay an observed plane (h, w) back onto the stamped picture's canonical grid, whole.

    Returns None for a map that throws the picture to infinity or to almost nothing.
    """
    if np.array_equal(matrix, np.eye(3)):
        return Canvas.of(plane)
    frame = frame_of(plane.shape, [matrix])
    return None if frame is None else laid(Canvas.of(plane), matrix, frame)


def projective(linear: NDArray[np.float64]) -> Map:
    """The map of a linear one (2, 2) about the centre."""
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    return matrix
