"""The timeline's tolerances: by how much its ends may be off."""

import numpy as np
import pytest

from provenance.results import Segment
from provenance.watermark.picture.observation import Holds, Span
from provenance.watermark.where.timeline import tolerated

NOTHING = np.zeros((1, 1), np.float32)


def spans(*starts: float, end: float) -> list[Span]:
    ends = [*starts[1:], end]
    holds = Holds(lambda: (0.0, NOTHING))
    return [Span(a, b, 1, NOTHING, holds) for a, b in zip(starts, ends, strict=True)]


def test_a_change_that_was_not_looked_at_again_is_as_sure_as_the_spans_around_it() -> None:
    told = (Segment(0.0, 4.0, "marked", 9.0), Segment(4.0, 30.0, "unmarked", 0.0))
    first, second = tolerated(told, spans(0.0, 2.0, 4.0, 7.0, 8.0, end=30.0), {})
    assert first.tolerance_s == second.tolerance_s == 3.0


def test_a_change_that_was_looked_at_is_as_sure_as_its_frames() -> None:
    told = (
        Segment(0.0, 4.0, "marked", 9.0),
        Segment(4.0, 6.5, "unmarked", 0.0),
        Segment(6.5, 9.0, "marked", 9.0),
    )
    looked = {4.0: 0.04, 6.5: 0.2}
    found = tolerated(told, spans(0.0, 2.0, 4.0, 7.0, end=9.0), looked)
    assert [one.tolerance_s for one in found] == pytest.approx([0.04, 0.2, 0.2])


def test_a_clip_s_own_ends_are_sure() -> None:
    (whole,) = tolerated((Segment(0.0, 9.0, "marked", 9.0),), spans(0.0, 4.0, end=9.0), {})
    assert whole.tolerance_s == 0.0
