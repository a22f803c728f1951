"""The canonical plane: the shown picture scaled to a short side of 360, seen from its centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CANONICAL_LINES = 360


@dataclass(frozen=True, slots=True)
class Grid:
    """Where a picture's pixels lie on the canonical plane.

    ``width`` and ``height`` are the coded size, ``sar`` its pixel aspect (width / height of one
    pixel as shown), ``rotation`` the clockwise degrees that show it upright.
    """

    width: int
    height: int
    sar: float = 1.0
    rotation: int = 0

    @property
    def scale(self) -> float:
        """Picture lines per canonical pixel."""
        return min(self.height, self.width * self.sar) / CANONICAL_LINES

    @property
    def canonical_size(self) -> tuple[int, int]:
        """(width, height) of the coded picture on the canonical grid, short side 360."""
        return (
            max(1, round(self.width * self.sar / self.scale)),
            max(1, round(self.height / self.scale)),
        )

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) of the shown picture on the canonical grid."""
        width, height = self.canonical_size
        return (height, width) if self.rotation % 180 else (width, height)

    def upright(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """A plane (h, w) as coded, turned as shown."""
        return np.ascontiguousarray(np.rot90(plane, -self.rotation // 90))

    def as_coded(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """A plane (h, w) as shown, turned back as coded."""
        return np.ascontiguousarray(np.rot90(plane, self.rotation // 90))

    def axes(self, width: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Canonical coordinates (x, y), before rotation, of a ``width`` x ``height`` sampling."""
        span_x = self.width * self.sar / self.scale
        span_y = self.height / self.scale
        x = ((np.arange(width) + 0.5) / width - 0.5) * span_x
        y = ((np.arange(height) + 0.5) / height - 0.5) * span_y
        return x, y
