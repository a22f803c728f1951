"""How much a decode proves.

The score of a codeword ``b`` (signs) against soft bits ``x`` is ``C = (n - 1) rho^2 / (1 - rho^2)``
with ``rho`` the cosine between them: the sum over the payload's degrees of freedom of
(mean / deviation)^2, free of scale.  For soft bits in a uniformly random direction, sqrt(C) follows
Student's t with n - 1 degrees of freedom exactly, which gives the bounds below.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.codeword import CODED_BITS, INFORMATION_BITS
from provenance.watermark.keys import AUTHENTICATION_BYTES

REQUIRED_SCORE = 210.0
"""Score at which 99 of 100 payloads decode (``scripts/bench_code``); margins count from here."""
LEAST_SCORE = 152.0
"""No payload is believed below this score, whatever its authentication code says."""
CLAIM_FLOOR = 1e-12
"""No smaller probability is ever stated: beyond this the soft bits' model is extrapolated."""


def score(soft: NDArray[np.float32], codeword: NDArray[np.float32]) -> float:
    """C of a codeword (n,) of signs against soft bits (n,); zero when they disagree."""
    length = float(np.linalg.norm(soft))
    if length == 0.0:
        return 0.0
    cosine = float(soft @ codeword) / (length * np.sqrt(soft.size))
    if cosine <= 0.0:
        return 0.0
    return float((soft.size - 1) * cosine**2 / max(1.0 - cosine**2, 1e-9))


def log2_chance_of_score(value: float, dimensions: int = CODED_BITS) -> float:
    """log2 of the chance that one given codeword reaches a score on unmarked soft bits.

    The upper tail of the cosine of a random direction: ``P(cos >= r) <= (1 - r^2)^((n-1)/2) /
    (r sqrt(2 pi (n - 1)))``, the Mills-ratio bound for Student's t.
    """
    if value <= 1.0:
        return 0.0
    square = value / (dimensions - 1 + value)
    tail = (dimensions - 1) / 2.0 * np.log2(1.0 - square)
    return float(tail - 0.5 * np.log2(2.0 * np.pi * (dimensions - 1) * square))


def false_positive_probability(value: float, words: int) -> float:
    """Bound on the chance that an unmarked file gives an authenticated payload of this score.

    Args:
        value: the score C of the payload found.
        words: decoded words that were compared with an authentication code in the whole
            examination: all keys, layouts, maps, polarities, stretches of time and list entries.

    Each word passes the 32-bit keyed code with chance 2^-32 whatever the soft bits are; that any
    of the 2^96 codewords reaches the score at all bounds it further when they are white.
    """
    any_word = min(0.0, INFORMATION_BITS + log2_chance_of_score(value))
    exponent = np.log2(max(words, 1)) - 8 * AUTHENTICATION_BYTES + any_word
    return float(min(1.0, max(CLAIM_FLOOR, 2.0**exponent)))


def margin_db(value: float) -> float:
    """How far a score stands above (or below) what decoding needs, dB."""
    return float(10.0 * np.log10(max(value, 1e-3) / REQUIRED_SCORE))
