"""A finder is a class with one method; a trace is told what every step saw."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from provenance.watermark.code.layout import Layout
from provenance.watermark.detector import FINDERS, Detector
from provenance.watermark.find.finder import Scene
from provenance.watermark.find.identity import Identity
from provenance.watermark.pilot.hypothesis import Hypothesis
from tests.unit.watermark.pictures import KEY, STAMP, Frames, mirrored, observed
from tests.values import present


class LeftHalf:
    """A toy: the picture squeezed into the left half of the frame, as in stereo films."""

    name = "left half"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """One map, in a residual whose right half says nothing."""
        width = scene.plane.shape[1]
        plane = scene.plane.copy()
        plane[:, width // 2 :] = 0.0
        yield Hypothesis(np.array([[2.0, 0, width / 2], [0, 1, 0], [0, 0, 1.0]]), plane=plane)


def test_a_finder_of_ones_own_is_handed_to_the_detector(frames: Frames, stamped: Frames) -> None:
    """With it the id is read, and the map is the one it gave, but for what the fit adds."""
    stereo: Frames = [
        np.hstack([cv2.resize(one, (320, 360), interpolation=cv2.INTER_AREA) for one in pair])
        for pair in zip(stamped, frames, strict=True)
    ]
    found = Detector([KEY], finders=(Identity(), LeftHalf())).thorough(observed(stereo))
    assert found.stamp_id == STAMP
    assert present(found.transform).aspect == pytest.approx(0.5, rel=0.02)
    assert Detector([KEY], finders=(Identity(),)).thorough(observed(stereo)).stamp_id is None


def test_the_steps_are_those_of_the_documentation() -> None:
    names = [finder.name for finder in FINDERS]
    assert names == [
        "identity", "spans", "crops", "linear", "windows", "courses", "outlines", "tilts", "parts",
    ]  # fmt: skip


def test_calls_do_not_depend_on_the_order_they_come_in(frames: Frames, stamped: Frames) -> None:
    """What a detector says of one clip is the same before and after it looked at another."""
    one, other = observed(stamped), observed(frames)
    detector = Detector([KEY], finders=FINDERS[:3])
    first = detector.quick(one)
    assert detector.thorough(other).stamp_id is None
    assert detector.quick(one) == first == Detector([KEY]).thorough(one)


def test_a_trace_is_told_every_step_guess_and_reading(frames: Frames, stamped: Frames) -> None:
    """Of a mirrored splice: steps in order, each guess with its step, and where the mark is."""
    told: list[tuple[str, dict[str, Any]]] = []

    def note(what: str, /, **values: Any) -> None:
        told.append((what, values))

    clip = mirrored(stamped + frames[:6])
    Detector([KEY], trace=note).thorough(observed(clip))
    steps = [values["number"] for what, values in told if what == "step"]
    assert steps == sorted(steps) == list(range(1, steps[-1] + 1))
    assert {what for what, _ in told} >= {"guess", "read", "found", "spans", "picture"}
    assert all(values["soft"].shape == (3, 1024) for what, values in told if what == "read")
    (spans,) = [values for what, values in told if what == "spans"][:1]
    assert len(spans["deviations"]) == len(spans["statuses"])
