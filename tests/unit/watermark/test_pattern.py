"""The tile as a spectrum, and a pattern made for its host."""

import numpy as np
import pytest

from provenance.watermark.code import codeword, pattern
from provenance.watermark.code.grid import Grid
from provenance.watermark.embed.informed import Host
from provenance.watermark.read.reader import best_slope
from tests.unit.watermark.pictures import KEY, STAMP
from tests.unit.watermark.planes import LAYOUT

WORD = codeword.encode(STAMP, KEY)
POINTS = np.vstack([LAYOUT.pilot_points, LAYOUT.data_points])


@pytest.mark.parametrize("slope", LAYOUT.spec.slopes)
def test_a_pattern_has_unit_deviation_and_the_pilot_its_share(slope: float) -> None:
    pilot, data = pattern.coefficients(LAYOUT, WORD, slope)
    power = [float(np.sum(np.abs(values) ** 2) / 2) for values in (pilot, data)]
    assert sum(power) == pytest.approx(1.0)
    assert power[0] == pytest.approx(LAYOUT.spec.pilot_energy)


@pytest.mark.parametrize("slope", LAYOUT.spec.slopes)
def test_soft_bits_of_a_pattern_alone_have_the_codewords_signs(slope: float) -> None:
    values = np.concatenate(pattern.coefficients(LAYOUT, WORD, slope))
    spectrum = pattern.fold_centred(pattern.tiled(POINTS, values, 1024, 512, 512), 512)
    soft = pattern.soft_bits(spectrum, LAYOUT, slope)
    assert (np.sign(soft) == WORD).all()


def test_folding_takes_back_what_tiling_spread() -> None:
    """The coefficients come out again, times the area and a half for the mirror points."""
    values = np.concatenate(pattern.coefficients(LAYOUT, WORD, 0.6))
    spectrum = pattern.fold_centred(pattern.tiled(POINTS, values, 1024, 1024, 512), 512)
    assert np.allclose(spectrum[LAYOUT.data_at], values[16:] * 1024**2 / 2, rtol=1e-2)


def test_synthesis_and_tiling_make_the_same_pattern() -> None:
    """Exact on the canonical grid, where both can be asked."""
    values = np.concatenate(pattern.coefficients(LAYOUT, WORD, 0.6))
    made = pattern.synthesise(POINTS, values, Grid(640, 360), (640, 360), 512)
    assert np.abs(made - pattern.tiled(POINTS, values, 640, 360, 512)).max() < 1e-3


def host(texture: float = 3.0) -> tuple[Host, np.ndarray, np.ndarray]:
    noise = np.random.default_rng(9).standard_normal((360, 640)).astype(np.float32)
    room = np.full((360, 640), 1.0, np.float32)
    return Host(texture * noise, room), texture * noise, room


def test_informed_embedding_keeps_its_energy_and_no_frequency_stands_out() -> None:
    """The data's energy is that of the plain pattern, and none has over three times its own."""
    _, plain = pattern.coefficients(LAYOUT, WORD, 0.6)
    data, evenness = host()[0].pattern(LAYOUT, WORD, 0.6)
    assert np.sum(np.abs(data) ** 2) == pytest.approx(float(np.sum(np.abs(plain) ** 2)), rel=1e-6)
    assert (np.abs(data) / np.abs(plain)).max() < 3.3
    assert evenness.max() <= 1.0 / 0.9 + 1e-6


def test_informed_embedding_reads_better_in_the_host_it_was_made_for() -> None:
    """By 3 dB at least in a host as loud as this."""
    pilot, plain = pattern.coefficients(LAYOUT, WORD, 0.6)
    made, noise, room = host()
    data, evenness = made.pattern(LAYOUT, WORD, 0.6)
    scores = []
    for values, gain in ((plain, 1.0), (data, evenness)):
        mark = pattern.tiled(POINTS, np.concatenate([pilot, values]), 640, 360, 512)
        spectrum = pattern.fold_centred(noise + np.float32(0.5) * room * gain * mark, 512)
        scores.append(best_slope(spectrum, LAYOUT, WORD)[0])
    assert scores[1] > 2.0 * scores[0] > 0
