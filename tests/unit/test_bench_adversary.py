"""The bench's adversary does what it says, and its tables keep it apart from everything else."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.clips import Spec, make_clip

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bench import hostile, render, runner, table
from bench.attack import HOSTILE
from bench.attacks import attacks

SIZE = (160, 96)
LOSSLESS = render.Encode(options=(("qp", "0"),), suffix=".mkv", pix_fmt="yuv444p")
ADVERSARIAL = {attack.name: attack for attack in attacks() if attack.group == HOSTILE}


def wave(cycles: float) -> np.ndarray[Any, Any]:
    """A wave of so many cycles per canonical pixel, in a 360-line picture."""
    return np.tile(10 * np.sin(2 * np.pi * cycles * np.arange(480)), (360, 1)).astype(np.float32)


def write(path: Path, pictures: list[np.ndarray[Any, Any]]) -> Path:
    """Lossless video of (H, W) lumas."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=Fraction(25), options={"qp": "0"})
        stream.height, stream.width = pictures[0].shape
        stream.pix_fmt = "yuv444p"
        for luma in pictures:
            planes = np.stack([luma, np.full_like(luma, 128), np.full_like(luma, 128)])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv444p")))
        out.mux(stream.encode())
    return path


def moving(pattern: np.ndarray[Any, Any], frames: int) -> list[np.ndarray[Any, Any]]:
    """Coarse noise that is new in every frame, under a pattern that stands still."""
    rng = np.random.default_rng(4)
    fields = rng.normal(128, 3, (frames, *pattern.shape))
    return [np.clip(np.rint(field + pattern), 16, 235).astype(np.uint8) for field in fields]


def still() -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(9)
    noise = rng.normal(0, 1, (SIZE[1], SIZE[0])).astype(np.float32)
    return np.asarray(2 * np.sign(hostile.band_passed(noise)), np.float32)


def test_the_adversary_knows_the_band_of_the_mark() -> None:
    inside = hostile.band_passed(wave(0.1))
    assert np.abs(inside - wave(0.1)).max() < 0.1
    assert np.abs(hostile.band_passed(wave(0.025))).max() < 1.0
    assert np.abs(hostile.band_passed(wave(0.25))).max() < 1.0


def test_the_mean_of_a_clip_shows_what_stands_still_in_it(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mkv", moving(still(), 40))
    found = hostile.estimate(clip)
    likeness = np.corrcoef(found.ravel(), hostile.band_passed(still()).ravel())[0, 1]
    assert likeness > 0.9


def test_who_holds_both_files_knows_the_change_itself(tmp_path: Path) -> None:
    before = write(tmp_path / "a.mkv", moving(np.zeros((SIZE[1], SIZE[0])), 5))
    after = write(tmp_path / "b.mkv", moving(still(), 5))
    assert np.abs(hostile.residual(after, before) - still()).max() < 0.8


def test_adding_a_pattern_twice_with_opposite_gains_leaves_the_picture(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mkv", moving(np.zeros((SIZE[1], SIZE[0])), 2))
    there = render.Pass((hostile.added(still(), 1),), LOSSLESS)
    back = render.Pass((hostile.added(still(), -1),), LOSSLESS)
    once = render.run((there,), clip, tmp_path, clip, 1)
    first, second = next(hostile.lumas(clip)), next(hostile.lumas(once))
    assert np.abs(second - first - still()).max() <= 0.5
    both = render.run((there, back), clip, tmp_path, clip, 1)
    assert np.array_equal(next(hostile.lumas(both)), first)


def test_low_rank_keeps_what_stands_still_and_drops_the_rest(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mkv", moving(still(), 16))
    cleaned = render.run((render.Pass((hostile.LowRank(),), LOSSLESS),), clip, tmp_path, clip, 1)
    before, after = np.stack(list(hostile.lumas(clip))), np.stack(list(hostile.lumas(cleaned)))
    assert len(before) == len(after)
    assert after.std(axis=0).mean() < 0.7 * before.std(axis=0).mean()
    assert np.corrcoef(after.mean(axis=0).ravel(), before.mean(axis=0).ravel())[0, 1] > 0.9


def test_blur_noise_denoise_leaves_a_picture_without_fine_detail() -> None:
    picture = np.full((90, 120, 3), 128, np.uint8)
    picture[:, 60:, 0] = 180
    picture[::2, ::2, 0] += 10
    change = hostile.blur_noise_denoise((120, 90), np.random.default_rng(2))
    after = change(picture.copy(), 0.0)[..., 0].astype(float)
    assert after[:, 80:].mean() - after[:, :40].mean() == pytest.approx(52, abs=3)
    assert np.abs(np.diff(after[:, :40], axis=1)).mean() < 4


def cell(**changed: Any) -> dict[str, Any]:
    return {
        "clip": "a_1", "attack": "mirror", "group": "geometry", "expected": "1", "id": "1",
        "recovered": True, "copied": False, "false_id": False, "status": "found",
        "margin_db": 3.0, "frames": 9, "seconds": {"verify": 1.0},
    } | changed  # fmt: skip


def test_totals_keep_the_adversary_and_the_controls_out_of_the_share_of_all() -> None:
    lost = {"id": None, "recovered": False, "status": "absent"}
    weak = {"known": {"score": 10.0, "margin_db": -4.0, "pilot": 2.0}}
    rows = [
        cell(),
        cell(attack="rotate_10", **lost, **weak),
        cell(attack="own_mean_x1", group=HOSTILE, **lost, **weak),
        cell(attack="residual_copied", group=HOSTILE, expected=None, recovered=False, copied=True),
        cell(attack="unmarked", group="control", expected=None, **lost),
    ]
    totals = {line[0]: line[1:] for line in table.groups(rows).lines}
    assert totals["all but adversarial"][:4] == ("2", "2", "1", "50.0 %")
    assert totals[HOSTILE][:5] == ("2", "1", "0", "0.0 %", "1")
    assert totals["control"][:3] == ("1", "0", "0")
    failed = table.failures(rows).lines
    assert [line[1] for line in failed] == ["rotate_10", "own_mean_x1"]
    assert failed[0][3:] == ("absent after 9 frames; too weak", "-4.0", "2.0")


def test_tables_are_written_as_markdown(tmp_path: Path) -> None:
    table.write_markdown(tmp_path / "t.md", table.sheets([cell()], attacks()), "What it means.")
    lines = (tmp_path / "t.md").read_text().splitlines()
    assert "### geometry" in lines
    assert lines[lines.index("### geometry") + 2 :][:3] == [
        "| attack | a |", "| --- | ---: |", "| mirror | 3.0 |",
    ]  # fmt: skip


def test_what_needs_a_mark_is_left_out_of_runs_without_one() -> None:
    assert not set(ADVERSARIAL) & {a.name for a in runner.chosen_attacks((), (), True)}
    assert {name for name, attack in ADVERSARIAL.items() if attack.copies} == {
        "residual_copied", "estimate_copied",
    }  # fmt: skip


def test_an_id_found_where_the_mark_was_copied_to_is_copied_and_not_false(tmp_path: Path) -> None:
    clips = {
        name: make_clip(tmp_path / f"{name}.mp4", Spec(size=(640, 360), frames=frames))
        for name, frames in (("a", 20), ("b", 30))
    }
    run = runner.Run(clips, tmp_path, 1, "standard")
    runner.prepare(run)
    row = runner.cell(run, "residual_copied", "a")
    assert (row["copied"], row["false_id"], row["recovered"]) == (True, False, False)
    assert row["expected"] is None
    assert row["id"] is not None
