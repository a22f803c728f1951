"""Maps that change with time, and pictures that fill a part of the frame."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from provenance.watermark.arrays import Map
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.layout import layout_for
from provenance.watermark.detector import Detector
from provenance.watermark.find.courses import courses
from provenance.watermark.picture.pieces import MAX_PIECES, Pieces
from tests.unit.watermark.pictures import KEY, OTHER, STAMP, Frames, marked, observed, scene

SIZE = (640, 360)
COUNT = 30


@pytest.fixture(scope="module")
def clip() -> Frames:
    return marked(scene(*SIZE, count=COUNT), Grid(*SIZE))


def moved(frames: Frames, map_at: Callable[[float], Map]) -> Frames:
    """Each frame seen through a map (3, 3) from its pixels to the new ones."""
    return [
        cv2.warpPerspective(frame, map_at(index / (len(frames) - 1)), SIZE, flags=cv2.INTER_CUBIC)
        for index, frame in enumerate(frames)
    ]


def pan(time: float) -> Map:
    """A window of 90 % that goes from the top left to the bottom right."""
    return np.linalg.inv(
        np.array([[0.9, 0, 0.1 * time * SIZE[0]], [0, 0.9, 0.1 * time * SIZE[1]], [0, 0, 1.0]])
    )


def hand(time: float) -> Map:
    """A keystone and a shift that drift."""
    width, height = SIZE
    share = 0.05 * (1.0 + 0.5 * np.sin(2 * np.pi * 0.4 * time))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inward = np.array(
        [[share, share / 2], [-share, share], [-share / 4, -share / 2], [share, 0]], np.float32
    )
    drift = [0.02 * np.sin(np.pi * time), 0.02 * np.sin(2.2 * time + 1.0)]
    seen = corners + (inward + np.array(drift, np.float32)) * np.array(SIZE, np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, seen.astype(np.float32)), np.float64)


@pytest.mark.parametrize("map_at", [pan, hand])
def test_a_map_that_drifts_is_followed(clip: Frames, map_at: Callable[[float], Map]) -> None:
    """A window that pans and a keystone held by hand give the id, marked from end to end."""
    found = Detector([KEY]).thorough(observed(moved(clip, map_at)))
    assert found.stamp_id == STAMP
    assert {segment.status for segment in found.segments} == {"marked"}


def test_the_course_of_a_pan_is_what_was_done(clip: Frames) -> None:
    """The maps that are fitted move as the window did, within a pixel."""
    moments = observed(moved(clip, pan)).moments()
    course = next(courses(moments, layout_for(KEY)))
    shifts = np.array([matrix[:2, 2] / matrix[2, 2] for matrix in course.maps])
    expected = np.linspace(0.0, 1.0, COUNT)[:, None] * 0.1 * np.array(SIZE)
    error = (shifts - shifts.mean(axis=0)) - (expected - expected.mean(axis=0))
    assert len(moments) == COUNT
    assert np.abs(error[2:-2]).max() < 1.0


def test_following_finds_no_id_of_another_key(clip: Frames) -> None:
    """A drifting clip read with a key that did not mark it gives no id and no weak signal."""
    found = Detector([OTHER]).thorough(observed(moved(clip, pan)))
    assert (found.stamp_id, found.status) == (None, "absent")


def test_a_picture_in_a_corner_is_read_from_its_own_area(clip: Frames) -> None:
    """Half the side, over another scene: the id is read from where the pilot is."""
    under = scene(*SIZE, count=COUNT, seed=11)
    for frame, small in zip(under, clip, strict=True):
        frame[170:350, 300:620] = cv2.resize(small, (320, 180), interpolation=cv2.INTER_AREA)
    assert Detector([KEY]).thorough(observed(under)).stamp_id == STAMP


def test_pieces_stay_few_and_lose_nothing() -> None:
    """However long a clip is, at most 64 pieces hold the sum of all its residuals."""
    pieces = Pieces()
    for index in range(1000):
        pieces.add(np.ones((4, 6), np.float32), index / 5)
    held = list(pieces)
    assert MAX_PIECES / 2 <= len(held) <= MAX_PIECES
    assert sum(piece.frames for piece in held) == 1000
    assert np.max(sum(piece.total for piece in held)) == 1000
