"""Fit a map to the pilot's local phases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Map
from provenance.watermark.code.layout import Layout
from provenance.watermark.picture.geometry import Sight
from provenance.watermark.pilot.correlation import (
    Blocks,
    demodulate,
    nearby,
    pilot_deviation,
    pilot_score,
)
from provenance.watermark.tuning import FIT_ENOUGH as ENOUGH
from provenance.watermark.tuning import FIT_ROUNDS as ROUNDS
from provenance.watermark.tuning import FIT_UNIT as UNIT

TERMS = 8
"""Of a projective map, for small displacements."""


def fit(
    sight: Sight,
    matrix: Map,
    layout: Layout,
    polarity: int = 1,
    rounds: tuple[int, ...] = (6, 8, 8),
) -> tuple[Map, float]:
    """Improve a map by the pilot's local phases; return it with the pilot's score (16 at most).

    Each block of 64 x 64 canonical pixels and pilot point gives one complex number whose phase is
    ``2 pi f . d``, d the block's displacement; a displacement field is fitted to all of them.

    Args:
        sight: what was observed.
        matrix: the map to start from, good to a few pixels somewhere in the picture.
        layout: whose pilot.
        polarity: -1 for an inverted mark.
        rounds: for each unwarping, how many of the eight projective terms to fit.
    """
    score = 0.0
    for terms in rounds:
        canvas = sight.under(matrix)
        if canvas is None:
            return matrix, 0.0
        blocks = demodulate(canvas, layout)
        values = blocks.values * polarity / pilot_deviation(canvas.fold(layout.spec.tile), layout)
        field = _solve(values, blocks, layout, terms)
        matrix = displacement(field) @ matrix
        matrix = matrix / matrix[2, 2]
        shifts = basis(blocks.centres) @ field
        turned = values * np.exp(-2j * np.pi * shifts @ layout.pilot_frequencies.T)
        score = pilot_score(turned.real.sum(axis=0))
    return matrix, score


def basis(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, 2, 8): displacement (x, y) of each block by each of the eight projective terms."""
    x, y = (centres / UNIT).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    across = np.stack([one, zero, x, y, zero, zero, x * x, x * y], axis=-1)
    down = np.stack([zero, one, zero, zero, x, y, x * y, y * y], axis=-1)
    return np.stack([across, down], axis=1)


def _solve(
    values: NDArray[np.complex128], blocks: Blocks, layout: Layout, terms: int
) -> NDArray[np.float64]:
    """(8,) field, canonical pixels, that turns the phases to zero: Fisher scoring.

    A block counts as much as its neighbourhood agrees with the pilot so far.  So the fit starts
    where the map at hand is right, and what it learns there brings the next blocks into agreement.
    """
    count, bases = len(blocks.values), basis(blocks.centres)
    slopes = 2.0 * np.pi * np.einsum("pd,bdt->bpt", layout.pilot_frequencies, bases)
    squares = np.einsum("bpt,bpu->btu", slopes, slopes, optimize=True)
    slopes = slopes.reshape(-1, TERMS).astype(np.float32)
    real, imag = (part.astype(np.float32).ravel() for part in (values.real, values.imag))
    least = np.float32(0.05 * np.abs(values).mean())
    field = np.zeros(TERMS)
    for used, steps in ((2, 5), (min(6, terms), ROUNDS), (terms, ROUNDS)):
        flat = np.ascontiguousarray(slopes[:, :used])
        for _ in range(steps):
            angle = flat @ field[:used].astype(np.float32)
            cosine, sine = np.cos(angle), np.sin(angle)
            agreed = (real * cosine + imag * sine).reshape(count, -1).sum(axis=1)
            across = (imag * cosine - real * sine).reshape(count, -1)
            near = nearby(agreed, blocks.shape)
            weight = np.clip(near / max(float(near.max()), 1e-9), 0.0, 1.0)
            amplitude = float(weight @ agreed) / max(float(weight.sum()), 1e-9) / across.shape[1]
            amplitude = max(amplitude, least)
            gradient = (weight[:, None] * across).ravel() @ flat
            curvature = amplitude * np.tensordot(weight, squares[:, :used, :used], axes=1)
            curvature += (1e-3 * np.trace(curvature) / used + 1e-9) * np.eye(used)
            step = np.linalg.solve(curvature, gradient)
            step *= min(1.0, 1.5 / max(float(np.abs(step).max()), 1e-9))
            field[:used] += step
            if np.abs(step).max() < ENOUGH:
                break
    return field


def displacement(field: NDArray[np.float64]) -> Map:
    """The projective map x -> x + d(x), to first order in the field."""
    matrix = np.eye(3)
    matrix[:2, 2] = field[:2]
    matrix[0, :2] += field[2:4] / UNIT
    matrix[1, :2] += field[4:6] / UNIT
    matrix[2, :2] = -field[6:8] / UNIT**2
    return matrix
