"""The calibration of false finds: its fits, its bound, and keys tried as the program tries them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from calibration import material, pilots, searches, sizes, summary, tail, words

from provenance.watermark import alarms
from provenance.watermark.code import pattern
from provenance.watermark.code.codeword import PATHS
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.layout import layout_for
from provenance.watermark.code.spec import LAYOUT_1
from provenance.watermark.detector import Detector
from provenance.watermark.read import evidence

CODED_BITS = LAYOUT_1.coded_bits
KEY = WatermarkKey("test", b"s" * 32, b"p" * 32)


def soft_noise(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, CODED_BITS)).astype(np.float32)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2])
def test_a_tail_of_known_shape_is_recovered_and_extrapolated(shape: float) -> None:
    """Of 400,000 draws the fit to the largest 1 % gives the chance beyond all of them."""
    uniform = np.random.default_rng(5).random(400_000)
    sample = -np.log(uniform) if shape == 0 else (uniform**-shape - 1) / shape
    fitted = tail.fit(sample, 0.01)
    assert fitted.shape == pytest.approx(shape, abs=0.06)
    assert fitted.distance < 0.03
    beyond = 12.0 if shape == 0 else (1e-5**-shape - 1) / shape
    true = np.exp(-12.0) if shape == 0 else 1e-5
    assert fitted.beyond(beyond) == pytest.approx(true, rel=0.8)


def test_the_cautious_tail_has_no_end_point() -> None:
    """A sample that ends, uniform draws, is promised nothing beyond its end."""
    fitted = tail.fit(np.random.default_rng(5).random(100_000), 0.01)
    assert fitted.shape < 0
    assert fitted.beyond(1.1) == 0.0 < fitted.cautious(1.1)


def test_too_few_exceedances_are_refused() -> None:
    with pytest.raises(ValueError, match="10 exceedances"):
        tail.fit(np.arange(100.0), 0.01)


def test_the_bound_for_fair_signs_holds_for_sizes_of_every_kind() -> None:
    """Gaussian, equal and sparse soft bits under 100,000 fair signs stay under their bounds."""
    draw = np.random.default_rng(1)
    sizes = np.zeros((3, 64))
    sizes[0], sizes[1], sizes[2, :6] = draw.standard_normal(64), 1.0, 1.0
    signs = 1.0 - 2.0 * draw.integers(0, 2, (100_000, 64))
    for size in sizes:
        cosine = signs @ np.abs(size) / (np.linalg.norm(size) * 8.0)
        scores = np.where(cosine > 0, 63 * cosine**2 / np.maximum(1 - cosine**2, 1e-12), 0)
        for value in (2.0, 5.0, 9.0):
            bound = tail.log2_chernoff(size[None], value)[0]
            assert np.mean(scores >= value) <= 2.0**bound


def test_soft_bits_of_nothing_reach_no_score() -> None:
    assert tail.log2_chernoff(np.zeros((1, CODED_BITS)), 150.0)[0] == -np.inf


def test_the_least_score_keeps_the_claim_and_grows_with_the_words() -> None:
    least = [tail.least_score(1e-9, count) for count in (1 << 10, 1 << 15, 1 << 20)]
    assert least == sorted(least)
    stated = evidence.false_positive_probability(least[1], 1 << 15)
    assert stated == pytest.approx(1e-9, rel=1e-3)


def test_the_simulated_chance_of_equal_sizes_is_the_binomial_one() -> None:
    for score in sizes.LEVELS:
        found, error = sizes.log2_chance(np.ones(CODED_BITS), score, np.random.default_rng(2))
        assert error < 0.5
        assert found == pytest.approx(sizes.log2_binomial(score), abs=error)


def test_a_chance_that_can_be_counted_is_simulated_rightly_for_gaussian_sizes() -> None:
    """One in some hundreds, by 200,000 plain draws and by tilted ones."""
    draw = np.random.default_rng(3)
    size = np.abs(draw.standard_normal(64))
    signs = 1.0 - 2.0 * draw.integers(0, 2, (200_000, 64))
    cosine = signs @ size / (np.linalg.norm(size) * 8.0)
    counted = np.mean(cosine >= np.sqrt(8.0 / (63 + 8.0)))
    found, error = sizes.log2_chance(size, 8.0, draw)
    assert found == pytest.approx(np.log2(counted), abs=error + 0.1)


@pytest.mark.parametrize("kind", sizes.KINDS)
def test_what_is_charged_is_over_the_chance_for_soft_bits_of_every_size(kind: str) -> None:
    """Also over Chernoff's bound for those sizes, which proves it without a simulation."""
    draw = np.random.default_rng(4)
    soft = sizes.KINDS[kind](draw)
    for score in sizes.LEVELS:
        charged = evidence.log2_chance_of_score(score)
        found, _ = sizes.log2_chance(np.abs(soft), score, draw)
        bound = float(tail.log2_chernoff(soft[None], score)[0])
        assert found < bound <= charged + 1e-6


def test_soft_bits_of_prepared_parts_are_those_the_program_reads() -> None:
    plane = np.random.default_rng(2).standard_normal((360, 640)).astype(np.float32)
    spectrum, layout = pattern.fold_centred(plane, LAYOUT_1.tile), layout_for(KEY)
    for slope in LAYOUT_1.slopes:
        expected = pattern.soft_bits(spectrum, layout, slope)
        got = words.soft_of(words.parts_of(spectrum), layout, slope)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_drawn_and_derived_deals_give_soft_bits_of_the_same_spread() -> None:
    plane = np.random.default_rng(2).standard_normal((360, 640)).astype(np.float32)
    parts = words.parts_of(pattern.fold_centred(plane, LAYOUT_1.tile))
    drawn = words.drawn(parts, 0.6, 20, np.random.default_rng(1))
    derived = words.soft_of(parts, layout_for(KEY), 0.6)
    assert drawn.std() == pytest.approx(derived.std(), rel=0.08)


def test_a_tap_counts_every_word_of_a_look() -> None:
    """The detector's own count agrees."""
    draw = np.random.default_rng(1)
    tap = searches.Tap(draw)
    detector = Detector([KEY], trace=tap)
    detector.thorough(material.observed(material.gradient(draw)))
    assert tap.words == detector.reader.words == PATHS * len(tap.scores) > 0
    assert len(tap.spectra) == searches.KEPT
    looked_for = {"map located anywhere", "map located nearby", "all crops", "around a tilted map"}
    assert looked_for <= set(tap.pilots.scores) <= set(pilots.SEARCHES)


def test_the_best_of_independent_normals_is_taken_for_as_many_places() -> None:
    best = np.random.default_rng(1).standard_normal((4000, 50)).max(axis=1)
    assert pilots.places(best) == pytest.approx(50, rel=0.1)


def test_a_searchs_row_says_which_share_reached_each_threshold() -> None:
    least = alarms.FITS_AUDIBLE
    (row,) = pilots.table([{"map located anywhere": [least, least - 1, 4.0]}, {}])
    assert row["count"] == 3
    assert list(row["reached"].values()) == [pytest.approx(1 / 3)]


def test_a_clip_stamped_with_another_key_gives_no_id_to_a_wrong_key_of_the_same_pilot() -> None:
    draw = np.random.default_rng(4)
    observation = material.stamped(draw, KEY)
    own, _ = searches.run(observation, KEY, draw)
    wrong = WatermarkKey("wrong", b"w" * 32, KEY.pilot_secret)
    tap = searches.Tap(draw)
    found = Detector([wrong], trace=tap).quick(observation)
    assert own.found
    assert found.stamp_id is None
    assert max(tap.scores) < 200


def test_gumbels_tail_is_that_of_known_maxima() -> None:
    maxima = np.random.default_rng(1).gumbel(5.0, 0.5, 20_000)
    true = -np.expm1(-np.exp(-(8.0 - 5.0) / 0.5))
    assert summary.gumbel_beyond(maxima, 8.0) == pytest.approx(true, rel=0.2)
