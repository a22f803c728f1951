"""How much a decode proves.

The score of a codeword ``b`` (signs) against soft bits ``x`` is ``C = (n - 1) rho^2 / (1 - rho^2)``
with ``rho`` the cosine between them: the sum over the payload's degrees of freedom of
(mean / deviation)^2, free of scale.  How seldom an unmarked file reaches a score follows from the
key's signs being fair coins, whatever the picture is and whatever sizes the soft bits have; see
docs/false-finds.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.code.spec import (
    AUTHENTICATION_BYTES,
    INFORMATION_BITS,
    LAYOUT_1,
    LayoutSpec,
)

REQUIRED_SCORE = 210.0
"""Score at which 99 of 100 payloads decode (``scripts/bench_code``); margins count from here."""
CLAIM = 1e-9
"""No payload is believed that an unmarked file would give more often than this."""
SEARCH_WORDS = 1 << 15
"""Words a key is charged with for each part of a file that is searched, however early it reads;
searches compared fewer (``scripts/calibrate``), so the chances of all the moments at which a file
might read add up to no more than the claim."""
CLAIM_FLOOR = 1e-12
"""No smaller probability is ever stated: programs and keys have other ways to fail."""


def score(soft: NDArray[np.float32], codeword: NDArray[np.float32]) -> float:
    """C of a codeword (n,) of signs against soft bits (n,); zero when they disagree."""
    length = float(np.linalg.norm(soft))
    if length == 0.0:
        return 0.0
    cosine = float(soft @ codeword) / (length * np.sqrt(soft.size))
    if cosine <= 0.0:
        return 0.0
    return float((soft.size - 1) * cosine**2 / max(1.0 - cosine**2, 1e-9))


def log2_chance_of_score(value: float, dimensions: int = LAYOUT_1.coded_bits) -> float:
    """log2 of a bound on the chance that one given codeword reaches a score on unmarked soft bits.

    ``P(cos >= r) <= exp(-n D(r))`` with ``D(r) = ((1+r) ln(1+r) + (1-r) ln(1-r)) / 2``: Chernoff's
    bound for n fair signs, at the sizes of the soft bits that make it largest, which are equal ones
    (Hoeffding, J. Am. Stat. Assoc. 58, 1963; derived in docs/false-finds.md).
    """
    if value <= 0.0:
        return 0.0
    cosine = float(np.sqrt(value / (dimensions - 1 + value)))
    away = 1.0 - cosine
    distance = (1.0 + cosine) * np.log1p(cosine) + (away * np.log(away) if away > 0.0 else 0.0)
    return float(min(0.0, -dimensions * distance / (2.0 * np.log(2.0))))


def log2_chance_of_any_word(value: float, spec: LayoutSpec = LAYOUT_1) -> float:
    """The same for any of the 2^96 codewords, at the best of its readings."""
    slopes = float(np.log2(len(spec.slopes)))
    return min(0.0, INFORMATION_BITS + slopes + log2_chance_of_score(value, spec.coded_bits))


def false_positive_probability(
    value: float, words: int, keys: int = 1, spec: LayoutSpec = LAYOUT_1
) -> float:
    """Bound on the chance that an unmarked file gives an authenticated payload of this score.

    Args:
        value: the score C of the payload found.
        words: decoded words that were compared with an authentication code in the whole
            examination: all keys, layouts, maps, polarities, stretches of time and list entries.
        keys: how many are tried, counted once a layout and once a part of the file that is searched
            by itself; each is charged with ``SEARCH_WORDS`` at least.
        spec: the layout it was read in.

    Each word passes the 32-bit keyed code with chance 2^-32 whatever the soft bits are; that any
    of the 2^96 codewords reaches the score at all bounds it further.
    """
    charged = max(words, keys * SEARCH_WORDS)
    exponent = np.log2(charged) - 8 * AUTHENTICATION_BYTES + log2_chance_of_any_word(value, spec)
    return float(min(1.0, max(CLAIM_FLOOR, 2.0**exponent)))


def believed(value: float, words: int, keys: int = 1, spec: LayoutSpec = LAYOUT_1) -> bool:
    """Whether a payload of this score, authenticated, keeps the claim."""
    return false_positive_probability(value, words, keys, spec) <= CLAIM


def margin_db(value: float) -> float:
    """How far a score stands above (or below) what decoding needs, dB."""
    return float(10.0 * np.log10(max(value, 1e-3) / REQUIRED_SCORE))
