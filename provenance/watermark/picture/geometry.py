"""Undo a map: lay an observed plane back onto the stamped picture's canonical grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code import pattern

MAX_CANVAS = 2400


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """An unwarped plane (h, w) and the canonical coordinates of its first pixel."""

    plane: Plane
    left: float
    top: float

    def fold(self, side: int) -> pattern.Spectrum:
        """Its spectrum, folded onto one tile of that side."""
        return pattern.fold(self.plane, self.left, self.top, side)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a canvas lies: canonical coordinates of its first pixel, (width, height)."""

    left: float
    top: float
    size: tuple[int, int]


def frame_of(shape: tuple[int, ...], maps: Sequence[Map]) -> Frame | None:
    """The smallest frame that holds planes of one shape (h, w) under all maps.

    Returns None for a map that throws the picture to infinity, to almost nothing or to too much.
    """
    height, width = shape
    left, top = -(width - 1) / 2.0, -(height - 1) / 2.0
    corners = np.array([[left, top, 1], [-left, top, 1], [left, -top, 1], [-left, -top, 1]])
    mapped = np.concatenate([corners @ matrix.T for matrix in maps])
    if (mapped[:, 2] <= 0.2).any():
        return None
    mapped = mapped[:, :2] / mapped[:, 2:]
    low = np.floor(mapped.min(axis=0)) + 0.5
    size = np.ceil(mapped.max(axis=0) - low).astype(int) + 1
    if (size > MAX_CANVAS).any() or (size < 24).any():
        return None
    return Frame(float(low[0]), float(low[1]), (int(size[0]), int(size[1])))


def laid(plane: Plane, matrix: Map, frame: Frame) -> Canvas:
    """An observed plane (h, w) laid onto a frame of the stamped picture's canonical grid."""
    height, width = plane.shape
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if shrink < 0.75:
        # The warp samples; what the canonical grid cannot hold must go first.
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.4 / shrink), np.float32)
    to_centre = np.array([[1, 0, -(width - 1) / 2.0], [0, 1, -(height - 1) / 2.0], [0, 0, 1.0]])
    to_canvas = np.array([[1, 0, -frame.left], [0, 1, -frame.top], [0, 0, 1.0]])
    whole = to_canvas @ matrix @ to_centre
    warped = cv2.warpPerspective(plane, whole, frame.size, flags=cv2.INTER_CUBIC)
    return Canvas(np.asarray(warped, np.float32), frame.left, frame.top)


def unwarp(plane: Plane, matrix: Map) -> Canvas | None:
    """Lay an observed plane (h, w) back onto the stamped picture's canonical grid, whole.

    Returns None for a map that throws the picture to infinity or to almost nothing.
    """
    if np.array_equal(matrix, np.eye(3)):
        height, width = plane.shape
        return Canvas(plane, -(width - 1) / 2.0, -(height - 1) / 2.0)
    frame = frame_of(plane.shape, [matrix])
    return None if frame is None else laid(plane, matrix, frame)


def projective(linear: NDArray[np.float64]) -> Map:
    """The map of a linear one (2, 2) about the centre."""
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    return matrix
