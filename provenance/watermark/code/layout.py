"""Which frequency of the tile carries which coded bit.

The tile (512 x 512 canonical pixels in layout 1) is repeated over the plane; canonical means that
the shown picture's short side measures 360.  Coordinates are canonical pixels from the picture's
centre, so a mirror or a quarter turn maps the grid onto itself.  The ring of 0.05 to 0.19
cycles per pixel holds about 13,800 DFT points; 16 of them are the pilot, the rest carry coded bits
by a keyed deal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.keystream import keystream
from provenance.watermark.code.spec import LAYOUT_1, LayoutSpec

Index = tuple[NDArray[np.intp], NDArray[np.intp]]


def index(points: NDArray[np.intp], size: int) -> Index:
    """Where points (N, 2) of the half plane lie in a (size, size) spectrum."""
    return points[:, 0] % size, points[:, 1] % size


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One key's deal.  Arrays: P pilot points, D data points.

    Attributes:
        spec: the layout.
        pilot_points: (P, 2) int, (ky, kx) on the tile's grid of DFT points, in the half plane.
        pilot_phases: (P,) float64, radians, at the picture's centre.
        data_points: (D, 2) int.
        bits: (2, D) int, the coded bit carried by the real and the imaginary part.
        signs: (2, D) float32, +1 or -1.
    """

    spec: LayoutSpec
    pilot_points: NDArray[np.intp]
    pilot_phases: NDArray[np.float64]
    data_points: NDArray[np.intp]
    bits: NDArray[np.intp]
    signs: NDArray[np.float32]

    def pilot_at(self, size: int) -> Index:
        """Where the pilot's points lie in a (size, size) spectrum of the tile."""
        return index(self.pilot_points, size)

    @property
    def data_at(self) -> Index:
        """Where the data's points lie in a (tile, tile) spectrum."""
        return index(self.data_points, self.spec.tile)

    @property
    def pilot_frequencies(self) -> NDArray[np.float64]:
        """(P, 2) as (fx, fy), cycles per canonical pixel."""
        return self.pilot_points[:, ::-1] / self.spec.tile


@lru_cache(maxsize=4)
def ring(spec: LayoutSpec = LAYOUT_1) -> NDArray[np.intp]:
    """(N, 2) half-plane points (ky, kx) of the band, in a fixed order."""
    limit = int(spec.band[1] * spec.tile) + 1
    ky, kx = np.mgrid[0 : limit + 1, -limit : limit + 1]
    radius = np.hypot(ky, kx) / spec.tile
    half = (ky > 0) | (kx > 0)
    inside = half & (radius >= spec.band[0]) & (radius <= spec.band[1])
    return np.stack([ky[inside], kx[inside]], axis=1)


@lru_cache(maxsize=32)
def layout_for(key: WatermarkKey, spec: LayoutSpec = LAYOUT_1) -> Layout:
    """Derive the deal of ``key`` in a layout (HKDF labels: see :mod:`.keys`)."""
    points = ring(spec)
    pilot_index, phases = _pilot(points, key.derive_pilot(spec.version), spec)
    data = np.delete(points, pilot_index, axis=0)
    count = 2 * len(data)
    order = np.argsort(keystream(key.derive("permutation", spec.version), count), kind="stable")
    bits = np.empty(count, dtype=np.intp)
    bits[order] = np.arange(count) % spec.coded_bits
    words = keystream(key.derive("signs", spec.version), count)
    signs = 1.0 - 2.0 * (words & 1).astype(np.float32)
    return Layout(
        spec=spec,
        pilot_points=points[pilot_index],
        pilot_phases=phases,
        data_points=data,
        bits=bits.reshape(2, -1),
        signs=signs.reshape(2, -1).astype(np.float32),
    )


def _pilot(
    points: NDArray[np.intp], seed: bytes, spec: LayoutSpec
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """One point in each sector (11.25 degrees for 16), clear of the axes, with a keyed phase."""
    words = keystream(seed, 2 * spec.pilots)
    radius = np.hypot(points[:, 0], points[:, 1]) / spec.tile
    angle = np.degrees(np.arctan2(points[:, 0], points[:, 1])) % 180.0
    # Straight edges and caption bars live on the axes; a pilot there would drown.
    clear = (np.abs(points) >= 4).all(axis=1)
    width = 180.0 / spec.pilots
    chosen = []
    for sector in range(spec.pilots):
        allowed = clear & (radius >= spec.pilot_band[0]) & (radius <= spec.pilot_band[1])
        allowed &= (angle >= sector * width) & (angle < (sector + 1) * width)
        candidates = np.flatnonzero(allowed)
        chosen.append(candidates[int(words[sector] % np.uint64(candidates.size))])
    phases = words[spec.pilots :].astype(np.float64) / 2.0**64 * 2.0 * np.pi
    return np.asarray(chosen), phases
