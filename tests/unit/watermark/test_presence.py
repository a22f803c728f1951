"""The map of where in the picture the mark is: marked, missing, or not to be told."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.results import Detection, PictureMap
from provenance.watermark.code.grid import Grid
from provenance.watermark.detector import Detector
from tests.unit.watermark.pictures import KEY, Frames, mirrored, observed
from tests.values import present

Box = tuple[int, int, int, int]

GRID = Grid(640, 360)
BOX: Box = (96, 128, 352, 264)
"""left, top, right, bottom: 15 % of 640 x 360"""


def found(frames: Frames) -> Detection:
    return Detector([KEY]).thorough(observed(frames))


def pasted(frames: Frames, others: Frames, box: Box = BOX) -> Frames:
    left, top, right, bottom = box
    copies = [frame.copy() for frame in frames]
    for copy, other in zip(copies, others, strict=True):
        copy[top:bottom, left:right] = other[top:bottom, left:right]
    return copies


def inside(picture: PictureMap, box: Box = BOX) -> NDArray[np.bool_]:
    """(rows, columns) cells whose centre lies in the box."""
    x = (np.arange(picture.columns) + 0.5) / picture.columns * 640
    y = (np.arange(picture.rows) + 0.5) / picture.rows * 360
    left, top, right, bottom = box
    return ((y > top) & (y < bottom))[:, None] & ((x > left) & (x < right))[None, :]


def cells(picture: PictureMap, values: Sequence[float] | Sequence[str]) -> NDArray[Any]:
    """Row by row; numbers or words."""
    return np.asarray(values).reshape(picture.rows, picture.columns)


def test_an_untouched_copy_lacks_nothing(stamped: Frames) -> None:
    """A stamped clip is found, with no cell missing and nearly all marked."""
    detection = found(stamped)
    states = present(detection.picture).states
    assert detection.status == "found"
    assert "missing" not in states
    assert states.count("marked") > 0.9 * len(states)


def test_an_area_of_unmarked_pixels_is_named(frames: Frames, stamped: Frames) -> None:
    """An inset of 15 % taken from the unmarked clip is missing, and the find is partial."""
    detection = found(pasted(stamped, frames))
    area = present(detection.picture).missing
    assert detection.status == "partial"
    assert area is not None
    assert 0.10 < area.share < 0.20
    sides = np.array([area.left * 640, area.top * 360, area.right * 640, area.bottom * 360])
    assert np.abs(sides - BOX).max() < 40


def test_a_point_inside_is_told_from_one_outside(frames: Frames, stamped: Frames) -> None:
    """The odds order a random point outside the inset over one inside it 97 times in 100."""
    picture = present(found(pasted(stamped, frames)).picture)
    odds, within = cells(picture, picture.odds), inside(picture)
    above = (odds[~within][:, None] > odds[within][None, :]).mean()
    assert above >= 0.97


def test_flat_areas_are_unknown(stamped: Frames) -> None:
    """A plain grey area says nothing: it is unknown, and the find stays whole."""
    plain = [np.full_like(frame, 128) for frame in stamped]
    detection = found(pasted(stamped, plain))
    picture = present(detection.picture)
    states = cells(picture, picture.states)
    assert detection.status == "found"
    assert (states[inside(picture, (128, 160, 320, 232))] == "unknown").all()


def test_what_surrounds_a_copy_is_not_missing(stamped: Frames) -> None:
    """A copy shown small in a textured frame is found whole: nothing around it was stamped."""
    noise = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 60, (540, 880)), (0, 0), 2.0)
    framed = []
    for frame in stamped:
        around = np.clip(120 + 2 * noise, 0, 255).astype(np.uint8)
        around[90:450, 120:760] = frame
        framed.append(around)
    detection = found(framed)
    picture = present(detection.picture)
    states = cells(picture, picture.states)
    assert detection.status == "found"
    assert "missing" not in states
    assert (states == "marked").sum() > 0.7 * states.size * (640 * 360) / (880 * 540)


def test_the_map_lies_on_the_shown_picture(frames: Frames, stamped: Frames) -> None:
    """In a mirrored copy the inset is missing where it is shown, not where it was."""
    copies = mirrored(pasted(stamped, frames))
    picture = present(found(copies).picture)
    left, top, right, bottom = BOX
    x, y = 1.0 - (left + right) / 2 / 640, (top + bottom) / 2 / 360
    assert picture.state(x, y) == "missing"
    assert picture.state(1.0 - x, y) == "marked"


def test_scores_are_standard_normal_where_no_mark_is(frames: Frames, stamped: Frames) -> None:
    """In an unmarked half of the picture the scores are standard normal, and no cell is marked."""
    picture = present(found(pasted(stamped, frames, (0, 0, 400, 360))).picture)
    within = inside(picture, (0, 0, 330, 360))
    scores, states = cells(picture, picture.scores)[within], cells(picture, picture.states)[within]
    assert "marked" not in states
    assert abs(np.mean(scores)) < 0.8
    assert 0.5 < np.std(scores) < 1.3
