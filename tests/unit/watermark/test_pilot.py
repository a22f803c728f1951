"""The pilot's room: a pilot under a known map is heard there, ranks first, and is fitted."""

import numpy as np
import pytest

from provenance.watermark.arrays import Map
from provenance.watermark.find.crops import cropped
from provenance.watermark.find.fits import fit_on
from provenance.watermark.find.tilts import best_around
from provenance.watermark.picture import geometry
from provenance.watermark.picture.geometry import Canvas, Sight
from provenance.watermark.pilot import correlation, fitting, peaks
from provenance.watermark.pilot.hypothesis import moving
from provenance.watermark.pilot.windows import WindowSpectra
from tests.unit.watermark.planes import LAYOUT, apart, with_pilot

FREQUENCIES = LAYOUT.pilot_frequencies
TURNED = geometry.projective(
    0.8 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
)
TILTED = np.array([[1.05, 0.02, 3.0], [-0.02, 1.1, -2.0], [2e-4, 6e-4, 1.0]])


@pytest.mark.parametrize("polarity", [1, -1])
def test_a_translation_is_located_to_the_pixel(polarity: int) -> None:
    """Under the eye, shifted by (37, -81): there, with its sign, far above chance."""
    truth = np.array([[1, 0, 37.0], [0, 1, -81.0], [0, 0, 1.0]])
    plane = polarity * with_pilot(truth, 0.6)
    found = correlation.locate(Canvas.of(plane), LAYOUT, np.eye(3))
    assert apart(found.matrix, truth) < 1.0
    assert (found.polarity, found.score > 10) == (polarity, True)


def test_a_half_turn_is_located_too_but_not_when_only_upright_is_asked() -> None:
    turned = np.diag([-1.0, -1.0, 1.0])
    plane = Canvas.of(with_pilot(turned, 0.1))
    found = correlation.locate(plane, LAYOUT, np.eye(3))
    upright = correlation.locate(plane, LAYOUT, np.eye(3), upright=True)
    assert apart(found.matrix, turned) < 1.0
    assert upright.score < 0.7 * found.score


def test_noise_alone_locates_nothing() -> None:
    """The best of all translations stays where chance leaves it."""
    for seed in range(3):
        plane = Canvas.of(with_pilot(np.eye(3), 0.0, seed=seed))
        assert correlation.locate(plane, LAYOUT, np.eye(3)).score < 6.0


@pytest.mark.parametrize(
    "start", [np.eye(3), np.array([[1.0, 0.004, 1.5], [-0.004, 1.0, -1.0], [0, 0, 1.0]])]
)
def test_a_fit_recovers_a_known_map(start: Map) -> None:
    """From a map a few pixels off: a turn, a scale and a little keystone, to half a pixel."""
    truth = np.array([[1.006, -0.004, 1.0], [0.005, 0.995, -1.2], [6e-6, -8e-6, 1.0]])
    matrix, score = fitting.fit(Sight(with_pilot(truth)), start, LAYOUT)
    assert apart(start, truth) > 2.0
    assert apart(matrix, truth) < 0.5
    assert score > 14.0


def test_a_fit_on_noise_gains_no_score_that_matters() -> None:
    _, score = fitting.fit(Sight(with_pilot(np.eye(3), 0.0)), np.eye(3), LAYOUT)
    assert score < 9.0


def test_a_displacement_acts_on_stamped_coordinates_as_its_basis_says() -> None:
    """The map of a small field moves points by what the basis adds up to."""
    field = np.array([2.0, -1.0, 0.5, 0.3, -0.4, 0.6, 0.2, -0.3])
    points = np.array([[100.0, -80.0], [-250.0, 120.0]])
    moved = np.column_stack([points, np.ones(2)]) @ fitting.displacement(field).T
    expected = points + fitting.basis(points) @ field
    assert np.abs(moved[:, :2] / moved[:, 2:] - expected).max() < 0.02


def test_the_true_linear_map_ranks_first_among_the_peaks() -> None:
    """A turned, shrunk pilot; its map or the same turned by half is the first candidate."""
    level = peaks.power_spectrum(Canvas.of(with_pilot(TURNED)))
    first = peaks.candidates(level, FREQUENCIES, 5)[0].matrix
    half = np.diag([-1.0, -1.0, 1.0])
    assert min(apart(first, TURNED), apart(half @ first, TURNED)) < 6.0


def test_the_true_map_scores_most_in_its_own_spectrum() -> None:
    level = peaks.power_spectrum(Canvas.of(with_pilot(TURNED)))
    angles = np.radians(np.arange(0.0, 180.0, 5.0)) - np.pi / 2 + 0.4
    turns = 0.8 * np.array([[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles])
    scores = peaks.scores_of(level, FREQUENCIES, turns)
    assert angles[int(np.argmax(scores))] == pytest.approx(0.4, abs=1e-6)


def test_the_true_crop_ranks_first() -> None:
    """A crop to two thirds, off centre and mirrored."""
    truth = np.array([[-0.66, 0, 40.0], [0, 0.66, -24.0], [0, 0, 1.0]])
    first = cropped(with_pilot(truth), LAYOUT, 3)[0]
    assert apart(first.matrix, truth) < 4.0


def test_the_true_tilt_is_among_the_first_maps_of_the_windows() -> None:
    """Good to a dozen pixels, but for the translation that spectra do not show."""
    windows = WindowSpectra(Sight(with_pilot(TILTED, 1.5)).half)
    best = min(
        apart(matrix, TILTED - np.outer(TILTED[:, 2] - [0, 0, 1.0], [0, 0, 1.0]))
        for matrix in windows.tilted(FREQUENCIES)[:12]
    )
    assert best < 15.0


def test_around_a_tilt_that_is_far_off_one_is_heard_that_can_be_fitted() -> None:
    """A start a dozen pixels off at the edges leads to the map, to within one."""
    plane = with_pilot(TILTED, 0.4)
    start = np.array([[1.03, 0.02, 0.0], [-0.02, 1.12, 0.0], [2e-4, 5.5e-4, 1.0]])
    found = best_around(Sight(plane), start, LAYOUT)
    assert apart(start, TILTED) > 8.0
    assert found.score > 8.0
    assert apart(fit_on(Sight(plane), found, LAYOUT).matrix, TILTED) < 1.0


def test_the_moves_of_a_course_bring_every_moment_to_the_middle_one() -> None:
    maps = [np.array([[1, 0, float(t)], [0, 1, 0], [0, 0, 1]]) for t in range(5)]
    course = moving(maps, 1, 4.0)
    assert (course.matrix == maps[2]).all()
    for move, matrix in zip(course.moves, maps, strict=True):
        assert np.allclose(course.matrix @ move, matrix)


def test_places_without_the_pilot_are_weighted_down() -> None:
    """Where half of a plane carries the pilot, the other half keeps little of its weight."""
    plane = with_pilot(np.eye(3), 1.5)
    plane[:, 320:] = with_pilot(np.eye(3), 0.0)[:, 320:]
    canvas = geometry.unwarp(plane, np.eye(3))
    assert canvas is not None
    left, right = np.split(correlation.where_agreed(canvas, LAYOUT, 1).plane, 2, axis=1)
    assert right[:, 100:].std() < 0.4 * left[:, :220].std()
