"""Where in time the mark begins and ends, to the frame; and when that is left open."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.results import Detection, Segment
from provenance.results.picture import joined
from provenance.watermark.code.grid import Grid
from provenance.watermark.detector import Detector
from provenance.watermark.picture.observation import Observation
from provenance.watermark.where.boundaries import change_point, references
from tests.unit.watermark.pictures import KEY, Frames, marked, scene

GRID = Grid(640, 360)
RATE = 10.0


class Clip:
    """Frames in memory, of which a detector first sees every third; counts what it reads again."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.read = 0

    def look(self, start: float, end: float, count: int) -> Iterator[tuple[NDArray[Any], float]]:
        times = [i / RATE for i in range(len(self.frames)) if start <= i / RATE < end]
        for time in times[:: max(1, round(len(times) / count))]:
            self.read += 1
            yield self.frames[round(time * RATE)], time

    def examined(self) -> Detection:
        observation = Observation(GRID, 8, len(self.frames) / RATE)
        for index in range(0, len(self.frames), 3):
            observation.add(self.frames[index], index / RATE)
        return Detector([KEY]).thorough(observation, self.look)


@pytest.fixture(scope="module")
def stamped() -> Frames:
    return marked(scene(count=30), GRID)


@pytest.fixture(scope="module")
def others() -> Frames:
    return scene(count=40, seed=11)


def spans(detection: Detection) -> list[tuple[str, float, float]]:
    return [(s.status, round(s.start, 2), round(s.end, 2)) for s in detection.segments]


def test_a_splice_is_placed_to_the_frame(stamped: Frames, others: Frames) -> None:
    """Both cuts of unmarked, marked, unmarked lie where they were made."""
    clip = Clip([*others[:17], *stamped, *others[17:40]])
    detection = clip.examined()
    assert detection.status == "partial"
    assert spans(detection) == [
        ("unmarked", 0.0, 1.7),
        ("marked", 1.7, 4.7),
        ("unmarked", 4.7, 7.0),
    ]


def test_a_clip_that_is_marked_throughout_is_not_read_again(stamped: Frames) -> None:
    """The second look costs the common case nothing."""
    clip = Clip(stamped)
    assert clip.examined().status == "found"
    assert clip.read == 0


def test_a_few_silent_frames_at_the_end_are_unknown(stamped: Frames, others: Frames) -> None:
    """An encoder starves a clip's last frames: three of them are no splice."""
    detection = Clip([*stamped, *others[:2]]).examined()
    assert detection.status == "found", spans(detection)


def test_black_frames_are_unknown_not_unmarked(stamped: Frames) -> None:
    """Where no mark could be, silence means nothing: the find stays whole."""
    black: Frames = [np.full((360, 640), 16, np.uint8)] * 20
    detection = Clip([*black, *stamped]).examined()
    assert detection.status == "found"
    assert {s.status for s in detection.segments} == {"marked", "unknown"}


def test_references_are_spread_over_the_marked_time() -> None:
    """What to expect is asked in each marked stretch, not only where the mark is strongest."""
    segments = (
        Segment(0.0, 0.6, "marked", 20.0),
        Segment(0.6, 2.0, "unknown", 1.0),
        Segment(2.0, 2.8, "marked", 5.0),
        Segment(2.8, 4.0, "unmarked", 0.0),
        Segment(4.0, 4.5, "marked", 6.0),
    )
    places = sorted(references(segments))
    assert len(places) == 3
    for (start, end), segment in zip(places, segments[::2], strict=True):
        assert segment.start <= start < end <= segment.end


def test_one_marked_stretch_is_asked_in_several_places() -> None:
    """Its middle may be the one place where a scene change kept the mark."""
    (first, second, third) = sorted(references((Segment(0.0, 9.0, "marked", 20.0),)))
    assert first[1] < 3.0 < second[0] < second[1] < 6.0 < third[0]


def test_the_change_point_is_found_in_noise() -> None:
    """With a mark of 4 deviations a frame, the change lies within two frames of the truth."""
    noise = np.random.default_rng(5)
    misses = []
    for marked_frames in (5, 20, 45):
        values = noise.standard_normal(60)
        values[:marked_frames] += 4.0
        change = change_point(values)
        assert change is not None
        early, likely, late = change
        assert early <= likely <= late
        misses.append(abs(likely - marked_frames))
    assert max(misses) <= 2


def test_a_weak_change_says_how_unsure_it_is() -> None:
    """A mark of few deviations a frame leaves a range, which holds the truth."""
    values = np.random.default_rng(6).standard_normal(200)
    values[:100] += 2.5
    change = change_point(values)
    assert change is not None
    early, _, late = change
    assert early <= 100 <= late
    assert 1 <= late - early <= 12


def test_nothing_but_noise_has_no_change() -> None:
    """Where no frame shows the mark, or a still picture looks a little like it, is no change."""
    assert change_point(np.full(60, 1.5)) is None
    assert change_point(np.random.default_rng(8).standard_normal(60)) is None
    assert change_point(np.array([])) is None


def test_neighbours_of_one_status_are_one_segment() -> None:
    """Empty parts go, and what they kept apart is joined."""
    parts = [
        Segment(0.0, 1.0, "marked", 5.0),
        Segment(1.0, 1.0, "unknown", 0.0),
        Segment(1.0, 2.0, "marked", 7.0),
    ]
    assert joined(parts) == [Segment(0.0, 2.0, "marked", 7.0)]
