"""Tails: fits of the largest scores, and a bound on the score of soft bits that needs no fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.code.spec import AUTHENTICATION_BYTES
from provenance.watermark.read import evidence

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tail:
    """A generalised Pareto tail: P(X > t) = share (1 + shape (t - threshold) / scale)^(-1/shape).

    ``distance`` is the largest gap between the fit and the sample's exceedances (Kolmogorov).
    """

    threshold: float
    share: float
    shape: float
    scale: float
    exceedances: int
    distance: float

    def beyond(self, value: float, shape: float | None = None) -> float:
        """P(X > value) for a value over the threshold; ``shape`` replaces the fitted one."""
        shape = self.shape if shape is None else shape
        return self.share * float(_survival(np.array(value - self.threshold), shape, self.scale))

    def cautious(self, value: float) -> float:
        """P(X > value) without the end point that a negative shape would promise."""
        if self.shape >= 0:
            return self.beyond(value)
        mean = self.scale / (1.0 - self.shape)
        return self.share * float(np.exp(-(value - self.threshold) / mean))


def _survival(excess: Floats, shape: float, scale: float) -> Floats:
    if abs(shape) < 1e-6:
        return np.exp(-excess / scale)
    return np.asarray(np.maximum(1.0 + shape * excess / scale, 0.0) ** (-1.0 / shape))


def fit(sample: NDArray[np.floating], share: float) -> Tail:
    """Fit the largest ``share`` of a sample by probability-weighted moments.

    Hosking & Wallis, Technometrics 29-3, 1987: no iteration, sound for shapes under 1/2.

    Raises:
        ValueError: when fewer than 10 values exceed the threshold.
    """
    values = np.sort(np.asarray(sample, np.float64))
    count = int(share * values.size)
    if count < 10:
        raise ValueError("a tail needs at least 10 exceedances")
    threshold = float(values[-count - 1])
    excess = values[-count:] - threshold
    rank = (np.arange(1, count + 1) - 0.35) / count
    first, second = float(excess.mean()), float((excess * (1.0 - rank)).mean())
    k = first / (first - 2.0 * second) - 2.0
    shape, scale = -k, 2.0 * first * second / (first - 2.0 * second)
    model = 1.0 - _survival(excess, shape, scale)
    distance = float(np.abs(model - (np.arange(count) + 0.5) / count).max())
    return Tail(threshold, count / values.size, shape, scale, count, distance)


def rule_of_three(trials: int) -> float:
    """Upper 95 % bound on a rate of which ``trials`` showed nothing."""
    return 1.0 if trials == 0 else min(1.0, 3.0 / trials)


def log2_chernoff(soft: NDArray[np.floating], score: float) -> Floats:
    """log2 of a bound on the chance that one given codeword reaches ``score``, per soft vector.

    The key's signs are fair coins that know nothing of an unmarked picture, and turning all signs
    of one coded bit turns that soft bit: given their sizes |x_k|, the soft bits' signs are fair and
    independent, whatever the picture is.  Hence (Chernoff) for every l > 0

        P(cos >= r) <= exp(sum_k log cosh(l x_k) - l r n),   sum x_k^2 = n.

    The l taken is close to the best.  Over all sizes the bound is largest where they are equal,
    which is what the program charges (:func:`evidence.log2_chance_of_score`).

    Args:
        soft: (B, n) soft bits.
        score: C, which means r^2 = C / (n - 1 + C).

    Returns:
        (B,) log2 of the bound; -inf where all soft bits are zero, which score nothing.
    """
    soft = np.asarray(soft, np.float64)
    size = soft.shape[1]
    length = np.sqrt(np.mean(soft**2, axis=1, keepdims=True))
    unit = np.abs(soft) / np.maximum(length, 1e-30)
    cosine = np.sqrt(score / (size - 1 + score))
    tilt = steepness(unit, cosine)[:, None]
    growth = np.logaddexp(tilt * unit, -tilt * unit) - np.log(2.0)
    bound = (growth.sum(axis=1) - tilt[:, 0] * cosine * size) / np.log(2.0)
    return np.where(length[:, 0] > 0, np.minimum(bound, 0.0), -np.inf)


def steepness(unit: Floats, cosine: float, steps: int = 6) -> Floats:
    """(B,) l at which tilted signs, before sizes (B, n) of unit power, have ``cosine`` on average.

    Newton's method from the left on a concave function, which it never overshoots.
    """
    size = unit.shape[1]
    found = np.full((unit.shape[0], 1), cosine)
    for _ in range(steps):
        mean = np.tanh(found * unit)
        slope = np.sum(unit**2 * (1.0 - mean**2), axis=1, keepdims=True)
        missing = cosine * size - np.sum(unit * mean, axis=1, keepdims=True)
        found = found + np.maximum(missing, 0.0) / np.maximum(slope, 1e-9)
    return np.asarray(found[:, 0])


def log2_sphere(score: float, size: int) -> float:
    """The same for soft bits in a uniformly random direction, without the Mills factor."""
    return float((size - 1) / 2.0 * np.log2(1.0 - score / (size - 1 + score)))


def least_score(claim: float, words: int) -> float:
    """The score from which a payload keeps a claim in a file in which ``words`` were compared."""
    low, high = 0.0, 10_000.0
    for _ in range(50):
        middle = (low + high) / 2.0
        # No floor here: a claim may lie below what is ever stated.
        exponent = np.log2(words) - 8 * AUTHENTICATION_BYTES
        kept = exponent + evidence.log2_chance_of_any_word(middle) <= np.log2(claim)
        low, high = (low, middle) if kept else (middle, high)
    return high
