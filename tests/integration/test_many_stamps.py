"""Files made of several stamped clips: each is named, and a withdrawn one is never missed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance import Keyring
from provenance.results import Verdict
from provenance.video import read_luma
from tests.clips import grey_clip, picture
from tests.desk import Desk, opened


@pytest.fixture
def desk(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Iterator[Desk]:
    with opened(tmp_path_factory.mktemp("desk"), keyring) as made:
        yield made


def pictures(path: str | Path) -> list[object]:
    return [frame.luma.copy() for frame in read_luma(path)]


def compilation(desk: Desk, target: Path, order: tuple[int, ...], between: int = 0) -> Path:
    """Stamped clips one after the other, with so many other frames between, encoded again."""
    frames: list[object] = []
    for number in order:
        frames += pictures(desk.clips[number].output_path)
        frames += [picture(480, 360, index, 99) for index in range(between)]
    return grey_clip(frames, target)  # type: ignore[arg-type]


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
    assert rows[0]["stamp_id"] == report.watermark.stamp_id.hex  # type: ignore[union-attr]
    assert rows[1]["registry"]["record"]["stamp_id"] == report.others[0].watermark.stamp_id.hex  # type: ignore[union-attr]


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
