"""Where areas lie in the shown picture, and whether the mark goes on over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provenance.fingerprint import CELL, Area
from provenance.results import CellStatus, PictureMap, Transform
from provenance.verifying.places import Marks, forged, marks, outline

SIZE = (640, 360)
ACROSS, DOWN = 40, 22
MARKED: CellStatus = "marked"
CELLS = tuple((column, row) for column in range(-3, 0) for row in range(-1, 2))
AREA = Area(
    share=0.2,
    box=(-3.5 * CELL, -1.5 * CELL, -0.5 * CELL, 1.5 * CELL),
    cells=CELLS,
    differing=0.45,
    frames=20,
)


def mapped(heard: list[float]) -> PictureMap:
    """A map of which a place shows so much of the mark where 1 is due."""
    count = ACROSS * DOWN
    return PictureMap(ACROSS, DOWN, (MARKED,) * count, heard=tuple(heard), due=(1.0,) * count)


def test_an_areas_outline_is_in_fractions_of_the_shown_picture() -> None:
    corners = outline(AREA, None, SIZE)
    assert corners[0] == pytest.approx((0.5 - 3.5 * CELL / 640, 0.5 - 1.5 * CELL / 360))
    assert corners[2] == pytest.approx((0.5 - 0.5 * CELL / 640, 0.5 + 1.5 * CELL / 360))


def test_in_a_mirrored_copy_it_lies_on_the_other_side() -> None:
    mirror = Transform(1.0, 0.0, True, 1.0, (-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    assert outline(AREA, mirror, SIZE)[0][0] == pytest.approx(0.5 + 3.5 * CELL / 640)


def test_a_mark_that_is_there_everywhere_was_copied_over_other_content() -> None:
    told = marks([AREA], None, SIZE, mapped([0.9] * ACROSS * DOWN))
    assert told.share == pytest.approx(0.9)
    assert told.carried
    assert forged([AREA], told)


def test_a_mark_that_shows_between_things_laid_over_it_was_not_copied() -> None:
    """As between stickers: every second place of the area lacks it."""
    gaps = [1.0 if (place // 4) % 2 else 0.0 for place in range(ACROSS * DOWN)]
    assert not marks([AREA], None, SIZE, mapped(gaps)).carried


def test_one_sticker_that_leaves_much_of_the_mark_is_judged_with_the_others() -> None:
    other = replace(AREA, cells=tuple((column + 4, row) for column, row in CELLS))
    left = [1.0 if place % ACROSS < ACROSS // 2 else 0.1 for place in range(ACROSS * DOWN)]
    assert marks([AREA], None, SIZE, mapped(left)).carried
    assert not marks([AREA, other], None, SIZE, mapped(left)).carried


def test_under_a_plain_bar_the_mark_around_it_is_not_taken_for_one_over_it() -> None:
    """Where all is flat hardly any mark is due: what is heard of it there comes from beside."""
    plain = tuple(0.01 if 8 <= place // ACROSS < 12 else 1.0 for place in range(ACROSS * DOWN))
    picture = replace(mapped([1.0] * ACROSS * DOWN), heard=plain, due=plain)
    told = marks([AREA], None, SIZE, picture)
    assert told.share == pytest.approx(1.0)
    assert not told.carried


@pytest.mark.parametrize(
    "changes", [{"share": 0.07}, {"differing": 0.36}], ids=["too small", "hardly differs"]
)
def test_a_small_area_or_one_that_hardly_differs_is_no_forgery(changes: dict[str, Any]) -> None:
    assert not forged([replace(AREA, **changes)], Marks(1.0, 1.0, 1.0))


def test_an_area_out_of_view_shows_nothing() -> None:
    far = replace(AREA, cells=((12, 0),))
    assert marks([far], None, SIZE, mapped([1.0] * ACROSS * DOWN)) == Marks(0.0, 0.0, 0.0)
