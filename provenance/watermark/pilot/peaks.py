"""Find the pilot in a power spectrum: candidates for scale, rotation, mirror, aspect and shear.

A translation leaves the power spectrum alone, so the 16 pilot points show as 16 peaks whose places
give the linear part of the map.  Two ways of looking: dense families of the maps that happen to
videos, scored at the predicted places (sensitive), and pairs of peaks matched with pairs of pilot
points, as a star tracker does (general).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Plane
from provenance.watermark.code.pattern import wrapped_mean
from provenance.watermark.picture.geometry import Canvas, projective
from provenance.watermark.pilot import families
from provenance.watermark.pilot.families import Level, Matrices
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import PEAKS_AXIS as AXIS
from provenance.watermark.tuning import PEAKS_CLIP as CLIP
from provenance.watermark.tuning import PEAKS_LINE as LINE
from provenance.watermark.tuning import PEAKS_LOCAL_MEAN as LOCAL_MEAN
from provenance.watermark.tuning import PEAKS_MAX_CONDITION as MAX_CONDITION
from provenance.watermark.tuning import PEAKS_SCALES as SCALES
from provenance.watermark.tuning import PEAKS_SIZE as SIZE
from provenance.watermark.tuning import PEAKS_SPREAD_BOX as SPREAD_BOX
from provenance.watermark.tuning import PEAKS_TRACKED as PEAKS


def power_spectrum(*seen: Canvas) -> Level:
    """:func:`level_of` summed residuals, all of one size: 1024 points to a cycle a pixel."""
    step = seen[0].step
    size, (height, width) = SIZE // step, seen[0].plane.shape
    top, left = max(0, (height - size) // 2), max(0, (width - size) // 2)
    parts = [one.plane[top : top + size, left : left + size] for one in seen]
    return Level(level_of(parts, size, LOCAL_MEAN), step)


def level_of(planes: Sequence[Plane], size: int, box: int) -> Plane:
    """Power spectrum (size, size) in deviations from its local mean; zero on the axes.

    Of several planes it is that of their mean power: they are levelled, so none outweighs another.

    Regular structure (a codec's block grid, a weave) shows as lines far above their neighbours.
    They are kept out of the mean, clipped to what a pilot point shows, and raise the deviation
    by which their neighbourhood counts, so that no map scores by collecting them.
    """
    total = np.zeros((size, 2 * size), np.float32)
    padded = np.zeros((size, size), np.float32)
    for plane in planes:
        padded[: plane.shape[0], : plane.shape[1]] = plane
        spectrum = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT, nonzeroRows=plane.shape[0])
        cv2.accumulateSquare(spectrum.reshape(total.shape), total)
    power = total[:, 0::2] + total[:, 1::2]
    mean = wrapped_mean(np.minimum(power, LINE * wrapped_mean(power, box)), box)
    level = np.minimum(power / np.maximum(mean, 1e-12), CLIP)
    middle = wrapped_mean(level, SPREAD_BOX)
    spread = wrapped_mean(level * level, SPREAD_BOX) - middle * middle
    level = (level - middle) / np.sqrt(np.maximum(spread, 0.05 / len(planes)))
    for axis in (slice(0, AXIS + 1), slice(size - AXIS, size)):
        level[axis, :] = 0.0
        level[:, axis] = 0.0
    return np.ascontiguousarray(level, dtype=np.float32)


def candidates(level: Level, pilot: NDArray[np.float64], count: int) -> list[Hypothesis]:
    """The ``count`` most likely linear maps, best first, no two alike; signs are undetermined.

    Args:
        level: from :func:`power_spectrum`.
        pilot: (P, 2) pilot frequencies (fx, fy), cycles per canonical pixel.
        count: how many.
    """
    found = [
        Hypothesis(projective(linear), score=score)
        for linear, score in families.likeliest(level, pilot, 8 * count)
    ]
    tracked = _star_tracker(level, pilot)
    if len(tracked):
        scores = scores_of(level, pilot, tracked)
        top = np.argpartition(scores, -min(8 * count, len(scores)))[-8 * count :]
        found += [Hypothesis(projective(tracked[i]), score=float(scores[i])) for i in top]
    return _distinct(found, count)


def scores_of(level: Level, pilot: NDArray[np.float64], matrices: Matrices) -> NDArray[np.float32]:
    """Sum of the spectrum at the places where each map (N, 2, 2) puts the pilot points."""
    at = families.places(pilot, matrices, len(level.values), level.step)
    return np.asarray(level.take(at).sum(axis=0), np.float32)


def _distinct(found: list[Hypothesis], count: int) -> list[Hypothesis]:
    """Best first, leaving out those within 1.2 % of a better one (up to sign)."""
    kept: list[Hypothesis] = []
    for candidate in sorted(found, key=lambda c: -c.score):
        linear = candidate.matrix[:2, :2]
        size = np.linalg.norm(linear)
        if all(
            min(
                np.linalg.norm(linear - other.matrix[:2, :2]),
                np.linalg.norm(linear + other.matrix[:2, :2]),
            )
            > 0.012 * size
            for other in kept
        ):
            kept.append(candidate)
            if len(kept) == count:
                break
    return kept


def _star_tracker(level: Level, pilot: NDArray[np.float64]) -> Matrices:
    """Maps from every pair of strong peaks matched with every well-conditioned pair of pilots.

    Whether such a map is sane follows from the two pairs' lengths and angles alone, so only those
    that are get built.
    """
    peaks = _peaks(level)
    first, second = np.nonzero(~np.eye(len(peaks), dtype=bool))
    pairs = np.stack([peaks[first], peaks[second]], axis=-1)
    # A peak stands for its opposite as well.
    pairs = np.concatenate([pairs, pairs * np.array([1.0, -1.0])])
    i, j = np.triu_indices(len(pilot), k=1)
    bases = np.stack([pilot[i], pilot[j]], axis=-1)
    wide = np.abs(np.linalg.det(bases)) >= 0.4 * np.prod(np.linalg.norm(bases, axis=1), axis=1)
    inverses = np.linalg.inv(bases[wide])
    # |A B^-1|^2 is the trace of (A^T A) (B^-1 B^-T).
    gram = np.einsum("nki,nkj->nij", pairs, pairs).reshape(-1, 4)
    weights = np.einsum("nik,njk->nij", inverses, inverses).reshape(-1, 4)
    frobenius = gram.astype(np.float32) @ weights.T.astype(np.float32)
    ratios = (np.abs(np.linalg.det(one)).astype(np.float32) for one in (pairs, inverses))
    determinant = np.outer(*ratios)
    # For singular values s, t: frobenius / det = s/t + t/s.
    sane = (determinant > SCALES[0] ** 2) & (determinant < SCALES[1] ** 2)
    sane &= frobenius < np.float32(MAX_CONDITION + 1.0 / MAX_CONDITION) * determinant
    pair, inverse = np.nonzero(sane)
    return np.asarray((pairs[pair] @ inverses[inverse]).transpose(0, 2, 1))


def _peaks(spectrum: Level) -> NDArray[np.float64]:
    """(K, 2) frequencies (fx, fy) of the strongest local maxima of the half plane."""
    level = spectrum.values
    high = (level == cv2.dilate(level, np.ones((5, 5), np.uint8))) & (level > 1.8)
    high[0, :] = False
    size = len(level)
    high[size // 2 :, :] = False
    y, x = np.nonzero(high)
    strongest = np.argsort(-level[y, x])[:PEAKS]
    y, x = y[strongest], x[strongest]
    fx = np.where(x > size // 2, x - size, x) + _parabola(level, y, x, 0, 1)
    return np.stack([fx, y + _parabola(level, y, x, 1, 0)], axis=1) / (size * spectrum.step)


def _parabola(
    level: Plane, y: NDArray[np.intp], x: NDArray[np.intp], dy: int, dx: int
) -> NDArray[np.float64]:
    """Sub-point place of a maximum from its two neighbours."""
    size = len(level)
    before = level[(y - dy) % size, (x - dx) % size]
    here = level[y, x]
    after = level[(y + dy) % size, (x + dx) % size]
    curve = before - 2.0 * here + after
    return np.where(
        curve < -1e-6, np.clip(0.5 * (before - after) / np.minimum(curve, -1e-6), -0.5, 0.5), 0.0
    )
