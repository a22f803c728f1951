"""Where a mark is, with plain arrays: evidence, silent areas, and what is said of a map."""

import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.watermark.code.grid import Grid
from provenance.watermark.code.layout import layout_for
from provenance.watermark.picture.geometry import Canvas
from provenance.watermark.picture.observation import Observation
from provenance.watermark.read.reading import Reading
from provenance.watermark.tuning import WEAK_PILOT
from provenance.watermark.where import missing, picture_map, report
from provenance.watermark.where.presence import Evidence, blocks, evidence_of, reference_of, spread
from tests.unit.watermark.pictures import KEY, STAMP
from tests.unit.watermark.planes import LAYOUT
from tests.values import present

RIGHT = np.zeros((45, 80), np.bool_)
RIGHT[8:37, 48:72] = True


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """Of noise with the pattern everywhere but in an area at the right."""
    draw = np.random.default_rng(3)
    word = np.where(draw.random(LAYOUT.spec.coded_bits) < 0.5, -1.0, 1.0).astype(np.float32)
    reading = Reading(KEY, STAMP, np.eye(3), 1, 0.6, layout_for(KEY), word, 500.0)
    noise = draw.standard_normal((360, 640)).astype(np.float32)
    reference = reference_of(Canvas.of(noise), reading)
    there = 1.0 - spread(RIGHT.astype(np.float32), 640, 360)
    plane = noise + np.float32(1.0 / reference.std()) * reference * there
    room = (1.0 + 0.01 * draw.random((45, 80))).astype(np.float32)
    return evidence_of(plane, reference, room, room, LAYOUT.spec.band)


def test_blocks_are_summed_and_spread_again() -> None:
    """What is left over at the right and below is left out, and comes back as nothing."""
    plane = np.ones((20, 30), np.float32)
    assert np.array_equal(blocks(plane), np.full((2, 3), 64.0))
    again = spread(blocks(plane), 30, 20)
    assert again[:16, :24].min() == 64.0
    assert again[16:].max() == again[:, 24:].max() == 0.0


def test_evidence_stands_where_the_pattern_is(evidence: Evidence) -> None:
    value, expected = evidence.windowed()
    assert np.median(value[~RIGHT]) > 4.0
    assert np.abs(value[20:26, 56:64]).max() < 4.0
    assert np.median(expected) > 3.0
    odds = evidence.odds()
    assert np.mean(odds[~RIGHT] > 0) > 0.9
    assert np.mean(odds[12:33, 52:68] < 0) > 0.9


def test_an_area_without_the_pattern_is_missing_beyond_doubt_and_no_other(
    evidence: Evidence,
) -> None:
    left: NDArray[np.bool_] = np.roll(RIGHT, -44, axis=1)
    assert missing.beyond_doubt(RIGHT, evidence)
    assert not missing.beyond_doubt(left, evidence)


def test_silent_areas_are_connected_and_the_largest_comes_first() -> None:
    cells = np.zeros((10, 20), np.bool_)
    cells[1:3, 1:4], cells[5:9, 8:12], cells[0, 19] = True, True, True
    areas = missing.silent_areas(cells)
    assert [int(area.sum()) for area in areas] == [16, 6]


def test_a_named_area_has_its_share_and_its_border(evidence: Evidence) -> None:
    """In fractions of the picture; a speck is not named."""
    columns, rows = picture_map.cells_over(640, 360)
    area, speck = (np.zeros((rows, columns), np.bool_) for _ in range(2))
    area[4:18, 24:36], speck[0, :2] = True, True
    at = np.stack(
        np.meshgrid((np.arange(columns) + 0.5) * 2, (np.arange(rows) + 0.5) * 2), axis=-1
    ).astype(np.float32)
    (found,) = missing.named([area, speck], np.ones_like(area), at, evidence)
    assert found.share == pytest.approx(area.mean())
    assert (found.left, found.right) == (24 / columns, 36 / columns)
    assert 0.0 < present(found.error_rate) < 0.05
    assert len(found.polygon) == 4


@pytest.mark.parametrize(("turn", "scale", "mirrored"), [(30, 0.5, False), (-75, 1.25, True)])
def test_what_was_done_to_a_copy_is_named_from_its_map(
    turn: float, scale: float, mirrored: bool
) -> None:
    """The map leads back; a turn is counted clockwise, y pointing down."""
    angle = np.radians(turn)
    done = np.eye(3)
    done[:2, :2] = scale * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    if mirrored:
        done = done @ np.diag([-1.0, 1.0, 1.0])
    named = report.transform_of(np.asarray(np.linalg.inv(done), np.float64))
    assert named.scale == pytest.approx(scale)
    assert abs(named.rotation_deg) == pytest.approx(abs(turn))
    assert (named.mirrored, named.aspect) == (mirrored, pytest.approx(1.0))


def test_a_pilot_that_stands_out_is_weak_and_any_other_is_nothing() -> None:
    nothing = Observation(Grid(640, 360))
    assert report.absent(nothing, WEAK_PILOT).status == "weak"
    assert report.absent(nothing, WEAK_PILOT - 0.1).status == "absent"
