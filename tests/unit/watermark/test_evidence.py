"""Scores, margins and the stated probability of a false find."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.watermark.read import evidence


def random_soft(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(1024).astype(np.float32)


def test_the_score_of_noise_is_about_one_and_that_of_a_codeword_is_large() -> None:
    codeword = np.sign(random_soft(0))
    scores = [evidence.score(random_soft(seed), codeword) for seed in range(1, 200)]
    assert np.mean(scores) < 1.5
    assert evidence.score(codeword, codeword) > 1e6


def test_the_score_does_not_depend_on_scale_and_a_disagreeing_word_scores_nothing() -> None:
    codeword = np.sign(random_soft(0))
    soft = codeword + random_soft(1)
    assert evidence.score(soft * 7, codeword) == pytest.approx(evidence.score(soft, codeword), 1e-3)
    assert evidence.score(-soft, codeword) == 0.0
    assert evidence.score(np.zeros(1024, np.float32), codeword) == 0.0


def test_the_tail_bounds_what_noise_really_does() -> None:
    """Of 20,000 random directions no larger share exceeds a score than the bound allows."""
    noise = np.random.default_rng(9).standard_normal((20_000, 1024)).astype(np.float32)
    cosine = noise[:, 0] / np.linalg.norm(noise, axis=1)
    scores = np.where(cosine > 0, 1023 * cosine**2 / (1 - cosine**2), 0.0)
    for value in (4.0, 6.0, 9.0):
        share = np.mean(scores >= value)
        assert share <= 2 ** evidence.log2_chance_of_score(value) * 1.3


def test_the_tail_bounds_fair_signs_of_equal_size_where_every_outcome_can_be_counted() -> None:
    """Of 2^16 equally likely signs, no larger share reaches a score than the bound allows."""
    signs = 1.0 - 2.0 * (np.arange(1 << 16)[:, None] >> np.arange(16) & 1)
    cosine = np.maximum(signs.mean(axis=1), 0.0)
    scores = 15 * cosine**2 / np.maximum(1.0 - cosine**2, 1e-12)
    for value in (1.0, 3.0, 8.0, 20.0, 1e9):
        share = np.mean(scores >= value)
        assert share <= 2 ** evidence.log2_chance_of_score(value, 16)


def test_equal_sizes_are_the_worst_for_the_tail() -> None:
    """Chernoff's bound for sizes drawn from many shapes never exceeds what is charged."""
    draw = np.random.default_rng(6)
    for power in (0.0, 0.2, 0.5, 1.0, 2.0, 4.0):
        size = np.abs(draw.standard_normal(1024)) ** power
        size /= np.sqrt(np.mean(size**2))
        for value in (20.0, 150.0, 175.0, 400.0):
            cosine = np.sqrt(value / (1023 + value))
            tilts = np.linspace(0.01, 3.0, 600)[:, None]
            growth = np.logaddexp(tilts * size, -tilts * size) - np.log(2.0)
            bound = np.min(growth.sum(axis=1) - tilts[:, 0] * cosine * 1024) / np.log(2.0)
            assert bound <= evidence.log2_chance_of_score(value) + 1e-2


@pytest.mark.parametrize("keys", [1, 3, 50])
def test_what_is_believed_keeps_the_claim_over_a_full_search_with_every_key(keys: int) -> None:
    """The charge per key, summed over all the moments at which a file might read, is the claim."""
    least = next(v for v in np.arange(100.0, 300.0, 0.5) if evidence.believed(v, 64, keys))
    assert evidence.believed(least, 64, keys)
    assert not evidence.believed(least - 1.0, 64, keys)
    words = keys * evidence.SEARCH_WORDS
    assert evidence.false_positive_probability(least, words, keys) <= evidence.CLAIM


def test_no_probability_below_the_floor_is_ever_stated() -> None:
    assert evidence.false_positive_probability(1e5, 1) == evidence.CLAIM_FLOOR


@given(st.floats(0, 1e6), st.integers(1, 10**9))
def test_the_probability_is_one_grows_with_words_and_falls_with_the_score(
    value: float, words: int
) -> None:
    chance = evidence.false_positive_probability(value, words)
    assert 0 < chance <= 1
    assert evidence.false_positive_probability(value, words * 2) >= chance
    assert evidence.false_positive_probability(value * 2, words) <= chance


def test_the_margin_is_zero_at_the_score_that_decoding_needs() -> None:
    assert evidence.margin_db(evidence.REQUIRED_SCORE) == pytest.approx(0.0)
    assert evidence.margin_db(10 * evidence.REQUIRED_SCORE) == pytest.approx(10.0)
