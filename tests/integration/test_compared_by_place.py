"""What differs in a copy is found by its place: pasted plainly, or under the mark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from provenance import Keyring
from provenance.errors import InputError
from provenance.restore import restore
from provenance.results import Verdict
from tests.clips import grey_clip, lumas
from tests.desk import SIZE, Desk, opened


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Iterator[Desk]:
    with opened(tmp_path_factory.mktemp("desk"), keyring) as desk:
        yield desk


def mixed(desk: Desk, target: Path, share: float, *, lifted: bool) -> Path:
    """The first clip with a centred part from the second one's source, under its mark or not."""
    width, height = SIZE
    wide, tall = round(width * share**0.5), round(height * share**0.5)
    rows = slice((height - tall) // 2, (height + tall) // 2)
    columns = slice((width - wide) // 2, (width + wide) // 2)
    frames = []
    clips = (desk.clips[0].output_path, *desk.sources)
    for marked, before, other in zip(*map(lumas, clips), strict=True):
        part = other[rows, columns].astype(np.int16)
        if lifted:
            part = part + marked[rows, columns].astype(np.int16) - before[rows, columns]
        frame = marked.copy()
        frame[rows, columns] = np.clip(part, 0, 255)
        frames.append(frame)
    return grey_clip(frames, target)


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_other_content_under_a_lifted_mark_is_a_conflict(
    desk: Desk, tmp_path: Path, share: float
) -> None:
    copy = mixed(desk, tmp_path / "lifted.mp4", share, lifted=True)
    report = desk.check(copy)
    assert report.verdict is Verdict.CONFLICT
    with pytest.raises(InputError, match="verifies as CONFLICT"):
        restore(copy, tmp_path / "r.mp4", keyring=desk.keyring, registry=desk.registry)


def test_a_part_pasted_plainly_is_partial_and_its_area_is_named(desk: Desk, tmp_path: Path) -> None:
    copy = mixed(desk, tmp_path / "pasted.mp4", 0.25, lifted=False)
    report = desk.check(copy)
    assert report.verdict is Verdict.PARTIAL
    assert "an area of" in report.summary
    areas = report.registry.compared.areas
    assert areas
    assert not any(area.copied for area in areas)
    with pytest.raises(InputError, match="verifies as PARTIAL"):
        restore(copy, tmp_path / "r.mp4", keyring=desk.keyring, registry=desk.registry)


def test_a_still_with_a_part_pasted_over_is_partial(desk: Desk, tmp_path: Path) -> None:
    frame = lumas(desk.clips[0].output_path)[20].copy()
    frame[:180, :200] = lumas(desk.sources[1])[20][:180, :200]
    cv2.imwrite(str(tmp_path / "still.png"), frame)
    report = desk.check(tmp_path / "still.png")
    assert report.verdict is Verdict.PARTIAL
    assert "an area of" in report.summary


def test_an_honest_copy_has_no_area(desk: Desk, tmp_path: Path) -> None:
    frames = [cv2.resize(luma, (320, 240)) for luma in lumas(desk.clips[0].output_path)]
    report = desk.check(grey_clip(frames, tmp_path / "small.mp4"))
    assert report.verdict is Verdict.WATERMARK_MATCH
    assert report.registry.compared.areas == ()
    assert report.registry.compared.picture == "same"


def test_a_copy_played_backwards_is_told_and_not_restored(desk: Desk, tmp_path: Path) -> None:
    copy = grey_clip(lumas(desk.clips[0].output_path)[::-1], tmp_path / "back.mp4")
    report = desk.check(copy)
    assert report.verdict is Verdict.WATERMARK_MATCH
    assert "played backwards" in report.summary
    with pytest.raises(InputError, match="not played in the stamped order"):
        restore(copy, tmp_path / "r.mp4", keyring=desk.keyring, registry=desk.registry)
