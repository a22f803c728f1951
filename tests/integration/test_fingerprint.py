"""Fingerprints of real files: honest copies of a stamped sample fit it, another sample does not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from provenance import Keyring
from provenance.fingerprint import Fingerprint, compare, nearest, packed
from provenance.results import Detection, Segment, Transform
from provenance.verifying.imprint import fingerprint_of
from provenance.verifying.search import examine
from provenance.video import probe, read_luma
from tests.clips import ROTATE_90, Spec, grey_clip, lumas, make_clip
from tests.conftest import ROOT, stamp_clip

FRAMES = 72

Change = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def portrait(keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample, stamped."""
    target = tmp_path_factory.mktemp("portrait") / "stamped.mp4"
    stamp_clip(ROOT / "samples" / "portrait_720x1280.mp4", target, keyring)
    return target


@pytest.fixture(scope="module")
def pictures(portrait: Path) -> list[np.ndarray[Any, Any]]:
    """Three seconds of its luma, at three quarters of the size."""
    return [
        cv2.resize(luma, (540, 960), interpolation=cv2.INTER_AREA)
        for luma in lumas(portrait)[:FRAMES]
    ]


@pytest.fixture(scope="module")
def registered(portrait: Path) -> Fingerprint:
    """What the registry would hold."""
    return Fingerprint.from_bytes(fingerprint_of(portrait, probe(portrait)).to_bytes())


def small(luma: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return cv2.resize(luma, (360, 640), interpolation=cv2.INTER_AREA)


def captioned(luma: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    marked = luma.copy()
    marked[700:830] = 16
    cv2.putText(marked, "LOOK AT THIS", (40, 780), cv2.FONT_HERSHEY_SIMPLEX, 2.0, 235, 6)
    return marked


def part(top: int, left: int, height: int, width: int) -> Change:
    return lambda luma: np.ascontiguousarray(luma[top : top + height, left : left + width])


COPIES: dict[str, Change] = {
    "small": small,
    "mirrored": lambda luma: np.ascontiguousarray(luma[:, ::-1]),
    "turned": lambda luma: np.ascontiguousarray(np.rot90(luma)),
    "captioned": captioned,
    "cut to half": part(80, 40, 680, 382),
    "cut to three tenths": part(480, 0, 480, 324),
    "darker": lambda luma: np.asarray(luma * 0.5 + 10, np.uint8),
}


@pytest.mark.parametrize("name", COPIES)
def test_an_honest_copy_fits_what_was_registered(
    name: str,
    pictures: list[np.ndarray[Any, Any]],
    registered: Fingerprint,
    keyring: Keyring,
    tmp_path: Path,
) -> None:
    copy = grey_clip([COPIES[name](luma) for luma in pictures], tmp_path / "copy.mp4")
    found = examine(copy, probe(copy), keyring.watermark_keys)
    assert found.stamp_id is not None
    judged = compare(registered, fingerprint_of(copy, probe(copy), found))
    assert judged.fits
    assert judged.distance is not None
    assert judged.distance < 0.15
    assert judged.strange == ()


def test_a_tenth_of_the_time_fits(
    pictures: list[np.ndarray[Any, Any]], registered: Fingerprint, tmp_path: Path
) -> None:
    copy = grey_clip(pictures[24:33], tmp_path / "copy.mp4")
    assert compare(registered, fingerprint_of(copy, probe(copy))).fits


def test_a_still_frame_fits(
    pictures: list[np.ndarray[Any, Any]], registered: Fingerprint, keyring: Keyring, tmp_path: Path
) -> None:
    shot = tmp_path / "shot.jpg"
    cv2.imwrite(str(shot), pictures[len(pictures) // 2], [cv2.IMWRITE_JPEG_QUALITY, 80])
    info = probe(shot)
    found = examine(shot, info, keyring.watermark_keys)
    judged = compare(registered, fingerprint_of(shot, info, found))
    assert judged.frames == 1
    assert judged.fits


@pytest.mark.parametrize("sample", ["gallery_720p.mp4", "night_540p10.mkv"])
def test_a_mark_copied_onto_another_sample_does_not_fit(
    sample: str,
    portrait: Path,
    registered: Fingerprint,
    keyring: Keyring,
    tmp_path: Path,
) -> None:
    before = lumas(ROOT / "samples" / "portrait_720x1280.mp4")
    marks = [
        stamped.astype(np.int16) - plain
        for stamped, plain in list(zip(lumas(portrait), before, strict=True))[:FRAMES]
    ]
    other = lumas(ROOT / "samples" / sample)
    forged = []
    for index, mark in enumerate(marks):
        under = cv2.resize(other[index % len(other)], mark.shape[::-1])
        forged.append(np.clip(under + 2 * mark, 0, 255).astype(np.uint8))
    file = grey_clip(forged, tmp_path / "forged.mp4")
    found = examine(file, probe(file), keyring.watermark_keys)
    judged = compare(registered, fingerprint_of(file, probe(file), found))
    assert found.stamp_id is not None
    assert judged.fits is False
    assert judged.share == 0.0


def test_moments_without_the_mark_are_left_out(
    pictures: list[np.ndarray[Any, Any]], registered: Fingerprint, tmp_path: Path
) -> None:
    other = [cv2.resize(luma, (540, 960)) for luma in lumas(ROOT / "samples" / "night_540p10.mkv")]
    copy = grey_clip([*other[:24], *pictures[:48]], tmp_path / "copy.mp4")
    marked = (Segment(0.0, 1.0, "unmarked", 0.0), Segment(1.0, 3.0, "marked", 9.0))
    judged = compare(
        registered, fingerprint_of(copy, probe(copy), Detection("partial", segments=marked))
    )
    assert judged.share == 1.0


def test_a_mirrored_copy_without_its_mark_is_found_by_its_mirror_images(
    pictures: list[np.ndarray[Any, Any]], registered: Fingerprint, tmp_path: Path
) -> None:
    soft = [cv2.GaussianBlur(luma[:, ::-1], (0, 0), 2.5) for luma in pictures]
    copy = grey_clip(soft, tmp_path / "copy.mp4")
    seen = fingerprint_of(copy, probe(copy), Detection("absent"))
    known = packed(b"".join(registered.hashes))
    straight = nearest(known, packed(b"".join(seen.hashes)))[1]
    mirrored = nearest(known, packed(b"".join(seen.mirrored_hashes)))[1]
    assert straight.size == 0
    assert len(set(mirrored.tolist())) >= 0.8 * len(seen.mirrored_hashes)


def test_depth_rotation_and_pixel_aspect_do_not_matter(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", Spec(size=(640, 360)))
    deep = make_clip(
        tmp_path / "deep.mp4", Spec(size=(640, 360), codec="libx265", pix_fmt="yuv420p10le")
    )
    whole = fingerprint_of(plain, probe(plain))
    assert compare(whole, fingerprint_of(deep, probe(deep))).share == 1.0
    turned = make_clip(tmp_path / "turned.mp4", Spec(size=(640, 360), matrix=ROTATE_90))
    upright = fingerprint_of(turned, probe(turned))
    assert (upright.extent.columns, upright.extent.rows) == (5, 9)
    turn = Detection("found", transform=_quarter_turn())
    assert compare(whole, fingerprint_of(turned, probe(turned), turn)).share == 1.0


def _quarter_turn() -> Transform:
    # A point (x, y) of the picture turned clockwise was at (y, -x).
    return Transform(1.0, -90.0, False, 1.0, (0, 1, 0, -1, 0, 0, 0, 0, 1.0))


def test_a_clip_of_one_colour_has_frames_but_nothing_to_compare(tmp_path: Path) -> None:
    flat = grey_clip([np.full((360, 640), 90, np.uint8)] * 24, tmp_path / "flat.mp4")
    taken = fingerprint_of(flat, probe(flat))
    assert len(taken.frames) == 1
    assert taken.hashes == ()
    assert compare(taken, taken).fits is None


def test_a_picture_like_a_thread_is_not_looked_at(tmp_path: Path) -> None:
    thread = tmp_path / "thread.png"
    cv2.imwrite(str(thread), np.random.default_rng(1).integers(0, 255, (16, 4000), np.uint8))
    assert fingerprint_of(thread, probe(thread)).frames == ()


def test_the_sample_is_looked_at_often_enough(registered: Fingerprint, portrait: Path) -> None:
    duration = [frame.time for frame in read_luma(portrait)][-1]
    times = [frame.time for frame in registered.frames]
    assert times == sorted(times)
    assert max(b - a for a, b in pairwise(times)) < duration / 4
    assert len(registered.to_bytes()) < 64_000
