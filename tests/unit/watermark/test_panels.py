"""Panels: rectangles of a frame that are pictures of their own."""

import numpy as np
import pytest

from provenance.watermark.find.panels import Box, panels
from tests.unit.watermark.pictures import Frames, observed, scene


def sides(box: Box) -> tuple[float, float, float, float]:
    return (box.left, box.top, box.right, box.bottom)


@pytest.fixture(scope="module")
def scenes() -> list[Frames]:
    return [scene(count=16, seed=seed) for seed in (7, 11)]


def test_the_border_between_two_pictures_side_by_side_makes_two_panels(
    scenes: list[Frames],
) -> None:
    frames = [np.hstack([one[:, :320], other[:, :320]]) for one, other in zip(*scenes, strict=True)]
    found = panels(observed(frames).upright())
    assert [sides(box) for box in found[:2]] == [
        pytest.approx((0.0, 0.0, 0.5, 1.0), abs=0.01),
        pytest.approx((0.5, 0.0, 1.0, 1.0), abs=0.01),
    ]


def test_a_picture_laid_over_another_is_the_likeliest_panel(scenes: list[Frames]) -> None:
    frames = [frame.copy() for frame in scenes[0]]
    for frame, inset in zip(frames, scenes[1], strict=True):
        frame[150:290, 300:540] = inset[100:240, 100:340]
    (first, *_) = panels(observed(frames).upright())
    assert sides(first) == pytest.approx((300 / 640, 150 / 360, 540 / 640, 290 / 360), abs=0.01)


def test_a_picture_that_is_one_has_no_panels(scenes: list[Frames]) -> None:
    assert panels(observed([frame[80:] for frame in scenes[0]]).upright()) == []


def test_two_boxes_are_alike_when_they_cover_nearly_the_same() -> None:
    box = Box(0.1, 0.1, 0.6, 0.6)
    assert box.alike(Box(0.1, 0.1, 0.62, 0.6))
    assert not box.alike(Box(0.1, 0.1, 0.6, 0.9))
    assert box.shared(Box(0.7, 0.0, 1.0, 1.0)) == 0.0
