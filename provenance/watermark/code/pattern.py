"""The tile as a spectrum: codeword to coefficients, coefficients to a picture, and back."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Plane
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.layout import Index, Layout

Spectrum = NDArray[np.complex64]
"""(n, n) complex64, the DFT of a folded plane with phases as seen from the centre; n is the tile,
or less where its high frequencies are left out."""

NEIGHBOURHOOD = 11
"""Side, in DFT points, of the box over which a point's noise is measured."""
CLIP = 3.0
"""Whitened values beyond this many deviations are lines of text or of the codec, not the mark."""


def coefficients(
    layout: Layout, codeword: NDArray[np.float32], slope: float
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Amplitudes (P,) of the pilot and (D,) of the data for a pattern of unit deviation.

    Data amplitudes fall as frequency to the power ``slope``; the pilot's are all alike.
    A pattern ``sum Re(c exp(i k x))`` has variance ``sum |c|^2 / 2``.
    """
    values = layout.signs * codeword[layout.bits]
    data = (values[0] + 1j * values[1]).astype(np.complex128) * lean(layout, slope)
    data *= np.sqrt(2.0 * (1.0 - layout.spec.pilot_energy) / np.sum(np.abs(data) ** 2))
    pilot = np.exp(1j * layout.pilot_phases) * np.sqrt(
        2.0 * layout.spec.pilot_energy / len(layout.pilot_phases)
    )
    return pilot, data


def lean(layout: Layout, slope: float) -> NDArray[np.float64]:
    """(D,) amplitude of each data point relative to the ring's middle."""
    spec = layout.spec
    return np.asarray((spec.middle * spec.tile / np.hypot(*layout.data_points.T)) ** slope)


def fold(plane: Plane, left: float, top: float, side: int, step: int = 1) -> Spectrum:
    """Fold a plane of the canonical grid onto one tile and take its DFT.

    Args:
        plane: (h, w) float32 on the canonical grid.
        left, top: canonical coordinates of the first sample's centre, from the picture's centre.
        side: of the tile, canonical pixels.
        step: canonical pixels between two samples; the spectrum is then (side / step) square.
    """
    size = side // step
    spectrum = _folded(plane, size)
    frequency = np.fft.fftfreq(size) / step
    # Cast after the product: a phase of hundreds of turns has no digits left in single precision.
    down = np.exp(-2j * np.pi * frequency * top).astype(np.complex64)
    across = np.exp(-2j * np.pi * frequency * left).astype(np.complex64)
    centred: Spectrum = spectrum * down[:, None] * across[None, :]
    return centred


def _folded(plane: Plane, size: int) -> Spectrum:
    height, width = plane.shape
    tile = np.zeros((size, size), np.float32)
    for y in range(0, height, size):
        for x in range(0, width, size):
            part = plane[y : y + size, x : x + size]
            tile[: part.shape[0], : part.shape[1]] += part
    # OpenCV's transform is several times as fast as NumPy's at this size.
    return cv2.dft(tile, flags=cv2.DFT_COMPLEX_OUTPUT).view(np.complex64)[..., 0]


def fold_centred(plane: Plane, side: int) -> Spectrum:
    """:func:`fold` a plane whose centre is the picture's."""
    height, width = plane.shape
    return fold(plane, -(width - 1) / 2.0, -(height - 1) / 2.0, side)


class Tiling:
    """The points of a pattern on one piece of the canonical plane: to samples, and back.

    What depends on points and place alone is worked out once.

    Args:
        points: (N, 2) (ky, kx), none of them the mirror image of another.
        side: of the tile.
        left, top: canonical coordinates of the piece's first sample's centre.
        size: (width, height) of the piece, samples.
        step: canonical pixels between two samples.
    """

    def __init__(  # noqa: PLR0917 - what a place is
        self,
        points: NDArray[np.intp],
        side: int,
        left: float,
        top: float,
        size: tuple[int, int],
        step: int = 1,
    ) -> None:
        down, across = points[:, 0], points[:, 1]
        self._samples, self._size = side // step, size
        self._at = down % self._samples, across % self._samples
        self._mirrored = -down % self._samples, -across % self._samples
        # Cast last: a phase of hundreds of turns has no digits left in single precision.
        turn = np.exp(2j * np.pi / side * (down * top + across * left))
        self._phase = turn.astype(np.complex64)

    def plane(self, values: NDArray[np.complexfloating]) -> Plane:
        """(h, w) the pattern of (N,) amplitudes."""
        side, (width, height) = self._samples, self._size
        half = (0.5 * values * self._phase).astype(np.complex64)
        spectrum = np.zeros((side, side), np.complex64)
        spectrum[self._at] += half
        spectrum[self._mirrored] += half.conj()
        parts = spectrum.view(np.float32).reshape(side, side, 2)
        tile = np.asarray(cv2.idft(parts, flags=cv2.DFT_REAL_OUTPUT), np.float32)
        plane: Plane = np.tile(tile, (-(-height // side), -(-width // side)))[:height, :width]
        return plane

    def spectrum(self, plane: Plane) -> Spectrum:
        """The DFT of a plane (h, w) folded onto one tile, phases as seen from its first sample."""
        return _folded(plane, self._samples)

    def values(self, spectrum: Spectrum) -> NDArray[np.complex64]:
        """(N,) of such a spectrum, with phases as seen from the picture's centre."""
        return spectrum[self._at] * self._phase.conj()

    def noise(self, spectrum: Spectrum) -> NDArray[np.float32]:
        """(N,) :func:`noise` at the points."""
        return noise(spectrum)[self._at]


def tiled(
    points: NDArray[np.intp], values: NDArray[np.complex128], width: int, height: int, side: int
) -> Plane:
    """The pattern of ``points`` on a canonical plane of that size; ``side``: of the tile."""
    left, top = -(width - 1) / 2.0, -(height - 1) / 2.0
    return Tiling(points, side, left, top, (width, height)).plane(values)


def synthesise(
    points: NDArray[np.intp],
    values: NDArray[np.complex128],
    grid: Grid,
    size: tuple[int, int],
    side: int,
) -> NDArray[np.float32]:
    """Sum of ``Re(value * exp(2 pi i k.x / side))`` over the points, sampled on a picture.

    Exact trigonometric interpolation by two matrix products, so no resampling filter ever
    shapes the pattern.  Frequencies that ``size`` cannot represent are left out.

    Args:
        points: (N, 2) (ky, kx).
        values: (N,) complex.
        grid: the picture; its rotation is undone, so that the *shown* picture carries the pattern.
        size: (width, height) of the sampling.
        side: of the tile.

    Returns:
        (height, width) float32.
    """
    ky, kx = _turned(points, grid.rotation)
    x, y = grid.axes(*size)
    step_x, step_y = x[1] - x[0], y[1] - y[0]
    keep = (np.abs(kx) * step_x < 0.5 * side) & (np.abs(ky) * step_y < 0.5 * side)
    limit = int(np.abs(np.concatenate([kx, ky])).max())
    table = np.zeros((2 * limit + 1, 2 * limit + 1), dtype=np.complex64)
    np.add.at(table, (ky[keep] + limit, kx[keep] + limit), values[keep].astype(np.complex64))
    frequencies = np.arange(-limit, limit + 1) * (2.0 * np.pi / side)
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


def noise(spectrum: Spectrum, box: int = NEIGHBOURHOOD) -> Plane:
    """(n, n) deviation of each DFT point, from the mean power of a ``box`` x ``box`` around it."""
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    mean = wrapped_mean(power, box)
    return np.asarray(np.sqrt(np.maximum(mean, 1e-20) / 2.0), np.float32)


def noise_at(spectrum: Spectrum, at: Index, box: int = NEIGHBOURHOOD) -> NDArray[np.float32]:
    """(N,) :func:`noise` of a few points."""
    size, around = len(spectrum), np.arange(box) - box // 2
    rows = (at[0][:, None] + around) % size
    columns = (at[1][:, None] + around) % size
    near = spectrum[rows[:, :, None], columns[:, None, :]]
    mean = (near.real**2 + near.imag**2).mean(axis=(1, 2))
    return np.asarray(np.sqrt(np.maximum(mean, 1e-20) / 2.0), np.float32)


def wrapped_mean(plane: Plane, box: int) -> Plane:
    """Mean over a ``box`` x ``box`` neighbourhood of each point of a periodic plane."""
    border = cv2.copyMakeBorder(plane, box, box, box, box, cv2.BORDER_WRAP)
    mean = cv2.blur(border, (box, box))[box:-box, box:-box]
    return np.asarray(mean, np.float32)


def soft_bits(spectrum: Spectrum, layout: Layout, slope: float) -> NDArray[np.float32]:
    """Read the coded bits: whiten, clip, undo the keyed signs, add up each bit's share.

    Args:
        spectrum: of the folded residual, at the right map.
        layout: the key's deal.
        slope: frequencies count as their power ``-slope``.

    Returns:
        (coded bits,) float32, of about unit deviation where no mark is.
    """
    return gathered(whitened(spectrum, layout.data_at), layout, slope)


def whitened(spectrum: Spectrum, at: Index) -> NDArray[np.float32]:
    """(2, N) real and imaginary parts of some points, in deviations, clipped."""
    values = spectrum[at] / noise(spectrum)[at]
    parts = np.stack([values.real, values.imag]).astype(np.float32)
    return np.clip(parts, -CLIP, CLIP)


def gathered(parts: NDArray[np.float32], layout: Layout, slope: float) -> NDArray[np.float32]:
    """Add up each bit's share of whitened, clipped parts (2, D): real, imaginary."""
    weights, share = weighting(layout, slope)
    total = np.bincount(
        layout.bits.ravel(), (parts * weights).ravel(), minlength=layout.spec.coded_bits
    )
    return (total / share).astype(np.float32)


@lru_cache(maxsize=96)
def weighting(layout: Layout, slope: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Signed weights (2, D) of the parts of all bits, and (N,) the length of each bit's."""
    weights = lean(layout, slope)
    share = np.bincount(
        layout.bits.ravel(), np.tile(weights**2, 2), minlength=layout.spec.coded_bits
    )
    return layout.signs * weights.astype(np.float32), np.sqrt(share)
