"""A layout is a value: one detector reads several, and takes none for another."""

from dataclasses import replace

import numpy as np
import pytest

from provenance.watermark.code.grid import Grid
from provenance.watermark.code.layout import layout_for
from provenance.watermark.code.spec import LAYOUT_1, LayoutSpec
from provenance.watermark.detector import Detector
from tests.unit.watermark.pictures import KEY, STAMP, Frames, marked, mirrored, observed
from tests.values import present

GRID = Grid(640, 360)
THROWN_AWAY = replace(
    LAYOUT_1, version=99, tile=448, pilots=20, pilot_energy=0.3, slopes=(0.4, -0.6)
)
"""Written nowhere but here: another tile, pilot and number, so other keys as well."""


@pytest.fixture(scope="module")
def other(frames: Frames) -> Frames:
    return marked(frames, GRID, spec=THROWN_AWAY)


@pytest.mark.parametrize("order", [(LAYOUT_1, THROWN_AWAY), (THROWN_AWAY, LAYOUT_1)])
def test_one_detector_reads_clips_of_both_layouts(
    stamped: Frames, other: Frames, order: tuple[LayoutSpec, ...]
) -> None:
    """Whichever comes first: each clip gives the id, and the number of its own layout."""
    for clip, spec in ((stamped, LAYOUT_1), (other, THROWN_AWAY)):
        found = Detector([KEY], order).quick(observed(clip))
        assert (found.status, found.stamp_id, found.layout) == ("found", STAMP, spec.version)


def test_the_search_for_geometry_serves_every_layout(other: Frames) -> None:
    """A mirrored crop in the second layout is found by the pilot of that one."""
    cropped = mirrored([frame[20:290, 60:540] for frame in other[:6]])
    found = Detector([KEY], (LAYOUT_1, THROWN_AWAY)).thorough(observed(cropped))
    assert (found.stamp_id, found.layout) == (STAMP, THROWN_AWAY.version)
    assert present(found.transform).mirrored


@pytest.mark.parametrize("version", [1, 99])
def test_a_mark_of_one_layout_is_not_read_as_the_other(
    stamped: Frames, other: Frames, version: int
) -> None:
    """Where it lies, with the right key: nothing."""
    clip, spec = (other, LAYOUT_1) if version == 99 else (stamped, THROWN_AWAY)
    assert Detector([KEY], (spec,)).quick(observed(clip)).stamp_id is None


def test_the_margin_of_a_known_id_is_that_of_the_layout_it_was_written_in(other: Frames) -> None:
    both = Detector([KEY], (LAYOUT_1, THROWN_AWAY)).measure(observed(other), STAMP)
    assert both == Detector([KEY], (THROWN_AWAY,)).measure(observed(other), STAMP) > 10
    assert Detector([KEY], (LAYOUT_1,)).measure(observed(other), STAMP) < -5


def test_more_layouts_are_charged_like_more_keys(
    stamped: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is one more way to be wrong."""
    monkeypatch.setattr("provenance.watermark.read.evidence.CLAIM_FLOOR", 0.0)
    alone, among = (
        Detector([KEY], layouts).quick(observed(stamped)).false_positive_probability
        for layouts in ((LAYOUT_1,), (LAYOUT_1, THROWN_AWAY))
    )
    assert alone is not None
    assert among == pytest.approx(2 * alone, rel=1e-6)


@pytest.mark.parametrize("spec", [LAYOUT_1, THROWN_AWAY])
def test_a_deal_has_the_sizes_its_layout_says(spec: LayoutSpec) -> None:
    """Pilot points in the pilot's band, and every coded bit with as many values as any other."""
    layout = layout_for(KEY, spec)
    radius = np.hypot(*layout.pilot_frequencies.T)
    assert len(radius) == spec.pilots
    assert spec.pilot_band[0] <= radius.min() <= radius.max() <= spec.pilot_band[1]
    counts = np.bincount(layout.bits.ravel(), minlength=spec.coded_bits)
    assert len(counts) == spec.coded_bits
    assert counts.max() - counts.min() <= 1


def test_a_detector_without_a_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="one layout"):
        Detector([KEY], ())
