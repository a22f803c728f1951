"""Whether the registered content is what is seen, from pictures made on the spot."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from provenance.fingerprint import LIMIT, Extent, Fingerprint, cells, compare, frames_for
from provenance.fingerprint.model import MOST_FRAMES
from tests.unit.fingerprint.pictures import Picture, fingerprint, texture

CLIP = {float(second): texture(second) for second in range(8)}
OTHER = {float(second): texture(100 + second) for second in range(8)}
REGISTERED = fingerprint(CLIP)


def changed(picture: Picture) -> Picture:
    """Darker, with less contrast, softer and noisy."""
    rng = np.random.default_rng(3)
    soft = cv2.GaussianBlur(picture * 0.6 + 10, (0, 0), 2.0)
    return np.asarray(soft + rng.normal(0, 6, picture.shape), np.float32)


def test_a_clip_is_at_no_distance_from_itself() -> None:
    judged = compare(REGISTERED, REGISTERED)
    assert (judged.distance, judged.share, judged.strange) == (0.0, 1.0, ())
    assert judged.fits


def test_a_worse_copy_fits_and_another_clip_does_not() -> None:
    copy = compare(REGISTERED, fingerprint({t: changed(p) for t, p in CLIP.items()}))
    other = compare(REGISTERED, fingerprint(OTHER))
    assert copy.fits
    assert copy.share == 1.0
    assert other.fits is False
    assert other.share == 0.0


def test_a_negative_fits() -> None:
    negative = fingerprint({t: np.asarray(255 - changed(p), np.float32) for t, p in CLIP.items()})
    assert compare(REGISTERED, negative).share == 1.0
    assert compare(fingerprint(OTHER), negative).fits is False


def test_the_distance_is_the_same_from_either_side_of_one_frame_each() -> None:
    one, other = fingerprint({0.0: texture(1)}), fingerprint({0.0: texture(2)})
    assert compare(one, other).distance == compare(other, one).distance


def test_a_cut_shuffled_and_slowed_copy_fits() -> None:
    seen = {2.5 * i: changed(CLIP[t]) for i, t in enumerate((5.0, 2.0, 7.0))}
    assert compare(REGISTERED, fingerprint(seen)).share == 1.0


@pytest.mark.parametrize("part", [Extent(1, -1, 2, 1), Extent(-4, 1, 3, 2), Extent(-1, -2, 1, 5)])
def test_a_part_of_the_picture_is_enough_to_tell(part: Extent) -> None:
    assert compare(REGISTERED, fingerprint(CLIP, part)).distance == 0.0
    assert compare(REGISTERED, fingerprint(OTHER, part)).fits is False


def test_three_quarters_of_the_picture_may_be_covered() -> None:
    covered = {t: p.copy() for t, p in CLIP.items()}
    for seed, picture in enumerate(covered.values()):
        picture[:, :470] = texture(200 + seed)[:, :470]
    assert compare(REGISTERED, fingerprint(covered)).fits


def test_a_copy_placed_one_repeat_of_the_pattern_away_is_found() -> None:
    for at in ((8, 0), (-8, 8)):
        judged = compare(REGISTERED, fingerprint(CLIP, Extent(2, -1, 2, 2), at))
        assert judged.distance == 0.0


def test_content_that_was_not_stamped_in_the_middle_of_the_clip_is_named() -> None:
    seen = {t: (OTHER if 2 <= t <= 6 else CLIP)[t] for t in CLIP}
    judged = compare(REGISTERED, fingerprint(seen))
    assert judged.fits
    assert judged.strange == ((2.0, 6.0),)


def test_a_flat_picture_is_not_judged() -> None:
    flat = {0.0: np.full((360, 640), 90.0, np.float32)}
    for seen in (fingerprint(flat), Fingerprint(Extent(0, 0, 0, 0), ())):
        judged = compare(REGISTERED, seen)
        assert judged.distance is None
        assert judged.fits is None
        assert judged.reason


def test_a_single_cell_in_view_is_not_judged() -> None:
    judged = compare(REGISTERED, fingerprint(CLIP, Extent(0, 0, 1, 1)))
    assert judged.distance is None


def test_the_watermarks_frequencies_do_not_make_two_pictures_alike() -> None:
    rng = np.random.default_rng(9)
    fy, fx = np.meshgrid(np.fft.fftfreq(360), np.fft.fftfreq(640), indexing="ij")
    ring = (np.hypot(fx, fy) > 0.05) & (np.hypot(fx, fy) < 0.19)
    spectrum = np.where(ring, np.fft.fft2(rng.normal(size=(360, 640))), 0)
    mark = np.fft.ifft2(spectrum).real
    mark = (3.0 * mark / mark.std()).astype(np.float32)
    one = fingerprint({0.0: texture(1) + mark})
    judged = compare(one, fingerprint({0.0: texture(2) + mark}))
    assert judged.distance is not None
    assert judged.distance > LIMIT


def test_a_cell_out_of_view_is_left_out() -> None:
    extent = Extent(0, 0, 2, 1)
    canvas = texture(1)[:64, :128]
    found = cells(canvas, np.array([[True, False]]), extent)
    bits, textures = found.bits, found.textures
    assert any(bits[:8])
    assert bits[8:] == bytes(8)
    assert textures[0] > 0 == textures[1]


def test_short_clips_keep_160_frames_and_the_longest_a_thousand() -> None:
    assert frames_for(None) == frames_for(3.0) == 160
    assert frames_for(120.0) == 360
    assert frames_for(1e6) == MOST_FRAMES


def test_a_long_noisy_clip_keeps_no_more_frames_than_it_may_and_each_moment_stays_near() -> None:
    rng = np.random.default_rng(2)
    scenes = [texture(seed) for seed in range(40)]
    pictures = {
        float(i): scenes[i % 40] + rng.normal(0, 10, (360, 640)).astype(np.float32)
        for i in range(160)
    }
    kept = fingerprint(pictures, most=48)
    assert len(kept.frames) <= 48
    late = fingerprint({t: p for t, p in pictures.items() if t >= 120})
    assert compare(kept, late).share == 1.0
