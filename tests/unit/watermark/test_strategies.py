"""Each strategy by itself, with plain arrays: the map under which a pilot lies is guessed."""

from collections.abc import Sequence

import numpy as np
import pytest

from provenance.watermark.arrays import Plane
from provenance.watermark.code.grid import Grid
from provenance.watermark.find.edges import edges_of, lines_in, support
from provenance.watermark.find.finder import Scene
from provenance.watermark.find.following import following
from provenance.watermark.find.linear import Linear
from provenance.watermark.find.parts import Parts
from provenance.watermark.find.spans import Spans
from provenance.watermark.find.windows import Windows
from provenance.watermark.picture import geometry
from provenance.watermark.picture.observation import Holds, Observation, Span
from provenance.watermark.tuning import FOLLOWING_MOMENTS
from tests.unit.watermark.planes import LAYOUT, apart, with_pilot

TURNED = geometry.projective(
    0.8 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
)
TILTED = np.array([[1.05, 0.02, 3.0], [-0.02, 1.1, -2.0], [2e-4, 6e-4, 1.0]])


class Made(Observation):
    """One residual for every second."""

    def __init__(self, planes: Sequence[Plane]) -> None:
        super().__init__(Grid(640, 360))
        nothing = Holds(lambda: (1.0, np.zeros((45, 80, 2), np.float32)))
        self._made = [Span(i, i + 1.0, 1, plane, nothing) for i, plane in enumerate(planes)]

    @property
    def spans(self) -> list[Span]:
        """A second each."""
        return self._made

    def moments(self) -> list[Plane]:
        """The same."""
        return [span.total for span in self._made]


def noise(seed: int) -> Plane:
    return with_pilot(np.eye(3), 0.0, seed=seed)


def test_a_turned_and_scaled_picture_is_the_likeliest_linear_map() -> None:
    first = next(Linear().hypotheses(Scene(Made([with_pilot(TURNED)])), LAYOUT))
    assert apart(first.matrix, TURNED) < 1.0
    assert (first.polarity, first.heard) == (1, True)


def test_a_keystone_is_the_likeliest_map_of_the_windows() -> None:
    first = next(Windows().hypotheses(Scene(Made([with_pilot(TILTED, 1.5)])), LAYOUT))
    assert apart(first.matrix, TILTED) < 1.0


def test_a_turned_picture_in_a_corner_is_found_in_its_part() -> None:
    """Three quarters of the frame are noise; the map holds in the fourth."""
    plane = noise(5)
    plane[180:, 320:] = with_pilot(TURNED, 1.5)[180:, 320:]
    corner = np.array([[40.0, 30, 1], [280, 40, 1], [60, 150, 1], [270, 160, 1]]).T
    off = [
        np.abs(((one.matrix @ corner) / (one.matrix @ corner)[2] - TURNED @ corner)[:2]).max()
        for one in Parts().hypotheses(Scene(Made([plane])), LAYOUT)
    ]
    assert min(off) < 2.0


def test_only_stretches_in_which_the_pilot_is_heard_are_read() -> None:
    """Of six seconds the third carries it: alone, and in both sums that hold it."""
    planes = [noise(seed) for seed in range(6)]
    planes[2] = with_pilot(np.eye(3))
    scene = Scene(Made(planes))
    read = list(Spans().hypotheses(scene, LAYOUT))
    sums = [scene.observation.upright(scene.observation.spans[a:b]) for a, b in ((0, 4), (2, 6))]
    expected = [*sums, scene.observation.upright(scene.observation.spans[2:3])]
    assert len(read) == len(expected)
    for one, plane in zip(read, expected, strict=True):
        assert one.plane is not None
        np.testing.assert_array_equal(one.plane, plane)


def test_a_map_that_read_is_followed_through_a_pan() -> None:
    """A pixel a moment, from where it lay in the middle."""
    shifts = [np.array([[1, 0, x], [0, 1, 0], [0, 0, 1.0]]) for x in np.arange(8.0) - 4]
    planes = [with_pilot(shift, seed=seed) for seed, shift in enumerate(shifts)]
    course = next(following(Scene(Made(planes)), np.eye(3), 1, LAYOUT))
    assert len(course.maps) == 8
    for found, true in zip(course.maps, shifts, strict=True):
        assert apart(found, true) < 1.0


def test_a_clip_of_a_few_moments_is_not_followed() -> None:
    planes = [noise(seed) for seed in range(FOLLOWING_MOMENTS - 1)]
    assert not list(following(Scene(Made(planes)), np.eye(3), 1, LAYOUT))


@pytest.mark.parametrize("slope", [0.0, 0.06])
def test_a_border_is_the_clearest_line(slope: float) -> None:
    """Between two textures, 50 pixels below the middle, through all of the width."""
    across = np.arange(640) - 319.5
    below = np.arange(360)[:, None] - 179.5 > 50 + slope * across
    plane = (0.3 * noise(7) + 2.0 * below).astype(np.float32)
    edges = edges_of(plane)
    _, place, found = lines_in(edges)[0]
    assert place == pytest.approx(50, abs=2)
    assert found == pytest.approx(slope, abs=0.007)
    ends = [np.array([[x, 50 + slope * x]]) for x in (-300.0, 300.0)]
    off = [end + np.array([[0.0, 30.0]]) for end in ends]
    assert support(edges, *ends)[0] > 5.0 > support(edges, *off)[0]
