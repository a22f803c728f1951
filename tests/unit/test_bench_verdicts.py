"""What proves the verdicts counts rightly, and can fail."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from bench import due, edits, honest, situations
from bench.due import Due, held, judged, refused
from bench.timing import Shuffle

from provenance import InputError, Verdict, VerificationReport
from provenance.results import Detection, FileFacts, ManifestReport
from tests.clips import Spec, lumas, make_clip

REPORT = VerificationReport(
    FileFacts("clip.mp4", "00", 1, "video"),
    Verdict.WATERMARK_MATCH,
    "The sound is another.",
    Detection("found"),
    ManifestReport("absent"),
)
CELL = honest.Cell("clip", "mirror", "WATERMARK_MATCH", True, True, 0, 0.0, 0.02, "")


def wrong(*verdicts: Verdict, says: tuple[str, ...] = (), silent: tuple[str, ...] = ()) -> object:
    return judged("1", "a case", REPORT, Due(verdicts, says, silent)).wrong


def test_a_situation_is_held_against_verdict_and_words() -> None:
    match, conflict = Verdict.WATERMARK_MATCH, Verdict.CONFLICT
    assert wrong(match, says=("sound",), silent=("Escalate",)) is None
    assert wrong(conflict, match) is None
    assert wrong(conflict) == "due is CONFLICT"
    assert wrong(match, says=("order",)) == "does not say 'order'"
    assert wrong(match, silent=("another",)) == "says 'another'"


def test_what_is_not_refused_or_for_another_reason_is_wrong() -> None:
    def stop() -> None:
        raise InputError("Its sound is another.")

    assert refused("1", "a case", stop, "sound").wrong is None
    assert refused("1", "a case", stop, "order").wrong == "does not say 'order'"
    assert refused("1", "a case", lambda: None).wrong == "it is to be refused"


def test_the_rows_are_counted_by_whether_they_are_as_due() -> None:
    rows = [held("1", "a", "", holds=holds, due="so") for holds in (True, False, True)]
    assert due.tally(rows) == {"as due": 2, "WRONG": 1}


def test_honest_copies_are_counted_by_what_they_lost() -> None:
    """A conflict and a lost match count everywhere, an area only where nothing was covered."""
    conflict = replace(CELL, verdict="CONFLICT")
    assert (conflict.conflict, conflict.lost) == (True, True)
    assert replace(CELL, areas=1).gained
    assert not replace(CELL, areas=1, attack="caption_bar").gained
    assert not replace(CELL, read=False, verdict="NO_MARK_FOUND").lost
    assert [rate.holds for rate in honest.rates([CELL] * 200)] == [True] * 4
    assert [rate.count for rate in honest.rates([CELL, conflict, replace(CELL, own=False)])] == [
        *(1, 0, 1, 1)
    ]


def test_a_rate_is_bounded_by_what_is_still_likely() -> None:
    """None of n is no more than 3 in n, about; and all of none says nothing."""
    assert honest.upper_bound(0, 1000) == pytest.approx(0.002991, abs=1e-5)
    assert honest.upper_bound(1, 10) == pytest.approx(0.394, abs=1e-3)
    assert honest.upper_bound(0, 0) == 1.0
    assert honest.upper_bound(7, 7) == 1.0


def test_the_parts_of_a_run_are_the_whole() -> None:
    names = [*honest.honest_attacks()]
    parts = [honest.shard(names, f"{number}/3") for number in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == sorted(names)
    with pytest.raises(ValueError, match="no part"):
        honest.shard(names, "4/3")


def test_every_group_of_situations_has_its_name() -> None:
    assert len(set(situations.NAMES)) == len(situations.NAMES)
    assert {"content", "stolen_key", "updates"} <= set(situations.NAMES)


def test_a_clip_is_given_a_sound_of_its_own(tmp_path: Path) -> None:
    silent = make_clip(tmp_path / "silent.mp4", Spec(frames=24))
    made = edits.prepared(silent, tmp_path / "made.mp4", 3)
    assert not edits.has_sound(silent)
    assert edits.wave(made).shape[1] >= edits.RATE - 1024
    assert not (edits.melody(1) == edits.melody(2)).all()


def test_what_is_shuffled_is_in_another_order(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", Spec(frames=96))
    plain, shuffled = (
        edits.passed(clip, tmp_path / f"{number}.mp4", stages, clip)
        for number, stages in enumerate(((), (Shuffle(),)))
    )
    before, after = (lumas(path) for path in (plain, shuffled))
    assert len(before) == len(after)
    assert abs(before[0].astype(float) - after[0]).mean() > 5
