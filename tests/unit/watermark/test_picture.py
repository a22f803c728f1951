"""The picture's room: what the high-pass leaves, what hides, and planes laid back under a map."""

import cv2
import numpy as np
import pytest

from provenance.watermark.code.grid import Grid
from provenance.watermark.picture import geometry
from provenance.watermark.picture.hiding import Hiding
from provenance.watermark.picture.mask import mask
from provenance.watermark.picture.residual import (
    canonical,
    high_pass_response,
    level,
    residual,
    whitening,
)
from tests.unit.watermark.planes import SIZE, apart, centre

HIDING = Hiding(strength=1.0, base=0.77, shadow=0.6)


@pytest.mark.parametrize("frequency", [0.05, 0.08, 0.12, 0.19])
def test_the_high_pass_does_what_its_formula_says(frequency: float) -> None:
    """A wave keeps the share of its amplitude that the response promises, within 2 %."""
    wave = np.sin(2 * np.pi * frequency * np.arange(640, dtype=np.float32))
    high, _ = whitening(np.tile(wave, (360, 1)).astype(np.float32))
    inner = np.s_[100:260, 100:540]
    kept = high[inner].std() / np.tile(wave, (360, 1))[inner].std()
    assert kept == pytest.approx(float(high_pass_response(np.array(frequency))), rel=0.02)


def test_a_residual_holds_texture_down_to_about_a_unit() -> None:
    """Forty times as much noise gives a residual that is not even as loud."""
    noise = np.random.default_rng(1).standard_normal((360, 640)).astype(np.float32)
    quiet, loud = (float(residual(120 + gain * noise).std()) for gain in (1.0, 40.0))
    assert 0.1 < loud < quiet < 1.0


def test_levelling_makes_every_place_as_loud_as_any_other() -> None:
    """A sum that is ten times as loud on one side is nearly even afterwards."""
    total = np.random.default_rng(2).standard_normal((360, 640)).astype(np.float32)
    total[:, 320:] *= 10.0
    even = total * level(total)
    assert even[:, 380:].std() / even[:, :260].std() < 2.0


def test_canonical_pictures_are_360_lines_of_eight_bits_whatever_the_file_has() -> None:
    """1080p in 10 bits, 240p, and pixels that are not square."""
    deep = canonical(np.full((1080, 1920), 400, np.uint16), Grid(1920, 1080), 10)
    assert (deep.shape, float(deep.mean())) == ((360, 640), pytest.approx(100.0))
    assert canonical(np.zeros((240, 426), np.uint8), Grid(426, 240)).shape == (360, 639)
    assert canonical(np.zeros((360, 480), np.uint8), Grid(480, 360, sar=4 / 3)).shape == (360, 640)


def test_texture_hides_more_than_grey_and_black_takes_nothing() -> None:
    """And what texture adds is all that a boost multiplies."""
    picture = np.full((360, 640), 120.0, np.float32)
    picture[:, 220:420] += 20.0 * np.random.default_rng(3).standard_normal((360, 200))
    picture[:, 480:] = 16.0
    plain, boosted = (mask(picture, HIDING, *SIZE, boost) for boost in (1.0, 1.5))
    assert plain[180, 320] > 2 * plain[180, 100] > 0.5
    assert plain[180, 600] == 0.0
    assert boosted[180, 100] == pytest.approx(plain[180, 100])
    assert boosted[180, 320] > 1.2 * plain[180, 320]


def test_a_plane_laid_back_under_its_map_is_the_plane_again() -> None:
    """Turned, scaled and tilted, then unwarped: what is in the middle lies where it lay."""
    field = np.random.default_rng(4).standard_normal(SIZE[::-1]).astype(np.float32)
    plane = cv2.GaussianBlur(field, (0, 0), 4.0)
    there = np.array([[0.98, -0.1, 12.0], [0.1, 1.02, -7.0], [1e-4, -2e-4, 1.0]])
    seen = cv2.warpPerspective(
        plane, centre(*SIZE) @ there @ np.linalg.inv(centre(*SIZE)), SIZE, flags=cv2.INTER_CUBIC
    )
    canvas = geometry.unwarp(np.asarray(seen, np.float32), np.linalg.inv(there))
    assert canvas is not None
    left, top = round(-canvas.left - 150.5), round(-canvas.top - 100.5)
    back = canvas.plane[top : top + 200, left : left + 300]
    before = plane[180 - 101 : 180 + 99, 320 - 151 : 320 + 149]
    error = min(
        float(np.abs(np.roll(before, (y, x), (0, 1)) - back)[5:-5, 5:-5].mean())
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
    )
    assert error < 0.1 * plane.std()


def test_a_map_that_throws_the_picture_to_infinity_has_no_canvas() -> None:
    plane = np.zeros(SIZE[::-1], np.float32)
    assert geometry.unwarp(plane, np.array([[1, 0, 0], [0, 1, 0], [0.01, 0, 1.0]])) is None
    assert geometry.unwarp(plane, geometry.projective(0.01 * np.eye(2))) is None
    assert apart(geometry.projective(np.eye(2)), np.eye(3)) == 0.0


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_upright_and_as_coded_undo_one_another(rotation: int) -> None:
    plane = np.arange(12, dtype=np.float32).reshape(3, 4)
    grid = Grid(4, 3, rotation=rotation)
    assert (grid.as_coded(grid.upright(plane)) == plane).all()
