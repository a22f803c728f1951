"""Finds in stretches of time."""

from __future__ import annotations

from provenance.results import Segment
from provenance.verifying.stretches import heard_to
from tests.unit.findings import found


def test_of_what_lies_behind_a_truncated_file_s_last_frame_nothing_is_said() -> None:
    """Marked as far as it was seen; the rest, which its index promises, is unknown."""
    whole = found(segments=(Segment(0.0, 8.0, "marked", 9.0),))
    kept = heard_to(whole, 1.25).segments
    assert [(s.start, s.end, s.status) for s in kept] == [
        (0.0, 1.25, "marked"),
        (1.25, 8.0, "unknown"),
    ]


def test_a_truncated_file_that_is_heard_to_its_end_keeps_what_is_said_of_it() -> None:
    parts = (Segment(0.0, 2.0, "marked", 9.0), Segment(2.0, 4.0, "unmarked", 0.0))
    assert heard_to(found(segments=parts), 4.0).segments == parts
