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

Values = NDArray[np.complex128]


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
        height, width = self._room.shape
        pilot, plain = pattern.coefficients(layout, codeword, slope)
        points = np.vstack([layout.pilot_points, layout.data_points])
        side = layout.spec.tile
        response = high_pass_response(np.hypot(*points.T) / side)
        nominal = np.abs(plain)
        energy = float(np.sum(nominal**2))
        readers = [
            _Reader(layout, codeword, slope, self._total, region)
            for region in _regions(height, width)
        ]
        data = plain
        for turn in range(ROUNDS):
            both = np.concatenate([pilot, data])
            evenness = _evenness(pattern.tiled(points, both, width, height, side))
            room = self._room * evenness
            marked = room * pattern.tiled(points, np.asarray(both * response), width, height, side)
            slopes = np.zeros_like(marked)
            for reader in readers:
                reader.climb(marked, slopes)
            back = pattern.fold_centred(slopes * room, side)
            way = back[layout.data_at] * response[len(pilot) :] * nominal**2
            way *= np.sqrt(energy / max(float(np.sum(np.abs(way) ** 2)), 1e-30))
            data = data + STEP * (1.0 - 0.6 * turn / ROUNDS) * way
            data /= np.maximum(np.abs(data) / (MOST * nominal), 1.0)
            data *= np.sqrt(energy / float(np.sum(np.abs(data) ** 2)))
        both = np.concatenate([pilot, data])
        return data, _evenness(pattern.tiled(points, both, width, height, side))


class _Reader:
    """Reads a codeword from one region of the picture, and says how to make it read better."""

    def __init__(
        self,
        layout: Layout,
        codeword: NDArray[np.float32],
        slope: float,
        total: Plane,
        region: tuple[slice, slice],
    ) -> None:
        self._layout = layout
        self._codeword = codeword
        self._region = region
        self._weights, self._share = pattern.weighting(layout, slope)
        self._total = self._part(total)
        self._host = self._fold(self._total)[self._layout.data_at]
        self._noise: Plane | None = None

    def _fold(self, plane: Plane) -> pattern.Spectrum:
        return pattern.fold_centred(plane, self._layout.spec.tile)

    def _part(self, plane: Plane) -> Plane:
        part = np.zeros_like(plane)
        part[self._region] = plane[self._region]
        return part

    def climb(self, marked: Plane, slopes: Plane) -> None:
        """Add dJ / d(residual) (h, w) to ``slopes``, for a mark (h, w) as the residual shows it."""
        part = self._part(marked)
        if self._noise is None:
            whole = self._fold(np.asarray(self._total + part, np.float32))
            self._noise = pattern.noise(whole)[self._layout.data_at]
        values = (self._fold(part)[self._layout.data_at] + self._host) / self._noise
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
        values = (by_point[0] + 1j * by_point[1]) / self._noise
        height, width = slopes.shape
        plane = pattern.tiled(
            self._layout.data_points, values, width, height, self._layout.spec.tile
        )
        slopes[self._region] += plane[self._region]


def _regions(height: int, width: int) -> list[tuple[slice, slice]]:
    """The whole picture, then its crops."""
    regions = [(slice(0, height), slice(0, width))]
    tall, wide = int(height * CROP_SIDE), int(width * CROP_SIDE)
    for down, across in CROPS:
        top, left = int((height - tall) * down), int((width - wide) * across)
        regions.append((slice(top, top + tall), slice(left, left + wide)))
    return regions


def _evenness(plane: Plane) -> Plane:
    """What keeps a pattern (h, w) of unit deviation at that everywhere, or a little less."""
    power = cv2.GaussianBlur(plane * plane, (0, 0), EVENNESS)
    return np.asarray(1.0 / np.maximum(np.sqrt(np.maximum(power, 0.0)), MOST_UNEVEN), np.float32)
