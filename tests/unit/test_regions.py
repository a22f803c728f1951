"""Parts of a picture as pictures of their own, and finds placed in the whole."""

from dataclasses import replace

import numpy as np
import pytest

from provenance.results import CellStatus, Detection, MissingArea, PictureMap, Transform
from provenance.results.payload import StampId
from provenance.verifying.regions import Region, covered, parts, unexplained
from provenance.watermark.code.grid import Grid
from provenance.watermark.find.panels import Box

QUARTER = Box(0.5, 0.5, 1.0, 1.0)
MARKED: CellStatus = "marked"
WHOLE = Grid(1280, 720)


def found(columns: int = 40, rows: int = 22, missing: MissingArea | None = None) -> Detection:
    """A find that fills its picture."""
    cells = columns * rows
    picture = PictureMap(
        columns,
        rows,
        (MARKED,) * cells,
        (9.0,) * cells,
        (9.0,) * cells,
        (3.0,) * cells,
        () if missing is None else (missing,),
        outline=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
    )
    here = Transform(1.0, 0.0, False, 1.0)
    stamp = StampId.from_hex("0123456789abcdef")
    return Detection("found", stamp, transform=here, picture=picture)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_region_is_cut_where_it_is_shown(rotation: int) -> None:
    """The coded pixels under a box, turned, are those under the box of the turned picture."""
    coded = np.arange(120 * 200, dtype=np.uint16).reshape(120, 200)
    shown = np.rot90(coded, -rotation // 90)
    region = Region.of(Grid(200, 120, rotation=rotation), Box(0.5, 0.0, 1.0, 0.5))
    assert region is not None
    cut = np.rot90(region.of_frame(coded), -rotation // 90)
    height, width = shown.shape
    assert np.array_equal(cut, shown[: height // 2, width // 2 :])
    assert region.box == Box(0.5, 0.0, 1.0, 0.5)


def test_a_region_of_few_pixels_is_none() -> None:
    assert Region.of(Grid(320, 180), Box(0.0, 0.0, 0.1, 1.0)) is None


def test_a_find_in_a_region_is_told_in_terms_of_the_whole_picture() -> None:
    """What lay as stamped in a quarter lies at half its size in the whole, at its corner."""
    region = Region.of(WHOLE, QUARTER)
    assert region is not None
    gone = MissingArea(0.2, 0.0, 0.0, 0.5, 0.5)
    placed = region.placed(found(missing=gone))
    assert placed.transform is not None
    assert placed.picture is not None
    assert placed.transform.scale == pytest.approx(0.5)
    matrix = np.reshape(placed.transform.matrix, (3, 3))
    # The quarter's middle is the stamped picture's.
    assert matrix @ (160.0, 90.0, 1.0) == pytest.approx((0.0, 0.0, 1.0), abs=1e-9)
    assert placed.picture.state(0.75, 0.75) == "marked"
    assert placed.picture.state(0.25, 0.75) == "unknown"
    assert placed.picture.outline[0] == pytest.approx((0.5, 0.5))
    moved = placed.picture.missing
    assert moved is not None
    assert (moved.left, moved.top, moved.right, moved.bottom) == (0.5, 0.5, 0.75, 0.75)


def test_what_no_find_explains_is_the_rest() -> None:
    """All but a quarter, a little of its surroundings, and what is missing there stays."""
    region = Region.of(WHOLE, QUARTER)
    assert region is not None
    rest = unexplained(WHOLE, [region.placed(found())])
    assert rest is not None
    assert covered(QUARTER, rest) == 0.0
    assert covered(Box(0.0, 0.0, 0.4, 1.0), rest) == 1.0
    (around,) = parts(rest)
    assert around == Box(0.0, 0.0, 1.0, 1.0)
    assert unexplained(WHOLE, [replace(found(), picture=None)]) is None
    nothing = unexplained(WHOLE, [found()])
    assert nothing is not None
    assert not nothing.any()


def test_a_region_s_window_shows_the_rest_alone() -> None:
    region = Region.of(WHOLE, Box(0.0, 0.0, 1.0, 0.5))
    assert region is not None
    rest = np.zeros((22, 40), np.bool_)
    rest[:, :20] = True
    window = region.window(rest)
    width, height = region.grid.canonical_size
    assert window.shape == (height, width)
    assert window[:, : width // 2 - 20].min() == 1.0
    assert window[:, width // 2 + 20 :].max() == 0.0
