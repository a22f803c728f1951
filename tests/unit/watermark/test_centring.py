"""Which repetition of the pattern a map is of."""

from dataclasses import replace

import numpy as np
import pytest

from provenance.results import CellStatus, PictureMap
from provenance.watermark.code.layout import layout_for
from provenance.watermark.read.reading import Reading
from provenance.watermark.where.centring import centred
from tests.unit.watermark.pictures import KEY, STAMP

WIDE = (1280, 360)


def seen(left: float, right: float) -> PictureMap:
    """A map of a wide picture in which the mark fills the columns between two fractions."""
    columns, rows = 80, 22
    at = (np.arange(columns) + 0.5) / columns
    row: list[CellStatus] = ["marked" if left <= x < right else "unknown" for x in at]
    scores = tuple(9.0 if one == "marked" else 0.0 for one in row * rows)
    return PictureMap(columns, rows, tuple(row * rows), scores)


@pytest.fixture
def reading() -> Reading:
    layout = layout_for(KEY)
    word = np.ones(layout.spec.coded_bits, np.float32)
    return Reading(KEY, STAMP, np.eye(3), 1, 0.6, layout, word, 500.0)


@pytest.mark.parametrize(("left", "right", "x"), [(0.0, 0.5, 320.0), (0.5, 1.0, -320.0)])
def test_a_panel_at_the_side_lies_where_its_picture_was(
    reading: Reading, left: float, right: float, x: float
) -> None:
    """However many tiles the finder's map was off."""
    for off in (0, 512, -512):
        matrix = np.array([[1, 0, x + off], [0, 1, 0], [0, 0, 1.0]])
        lies = centred(replace(reading, matrix=matrix), seen(left, right), WIDE)
        assert lies.matrix[0, 2] == pytest.approx(x)
        assert lies.matrix[1, 2] == 0.0


def test_a_map_under_which_the_mark_can_lie_stays_as_it_is(reading: Reading) -> None:
    """A crop of the right third may well lie off the middle."""
    crop = replace(reading, matrix=np.array([[0.3, 0, 220.0], [0, 0.3, 40], [0, 0, 1.0]]))
    assert centred(crop, seen(0.0, 1.0), WIDE) is crop
    assert centred(reading, seen(0.9, 0.9), WIDE) is reading


def test_a_picture_that_ends_within_view_on_both_sides_lies_about_its_middle(
    reading: Reading,
) -> None:
    """An inset whose map is a tile off, though it still fits into the longest picture."""
    matrix = np.array([[1.0, 0, 256.0], [0, 1, 0], [0, 0, 1.0]])
    lies = centred(replace(reading, matrix=matrix), seen(0.15, 0.45), WIDE)
    assert lies.matrix[0, 2] == pytest.approx(256.0)
    lies = centred(replace(reading, matrix=matrix), seen(0.55, 0.85), WIDE)
    assert lies.matrix[0, 2] == pytest.approx(-256.0)
