"""What was replaced in a picture is found where it is, from pictures made on the spot."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from provenance.fingerprint import CELL, Extent, Fingerprint, compare
from tests.unit.fingerprint.pictures import SIZE, Picture, fingerprint, texture

CLIP = {0.5 * i: texture(i) for i in range(12)}
OTHER = {0.5 * i: texture(100 + i) for i in range(12)}
REGISTERED = fingerprint(CLIP)
HEIGHT, WIDTH = SIZE
Box = tuple[float, float, float, float]


def worse(picture: Picture, seed: int = 3) -> Picture:
    rng = np.random.default_rng(seed)
    soft = cv2.GaussianBlur(picture * 0.7 + 10, (0, 0), 1.5)
    return np.asarray(soft + rng.normal(0, 5, picture.shape), np.float32)


def replaced(time: float, box: Box) -> Picture:
    """A frame whose box (left, top, right, bottom, as shares of the sides) shows another clip."""
    picture = CLIP[time].copy()
    left, top, right, bottom = box
    rows = slice(round(top * HEIGHT), round(bottom * HEIGHT))
    columns = slice(round(left * WIDTH), round(right * WIDTH))
    picture[rows, columns] = OTHER[time][rows, columns]
    return worse(picture)


@pytest.mark.parametrize(
    ("share", "box"),
    [
        (0.12, (0.1, 0.1, 0.4, 0.5)),
        (0.15, (0.6, 0.4, 0.9, 0.9)),
        (0.30, (0.0, 0.0, 0.5, 0.6)),
        (0.50, (0.5, 0.0, 1.0, 1.0)),
        (0.60, (0.2, 0.0, 0.8, 1.0)),
    ],
)
@pytest.mark.parametrize("frames", [1, 12])
def test_a_replaced_part_is_an_area_of_its_size_and_place(
    share: float, box: Box, frames: int
) -> None:
    seen = fingerprint({time: replaced(time, box) for time in list(CLIP)[:frames]})
    judged = compare(REGISTERED if frames > 1 else fingerprint({0.0: CLIP[0.0]}), seen)
    assert judged.fits
    largest = judged.areas[0]
    assert largest.share == pytest.approx(share, abs=0.1)
    assert largest.share >= 0.1
    assert largest.differing > 0.38
    assert (largest.start, largest.end) == (None, None)
    middle = ((box[0] + box[2]) / 2 - 0.5) * WIDTH, ((box[1] + box[3]) / 2 - 0.5) * HEIGHT
    found = (largest.box[0] + largest.box[2]) / 2, (largest.box[1] + largest.box[3]) / 2
    assert found == pytest.approx(middle, abs=CELL)


def test_a_worse_copy_has_no_area_and_says_how_much_was_compared() -> None:
    judged = compare(REGISTERED, fingerprint({t: worse(p) for t, p in CLIP.items()}))
    assert judged.areas == ()
    assert judged.compared == 1.0
    assert judged.frames == len(CLIP)


def test_a_cropped_copy_compares_a_part() -> None:
    seen = fingerprint({t: worse(p) for t, p in CLIP.items()}, Extent(-2, -1, 5, 3))
    judged = compare(REGISTERED, seen)
    assert judged.areas == ()
    assert judged.compared == pytest.approx(15 / 45)


def test_a_part_replaced_for_a_while_has_its_times() -> None:
    box = (0.5, 0.2, 0.9, 0.8)
    clip = {0.25 * i: texture(i) for i in range(40)}
    seen = {}
    for i, (time, picture) in enumerate(clip.items()):
        mixed = picture.copy()
        if 4.0 <= time <= 7.0:
            mixed[72:288, 320:576] = texture(200 + i)[72:288, 320:576]
        seen[time] = worse(mixed)
    largest = compare(fingerprint(clip), fingerprint(seen)).areas[0]
    assert largest.share == pytest.approx((box[2] - box[0]) * (box[3] - box[1]), abs=0.12)
    assert largest.start == pytest.approx(4.0, abs=1.0)
    assert largest.end == pytest.approx(7.0, abs=1.0)


def test_something_that_moves_through_a_still_picture_is_no_area() -> None:
    background = texture(1)

    def at(time: float) -> Picture:
        picture = background.copy()
        left = round(40 + 50 * time)
        picture[120:220, left : left + 100] = texture(2)[:100, :100]
        return picture

    registered = fingerprint({t: at(t) for t in np.arange(0, 8, 0.125).tolist()})
    seen = fingerprint({t: worse(at(t)) for t in (np.arange(0.06, 8, 0.25)).tolist()})
    assert compare(registered, seen).areas == ()
    still = fingerprint({0.0: worse(at(3.06))})
    assert compare(registered, still).areas == ()


def test_what_a_flat_thing_covers_and_what_is_laid_on_a_flat_wall_differ() -> None:
    walled = {t: p.copy() for t, p in CLIP.items()}
    for picture in walled.values():
        picture[:, 384:] = 90.0
    covered = {t: p.copy() for t, p in CLIP.items()}
    for picture in covered.values():
        picture[80:280, 128:384] = 200.0
    flat = compare(REGISTERED, fingerprint(covered))
    assert flat.areas[0].share == pytest.approx(0.22, abs=0.1)
    laid = compare(fingerprint(walled), REGISTERED)
    assert laid.areas[0].share == pytest.approx(0.4, abs=0.1)


def test_two_flat_walls_are_not_compared() -> None:
    walled = {t: p.copy() for t, p in CLIP.items()}
    for picture in walled.values():
        picture[:, 320:] = 90.0
    judged = compare(fingerprint(walled), fingerprint({t: worse(p) for t, p in walled.items()}))
    assert judged.areas == ()
    assert judged.compared == pytest.approx(25 / 45)


def test_a_copy_that_lies_some_pixels_off_has_no_area() -> None:
    for across, down in ((3, 0), (0, -3), (2, 2)):
        moved = {
            t: worse(np.roll(p, (down, across), axis=(0, 1)).astype(np.float32))
            for t, p in CLIP.items()
        }
        assert compare(REGISTERED, fingerprint(moved)).areas == ()


def test_areas_are_found_under_a_fingerprint_of_version_1() -> None:
    old = Fingerprint(
        REGISTERED.extent,
        tuple(type(f)(f.time, f.quality, f.value, f.mirrored, f.cells) for f in REGISTERED.frames),
    )
    box = (0.6, 0.4, 0.9, 0.9)
    seen = fingerprint({time: replaced(time, box) for time in CLIP})
    assert compare(old, seen).areas[0].share == pytest.approx(0.15, abs=0.1)


def test_an_area_lies_on_the_lattice_as_the_watermark_laid_the_seen_picture() -> None:
    part = Extent(0, -2, 4, 5)
    box = (0.6, 0.0, 0.9, 1.0)
    here = compare(REGISTERED, fingerprint({t: replaced(t, box) for t in CLIP}, part))
    away = compare(REGISTERED, fingerprint({t: replaced(t, box) for t in CLIP}, part, (8, 0)))
    assert here.areas[0].box[0] + 8 * CELL == away.areas[0].box[0]
    assert here.areas[0].share == away.areas[0].share


@pytest.mark.parametrize(
    ("share", "box"),
    [
        (0.10, (0.34, 0.34, 0.66, 0.66)),
        (0.15, (0.31, 0.31, 0.70, 0.70)),
        (0.15, (0, 0, 0.39, 0.39)),
    ],
)
def test_squares_measure_an_area_that_cells_tell_too_large(share: float, box: Box) -> None:
    """Within a fifth of its size, in the middle and in a corner."""
    registered = fingerprint(CLIP, details="registered")
    seen = fingerprint({time: replaced(time, box) for time in CLIP}, details="seen")
    largest = compare(registered, seen).areas[0]
    assert largest.side == CELL
    assert largest.share == pytest.approx(share, rel=0.25)


def test_one_frame_beside_a_cut_makes_no_area_where_the_others_are_flat() -> None:
    """In a part that is flat in the clip only that frame tells of anything."""
    clip = {0.5 * i: texture(i) for i in range(12)}
    for picture in clip.values():
        picture[:, 320:] = 90.0
    seen = {time: worse(picture) for time, picture in clip.items()}
    seen[0.0] = worse(texture(300))
    assert compare(fingerprint(clip), fingerprint(seen)).areas == ()
