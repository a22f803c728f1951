"""Whether a stamped picture is laid in another: it is small, and what surrounds it is no bar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from provenance.results import CellStatus, Detection, PictureMap, Transform
from provenance.verifying.views import laid_in
from tests.values import present

HIGH, WIDE = 360, 640
Sides = tuple[float, float, float, float]


def lying(left: float, top: float, right: float, bottom: float) -> Detection:
    """A find whose picture fills a box of the frame, in fractions of its sides."""
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Detection("found", picture=PictureMap(1, 1, ("marked",), outline=corners))


@pytest.mark.parametrize(
    ("sides", "around", "inset"),
    [
        ((0.5, 0.5, 0.9, 0.9), 1.0, True),
        ((0.5, 0.5, 0.9, 0.9), 0.0, False),  # bars, a plain desktop
        ((0.35, 0.0, 0.65, 1.0), 1.0, True),  # upright, over a blurred copy of itself
        ((0.1, 0.0, 0.9, 1.0), 1.0, False),  # its long side shows the mark no further
        ((0.05, 0.04, 0.97, 0.98), 1.0, False),  # nearly all of it
    ],
)
def test_a_small_picture_among_others_is_laid_in(sides: Sides, around: float, inset: bool) -> None:
    rng = np.random.default_rng(1)
    plane = np.full((HIGH, WIDE), around, np.float32) * rng.normal(0, 1, (HIGH, WIDE))
    left, top, right, bottom = (
        round(at * side) for at, side in zip(sides, (WIDE, HIGH) * 2, strict=True)
    )
    plane[top:bottom, left:right] = rng.normal(0, 1, (bottom - top, right - left))
    assert laid_in(lying(*sides), plane.astype(np.float32)) is inset


def test_a_map_that_fits_a_corner_alone_is_no_inset() -> None:
    rng = np.random.default_rng(1)
    find = lying(0.8, 0.7, 1.0, 1.0)
    states: tuple[CellStatus, ...] = ("marked", *(("unknown",) * 9))
    tilted = Transform(1.0, 0.0, False, 1.0, (1.3, 0.0, 0.0, 0.0, 1.0, 0.0, 2e-4, 0.0, 1.0))
    picture = replace(present(find.picture), columns=10, states=states)
    plane = rng.normal(0, 1, (HIGH, WIDE)).astype(np.float32)
    assert laid_in(replace(find, picture=picture), plane)
    assert not laid_in(replace(find, picture=picture, transform=tilted), plane)


def test_a_find_without_a_place_is_not_laid_in() -> None:
    assert not laid_in(Detection("found"), np.ones((HIGH, WIDE), np.float32))
