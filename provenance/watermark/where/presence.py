"""Step 12: the evidence, block by block, that the picture carries a codeword that was read."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import cv2
import numpy as np

from provenance.watermark.arrays import Plane
from provenance.watermark.code import pattern
from provenance.watermark.picture import geometry
from provenance.watermark.picture.residual import high_pass_response
from provenance.watermark.read.reading import Reading

BLOCK = 8
"""Canonical pixels of the blocks in which sums are kept."""
WINDOWS = (18.0, 27.0, 40.0)
"""Deviations, canonical pixels, of the Gaussian windows: the first weighs as much as a square of
64 pixels; where that holds too little, the next is used."""
ENOUGH = 8.0
"""Deviations a mark would give in a window for it to be wide enough."""
CLASSES = 5
"""Kinds of place (flat to textured, moving to still) whose survival is measured apart."""
SHARES = ((0.3, 0.2), (0.6, 0.3), (1.0, 0.3), (1.5, 0.2))
"""Of the mark to be expected, what a marked block holds, and how often."""
COUPLING = 0.6
"""Log-odds by which a block leans to each of its neighbours."""
ROUNDS = 60


class Evidence(NamedTuple):
    """Sums over blocks.

    Attributes:
        scores: (h, w) weighted residual whose product with ``reference`` makes ``total``.
        reference: (h, w) the pattern.
        total: normal with mean and variance ``weight`` where the mark is, mean zero where not.
        weight: squared deviations.
        plain: (3, rows, columns) total, variance and expected total, weighed by room alone: what
            survived is learnt from the very picture, and scores must not lean towards it.
        typical: share of the mark that the file kept.
    """

    scores: Plane
    reference: Plane
    total: Plane
    weight: Plane
    plain: Plane
    typical: float

    def windowed(self) -> tuple[Plane, Plane]:
        """(deviations, deviations a mark would give) around each block."""
        value = np.zeros_like(self.total)
        expected = np.zeros_like(self.total)
        for sigma in WINDOWS:
            blocks = sigma / BLOCK
            area = 4.0 * np.pi * blocks**2
            total, variance, mean = (
                area * cv2.GaussianBlur(plane, (0, 0), blocks) for plane in self.plain
            )
            deviation = np.sqrt(variance + 1e-6 * float(variance.max()) + 1e-12)
            wider = expected < ENOUGH
            value[wider] = (total / deviation)[wider]
            expected[wider] = (mean / deviation)[wider]
        return value, expected

    def alone(self) -> tuple[Plane, Plane]:
        """What the blocks at a place show of the mark, and what the file's share of it would."""
        total, variance = (cv2.boxFilter(plane, -1, (2, 2)) for plane in self.plain[:2])
        return total, self.typical * variance

    def odds(self) -> Plane:
        """Natural log-odds that each block is marked, its neighbours considered.

        A Potts field (marked or not) under the blocks' likelihoods, by mean-field iteration.
        """
        chance = sum(
            prior * np.exp(np.clip(share * self.total - share**2 / 2 * self.weight, -60, 60))
            for share, prior in SHARES
        )
        alone = np.clip(np.log(chance), -8.0, 8.0).astype(np.float32)
        around = np.array([[0.7, 1, 0.7], [1, 0, 1], [0.7, 1, 0.7]], np.float32) * COUPLING
        lean = np.tanh(alone / 2.0)
        for _ in range(ROUNDS):
            odds = alone + cv2.filter2D(lean, -1, around)
            lean = 0.5 * lean + 0.5 * np.tanh(odds / 2.0)
        return np.asarray(odds, np.float32)


def reference_of(canvas: geometry.Canvas, reading: Reading) -> Plane:
    """The pattern of a codeword as the residual shows it, on a canvas."""
    layout, side = reading.layout, reading.layout.spec.tile
    points = np.vstack([layout.pilot_points, layout.data_points])
    values = (
        np.concatenate(pattern.coefficients(layout, reading.codeword, reading.slope))
        * reading.polarity
    )
    values = values * high_pass_response(np.hypot(*points.T) / side)
    height, width = canvas.plane.shape
    # ``tiled`` counts from the centre of what it makes; the canvas may lie off centre.
    across, down = canvas.left + (width - 1) / 2.0, canvas.top + (height - 1) / 2.0
    turn = np.exp(2j * np.pi / side * (points[:, 0] * down + points[:, 1] * across))
    return pattern.tiled(points, values * turn, width, height, side)


def evidence_of(
    plane: Plane, reference: Plane, room: Plane, power: Plane, band: tuple[float, float]
) -> Evidence:
    """Correlate with the reference, and weigh by noise and by what survived.

    In a ring that is a share ``b`` of the frequency plane, the correlation of two independent
    planes over ``n`` pixels has the variance ``n p q / b``, p and q their powers.

    What an encoder keeps of a mark is measured apart for each kind of place: it drops the mark
    first where nothing else is, and copies it along where something moves; silence there means
    nothing.
    """
    height, width = plane.shape
    residual, known = _in_band(plane, band), _in_band(reference, band)
    strength = float(np.mean(known * known))
    found = blocks(residual * known)
    share = np.pi * (band[1] ** 2 - band[0] ** 2)
    steady = cv2.GaussianBlur(blocks(residual * residual), (0, 0), 2.0)
    noise = steady * (strength / share)
    noise = np.maximum(noise, 1e-6 * float(noise.max()) + 1e-12)
    deviation = np.sqrt(np.maximum(power, 0.0))
    texture = np.asarray(deviation / np.maximum(room, 1e-6), np.float32)
    alone = np.maximum(cv2.GaussianBlur(power, (0, 0), 2.0), 1e-9)
    stillness = np.asarray(steady / alone, np.float32)
    full = room * np.float32(strength * BLOCK**2)
    typical = max(_typical(found, full), 0.0)
    hoped = full * np.float32(typical)
    for kind in (texture, stillness):
        hoped = hoped * _kept(hoped * found / noise, hoped * hoped / noise, kind)
    return Evidence(
        scores=spread(hoped / noise, width, height) * residual,
        reference=known,
        total=hoped * found / noise,
        weight=hoped * hoped / noise,
        plain=np.stack([full * found / noise, full * full / noise, full * hoped / noise]),
        typical=typical,
    )


def _in_band(plane: Plane, band: tuple[float, float]) -> Plane:
    """A plane with only the mark's frequencies."""
    height, width = plane.shape
    size = (cv2.getOptimalDFTSize(height), cv2.getOptimalDFTSize(width))
    radius = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None])
    spectrum = np.fft.rfft2(plane, size) * ((radius >= band[0]) & (radius <= band[1]))
    return np.asarray(np.fft.irfft2(spectrum, size)[:height, :width], np.float32)


def blocks(plane: Plane) -> Plane:
    """Sums over blocks of 8 x 8; what is left over at the right and below is left out."""
    height, width = (side // BLOCK for side in plane.shape)
    whole = plane[: height * BLOCK, : width * BLOCK]
    mean = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(mean, np.float32) * np.float32(BLOCK**2)


def spread(blocks: Plane, width: int, height: int) -> Plane:
    """Each block's value over its pixels; zero in what is left over."""
    plane = np.zeros((height, width), np.float32)
    whole = np.repeat(np.repeat(blocks, BLOCK, axis=0), BLOCK, axis=1)
    plane[: whole.shape[0], : whole.shape[1]] = whole
    return plane


def _typical(found: Plane, hoped: Plane) -> float:
    """Median, over the places with room for a mark, of what was found against what was hoped."""
    sigma = WINDOWS[0] / BLOCK
    seen, room = cv2.GaussianBlur(found, (0, 0), sigma), cv2.GaussianBlur(hoped, (0, 0), sigma)
    roomy = room > max(float(np.quantile(room, 0.3)), 1e-9)
    return float(np.median(seen[roomy] / room[roomy])) if roomy.any() else 0.0


def _kept(total: Plane, weight: Plane, kind: Plane) -> Plane:
    """What survived in each kind of place against what was hoped, at every block."""
    counted = weight > 1e-6
    if np.count_nonzero(counted) < 8 * CLASSES:
        return np.ones_like(weight)
    sigma = WINDOWS[0] / BLOCK
    ratio = cv2.GaussianBlur(total, (0, 0), sigma) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), sigma), 1e-9
    )
    edges = np.quantile(kind[counted], np.linspace(0.0, 1.0, CLASSES + 1))
    centres, kept = [], []
    for low, high in itertools.pairwise(edges):
        inside = counted & (kind >= low) & (kind <= high)
        centres.append(float(np.median(kind[inside])))
        kept.append(float(np.clip(np.median(ratio[inside]), 0.0, 1.5)))
    return np.asarray(np.interp(kind, centres, kept), np.float32)
