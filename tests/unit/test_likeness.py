"""What a file shows and plays, held against what was stamped: numbers in, a comparison out."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from provenance.fingerprint import (
    SOUND_RATE,
    Fingerprint,
    Listener,
    SoundComparison,
    SoundPiece,
    compare,
)
from provenance.results import CellStatus, Detection, PictureMap, Transform
from provenance.verifying.likeness import LASTING, likeness, moved
from tests.conftest import ROOT
from tests.unit.fingerprint.pictures import SIZE, Picture, fingerprint, texture
from tests.values import present

sys.path.insert(0, str(ROOT / "scripts"))

from bench import sounds

HEIGHT, WIDTH = SIZE
SECONDS = 10.0
CLIP = {0.25 * i: texture(i) for i in range(40)}
ACROSS, DOWN = 40, 22
MARKED: CellStatus = "marked"
UNKNOWN: CellStatus = "unknown"
EVERYWHERE = [0.95] * (ACROSS * DOWN)
FROM_START_TO_END = (0.0, SECONDS)


def taken(clip: dict[float, Picture], seconds: float = SECONDS, sound: bytes = b"") -> Fingerprint:
    return replace(fingerprint(clip), duration=seconds, sound=sound, size=(WIDTH, HEIGHT))


REGISTERED = taken(CLIP).to_bytes()


def worse(picture: Picture) -> Picture:
    """Softer and with less contrast, as an encoder leaves it."""
    return np.asarray(cv2.GaussianBlur(picture * 0.8 + 10, (0, 0), 1.0), np.float32)


def pasted(when: tuple[float, float], seconds: float = SECONDS) -> Fingerprint:
    """A copy that shows another clip right of its middle, from one moment to another: 30 % of the
    picture, 37 % of the whole cells in it."""
    clip = {}
    for number, (time, picture) in enumerate(CLIP.items()):
        if time >= seconds:
            break
        mixed = picture.copy()
        if when[0] <= time <= when[1]:
            mixed[36:324, 320:560] = texture(200 + number)[36:324, 320:560]
        clip[time] = worse(mixed)
    return taken(clip, seconds)


def found(heard: list[float]) -> Detection:
    """A detector's word, that so much of the mark is heard in each place where 1 is due."""
    count = ACROSS * DOWN
    picture = PictureMap(ACROSS, DOWN, (MARKED,) * count, heard=tuple(heard), due=(1.0,) * count)
    return Detection("found", picture=picture)


def print_of(sound: sounds.Sound, *, dense: bool) -> bytes:
    listener = Listener()
    listener.add(sounds.resampled(sound, SOUND_RATE))
    return listener.print(dense=dense).to_bytes()


def test_over_an_area_of_other_content_a_mark_that_goes_on_was_copied() -> None:
    compared = likeness(REGISTERED, pasted(FROM_START_TO_END), found(EVERYWHERE)).compared
    assert compared.picture == "areas"
    assert compared.different == pytest.approx(0.37, abs=0.1)
    assert all(area.copied for area in compared.areas)
    largest = compared.areas[0]
    assert (largest.left + largest.right) / 2 == pytest.approx(440 / 640, abs=0.1)


@pytest.mark.parametrize(
    "heard",
    [
        [1.0 if (place // 4) % 2 else 0.0 for place in range(ACROSS * DOWN)],
        [0.0 if place % ACROSS >= ACROSS // 2 else 1.0 for place in range(ACROSS * DOWN)],
    ],
    ids=["stickers with gaps between them", "pasted plainly"],
)
def test_an_area_that_lacks_the_mark_is_told_and_was_not_copied(heard: list[float]) -> None:
    compared = likeness(REGISTERED, pasted(FROM_START_TO_END), found(heard)).compared
    assert compared.picture == "areas"
    assert not any(area.copied for area in compared.areas)


def test_without_a_map_of_the_mark_an_area_is_told_and_not_called_copied() -> None:
    seen = pasted(FROM_START_TO_END)
    areas = likeness(REGISTERED, seen, Detection("found")).compared.areas
    assert areas
    assert not any(area.copied for area in areas)


@pytest.mark.parametrize(("marked", "told"), [(0.1, "not_compared"), (0.6, "areas")])
def test_under_a_map_that_fits_a_corner_alone_no_area_is_told(marked: float, told: str) -> None:
    """A tilted map that reads from one corner may lie wrong everywhere else."""
    heard = found([0.1] * (ACROSS * DOWN))
    few = round(marked * ACROSS * DOWN)
    states: list[CellStatus] = [MARKED] * few + [UNKNOWN] * (ACROSS * DOWN - few)
    picture = replace(present(heard.picture), states=tuple(states))
    tilted = Transform(1.0, 0.0, False, 1.0, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 2e-4, 0.0, 1.0))
    seen = replace(heard, picture=picture, transform=tilted)
    compared = likeness(REGISTERED, pasted(FROM_START_TO_END), seen).compared
    assert compared.picture == told
    assert bool(compared.areas) == (told == "areas")


def test_a_still_has_no_sound_to_compare() -> None:
    still = replace(pasted(FROM_START_TO_END), duration=None)
    compared = likeness(REGISTERED, still, found(EVERYWHERE)).compared
    assert (compared.sound, compared.sound_reason) == (
        "not_compared",
        "a still image has no sound",
    )


def test_an_area_that_is_there_for_a_moment_is_not_told() -> None:
    seen = pasted((4.0, 6.0))
    momentary = compare(Fingerprint.from_bytes(REGISTERED), seen).areas
    assert momentary
    assert all((area.end or 0.0) - (area.start or 0.0) < LASTING for area in momentary)
    compared = likeness(REGISTERED, seen, found(EVERYWHERE)).compared
    assert (compared.picture, compared.areas) == ("same", ())


def test_an_area_that_stays_for_four_seconds_is_told_with_its_times() -> None:
    (area, *_) = likeness(REGISTERED, pasted((3.0, 7.0)), found(EVERYWHERE)).compared.areas
    assert (area.start, area.end) == (pytest.approx(3.0, abs=0.8), pytest.approx(7.0, abs=0.8))


def test_in_a_short_copy_half_of_its_length_is_lasting() -> None:
    seen = pasted((0.5, 2.75), 3.5)
    compared = likeness(REGISTERED, seen, found(EVERYWHERE)).compared
    assert compared.picture == "areas"


def test_an_honest_copy_is_the_same_at_its_order_speed_and_length() -> None:
    seen = taken({time: worse(picture) for time, picture in CLIP.items()}, 9.75)
    alike = likeness(REGISTERED, seen, found(EVERYWHERE))
    told = alike.compared
    assert (told.picture, told.areas, told.order) == ("same", (), "kept")
    assert told.speed == pytest.approx(1.0, abs=0.05)
    assert told.seconds == (SECONDS, 9.75)
    assert (alike.strange, alike.reason) == ((), None)


def test_backwards_is_an_order_and_its_speed_has_no_sign() -> None:
    backwards = dict(zip(CLIP, reversed(CLIP.values()), strict=True))
    told = likeness(REGISTERED, taken(backwards), found(EVERYWHERE)).compared
    assert (told.order, told.speed) == ("reversed", pytest.approx(1.0, abs=0.05))


def test_the_sound_reaches_what_was_compared_and_another_says_where() -> None:
    sound = sounds.made("film", SECONDS, 1)
    mixed = sound.copy()
    mixed[:, 4 * sounds.RATE : 7 * sounds.RATE] = sounds.made("speech", 3.0, 2)
    registered = taken(CLIP, sound=print_of(sound, dense=False)).to_bytes()
    same = likeness(registered, taken(CLIP, sound=print_of(sound, dense=True)), Detection("found"))
    other = likeness(registered, taken(CLIP, sound=print_of(mixed, dense=True)), Detection("found"))
    assert (same.compared.sound, same.compared.sound_reason) == ("same", None)
    assert other.compared.sound == "differs"
    assert "other sound in 0:0" in (other.compared.sound_reason or "")


def test_sound_that_was_not_registered_is_not_compared_and_says_so() -> None:
    compared = likeness(REGISTERED, taken(CLIP), Detection("found")).compared
    assert (compared.sound, compared.sound_reason) == ("not_compared", "no sound was registered")


def test_other_content_throughout_differs_and_a_stretch_of_it_is_named() -> None:
    other = taken({time: texture(300 + i) for i, time in enumerate(CLIP)})
    assert likeness(REGISTERED, other, found(EVERYWHERE)).compared.picture == "differs"
    stretch = taken(
        {t: texture(300 + i) if 2.0 <= t <= 6.0 else p for i, (t, p) in enumerate(CLIP.items())}
    )
    alike = likeness(REGISTERED, stretch, found(EVERYWHERE))
    assert alike.compared.picture != "differs"
    assert alike.strange == ((2.0, 6.0),)
    assert "the mark goes on over other content" in (alike.reason or "")


@pytest.mark.parametrize(
    ("registered", "seen", "reason"),
    [
        (None, taken(CLIP), "no fingerprint was registered"),
        (REGISTERED, None, "no fingerprint could be taken"),
        (b"PVF\x09 of tomorrow", taken(CLIP), "the registered fingerprint is of another release"),
        (REGISTERED[:-1], taken(CLIP), "the registered fingerprint is of another release"),
    ],
    ids=["none registered", "none taken", "another release", "cut short"],
)
def test_what_can_not_be_compared_says_why(
    registered: bytes | None, seen: Fingerprint | None, reason: str
) -> None:
    alike = likeness(registered, seen, Detection("found"))
    assert (alike.compared.picture, alike.compared.sound) == ("not_compared", "not_compared")
    assert alike.reason == alike.compared.picture_reason == alike.compared.sound_reason == reason


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"pieces": (SoundPiece(0.0, 4.0, 0.1),)}, False),
        ({"pieces": (SoundPiece(0.0, 2.0, 2.0), SoundPiece(2.0, 4.0, 0.0))}, True),
        ({"pieces": (SoundPiece(1.0, 4.0, 0.0),)}, True),
        ({"reversed": True}, True),
        ({"speed": 2.0}, True),
        ({"status": "differs", "reversed": True}, False),
    ],
)
def test_the_same_sound_at_other_times_is_told_in_a_copy_of_the_stamped_length(
    changes: dict[str, Any], expected: bool
) -> None:
    """Of another length it may have moved with the picture."""
    heard = SoundComparison(**({"status": "same"} | changes))
    assert moved(heard, (4.0, 4.1)) is expected
    assert not moved(heard, (4.0, 2.0))
