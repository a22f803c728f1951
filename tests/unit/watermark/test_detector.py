"""Marked pictures are read back, through geometry and noise; unmarked ones give nothing."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.watermark.code.grid import Grid
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.detector import Detector
from provenance.watermark.read import evidence
from provenance.watermark.read.evidence import CLAIM_FLOOR
from tests.unit.watermark.pictures import (
    KEY,
    OTHER,
    STAMP,
    Frames,
    marked,
    mirrored,
    observed,
    scene,
)
from tests.values import present

GRID = Grid(640, 360)


def warped(frames: Frames, matrix: NDArray[Any]) -> Frames:
    return [
        cv2.warpPerspective(frame, matrix, (640, 360), flags=cv2.INTER_CUBIC) for frame in frames
    ]


def rotation(degrees: float, scale: float = 1.0) -> NDArray[Any]:
    return np.vstack([cv2.getRotationMatrix2D((319.5, 179.5), degrees, scale), [0, 0, 1]])


class Told:
    """A trace that counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, what: str, /, **values: Any) -> None:
        self.counts[what] += 1


def test_a_marked_clip_is_read_where_it_lies(stamped: Frames) -> None:
    found = Detector([KEY]).quick(observed(stamped))
    assert (found.status, found.stamp_id, found.key_id) == ("found", STAMP, "k")
    assert found.margin_db is not None
    assert found.margin_db > 10
    assert found.false_positive_probability == CLAIM_FLOOR


def test_one_frame_is_enough(stamped: Frames) -> None:
    assert Detector([KEY]).quick(observed(stamped[:1])).stamp_id == STAMP


def test_an_unmarked_clip_gives_no_id(frames: Frames) -> None:
    found = Detector([KEY]).thorough(observed(frames))
    assert (found.status, found.stamp_id) == ("absent", None)


def test_a_wrong_key_gives_no_id(stamped: Frames) -> None:
    assert Detector([OTHER]).thorough(observed(stamped)).stamp_id is None


def test_the_right_key_is_found_among_several(stamped: Frames) -> None:
    assert Detector([OTHER, KEY]).quick(observed(stamped)).key_id == "k"


def test_the_search_for_geometry_is_done_once_for_all_keys_of_an_organisation(
    stamped: Frames,
) -> None:
    """As many guesses, and as many planes laid back and read, for eight keys as for one."""
    others = [WatermarkKey(f"k{i}", bytes([i]) * 32, KEY.pilot_secret) for i in range(7)]
    flipped = observed(mirrored(stamped[:4]))
    counts = []
    for keys in ([KEY], [*others, KEY]):
        told = Told()
        detector = Detector(keys, trace=told)
        assert detector.thorough(flipped).key_id == KEY.key_id
        counts.append({what: told.counts[what] for what in ("guess", "read", "step")})
    assert counts[0] == counts[1]
    assert min(counts[0].values()) > 0


def test_the_stated_chance_of_a_false_find_is_that_of_all_keys_together(
    frames: Frames, stamped: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A faint mark read with eight keys is eight times as likely to be chance as with one."""
    monkeypatch.setattr(evidence, "CLAIM_FLOOR", 0.0)
    others = [WatermarkKey(f"k{i}", bytes([i]) * 32, KEY.pilot_secret) for i in range(7)]
    mixed = np.rint(4 * (0.7 * frames[0].astype(float) + 0.3 * stamped[0])).astype(np.uint16)
    faint = observed([mixed], depth=10)
    alone = Detector([KEY]).quick(faint).false_positive_probability
    assert alone is not None
    for keys in ([KEY, *others], [*others, KEY]):
        found = Detector(keys).quick(faint)
        assert (found.stamp_id, found.key_id) == (STAMP, KEY.key_id)
        assert found.false_positive_probability == pytest.approx(8 * alone, rel=1e-6)


def test_an_inverted_mark_is_read_too(frames: Frames, stamped: Frames) -> None:
    inverted = [
        np.clip(2 * a.astype(int) - b, 0, 255).astype(np.uint8)
        for a, b in zip(frames, stamped, strict=True)
    ]
    assert Detector([KEY]).thorough(observed(inverted)).stamp_id == STAMP


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("mirror", mirrored),
        ("upside down", lambda frames: [np.ascontiguousarray(f[::-1, ::-1]) for f in frames]),
        ("quarter turn", lambda frames: [np.ascontiguousarray(np.rot90(f)) for f in frames]),
        ("turn by 7 degrees", lambda frames: warped(frames, rotation(7.0))),
        ("crop to 70 % of the side", lambda frames: [f[20:272, 100:548].copy() for f in frames]),
        ("half size", lambda frames: [cv2.resize(f, (320, 180)) for f in frames]),
        ("width to 80 %", lambda frames: [cv2.resize(f, (512, 360)) for f in frames]),
        (
            "keystone of 10 %",
            lambda frames: warped(
                frames,
                cv2.getPerspectiveTransform(
                    np.array([[0, 0], [640, 0], [0, 360], [640, 360]], np.float32),
                    np.array([[64, 0], [576, 0], [0, 360], [640, 360]], np.float32),
                ),
            ),
        ),
    ],
)
def test_the_id_survives_geometry(
    stamped: Frames, name: str, change: Callable[[Frames], Frames]
) -> None:
    found = Detector([KEY]).thorough(observed(change(stamped)))
    assert found.stamp_id == STAMP, name


def test_the_transform_found_is_named(stamped: Frames) -> None:
    turned = present(Detector([KEY]).thorough(observed(warped(stamped, rotation(7.0)))).transform)
    assert turned.rotation_deg == pytest.approx(7.0, abs=0.2)
    assert turned.scale == pytest.approx(1.0, abs=0.01)
    assert present(Detector([KEY]).thorough(observed(mirrored(stamped))).transform).mirrored
    cropped = [frame[54:306, 96:544].copy() for frame in stamped]
    grown = present(Detector([KEY]).thorough(observed(cropped)).transform)
    assert grown.scale == pytest.approx(1 / 0.7, rel=0.01)


def test_unmarked_seconds_make_the_find_partial_and_are_named(
    frames: Frames, stamped: Frames
) -> None:
    found = Detector([KEY]).quick(observed(stamped + frames))
    assert found.status == "partial"
    assert [segment.status for segment in found.segments] == ["marked", "unmarked"]
    assert found.segments[0].end == pytest.approx(1.2, abs=0.5)


def test_a_slow_zoom_is_marked_throughout(stamped: Frames) -> None:
    zoomed = [
        warped([frame], rotation(0.0, 1.0 + 0.004 * index))[0]
        for index, frame in enumerate(stamped + stamped)
    ]
    found = Detector([KEY]).thorough(observed(zoomed))
    assert found.stamp_id == STAMP
    assert "unmarked" not in [segment.status for segment in found.segments]


def test_a_turn_of_one_degree_is_not_reported_as_none(stamped: Frames) -> None:
    found = Detector([KEY]).thorough(observed(warped(stamped, rotation(1.0))))
    assert found.stamp_id == STAMP
    assert present(found.transform).rotation_deg == pytest.approx(1.0, abs=0.15)


def test_black_seconds_read_unknown_and_do_not_make_a_find_partial(stamped: Frames) -> None:
    black = [np.full((360, 640), 16, np.uint8)] * 12
    found = Detector([KEY]).quick(observed(stamped + black))
    assert found.status == "found"
    assert found.segments[-1].status == "unknown"


def test_ten_bit_video_is_marked_and_read(frames: Frames) -> None:
    deep = [frame.astype(np.uint16) * 4 for frame in frames]
    ten = marked(deep, GRID, depth=10)
    assert ten[0].dtype == np.uint16
    assert int(max(frame.max() for frame in ten)) <= 1023
    assert Detector([KEY]).quick(observed(ten, depth=10)).stamp_id == STAMP


@pytest.mark.parametrize("rotation_tag", [90, 180, 270])
def test_a_clip_with_a_rotation_tag_reads_the_same_upright(rotation_tag: int) -> None:
    size = (360, 640) if rotation_tag % 180 else (640, 360)
    grid = Grid(*size, rotation=rotation_tag)
    coded = marked(scene(*size), grid)
    assert Detector([KEY]).quick(observed(coded, grid)).stamp_id == STAMP
    upright = [np.ascontiguousarray(np.rot90(frame, -rotation_tag // 90)) for frame in coded]
    assert Detector([KEY]).quick(observed(upright)).stamp_id == STAMP


def test_anamorphic_video_reads_the_same_when_scaled_to_square_pixels() -> None:
    grid = Grid(480, 360, sar=4 / 3)
    coded = marked(scene(480, 360), grid)
    square = [cv2.resize(frame, (640, 360), interpolation=cv2.INTER_CUBIC) for frame in coded]
    assert Detector([KEY]).quick(observed(square)).stamp_id == STAMP


def test_what_an_observation_keeps_does_not_grow_with_the_clip(stamped: Frames) -> None:
    observation = observed(stamped[:1])
    for second in range(200):
        observation.add(stamped[0], float(second))
    assert len(observation.spans) <= 32
    assert sum(span.frames for span in observation.spans) == 201
