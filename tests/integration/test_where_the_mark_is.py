"""A stamped clip cut into other video, or pasted over, through files and the command line."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2

from provenance import Keyring, StampResult
from tests.clips import grey_clip, lumas, picture
from tests.conftest import Run

RATE = 24


def test_a_splice_is_partial_and_its_cuts_are_stated(
    run: Run, stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    """Unmarked, marked, unmarked: both cuts are found within a tenth of a second."""
    marked = lumas(stamped.output_path)
    other = [cv2.flip(picture(480, 360, index, seed=99), 1) for index in range(160)]
    path = grey_clip([*other[:70], *marked, *marked[::-1], *other[70:]], tmp_path / "splice.mp4")
    start, end = 70 / RATE, (70 + 2 * len(marked)) / RATE
    report = run("verify", path, "--keys", keyring.folder, "--json").row
    segments = report["watermark"]["segments"]
    assert report["verdict"] == "PARTIAL"
    assert report["watermark"]["stamp_id"] == stamped.stamp_id.hex
    assert [s["status"] for s in segments] == ["unmarked", "marked", "unmarked"]
    assert all(a["end"] == b["start"] for a, b in itertools.pairwise(segments))
    assert abs(segments[1]["start"] - start) < 0.1
    assert abs(segments[1]["end"] - end) < 0.1


def test_a_pasted_area_is_shown_to_people(
    run: Run, clip: Path, stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    """The summary names the area, and a map of characters shows where it is."""
    frames = lumas(stamped.output_path)
    for frame, before in zip(frames, lumas(clip), strict=True):
        frame[180:, 240:] = before[180:, 240:]
    path = grey_clip(frames, tmp_path / "pasted.mp4")
    shown = run("verify", path, "--keys", keyring.folder)
    assert "PARTIAL" in shown.out
    assert "Mark found only outside an area of" in shown.out
    assert "at the lower right." in shown.out
    rows = [line.strip() for line in shown.out.splitlines() if set(line.strip()) <= set("#.?")]
    drawn = [row for row in rows if len(row) > 10]
    assert drawn
    assert drawn[0].count("#") > 0.8 * len(drawn[0])
    assert drawn[-2].count(".") > drawn[-2].count("#") / 2
