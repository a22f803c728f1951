"""Swapped parts too small for a cell are found in squares of half its side."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from provenance.fingerprint import Extent, Fingerprint, compare
from tests.unit.fingerprint.pictures import SIZE, Picture, fingerprint, texture

CLIP = {0.2 * i: texture(i) for i in range(20)}
REGISTERED = replace(fingerprint(CLIP, details="registered"), size=(SIZE[1], SIZE[0]))
HEIGHT, WIDTH = SIZE


def copy(picture: Picture, seed: int = 3) -> Picture:
    """Softer, paler and noisy, as a hard compression leaves it."""
    rng = np.random.default_rng(seed)
    soft = cv2.GaussianBlur(picture * 0.7 + 10, (0, 0), 2.0)
    return np.asarray(soft + rng.normal(0, 5, picture.shape), np.float32)


def seen(clip: dict[float, Picture]) -> Fingerprint:
    return fingerprint({time: copy(picture) for time, picture in clip.items()}, details="seen")


def swapped(share: float, at: tuple[float, float], other: int | None) -> dict[float, Picture]:
    """A square of other content, flat without any, about a point (x, y) of the picture."""
    half = round(np.sqrt(share * WIDTH * HEIGHT) / 2)
    x, y = round(at[0] * WIDTH), round(at[1] * HEIGHT)
    rows, columns = slice(y - half, y + half), slice(x - half, x + half)
    clip = {}
    for index, (time, picture) in enumerate(CLIP.items()):
        changed = picture.copy()
        part = 120.0 if other is None else texture(other + index)[rows, columns]
        changed[rows, columns] = part
        clip[time] = changed
    return clip


@pytest.mark.parametrize("share", [0.04, 0.06, 0.1])
@pytest.mark.parametrize("at", [(0.3, 0.4), (0.55, 0.6), (0.7, 0.35)])
@pytest.mark.parametrize("other", [500, None])
def test_a_swapped_part_of_four_percent_is_named_where_it_is(
    share: float, at: tuple[float, float], other: int | None
) -> None:
    areas = compare(REGISTERED, seen(swapped(share, at, other))).areas
    assert areas
    left, top, right, bottom = areas[0].box
    middle = ((at[0] - 0.5) * WIDTH, (at[1] - 0.5) * HEIGHT)
    assert left <= middle[0] <= right
    assert top <= middle[1] <= bottom
    assert areas[0].share == pytest.approx(share, abs=0.07)


def test_the_same_picture_from_another_moment_is_named() -> None:
    times = list(CLIP)
    clip = {time: CLIP[time].copy() for time in times}
    for time, other in zip(times, times[10:] + times[:10], strict=True):
        clip[time][100:220, 200:320] = CLIP[other][100:220, 200:320]
    areas = compare(REGISTERED, seen(clip)).areas
    assert len(areas) == 1
    assert areas[0].box[0] < -60.0 < areas[0].box[2]


def test_a_worse_copy_has_no_area_and_says_how_finely_it_was_compared() -> None:
    judged = compare(REGISTERED, seen(CLIP))
    assert judged.areas == ()
    assert judged.square == pytest.approx(32**2 / (WIDTH * HEIGHT))


def test_a_negative_is_held_against_what_was_registered() -> None:
    clip = {time: 255.0 - picture for time, picture in swapped(0.06, (0.5, 0.5), 500).items()}
    assert len(compare(REGISTERED, seen(clip)).areas) == 1
    clip = {time: 255.0 - picture for time, picture in CLIP.items()}
    assert compare(REGISTERED, seen(clip)).areas == ()


def test_a_part_in_view_is_compared_where_it_lies() -> None:
    """A crop of four columns: the swapped part keeps its place on the stamped picture."""
    part = Extent(0, -2, 4, 5)
    clip = {t: copy(picture) for t, picture in swapped(0.06, (0.7, 0.5), 500).items()}
    areas = compare(REGISTERED, fingerprint(clip, part, details="seen")).areas
    assert len(areas) == 1
    assert areas[0].box[0] <= 0.2 * WIDTH <= areas[0].box[2]


def test_a_clip_registered_without_details_is_compared_in_cells() -> None:
    judged = compare(fingerprint(CLIP), seen(swapped(0.04, (0.5, 0.5), 500)))
    assert judged.fits
    assert judged.areas == ()
