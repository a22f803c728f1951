"""A picture that does not lie where it was laid is laid anew; other content fits nowhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import pytest

from provenance.fingerprint import MARGIN, Collector, Extent, Fingerprint, around, cells, compare
from provenance.fingerprint.aside import SHIFTS, size_of
from tests.unit.fingerprint.pictures import SIZE, Picture, fingerprint, texture

HEIGHT, WIDTH = SIZE
EXTENT = Extent.within(-WIDTH / 2, -HEIGHT / 2, WIDTH / 2, HEIGHT / 2)
CLIP = {0.5 * i: texture(i) for i in range(16)}
REGISTERED = fingerprint(CLIP)


def seen(pictures: dict[float, Picture]) -> Fingerprint:
    """As one looks at a file: with the cells around of every other frame."""
    collector = Collector(EXTENT)
    visible = np.ones((EXTENT.rows, EXTENT.columns), np.bool_)
    width, height = EXTENT.size
    x, y = (WIDTH - width) // 2, (HEIGHT - height) // 2
    for index, (time, picture) in enumerate(pictures.items()):
        wide = np.pad(picture, MARGIN, mode="edge")
        there = np.pad(np.ones(SIZE, np.bool_), MARGIN)
        at = slice(y, y + height + 2 * MARGIN), slice(x, x + width + 2 * MARGIN)
        canvas = picture[y : y + height, x : x + width]
        collector.add(
            picture,
            time,
            partial(cells, canvas, visible, EXTENT),
            partial(around, wide[at], there[at], EXTENT) if index % 2 == 0 else None,
        )
    return Fingerprint.from_bytes(collector.fingerprint().to_bytes())


def moved(picture: Picture, zoom: float, across: float = 0.0, down: float = 0.0) -> Picture:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5), 0, zoom)
    matrix[:, 2] += np.array((across, down))
    done = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(done, np.float32)


def mixed(time: float) -> Picture:
    """A frame with a fifth of another clip in it."""
    picture = CLIP[time].copy()
    picture[100:280, 350:610] = texture(round(200 + 2 * time))[100:280, 350:610]
    return picture


MOVES: dict[str, Callable[[float], tuple[float, float, float]]] = {
    "a slow zoom": lambda time: (1.0 + 0.08 * time / 8, 0.0, 0.0),
    "a hand": lambda time: (1.0, 16 * np.sin(0.8 * time), 0.0),
}


@pytest.mark.parametrize("name", MOVES)
def test_what_moves_under_its_mark_has_no_area_and_other_content_in_it_has(name: str) -> None:
    honest = {time: moved(picture, *MOVES[name](time)) for time, picture in CLIP.items()}
    forged = {time: moved(mixed(time), *MOVES[name](time)) for time in CLIP}
    judged, told = compare(REGISTERED, seen(honest)), compare(REGISTERED, seen(forged))
    assert judged.fits
    assert judged.areas == ()
    assert told.areas[0].share == pytest.approx(0.2, abs=0.12)


def test_a_still_picture_that_lies_right_in_the_middle_only_is_laid_anew() -> None:
    one = fingerprint({0.0: CLIP[0.0]})
    judged = compare(one, seen({0.0: moved(CLIP[0.0], 1.02)}))
    assert judged.areas == ()
    told = compare(one, seen({0.0: moved(mixed(0.0), 1.02)}))
    assert told.areas[0].share >= 0.1


def test_a_picture_that_lies_right_is_compared_as_it_lies() -> None:
    still = {time: mixed(time) for time in CLIP}
    here, beside = compare(REGISTERED, fingerprint(still)), compare(REGISTERED, seen(still))
    assert here.areas == beside.areas
    assert here.areas


def test_the_middle_of_the_cells_around_are_those_where_it_lies() -> None:
    wide = texture(1, (EXTENT.size[1] + 2 * MARGIN, EXTENT.size[0] + 2 * MARGIN))
    everything = around(wide, np.ones(wide.shape, np.bool_), EXTENT)
    assert len(everything) == size_of(EXTENT)
    visible = np.ones((EXTENT.rows, EXTENT.columns), np.bool_)
    middle = np.ascontiguousarray(wide[MARGIN:-MARGIN, MARGIN:-MARGIN])
    step = len(everything) // SHIFTS
    here = step * (SHIFTS // 2)
    assert everything[here : here + step] == cells(middle, visible, EXTENT).bits
