"""How seldom fair signs reach a score, for soft bits of equal, Gaussian, clipped and other sizes.

The chances are of the order of 2^-110, so the signs are drawn tilted towards the codeword and every
draw is weighted by how much likelier that made it (exponential tilting: Siegmund, Ann. Stat. 4-4,
1976).  For equal sizes the chance is a binomial tail, and known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration import tail
from provenance.watermark.code.spec import LAYOUT_1
from provenance.watermark.read import evidence

Floats = NDArray[np.float64]

LEVELS = (152.0, 175.0, 210.0)
DRAWS = 4000
"""Draws of all signs, for one set of sizes."""
CHUNK = 500
SETS = 4
"""Sets of sizes of each kind."""


def _gaussian(draw: np.random.Generator) -> Floats:
    return draw.standard_normal(LAYOUT_1.coded_bits)


KINDS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "equal": lambda draw: np.ones(LAYOUT_1.coded_bits),
    "Gaussian": _gaussian,
    "Gaussian, clipped at 0.5": lambda draw: np.clip(_gaussian(draw), -0.5, 0.5),
    "Gaussian, clipped at 1": lambda draw: np.clip(_gaussian(draw), -1.0, 1.0),
    "Gaussian, clipped at 2": lambda draw: np.clip(_gaussian(draw), -2.0, 2.0),
    "half silent, half equal": lambda draw: np.repeat([0.0, 1.0], LAYOUT_1.coded_bits // 2),
    "heavy tails (Laplace)": lambda draw: draw.laplace(size=LAYOUT_1.coded_bits),
}
"""How soft bits of each kind are drawn; only their sizes matter."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one kind of sizes gives at one score; all chances are of one codeword, log2.

    Attributes:
        log2_true: simulated, the largest of some sets of sizes.
        error: three deviations of that.
        log2_chernoff: the bound for these very sizes, the largest.
        log2_charged: what the program charges, whatever the sizes are.
        log2_sphere: for a random direction, without the Mills factor.
    """

    sizes: str
    score: float
    log2_true: float
    error: float
    log2_chernoff: float
    log2_charged: float
    log2_sphere: float


def table(seed: int = 1, sets: int = SETS) -> Iterator[Row]:
    """A row for each kind of sizes and each score."""
    draw = np.random.default_rng(seed)
    for name, made in KINDS.items():
        soft = np.array([made(draw) for _ in range(sets)])
        for score in LEVELS:
            found = [log2_chance(np.abs(one), score, draw) for one in soft]
            most, error = max(found)
            yield Row(
                name,
                score,
                most,
                error,
                float(tail.log2_chernoff(soft, score).max()),
                evidence.log2_chance_of_score(score),
                tail.log2_sphere(score, LAYOUT_1.coded_bits),
            )


def log2_chance(
    sizes: Floats, score: float, draw: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float]:
    """log2 of the chance that fair signs before ``sizes`` (n,) reach a score; three deviations."""
    unit = sizes / np.sqrt(np.mean(sizes**2))
    size = unit.size
    cosine = np.sqrt(score / (size - 1 + score))
    least = cosine * size
    steepness = float(tail.steepness(unit[None], float(cosine))[0])
    up = 1.0 / (1.0 + np.exp(-2.0 * steepness * unit))
    growth = float(np.sum(np.logaddexp(steepness * unit, -steepness * unit) - np.log(2.0)))
    # A tie is a hit: rounding must not lose the lattice point on the line.
    line = least - 1e-9 * size
    parts = []
    for _ in range(draws // CHUNK):
        signs = np.where(draw.random((CHUNK, size)) < up, 1.0, -1.0)
        total = signs @ unit
        parts.append(np.where(total >= line, np.exp(-steepness * (total - least)), 0.0))
    weights = np.concatenate(parts)
    mean = float(weights.mean())
    spread = float(weights.std()) / np.sqrt(weights.size)
    log2 = (growth - steepness * least + np.log(mean)) / np.log(2.0)
    return float(log2), float(np.log2(1.0 + 3.0 * spread / mean))


def log2_binomial(score: float, size: int = LAYOUT_1.coded_bits) -> float:
    """log2 of the chance itself for equal sizes: at least n (1 + r) / 2 heads of n fair coins."""
    cosine = np.sqrt(score / (size - 1 + score))
    heads = int(np.ceil(size * (1.0 + cosine) / 2.0 - 1e-9))
    logs = np.cumsum(np.log(np.arange(1, size + 1)))
    factorial = np.concatenate([[0.0], logs])
    k = np.arange(heads, size + 1)
    terms = factorial[size] - factorial[k] - factorial[size - k] - size * np.log(2.0)
    return float(np.logaddexp.reduce(terms) / np.log(2.0))
