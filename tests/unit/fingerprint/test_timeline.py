"""The order and the speed of a clip's moments, told where they can be told."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.fingerprint import compare
from tests.unit.fingerprint.pictures import Picture, fingerprint, texture

TIMES = [0.25 * i for i in range(32)]


def blended(time: float) -> Picture:
    """A film of eight scenes that turn into one another."""
    scene, part = divmod(time, 1.0)
    one, other = texture(int(scene)), texture(int(scene) + 1)
    return np.asarray((1 - part) * one + part * other, np.float32)


CLIP = {time: blended(time) for time in TIMES}
REGISTERED = fingerprint(CLIP)


def seen(times: list[float], step: float = 0.25) -> dict[float, Picture]:
    """Moments of the clip, one after another."""
    return {step * i: CLIP[time] for i, time in enumerate(times)}


@pytest.mark.parametrize(
    ("times", "step", "order", "speed"),
    [
        (TIMES, 0.25, "kept", 1.0),
        (TIMES[8:24], 0.25, "kept", 1.0),
        (TIMES, 0.125, "kept", 2.0),
        (TIMES, 0.5, "kept", 0.5),
        (TIMES[::-1], 0.25, "reversed", -1.0),
    ],
)
def test_order_and_speed_are_told(
    times: list[float], step: float, order: str, speed: float
) -> None:
    judged = compare(REGISTERED, fingerprint(seen(times, step)))
    assert judged.order == order
    assert judged.speed == pytest.approx(speed, abs=0.05)


def test_stretches_in_another_order_are_shuffled() -> None:
    stretches = [TIMES[i : i + 4] for i in (20, 4, 28, 0, 12, 24, 8, 16)]
    judged = compare(REGISTERED, fingerprint(seen([t for part in stretches for t in part])))
    assert judged.order == "shuffled"
    assert judged.speed is None


def test_a_cut_in_the_middle_keeps_the_order() -> None:
    assert compare(REGISTERED, fingerprint(seen(TIMES[:10] + TIMES[20:]))).order == "kept"


def test_a_still_picture_and_a_movement_that_repeats_tell_nothing() -> None:
    still = {time: texture(1) + np.float32(time) for time in TIMES}
    looped = {time: texture(i % 4) for i, time in enumerate(TIMES)}
    back = {time: texture((3 - i) % 4) for i, time in enumerate(TIMES)}
    for clip, copy in ((still, still), (looped, back)):
        judged = compare(fingerprint(clip), fingerprint(copy))
        assert (judged.order, judged.speed) == (None, None)


def test_a_single_frame_tells_nothing() -> None:
    judged = compare(REGISTERED, fingerprint({0.0: CLIP[1.0]}))
    assert (judged.order, judged.speed) == (None, None)
