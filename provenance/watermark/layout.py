"""Which frequency of the tile carries which coded bit: layout 1.

The tile is 512 x 512 canonical pixels, repeated over the plane; canonical means that the shown
picture's short side measures 360.  Coordinates are canonical pixels from the picture's centre, so
a mirror or a quarter turn maps the grid onto itself.  The ring of 0.05 to 0.19 cycles per pixel
holds about 13,800 DFT points; 16 of them are the pilot, the rest carry coded bits by a keyed deal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from provenance.results.payload import LAYOUT
from provenance.watermark.codeword import CODED_BITS
from provenance.watermark.keys import WatermarkKey, keystream

CANONICAL_LINES = 360
TILE = 512
BAND = (0.05, 0.19)
"""Cycles per canonical pixel: below, the host drowns the mark; above, encoders drop it first."""
PILOTS = 16
PILOT_BAND = (0.07, 0.15)
PILOT_ENERGY = 0.23
"""Share of the pattern's energy in the pilot."""


Index = tuple[NDArray[np.intp], NDArray[np.intp]]


def _index(points: NDArray[np.intp]) -> Index:
    return points[:, 0] % TILE, points[:, 1] % TILE


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One key's deal.  Arrays: P pilot points, D data points.

    Attributes:
        pilot_points: (P, 2) int, (ky, kx) on the 512-point grid, in the half plane.
        pilot_phases: (P,) float64, radians, at the picture's centre.
        data_points: (D, 2) int.
        bits: (2, D) int, the coded bit carried by the real and the imaginary part.
        signs: (2, D) float32, +1 or -1.
    """

    pilot_points: NDArray[np.intp]
    pilot_phases: NDArray[np.float64]
    data_points: NDArray[np.intp]
    bits: NDArray[np.intp]
    signs: NDArray[np.float32]

    @property
    def pilot_at(self) -> Index:
        """Where the pilot's points lie in a (512, 512) spectrum."""
        return _index(self.pilot_points)

    @property
    def data_at(self) -> Index:
        """Where the data's points lie in a (512, 512) spectrum."""
        return _index(self.data_points)

    @property
    def pilot_frequencies(self) -> NDArray[np.float64]:
        """(P, 2) as (fx, fy), cycles per canonical pixel."""
        return self.pilot_points[:, ::-1] / TILE


@lru_cache(maxsize=1)
def ring() -> NDArray[np.intp]:
    """(N, 2) half-plane points (ky, kx) of the band, in a fixed order."""
    limit = int(BAND[1] * TILE) + 1
    ky, kx = np.mgrid[0 : limit + 1, -limit : limit + 1]
    radius = np.hypot(ky, kx) / TILE
    half = (ky > 0) | (kx > 0)
    inside = half & (radius >= BAND[0]) & (radius <= BAND[1])
    return np.stack([ky[inside], kx[inside]], axis=1)


@lru_cache(maxsize=32)
def layout_for(key: WatermarkKey, version: int = LAYOUT) -> Layout:
    """Derive the deal of ``key`` for a layout version (HKDF labels: see :mod:`.keys`)."""
    points = ring()
    pilot_index, phases = _pilot(points, key.derive_pilot(layout=version))
    data = np.delete(points, pilot_index, axis=0)
    count = 2 * len(data)
    order = np.argsort(keystream(key.derive("permutation", layout=version), count), kind="stable")
    bits = np.empty(count, dtype=np.intp)
    bits[order] = np.arange(count) % CODED_BITS
    words = keystream(key.derive("signs", layout=version), count)
    signs = 1.0 - 2.0 * (words & 1).astype(np.float32)
    return Layout(
        pilot_points=points[pilot_index],
        pilot_phases=phases,
        data_points=data,
        bits=bits.reshape(2, -1),
        signs=signs.reshape(2, -1).astype(np.float32),
    )


def _pilot(points: NDArray[np.intp], seed: bytes) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """One point in each sector of 11.25 degrees, clear of the axes, with a keyed phase."""
    words = keystream(seed, 2 * PILOTS)
    radius = np.hypot(points[:, 0], points[:, 1]) / TILE
    angle = np.degrees(np.arctan2(points[:, 0], points[:, 1])) % 180.0
    # Straight edges and caption bars live on the axes; a pilot there would drown.
    clear = (np.abs(points) >= 4).all(axis=1)
    width = 180.0 / PILOTS
    chosen = []
    for sector in range(PILOTS):
        allowed = clear & (radius >= PILOT_BAND[0]) & (radius <= PILOT_BAND[1])
        allowed &= (angle >= sector * width) & (angle < (sector + 1) * width)
        candidates = np.flatnonzero(allowed)
        chosen.append(candidates[int(words[sector] % np.uint64(candidates.size))])
    phases = words[PILOTS:].astype(np.float64) / 2.0**64 * 2.0 * np.pi
    return np.asarray(chosen), phases


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


def synthesise(
    points: NDArray[np.intp],
    values: NDArray[np.complex128],
    grid: Grid,
    size: tuple[int, int],
) -> NDArray[np.float32]:
    """Sum of ``Re(value * exp(2 pi i k.x / 512))`` over the points, sampled on a picture.

    Exact trigonometric interpolation by two matrix products, so no resampling filter ever
    shapes the pattern.  Frequencies that ``size`` cannot represent are left out.

    Args:
        points: (N, 2) (ky, kx).
        values: (N,) complex.
        grid: the picture; its rotation is undone, so that the *shown* picture carries the pattern.
        size: (width, height) of the sampling.

    Returns:
        (height, width) float32.
    """
    ky, kx = _turned(points, grid.rotation)
    x, y = grid.axes(*size)
    step_x, step_y = x[1] - x[0], y[1] - y[0]
    keep = (np.abs(kx) * step_x < 0.5 * TILE) & (np.abs(ky) * step_y < 0.5 * TILE)
    limit = int(np.abs(np.concatenate([kx, ky])).max())
    table = np.zeros((2 * limit + 1, 2 * limit + 1), dtype=np.complex64)
    np.add.at(table, (ky[keep] + limit, kx[keep] + limit), values[keep].astype(np.complex64))
    frequencies = np.arange(-limit, limit + 1) * (2.0 * np.pi / TILE)
    used = np.flatnonzero(table.any(axis=1))
    down = np.exp(1j * np.outer(y, frequencies[used])).astype(np.complex64)
    across = np.exp(1j * np.outer(frequencies, x)).astype(np.complex64)
    rows = down @ table[used]
    return np.ascontiguousarray(rows.real @ across.real - rows.imag @ across.imag)


def _turned(points: NDArray[np.intp], rotation: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Frequencies as seen in the coded picture, which is shown turned ``rotation`` clockwise."""
    ky, kx = points[:, 0], points[:, 1]
    # Shown upright: (x, y) -> (-y, x) for 90 degrees clockwise with y pointing down.
    return {0: (ky, kx), 90: (-kx, ky), 180: (-ky, -kx), 270: (kx, -ky)}[rotation % 360]
