"""Wrong keys at the level of soft bits: deal, sum, decode, and how far the best word gets.

A key's deal is a permutation and signs from ChaCha20 under a key derived by HKDF; to anybody who
does not hold the key that is a uniform permutation and fair signs.  So they are drawn as such, ten
times as fast, and a part of the keys is derived truly, to see that both agree.  Nor does the
authentication code have to be computed for the drawn ones: it comes of another HKDF label,
independent of the deal, and passes with chance 2^-32 a word; the truly derived ones compare it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration import tail
from provenance.watermark.code import codeword, pattern, polar
from provenance.watermark.code.keys import SECRET_BYTES, WatermarkKey
from provenance.watermark.code.layout import Layout, index, layout_for, ring
from provenance.watermark.code.spec import INFORMATION_BITS, LAYOUT_1
from provenance.watermark.read import evidence

CHUNK = 1024
BATCH = 64
TRUE = 16
"""Keys of a chunk derived as the program does."""
LEVELS = (152.0, 170.0, 210.0)
"""Scores at which the bound for the soft bits' own sizes is compared with the sphere's."""


def best_scores(soft: polar.Floats) -> NDArray[np.float64]:
    """(B,) score C of the likeliest word that the list decoder reaches, for (B, 1024) soft bits."""
    words = polar.decode(soft, INFORMATION_BITS, codeword.PATHS)[:, 0]
    return np.array([score_of(x, word) for x, word in zip(soft, words, strict=True)])


def score_of(soft: polar.Floats, information: polar.Bits) -> float:
    """C of an information word (96,) of 0/1."""
    coded = polar.encode(information, LAYOUT_1.coded_bits)
    return evidence.score(soft, 1.0 - 2.0 * coded.astype(np.float32))


def parts_of(spectrum: pattern.Spectrum) -> NDArray[np.float32]:
    """(2, N) of every point of the band: whitened and clipped as the program does."""
    return pattern.whitened(spectrum, index(ring(), LAYOUT_1.tile))


def soft_of(parts: NDArray[np.float32], layout: Layout, slope: float) -> polar.Floats:
    """(1024,) soft bits of a layout, equal to :func:`pattern.soft_bits` of the spectrum."""
    taken = {tuple(point) for point in layout.pilot_points.tolist()}
    kept = np.array([tuple(point) not in taken for point in ring().tolist()])
    return pattern.gathered(parts[:, kept], layout, slope)


def drawn(
    parts: NDArray[np.float32], slope: float, count: int, draw: np.random.Generator
) -> polar.Floats:
    """(count, 1024) soft bits under deals drawn uniformly (one draw of pilot points for all)."""
    points = ring()
    kept = np.sort(draw.permutation(len(points))[LAYOUT_1.pilots :])
    weights = (LAYOUT_1.middle * LAYOUT_1.tile / np.hypot(*points[kept].T)) ** slope
    weights = np.tile(weights, 2).astype(np.float32)
    values = parts[:, kept].ravel() * weights
    size, rows = values.size, -(-values.size // LAYOUT_1.coded_bits)
    values, squares = (
        np.pad(a, (0, rows * LAYOUT_1.coded_bits - size)) for a in (values, weights**2)
    )
    order = np.arange(values.size)
    soft = np.empty((count, LAYOUT_1.coded_bits), np.float32)
    for row in soft:
        order[:size] = draw.permutation(size)
        signs = 1 - 2 * draw.integers(0, 2, values.size, np.int8)
        total = (values[order] * signs).reshape(rows, -1).sum(axis=0)
        row[:] = total / np.sqrt(squares[order].reshape(rows, -1).sum(axis=0))
    return soft


@dataclass(frozen=True, slots=True)
class Chunk:
    """What :data:`CHUNK` wrong keys gave on one spectrum.

    Attributes:
        drawn, derived: best scores with drawn and with truly derived deals.
        authenticated: payloads that passed their code, of the truly derived.
        inflation: (levels,) most bits by which the bound for the soft bits' own sizes is above
            that of the sphere.
        kurtosis: mean fourth moment of the soft bits; 3 for Gaussian ones.
        correlation: rms correlation of neighbouring soft bits, times sqrt(1024); 1 when white.
    """

    drawn: NDArray[np.float64]
    derived: NDArray[np.float64]
    authenticated: int
    inflation: NDArray[np.float64]
    kurtosis: float
    correlation: float


def run(parts: NDArray[np.float32], slope: float, draw: np.random.Generator) -> Chunk:
    """Try :data:`CHUNK` wrong keys on one spectrum."""
    soft = drawn(parts, slope, CHUNK - TRUE, draw)
    scores = np.concatenate([best_scores(soft[i : i + BATCH]) for i in range(0, len(soft), BATCH)])
    from_keys, authenticated = [], 0
    for _ in range(TRUE):
        key = WatermarkKey("wrong", draw.bytes(SECRET_BYTES), draw.bytes(SECRET_BYTES))
        one = soft_of(parts, layout_for(key), slope)
        from_keys.append(one)
        authenticated += codeword.decode(one, key).stamp_id is not None
    true = np.array(from_keys)
    everything = np.concatenate([soft, true])
    return Chunk(scores, best_scores(true), authenticated, *_shape(everything))


def _shape(soft: polar.Floats) -> tuple[NDArray[np.float64], float, float]:
    size = soft.shape[1]
    inflation = np.array(
        [tail.log2_chernoff(soft, level).max() - tail.log2_sphere(level, size) for level in LEVELS]
    )
    unit = soft / np.maximum(np.sqrt(np.mean(soft**2, axis=1, keepdims=True)), 1e-30)
    neighbours = np.mean(unit[:, 1:] * unit[:, :-1], axis=1)
    return (
        inflation,
        float(np.mean(unit**4)),
        float(np.sqrt(np.mean(neighbours**2)) * np.sqrt(size - 1)),
    )
