"""Find the pilot in a power spectrum: candidates for scale, rotation, mirror, aspect and shear.

A translation leaves the power spectrum alone, so the 16 pilot points show as 16 peaks whose places
give the linear part of the map.  Two ways of looking: dense families of the maps that happen to
videos, scored at the predicted places (sensitive), and pairs of peaks matched with pairs of pilot
points, as a star tracker does (general).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Plane
from provenance.watermark.code.pattern import wrapped_mean
from provenance.watermark.picture.geometry import projective
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import PEAKS_ANGLE_STEP as ANGLE_STEP
from provenance.watermark.tuning import PEAKS_AXIS as AXIS
from provenance.watermark.tuning import PEAKS_CLIP as CLIP
from provenance.watermark.tuning import PEAKS_LINE as LINE
from provenance.watermark.tuning import PEAKS_LOCAL_MEAN as LOCAL_MEAN
from provenance.watermark.tuning import PEAKS_MAX_CONDITION as MAX_CONDITION
from provenance.watermark.tuning import PEAKS_SCALE_STEP as SCALE_STEP
from provenance.watermark.tuning import PEAKS_SCALES as SCALES
from provenance.watermark.tuning import PEAKS_SIZE as SIZE
from provenance.watermark.tuning import PEAKS_SPREAD_BOX as SPREAD_BOX
from provenance.watermark.tuning import PEAKS_STRETCH as STRETCH
from provenance.watermark.tuning import PEAKS_TRACKED as PEAKS

Matrices = NDArray[np.float64]
"""(N, 2, 2): observed to stamped canonical coordinates, linear part."""


def power_spectrum(*planes: Plane) -> Plane:
    """(1024, 1024) float32: :func:`level_of` summed residuals (h, w)."""
    height, width = planes[0].shape
    top, left = max(0, (height - SIZE) // 2), max(0, (width - SIZE) // 2)
    parts = [plane[top : top + SIZE, left : left + SIZE] for plane in planes]
    return level_of(parts, SIZE, LOCAL_MEAN)


def level_of(planes: Sequence[Plane], size: int, box: int) -> Plane:
    """Power spectrum (size, size) in deviations from its local mean; zero on the axes.

    Of several planes it is the mean of the spectra, each over its own local mean.

    Regular structure (a codec's block grid, a weave) shows as lines far above their neighbours.
    They are kept out of the mean, clipped to what a pilot point shows, and raise the deviation
    by which their neighbourhood counts, so that no map scores by collecting them.
    """
    level = np.zeros((size, size), np.float32)
    for plane in planes:
        padded = np.zeros((size, size), np.float32)
        padded[: plane.shape[0], : plane.shape[1]] = plane
        spectrum = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT, nonzeroRows=plane.shape[0])
        power = spectrum[..., 0] ** 2 + spectrum[..., 1] ** 2
        mean = wrapped_mean(np.minimum(power, LINE * wrapped_mean(power, box)), box)
        level += power / np.maximum(mean, 1e-12)
    level = np.minimum(level / np.float32(len(planes)), CLIP)
    middle = wrapped_mean(level, SPREAD_BOX)
    spread = wrapped_mean(level * level, SPREAD_BOX) - middle * middle
    level = (level - middle) / np.sqrt(np.maximum(spread, 0.05 / len(planes)))
    for axis in (slice(0, AXIS + 1), slice(size - AXIS, size)):
        level[axis, :] = 0.0
        level[:, axis] = 0.0
    return np.ascontiguousarray(level, dtype=np.float32)


def candidates(level: Plane, pilot: NDArray[np.float64], count: int) -> list[Hypothesis]:
    """The ``count`` most likely linear maps, best first, no two alike; signs are undetermined.

    Args:
        level: from :func:`power_spectrum`.
        pilot: (P, 2) pilot frequencies (fx, fy), cycles per canonical pixel.
        count: how many.
    """
    found: list[Hypothesis] = []
    for matrices, index in zip(
        _dense_families(), _dense_places(pilot[::2].tobytes(), len(level)), strict=True
    ):
        # Half the pilot points tell the hopeless from the rest at half the price.
        half = np.zeros(len(matrices), np.float32)
        for row in index:
            half += level.ravel().take(row)
        likely = np.argpartition(half, -len(half) // 8)[-len(half) // 8 :]
        found += _best(level, pilot, matrices[likely], count)
    tracked = _star_tracker(level, pilot)
    if len(tracked):
        found += _best(level, pilot, tracked, count)
    return _distinct(found, count)


def scores_of(level: Plane, pilot: NDArray[np.float64], matrices: Matrices) -> NDArray[np.float32]:
    """Sum of the spectrum at the places where each map (N, 2, 2) puts the pilot points."""
    total = np.zeros(len(matrices), np.float32)
    for row in places(pilot, matrices, len(level)):
        total += level.ravel().take(row)
    return total


def places(
    pilot: NDArray[np.float64], matrices: Matrices, size: int
) -> Iterator[NDArray[np.int32]]:
    """For each pilot point, the index (N,) in the flat spectrum; outside it, that of zero."""
    transposed = (matrices.transpose(0, 2, 1) * size).astype(np.float32)
    for frequency in pilot.astype(np.float32):
        at = np.rint(transposed @ frequency).astype(np.int32)
        x, y = at[:, 0], at[:, 1]
        inside = (np.abs(x) < size // 2) & (np.abs(y) < size // 2)
        yield ((y & (size - 1)) * size + (x & (size - 1))) * inside


@lru_cache(maxsize=2)
def _dense_places(pilot: bytes, size: int) -> tuple[NDArray[np.int32], ...]:
    """(P, N) of :func:`_places` for each dense family: the same for every spectrum of a size."""
    frequencies = np.frombuffer(pilot).reshape(-1, 2)
    return tuple(np.stack(list(places(frequencies, m, size))) for m in _dense_families())


def _best(
    level: Plane, pilot: NDArray[np.float64], matrices: Matrices, count: int
) -> list[Hypothesis]:
    scores = scores_of(level, pilot, matrices)
    top = np.argpartition(scores, -min(8 * count, len(scores)))[-8 * count :]
    return [
        Hypothesis(projective(matrices[i]), score=float(scores[i]))
        for i in top[np.argsort(-scores[top])]
    ]


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


@lru_cache(maxsize=1)
def _dense_families() -> tuple[Matrices, ...]:
    """Similarities with and without mirror, and axis-aligned stretches with and without."""
    logs = np.arange(np.log(SCALES[0]), np.log(SCALES[1]), SCALE_STEP)
    angles = np.arange(0.0, np.pi, ANGLE_STEP)
    scale, angle = (grid.ravel() for grid in np.meshgrid(np.exp(logs), angles, indexing="ij"))
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    along, stretch = (
        grid.ravel()
        for grid in np.meshgrid(
            logs, np.arange(-np.log(STRETCH), np.log(STRETCH), SCALE_STEP), indexing="ij"
        )
    )
    upright = np.zeros((len(along), 2, 2))
    upright[:, 0, 0] = np.exp(along + stretch / 2.0)
    upright[:, 1, 1] = np.exp(along - stretch / 2.0)
    quarter = upright @ np.array([[0.0, -1.0], [1.0, 0.0]])
    mirror = np.array([[-1.0, 0.0], [0.0, 1.0]])
    return turn, turn @ mirror, upright, upright @ mirror, quarter, quarter @ mirror


def _star_tracker(level: Plane, pilot: NDArray[np.float64]) -> Matrices:
    """Maps from every pair of strong peaks matched with every well-conditioned pair of pilots."""
    peaks = _peaks(level)
    if len(peaks) < 2:
        return np.zeros((0, 2, 2))
    first, second = (index.ravel() for index in np.indices((len(peaks), len(peaks))))
    different = first != second
    first, second = first[different], second[different]
    pairs = np.stack([peaks[first], peaks[second]], axis=-1)
    both = np.concatenate([pairs, pairs * np.array([1.0, -1.0])])
    maps = []
    for i in range(len(pilot)):
        for j in range(i + 1, len(pilot)):
            basis = np.stack([pilot[i], pilot[j]], axis=-1)
            if abs(np.linalg.det(basis)) < 0.4 * np.prod(np.linalg.norm(basis, axis=0)):
                continue
            linear = both @ np.linalg.inv(basis)
            determinant = np.abs(
                linear[:, 0, 0] * linear[:, 1, 1] - linear[:, 0, 1] * linear[:, 1, 0]
            )
            frobenius = (linear**2).sum(axis=(1, 2))
            # For singular values s, t: frobenius / det = s/t + t/s.
            sane = frobenius < (MAX_CONDITION + 1.0 / MAX_CONDITION) * determinant
            sane &= (determinant > SCALES[0] ** 2) & (determinant < SCALES[1] ** 2)
            maps.append(linear[sane].transpose(0, 2, 1))
    return np.concatenate(maps) if maps else np.zeros((0, 2, 2))


def _peaks(level: Plane) -> NDArray[np.float64]:
    """(K, 2) frequencies (fx, fy) of the strongest local maxima of the half plane."""
    high = (level == cv2.dilate(level, np.ones((5, 5), np.uint8))) & (level > 1.8)
    high[0, :] = False
    size = len(level)
    high[size // 2 :, :] = False
    y, x = np.nonzero(high)
    strongest = np.argsort(-level[y, x])[:PEAKS]
    y, x = y[strongest], x[strongest]
    fx = np.where(x > size // 2, x - size, x) + _parabola(level, y, x, 0, 1)
    return np.stack([fx, y + _parabola(level, y, x, 1, 0)], axis=1) / size


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
