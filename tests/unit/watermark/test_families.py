"""All likely linear maps at once: the scores are those of each map by itself."""

import numpy as np
import pytest

from provenance.watermark.picture.geometry import Canvas, Sight
from provenance.watermark.pilot import families, peaks
from tests.unit.watermark.planes import LAYOUT, with_pilot

PILOT = LAYOUT.pilot_frequencies
TURNED = np.array([[0.8, -0.3, 0.0], [0.3, 0.8, 0.0], [0, 0, 1.0]])


def test_stretches_score_what_their_maps_score_in_the_spectrum() -> None:
    """In all four families, to rounding."""
    level = peaks.power_spectrum(Canvas.of(with_pilot(np.eye(3), 0.5)))
    found = list(families.likeliest(level, PILOT, 5))[10:]
    matrices = np.stack([matrix for matrix, _ in found])
    scores = np.array([score for _, score in found])
    assert len(found) == 20
    assert np.allclose(peaks.scores_of(level, PILOT, matrices), scores, atol=1e-4)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_turned_and_scaled_maps_are_the_best_of_their_family(mirror: float) -> None:
    """As it is and mirrored: the best of a quarter of a million maps is the true one."""
    truth = TURNED @ np.diag([mirror, 1.0, 1.0])
    level = peaks.power_spectrum(Canvas.of(with_pilot(truth)))
    best, _ = max(families.likeliest(level, PILOT, 5), key=lambda one: one[1])
    apart = min(np.abs(best - truth[:2, :2]).max(), np.abs(best + truth[:2, :2]).max())
    assert apart < 0.02


def test_half_the_samples_show_the_same_maps() -> None:
    """The spectrum of every second pixel holds the pilot of a picture that was not made smaller."""
    sight = Sight(with_pilot(np.eye(3)))
    fine, half = (peaks.power_spectrum(seen) for seen in (Canvas.of(sight.plane), sight.half))
    for level in (fine, half):
        first = peaks.candidates(level, PILOT, 1)[0].matrix[:2, :2]
        assert min(np.abs(first - np.eye(2)).max(), np.abs(first + np.eye(2)).max()) < 0.02
    assert (fine.grain, half.grain) == (1, 1)


def test_a_window_is_searched_on_a_coarser_grid() -> None:
    """Its spectrum tells maps apart half as finely, so a quarter of them is enough."""
    assert families.grain_of(512, 1) == families.grain_of(256, 2) == 2
    fine, coarse = families.axes(1), families.axes(2)
    assert len(coarse.logs) == pytest.approx(len(fine.logs) / 2, abs=1)
    assert len(coarse.angles) == len(fine.angles) / 2
