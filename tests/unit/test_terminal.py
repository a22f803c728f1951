"""The table of one verified file: its time, where the search's time went, what to do."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from rich.console import Console

from provenance.report import show_verification
from provenance.results import (
    Cause,
    Coverage,
    FileFacts,
    Other,
    PictureMap,
    Segment,
    Verdict,
    VerificationReport,
)
from provenance.results.reports import Stage
from provenance.verifying.steps import INSET_STEP, NEXT_STEPS, STILL_STEP, next_step
from tests.unit.findings import ALIKE, NO_MANIFEST, PARTIAL, B, found, registered

REPORT = VerificationReport(
    FileFacts("a.mp4", "00" * 32, 1000, "video", 8.0),
    Verdict.PARTIAL,
    "Said.",
    PARTIAL,
    NO_MANIFEST,
    registered(),
    cause=Cause.MARK_IN_PART,
)
SMALL = PictureMap(1, 1, ("marked",), outline=((0.5, 0.6), (0.9, 0.6), (0.9, 1.0), (0.5, 1.0)))


def table(**changes: Any) -> str:
    told = io.StringIO()
    show_verification(replace(REPORT, **changes), Console(file=told, width=120))
    return told.getvalue()


def test_what_another_stamp_marks_is_not_called_unmarked() -> None:
    second = found(B, status="partial", segments=(Segment(4.0, 6.5, "marked", 9.0),))
    assert "marked 0:00-0:04; unmarked 4.0 s" in table()
    both = table(others=(Other(second),))
    assert "marked 0:00-0:04; other stamps 2.5 s; unmarked 1.5 s" in both


def test_where_the_time_of_the_search_went_is_told_with_its_sum() -> None:
    spent = (Stage("looking", 1.5), Stage("where it is", 0.25))
    said = table(coverage=Coverage("normal", 40, 1.0, 0.02, spent=spent))
    lines = [line.split() for line in said.splitlines() if " s  " in line]
    assert lines[0] == ["time", "1.75", "s", "for", "the", "search,", "of", "processors'", "time"]
    assert lines[1:] == [["1.50", "s", "looking"], ["0.25", "s", "where", "it", "is"]]


def test_frames_are_never_said_to_lie_no_time_apart() -> None:
    assert "40 looked at, 0.1 s apart at most" in table(coverage=Coverage("normal", 40, 1.0, 0.02))


def test_only_what_can_be_restored_is_said_to_be() -> None:
    """A picture between bars and a still image are relied on as far as they were compared."""
    whole = replace(
        REPORT,
        verdict=Verdict.WATERMARK_MATCH,
        watermark=found(),
        registry=registered(compared=ALIKE),
    )
    assert next_step(whole) == NEXT_STEPS[Verdict.WATERMARK_MATCH]
    assert "restore" in next_step(whole)
    assert next_step(replace(whole, watermark=found(picture=SMALL))) == INSET_STEP
    assert next_step(replace(whole, file=replace(whole.file, kind="image"))) == STILL_STEP
    assert "restore" not in INSET_STEP + STILL_STEP
