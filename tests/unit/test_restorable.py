"""Which matches may be given their credential back: what is the stamped picture, all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.results import FileFacts, PictureMap, Verdict, VerificationReport
from provenance.results.picture import Point
from provenance.stamping.restore import unrestorable
from tests.unit.findings import ALIKE, NO_MANIFEST, found, registered


def match(outline: tuple[Point, ...]) -> VerificationReport:
    picture = PictureMap(1, 1, ("marked",), outline=outline)
    facts = FileFacts("copy.mp4", "ab" * 32, 1000, "video", 5.0)
    registry = registered(compared=replace(ALIKE, in_view=1.0))
    return VerificationReport(
        facts, Verdict.WATERMARK_MATCH, "", found(picture=picture), NO_MANIFEST, registry
    )


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def test_a_copy_whose_frame_the_stamped_picture_fills_may_be_restored() -> None:
    assert unrestorable(match(box(0.0, 0.0, 1.0, 1.0))) is None


@pytest.mark.parametrize("outline", [box(0.1, 0.2, 0.46, 0.56), box(0.0, 0.0, 0.5, 1.0)])
def test_our_picture_laid_in_another_is_not_signed_as_ours(outline: tuple[Point, ...]) -> None:
    """All of what was stamped may be in view and alike, and most of the frame be somebody's."""
    assert "the stamped picture is only an area of" in (unrestorable(match(outline)) or "")
