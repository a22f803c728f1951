"""How much the embedder changes what it marks."""

import cv2
import numpy as np
import pytest

from provenance.watermark.arrays import Luma
from provenance.watermark.code.grid import Grid
from provenance.watermark.embed.embedder import Embedder
from provenance.watermark.embed.profiles import PROFILES
from tests.unit.watermark.pictures import KEY, STAMP

GRID = Grid(640, 360)


def wall(grain: float, light: float, bars: bool = False, depth: int = 8) -> Luma:
    """A flat wall with some grain beside a rough half, maybe between black bars."""
    noise = np.random.default_rng(3)
    picture = np.full((360, 640), light)
    picture[:, 400:] += 25.0 * noise.standard_normal((360, 240))
    picture += grain * noise.standard_normal(picture.shape)
    if bars:
        picture[:50], picture[-50:] = 16.0, 16.0
    unit = 1 << (depth - 8)
    samples = np.rint(np.clip(picture, 0, 255) * unit)
    return np.asarray(samples, np.uint8) if depth == 8 else np.asarray(samples, np.uint16)


@pytest.mark.parametrize("profile", ["faint", "standard"])
@pytest.mark.parametrize(
    "picture",
    [(0.9, 200.0, False, 8), (1.2, 90.0, False, 8), (0.9, 120.0, True, 8), (0.9, 120.0, False, 10)],
    ids=["bright", "grey", "between bars", "10 bits"],
)
def test_flat_areas_change_by_what_the_profile_says(
    profile: str, picture: tuple[float, float, bool, int]
) -> None:
    """Bright or grey, between black bars or in 10 bits: flat areas get the profile's rms."""
    luma = wall(*picture)
    depth = 10 if luma.dtype == np.uint16 else 8
    embedder = Embedder(KEY, STAMP, PROFILES[profile], GRID, depth)
    embedder.observe(luma)
    embedder.prepare()
    change = (embedder.mark(luma).astype(float) - luma)[70:290, 20:370] / (1 << (depth - 8))
    wanted = PROFILES[profile].flat_rms
    assert 0.93 * wanted < np.sqrt(np.mean(change**2)) < 1.03 * wanted


def test_drawn_areas_stay_below_what_grain_hides() -> None:
    """Where there is no grain at all, a mark shows first: it is not turned up to the same."""
    luma = wall(0.0, 120.0)
    embedder = Embedder(KEY, STAMP, PROFILES["standard"], GRID)
    embedder.observe(luma)
    embedder.prepare()
    change = (embedder.mark(luma).astype(float) - luma)[70:290, 20:370]
    wanted = PROFILES["standard"].flat_rms
    assert 0.8 * wanted < np.sqrt(np.mean(change**2)) < 0.98 * wanted


def test_a_picture_without_flat_areas_is_marked_as_the_profile_stands() -> None:
    """Where nothing is flat there is nothing to measure, and the mark is not turned."""
    noise = np.random.default_rng(5)
    rough = np.rint(np.clip(120 + 30 * noise.standard_normal((360, 640)), 0, 255)).astype(np.uint8)
    embedder = Embedder(KEY, STAMP, PROFILES["standard"], GRID)
    embedder.observe(rough)
    embedder.prepare()
    embedder.mark(rough)
    assert 36 < embedder.psnr_y() < 46


@pytest.mark.parametrize("depth", [8, 10])
def test_a_small_copy_is_marked_as_the_picture_is(depth: int) -> None:
    """Marking a copy of half the size, or of the same size in 8 bits, comes to marking it first."""
    grid = Grid(1280, 720)
    rng = np.random.default_rng(5)
    soft = cv2.GaussianBlur(rng.normal(0.0, 60.0, (720, 1280)).astype(np.float32), (0, 0), 3.0)
    eight = np.asarray(np.clip(120.0 + 6.0 * soft, 20, 235), np.uint8)
    luma: Luma = eight if depth == 8 else eight.astype(np.uint16) * 4
    embedder = Embedder(KEY, STAMP, PROFILES["standard"], grid, depth)
    embedder.observe(luma)
    embedder.prepare()
    whole = (embedder.mark(luma).astype(np.float32) - luma) / (1 << (depth - 8))
    small = cv2.resize(eight, (640, 360), interpolation=cv2.INTER_AREA)
    for copy, wanted in (
        (small, cv2.resize(whole, (640, 360), interpolation=cv2.INTER_AREA)),
        (eight, whole),
    ):
        change = embedder.mark_copy(np.asarray(copy, np.uint8)).astype(np.float32) - copy
        assert np.corrcoef(change.ravel(), wanted.ravel())[0, 1] > 0.9
        assert 0.9 < np.std(change) / np.std(wanted) < 1.1


def test_what_a_boost_costs_in_psnr_is_known_beforehand() -> None:
    """From what was observed alone, within 0.2 dB."""
    luma = wall(4.0, 120.0)
    embedder = Embedder(KEY, STAMP, PROFILES["standard"], GRID)
    embedder.observe(luma)
    psnr = []
    for boost in (1.0, 1.5):
        embedder.prepare(boost)
        embedder.mark(luma)
        psnr.append(embedder.psnr_y())
    assert psnr[0] - psnr[1] == pytest.approx(embedder.psnr_lost(1.5), abs=0.2)
    assert psnr[0] - psnr[1] > 0.5
