"""Informed embedding: a pattern made for what the host itself says where the mark will be read.

Costa's "writing on dirty paper" (IEEE T-IT 29-3, 1983): the embedder knows the host, so it need not
bear its interference.  Each data amplitude is chosen freely, by gradient ascent, so that a codeword
reads as evenly and as strongly as it can, from the whole picture and from parts of it alone:

    J = sum over regions of log(mean^2 / (variance + COPY_NOISE))

with mean and variance those of the coded bits' agreement ``b_i x_i`` in a region, and ``x`` read as
:func:`provenance.watermark.code.pattern.soft_bits` does.  A still, textured picture gains most: its
interference does not average out over frames.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Plane
from provenance.watermark.code import pattern
from provenance.watermark.code.layout import Layout
from provenance.watermark.picture.residual import high_pass_response

CROP_SIDE = 0.6
CROPS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))
"""Places (down, across) of the parts of the picture that must read by themselves."""
COPY_NOISE = 0.5
"""Variance that a copy's encoder will add to a coded bit, in units of the host's own."""
ROUNDS = 7
STEP = 0.35
MOST = 3.0
"""Times its nominal amplitude that one frequency may take: more would show as a grating."""
EVENNESS = 12.0
"""Deviation, canonical pixels, of the window over which the pattern keeps its strength."""
MOST_UNEVEN = 0.9
"""Share of the nominal strength up to which the pattern may fall short somewhere."""

COARSE = 2
"""Canonical pixels between the samples that the ascent works on: the pattern ends at 0.19 cycles a
pixel, and the mask that it is multiplied with is smooth."""

Values = NDArray[np.complex128]
_Region = tuple[slice, slice]


class Host:
    """What is known of a clip that will be marked.

    Args:
        total: (h, w) sum of the residuals of the frames observed, turned as shown.
        room: (h, w) sum over the same frames of the mask times the residual's weight.
    """

    def __init__(self, total: Plane, room: Plane) -> None:
        self._total = total
        self._room = room

    def pattern(
        self, layout: Layout, codeword: NDArray[np.float32], slope: float
    ) -> tuple[Values, Plane]:
        """The best data amplitudes found, and how to keep the pattern even.

        Args:
            layout: the key's deal.
            codeword: (1024,) signs.
            slope: of the plain pattern, see :func:`provenance.watermark.code.pattern.coefficients`.

        Returns:
            (D,) complex amplitudes, and an (h, w) factor for the pattern they and the pilot make.
        """
        pilot, plain = pattern.coefficients(layout, codeword, slope)
        points = np.vstack([layout.pilot_points, layout.data_points])
        side = layout.spec.tile
        response = high_pass_response(np.hypot(*points.T) / side)
        nominal = np.abs(plain)
        energy = float(np.sum(nominal**2))
        regions = _regions(*self._room.shape)
        place = _Place(self._room.shape, regions[0], side)
        both, alone = place.coarse(points), place.coarse(layout.data_points)
        readers = [_Reader(layout, codeword, slope, self._total, region) for region in regions]
        coarse = cv2.blur(self._room, (COARSE + 1, COARSE + 1))[::COARSE, ::COARSE]
        data = plain
        for turn in range(ROUNDS):
            values = np.concatenate([pilot, data])
            room = coarse * _evenness(both.plane(values), COARSE)
            marked = room * both.plane(np.asarray(values * response, np.complex64))
            slopes = np.zeros_like(marked)
            for reader in readers:
                reader.climb(marked, slopes)
            way = alone.values(alone.spectrum(slopes * room)) * response[len(pilot) :] * nominal**2
            way *= np.sqrt(energy / max(float(np.sum(np.abs(way) ** 2)), 1e-30))
            data = data + STEP * (1.0 - 0.6 * turn / ROUNDS) * way
            data /= np.maximum(np.abs(data) / (MOST * nominal), 1.0)
            data *= np.sqrt(energy / float(np.sum(np.abs(data) ** 2)))
        return data, _evenness(place.fine(points).plane(np.concatenate([pilot, data])), 1)


class _Place:
    """A region of a plane of some shape that lies around the picture's centre."""

    def __init__(self, shape: tuple[int, ...], region: _Region, side: int) -> None:
        rows, columns = region
        self._size = columns.stop - columns.start, rows.stop - rows.start
        self._first = columns.start - (shape[1] - 1) / 2.0, rows.start - (shape[0] - 1) / 2.0
        self._side = side
        self.within = (
            slice(rows.start // COARSE, -(-rows.stop // COARSE)),
            slice(columns.start // COARSE, -(-columns.stop // COARSE)),
        )
        """The same on a plane of every :data:`COARSE`-th sample."""

    def fine(self, points: NDArray[np.intp]) -> pattern.Tiling:
        """The points on every sample."""
        return pattern.Tiling(points, self._side, *self._first, self._size)

    def coarse(self, points: NDArray[np.intp]) -> pattern.Tiling:
        """The points on the samples of :attr:`within`."""
        width, height = (-(-length // COARSE) for length in self._size)
        return pattern.Tiling(points, self._side, *self._first, (width, height), COARSE)


class _Reader:
    """Reads a codeword from one region of the picture, and says how to make it read better."""

    def __init__(
        self,
        layout: Layout,
        codeword: NDArray[np.float32],
        slope: float,
        total: Plane,
        region: _Region,
    ) -> None:
        self._layout = layout
        self._codeword = codeword
        self._weights, self._share = pattern.weighting(layout, slope)
        place = _Place(total.shape, region, layout.spec.tile)
        self._within, self._tiling = place.within, place.coarse(layout.data_points)
        fine = place.fine(layout.data_points)
        spectrum = fine.spectrum(total[region])
        self._host, self._host_noise = fine.values(spectrum), fine.noise(spectrum)
        self._noise: NDArray[np.float32] | None = None

    def climb(self, marked: Plane, slopes: Plane) -> None:
        """Add dJ / d(residual) to ``slopes``, for a mark as the residual shows it, both coarse."""
        spectrum = self._tiling.spectrum(marked[self._within]) * np.float32(COARSE**2)
        if self._noise is None:
            self._noise = np.hypot(self._host_noise, self._tiling.noise(spectrum))
        values = (self._tiling.values(spectrum) + self._host) / self._noise
        parts = np.stack([values.real, values.imag])
        inside = np.abs(parts) < pattern.CLIP
        signed = np.clip(parts, -pattern.CLIP, pattern.CLIP) * self._weights
        bits = self._layout.bits
        total = np.bincount(bits.ravel(), signed.ravel(), minlength=self._layout.spec.coded_bits)
        agreement = total / self._share * self._codeword
        mean, variance = float(agreement.mean()), float(agreement.var())
        change = 1.0 / max(mean, 0.05) - (agreement - mean) / (variance + COPY_NOISE)
        change = change * self._codeword / self._share
        by_point = change[bits] * self._weights * inside
        slopes[self._within] += self._tiling.plane((by_point[0] + 1j * by_point[1]) / self._noise)


def _regions(height: int, width: int) -> list[_Region]:
    """The whole picture, then its crops."""
    regions = [(slice(0, height), slice(0, width))]
    tall, wide = int(height * CROP_SIDE), int(width * CROP_SIDE)
    for down, across in CROPS:
        top, left = int((height - tall) * down), int((width - wide) * across)
        top, left = top - top % COARSE, left - left % COARSE
        regions.append((slice(top, top + tall), slice(left, left + wide)))
    return regions


def _evenness(plane: Plane, step: int) -> Plane:
    """What keeps a pattern (h, w) of unit deviation at that everywhere, or a little less.

    ``step``: canonical pixels between two samples.
    """
    power = cv2.GaussianBlur(plane * plane, (0, 0), EVENNESS / step)
    return np.asarray(1.0 / np.maximum(np.sqrt(np.maximum(power, 0.0)), MOST_UNEVEN), np.float32)
