"""Borders of pictures laid over others: seen in the lines of single frames, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.watermark.code.grid import Grid
from provenance.watermark.find.borders import Borders, alike
from provenance.watermark.find.panels import Box
from tests.clips import picture

WIDE, HIGH = 640, 480


def shown(index: int, places: tuple[tuple[int, int, int, int], ...]) -> np.ndarray:
    """A moving texture, with others laid over it: left, top, width and height of each."""
    frame = np.ascontiguousarray(picture(WIDE, HIGH, index, 99))
    for seed, (x, y, wide, high) in enumerate(places):
        frame[y : y + high, x : x + wide] = picture(wide, high, index, seed)
    return frame


def seen(frames: list[np.ndarray], rotation: int = 0) -> list[Box]:
    """The insets in some frames."""
    borders = Borders(Grid(WIDE, HIGH, rotation=rotation))
    for frame in frames:
        borders.add(frame)
    return borders.insets()


def in_pixels(box: Box) -> tuple[int, int, int, int]:
    """Left, top, right and bottom."""
    across, down = (
        (round(WIDE * x) for x in (box.left, box.right)),
        (round(HIGH * y) for y in (box.top, box.bottom)),
    )
    (left, right), (top, bottom) = across, down
    return left, top, right, bottom


@pytest.mark.parametrize("frames", [1, 6])
def test_an_inset_is_found_to_the_pixel(frames: int) -> None:
    inset = ((301, 203, 230, 173),)
    found = seen([shown(index, inset) for index in range(frames)])
    assert in_pixels(found[0]) == (301, 203, 531, 376)


def test_two_insets_are_both_found() -> None:
    insets = ((60, 50, 200, 150), (350, 270, 240, 180))
    found = {in_pixels(box) for box in seen([shown(index, insets) for index in range(6)])}
    assert {(60, 50, 260, 200), (350, 270, 590, 450)} <= found


def test_a_picture_that_is_shown_turned_has_its_insets_turned() -> None:
    (found, *_) = seen([shown(0, ((301, 203, 230, 173),))], rotation=90)
    assert found.left == pytest.approx(1.0 - 376 / HIGH)
    assert found.top == pytest.approx(301 / WIDE)
    assert found.right == pytest.approx(1.0 - 203 / HIGH)
    assert found.bottom == pytest.approx(531 / WIDE)


def test_lines_that_go_on_beyond_their_corners_are_no_inset() -> None:
    """Walls, shelves and pictures side by side."""
    frames = []
    for index in range(6):
        frame = shown(index, ())
        frame[:, 200:420] = picture(220, HIGH, index, 5)
        frame[160:330] = picture(WIDE, 170, index, 6)
        frames.append(frame)
    assert seen(frames) == []


def test_nothing_laid_over_is_nothing_found() -> None:
    assert seen([shown(index, ()) for index in range(6)]) == []


def test_the_same_inset_elsewhere_has_the_same_size() -> None:
    one, other, third = (
        seen([shown(0, (sides,))])[0]
        for sides in ((60, 50, 200, 150), (350, 270, 200, 150), (350, 270, 240, 180))
    )
    assert alike(one, other)
    assert not alike(one, third)
