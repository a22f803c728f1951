"""Files made of several stamped clips: each is named, and a withdrawn one is never missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from provenance import Keyring
from provenance.results import Verdict
from provenance.watermark.code.keys import WatermarkKey
from tests.clips import grey_clip, lumas, picture
from tests.desk import Desk, opened
from tests.values import present

KEY = WatermarkKey("7d1f0c2a", b"s" * 32, b"p" * 32)


@pytest.fixture
def desk(
    tmp_path_factory: pytest.TempPathFactory, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """Key and ids are the same each time: in how many frames an inset shows depends on them."""
    fixed = replace(keyring, watermark_keys=(KEY,))
    drawn = SimpleNamespace(token_bytes=np.random.default_rng(5).bytes)
    monkeypatch.setattr("provenance.results.payload.secrets", drawn)
    with opened(tmp_path_factory.mktemp("desk"), fixed) as made:
        yield made


def compilation(desk: Desk, target: Path, order: tuple[int, ...], between: int = 0) -> Path:
    """Stamped clips one after the other, with so many other frames between, encoded again."""
    frames: list[NDArray[Any]] = []
    for number in order:
        frames += lumas(desk.clips[number].output_path)
        frames += [picture(480, 360, index, 99) for index in range(between)]
    return grey_clip(frames, target)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_stamped_clips_in_one_file_are_both_named(
    desk: Desk, tmp_path: Path, order: tuple[int, int]
) -> None:
    report = desk.check(compilation(desk, tmp_path / "both.mp4", order))
    ids = [desk.clips[number].stamp_id for number in order]
    assert report.verdict == Verdict.PARTIAL
    assert {find.watermark.stamp_id for find in report.finds} == set(ids)
    where = {find.watermark.stamp_id: find.watermark.segments for find in report.finds}
    for stamp_id, start in zip(ids, (0.0, 1.5), strict=True):
        (marked,) = [one for one in where[stamp_id] if one.status == "marked"]
        assert marked.start == pytest.approx(start, abs=0.2)
        assert marked.end == pytest.approx(start + 1.5, abs=0.2)
    assert str(report.others[0].watermark.stamp_id) in report.summary
    assert {find.registry.status for find in report.finds} == {"match"}
    rows = report.as_json()["finds"]
    assert rows[0]["stamp_id"] == present(report.watermark.stamp_id).hex
    second = report.others[0].watermark
    assert rows[1]["registry"]["record"]["stamp_id"] == present(second.stamp_id).hex


def test_one_stamp_among_other_content_is_no_conflict_and_alone(desk: Desk, tmp_path: Path) -> None:
    report = desk.check(compilation(desk, tmp_path / "one.mp4", (0,), between=60))
    assert report.verdict == Verdict.PARTIAL
    assert report.others == ()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_withdrawn_clip_anywhere_in_a_file_makes_it_revoked(
    desk: Desk, tmp_path: Path, order: tuple[int, int]
) -> None:
    path = compilation(desk, tmp_path / "both.mp4", order, between=24)
    gone = desk.clips[order[1]].stamp_id
    desk.registry.withdrawals.withdraw("stamp", gone.hex, "published too early")
    report = desk.check(path)
    assert report.verdict == Verdict.REVOKED
    assert gone.hex in report.summary
    assert "published too early" in report.summary


def test_two_stamped_clips_side_by_side_are_both_named_with_their_places(
    desk: Desk, tmp_path: Path
) -> None:
    clips = [lumas(clip.output_path) for clip in desk.clips]
    beside = [np.hstack(pair) for pair in zip(*clips, strict=True)]
    report = desk.check(grey_clip(beside, tmp_path / "beside.mp4"))
    lefts = {}
    for find in report.finds:
        assert find.watermark.picture is not None
        lefts[find.watermark.stamp_id] = find.watermark.picture.outline[0][0]
    assert lefts == {
        desk.clips[0].stamp_id: pytest.approx(0.0, abs=0.05),
        desk.clips[1].stamp_id: pytest.approx(0.5, abs=0.05),
    }


def laid_over(desk: Desk, target: Path, places: list[tuple[int, int]]) -> Path:
    """The first clip at a third of another picture's width, at a place for each frame."""
    frames = []
    for index, (frame, (x, y)) in enumerate(
        zip(lumas(desk.clips[0].output_path), places, strict=True)
    ):
        around = np.ascontiguousarray(picture(1280, 960, index, 99))
        around[y : y + 300, x : x + 400] = cv2.resize(
            frame, (400, 300), interpolation=cv2.INTER_AREA
        )
        frames.append(around)
    return grey_clip(frames, target)


def test_an_inset_of_a_third_of_the_width_is_found_with_its_outline(
    desk: Desk, tmp_path: Path
) -> None:
    report = desk.check(laid_over(desk, tmp_path / "inset.mp4", [(700, 500)] * 36))
    assert report.watermark.stamp_id == desk.clips[0].stamp_id
    assert report.verdict is Verdict.PARTIAL, "a picture surrounds it"
    assert "the rest of the picture carries no mark of ours" in report.summary
    assert report.watermark.picture is not None
    corners = np.array(report.watermark.picture.outline)
    # The long side is known only as far as the mark was seen.
    assert corners[:, 0] == pytest.approx(np.array([700, 1100, 1100, 700]) / 1280, abs=0.04)
    assert corners[:, 1] == pytest.approx(np.array([500, 500, 800, 800]) / 960, abs=0.005)
    assert report.watermark.path == ()


def test_an_inset_that_slides_is_followed_and_its_path_told(desk: Desk, tmp_path: Path) -> None:
    """It gathers speed, and what it is laid over moves as well."""
    places = [(100 + index * index // 2, 90 + 9 * index) for index in range(36)]
    report = desk.check(laid_over(desk, tmp_path / "sliding.mp4", places))
    assert report.watermark.stamp_id == desk.clips[0].stamp_id
    assert report.verdict is Verdict.PARTIAL
    assert "only in a sliding area of 9 % at the upper left" in report.summary
    assert "the picture is alike (" in report.summary, "compared where it is, frame by frame"
    assert len(report.watermark.path) >= 30
    for place in report.watermark.path:
        x, y = places[round(24 * place.at)]
        (left, top), _, (right, bottom), _ = place.outline
        assert (left, right) == pytest.approx((x, x + 400), abs=40.0)
        assert (top, bottom) == pytest.approx((y, y + 300), abs=4.0)
