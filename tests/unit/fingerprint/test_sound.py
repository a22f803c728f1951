"""Sound prints: their bytes, what survives a copy, and what does not pass as one."""

from __future__ import annotations

import struct
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.fingerprint import (
    SOUND_RATE,
    Listener,
    SoundComparison,
    SoundPrint,
    compare_sound,
)
from provenance.fingerprint.model import MOST_SOUND
from provenance.fingerprint.sound import FRAME_BYTES, HOP, LAG, STEP_SECONDS, WINDOW
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from bench import sounds
from bench.sounds import RATE, Sound

SECONDS = 10.0


@cache
def made(kind: sounds.Kind, seed: int, seconds: float = SECONDS) -> Sound:
    sound = sounds.made(kind, seconds, seed)
    sound.flags.writeable = False
    return sound


def heard(sound: Sound, *, dense: bool = True, tracks: int = 1, cut: bool = False) -> bytes:
    listener = Listener()
    listener.add(sounds.resampled(sound, SOUND_RATE))
    return listener.print(dense=dense, tracks=tracks, cut=cut).to_bytes()


def compared(registered: Sound, seen: Sound) -> SoundComparison:
    return compare_sound(heard(registered, dense=False), heard(seen))


def tone(seconds: float, hertz: float = 440.0) -> Sound:
    wave = 0.2 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


# --- bytes ---------------------------------------------------------------------------------------

frames = st.lists(
    st.tuples(st.integers(0, 110), st.binary(min_size=14, max_size=14)), max_size=40
).map(lambda rows: b"".join(bytes([r[0]]) + bytes(b % 125 for b in r[1]) for r in rows))


@st.composite
def prints(draw: st.DrawFn) -> SoundPrint:
    return SoundPrint(
        draw(frames),
        draw(st.sampled_from([1, 2, 4, 8, 16, 32])),
        draw(st.integers(1, 255)),
        draw(st.booleans()),
        draw(st.booleans()),
    )


@given(prints())
def test_bytes_come_back_as_the_same_print(sound: SoundPrint) -> None:
    assert SoundPrint.from_bytes(sound.to_bytes()) == sound


@given(prints(), st.data())
def test_a_print_cut_short_or_with_something_behind_it_is_refused(
    sound: SoundPrint, data: st.DataObject
) -> None:
    whole = sound.to_bytes()
    for wrong in (whole[: data.draw(st.integers(0, len(whole) - 1))], whole + b"\0"):
        with pytest.raises(ValueError, match="sound"):
            SoundPrint.from_bytes(wrong)


@given(st.binary(max_size=400))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="sound"):
        SoundPrint.from_bytes(data)


@settings(max_examples=200, deadline=None)
@given(prints(), prints(), st.data())
def test_whatever_bytes_a_worker_sends_comparing_them_gives_an_answer(
    registered: SoundPrint, seen: SoundPrint, data: st.DataObject
) -> None:
    changed = bytearray(seen.to_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    for one, other in ((registered.to_bytes(), bytes(changed)), (bytes(changed), seen.to_bytes())):
        found = compare_sound(one, other)
        assert (found.share is None) == (found.status not in {"same", "differs"})
        assert found.status != "not_compared" or found.reason


@pytest.mark.parametrize(
    "row", [bytes([111] + [0] * 14), bytes([0] * 14 + [125])], ids=["level", "code"]
)
def test_an_impossible_frame_is_refused(row: bytes) -> None:
    with pytest.raises(ValueError, match="impossible"):
        SoundPrint(row)


def test_a_frame_without_a_track_is_refused() -> None:
    with pytest.raises(ValueError, match="track"):
        SoundPrint(bytes(FRAME_BYTES), tracks=0)


def test_a_print_that_claims_more_frames_than_there_may_be_is_refused() -> None:
    count = MOST_SOUND // FRAME_BYTES + 1
    data = struct.pack("<4sBBBI", b"PVS\x01", 0, 1, 4, count) + bytes(count * FRAME_BYTES)
    with pytest.raises(ValueError, match="too many"):
        SoundPrint.from_bytes(data)


# --- listening -----------------------------------------------------------------------------------


def test_it_does_not_matter_in_what_pieces_a_sound_comes() -> None:
    samples = sounds.resampled(made("film", 1), SOUND_RATE)
    whole, pieces = Listener(), Listener()
    whole.add(samples)
    rng, at = np.random.default_rng(1), 0
    while at < samples.shape[1]:
        size = int(rng.integers(1, 9000))
        pieces.add(samples[:, at : at + size])
        at += size
    assert pieces.print(dense=True) == whole.print(dense=True)
    assert whole.seconds == samples.shape[1] / SOUND_RATE


def test_what_is_registered_is_every_fourth_frame() -> None:
    listener = Listener()
    listener.add(sounds.resampled(made("film", 1), SOUND_RATE))
    dense, kept = listener.print(dense=True), listener.print(dense=False)
    assert (dense.step, kept.step) == (1, LAG)
    assert np.array_equal(dense.values()[::LAG], kept.values())
    assert np.array_equal(dense.levels()[::LAG], kept.levels())


def test_an_hour_that_is_registered_takes_less_than_three_hundred_kilobytes() -> None:
    count = int(3600 / STEP_SECONDS / LAG)
    assert len(SoundPrint(bytes(FRAME_BYTES * count)).to_bytes()) < 300_000


def test_a_sound_too_long_for_every_frame_keeps_fewer() -> None:
    listener = Listener()
    hours = 6
    block = np.zeros((1, SOUND_RATE * 600), np.float32)
    for _ in range(6 * hours):
        listener.add(block)
    long = listener.print(dense=True)
    assert long.step == 2
    assert len(long.to_bytes()) <= MOST_SOUND


def test_samples_that_are_no_numbers_are_heard_as_something() -> None:
    listener = Listener()
    broken = np.full((2, SOUND_RATE), np.nan, np.float32)
    broken[0, ::2], broken[1, ::3] = np.inf, -1e30
    listener.add(broken)
    assert listener.print(dense=True).count == (SOUND_RATE - WINDOW) // HOP + 1 - LAG


def test_a_level_is_that_of_the_sound() -> None:
    listener = Listener()
    listener.add(sounds.resampled(tone(2.0, 1000.0), SOUND_RATE))
    level = 10 * np.log10(0.2**2 / 2)
    assert np.abs(listener.print(dense=True).levels() - level).max() <= 1.0


# --- copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sounds.KINDS)
@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "libopus"])
def test_a_copy_at_32_kbits_has_the_same_sound(kind: sounds.Kind, codec: str) -> None:
    sound = made(kind, 2)
    rate = 22050 if codec == "libmp3lame" else RATE
    found = compared(sound, sounds.coded(sound, codec, 32, rate))
    assert (found.status, found.differing, found.speed) == ("same", (), 1.0)
    assert found.share is not None
    assert found.share > 0.9
    assert found.false_match == 1e-12


@pytest.mark.parametrize("kind", sounds.KINDS)
def test_a_quieter_tilted_mono_copy_with_some_noise_has_the_same_sound(kind: sounds.Kind) -> None:
    sound = made(kind, 3)
    mono = np.repeat(sound.mean(axis=0, keepdims=True), 2, axis=0)
    mono[:, 1:] -= np.float32(0.5) * mono[:, :-1]
    noise = np.random.default_rng(1).normal(0, mono.std() / 30, mono.shape)
    found = compared(sound, ((mono + noise) * 0.2).astype(np.float32))
    assert (found.status, found.differing) == ("same", ())


def test_a_part_from_the_middle_says_where_it_comes_from() -> None:
    sound = made("film", 4)
    found = compared(sound, sound[:, int(3.1 * RATE) : int(6.6 * RATE)])
    assert (found.status, len(found.pieces)) == ("same", 1)
    assert found.offset == pytest.approx(3.1, abs=0.05)


def test_a_delay_says_how_much_and_the_silence_before_is_none_of_the_stamped_clips() -> None:
    sound = made("film", 4)
    delayed = np.concatenate([np.zeros((2, int(1.5 * RATE)), np.float32), sound], axis=1)
    found = compared(sound, delayed)
    assert found.status == "differs"
    ((start, end),) = found.differing
    assert (start, end) == (0.0, pytest.approx(1.5, abs=0.15))
    assert found.offset == pytest.approx(-1.5, abs=0.05)


def test_a_copy_with_a_piece_cut_out_is_the_same_in_two_pieces() -> None:
    sound = made("film", 5)
    shorter = np.concatenate([sound[:, : 4 * RATE], sound[:, int(5.5 * RATE) :]], axis=1)
    found = compared(sound, shorter)
    assert (found.status, len(found.pieces)) == ("same", 2)
    assert [piece.registered - piece.start for piece in found.pieces] == [
        pytest.approx(0.0, abs=0.05),
        pytest.approx(1.5, abs=0.05),
    ]


def test_pieces_in_another_order_are_told_in_the_order_they_are_heard() -> None:
    sound = made("speech", 6)
    found = compared(sound, np.concatenate([sound[:, 5 * RATE :], sound[:, : 5 * RATE]], axis=1))
    begins = [piece.registered for piece in found.pieces]
    assert found.status == "same"
    assert begins == sorted(begins, reverse=True)


@pytest.mark.parametrize("speed", [0.5, 0.8, 24 / 25, 25 / 24, 1.25, 1.5, 2.0])
@pytest.mark.parametrize("pitch", ["kept", "with it"])
def test_a_copy_at_another_speed_has_the_same_sound_and_says_which(
    speed: float, pitch: str
) -> None:
    sound = made("film", 7, 14.0)
    if pitch == "kept":
        found = compared(sound, sounds.paced(sound, speed))
    else:
        found = compared(sound, sounds.resampled(sound, RATE / speed))
    assert (found.status, found.speed) == ("same", pytest.approx(speed))


def test_a_copy_that_plays_backwards_has_the_same_sound_and_says_so() -> None:
    sound = made("speech", 8)
    found = compared(sound, sound[:, ::-1])
    assert (found.status, found.reversed) == ("same", True)
    assert found.offset == pytest.approx(SECONDS, abs=0.1)


# --- replaced ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sounds.KINDS)
@pytest.mark.parametrize("other", sounds.KINDS)
def test_another_sound_differs_throughout(kind: sounds.Kind, other: sounds.Kind) -> None:
    found = compared(made(kind, 9), made(other, 10))
    assert (found.status, found.share, found.offset) == ("differs", 0.0, None)
    assert found.differing[0][0] < 1.0
    assert found.differing[-1][1] > SECONDS - 1.0


@pytest.mark.parametrize("kind", sounds.KINDS)
def test_two_seconds_of_another_sound_differ_where_they_are(kind: sounds.Kind) -> None:
    sound = made(kind, 11).copy()
    sound[:, 4 * RATE : 6 * RATE] = made("speech", 12)[:, : 2 * RATE]
    found = compared(made(kind, 11), sounds.coded(sound, "aac", 64))
    assert found.status == "differs"
    ((start, end),) = found.differing
    assert start == pytest.approx(4.0, abs=0.9)
    assert end == pytest.approx(6.0, abs=0.9)


@pytest.mark.parametrize("kind", sounds.KINDS)
def test_two_muted_seconds_differ(kind: sounds.Kind) -> None:
    sound = made(kind, 13).copy()
    sound[:, 4 * RATE : 6 * RATE] = 0.0
    found = compared(made(kind, 13), sound)
    assert found.status == "differs"
    assert 3.5 < found.differing[0][0] < found.differing[-1][1] < 6.5


@pytest.mark.parametrize("seed", range(3))
def test_another_voice_over_the_same_music_differs(seed: int) -> None:
    music = made("music", 14 + seed)
    one, other = made("speech", 20 + seed), made("speech", 30 + seed)
    found = compared(music + one, sounds.coded(music + other, "aac", 64))
    assert found.status == "differs"


def test_a_voice_that_cancels_out_in_a_mix_of_the_ears_differs() -> None:
    sound = made("music", 15)
    opposed = 2 * made("speech", 16) * np.array([[1.0], [-1.0]], np.float32)
    assert compared(sound, sound + opposed).status == "differs"


def test_a_beep_instead_of_the_sound_differs() -> None:
    found = compared(made("film", 17), tone(SECONDS))
    assert (found.status, found.share) == ("differs", 0.0)


# --- without a sound -----------------------------------------------------------------------------

NO_TRACK = SoundPrint(b"", tracks=0).to_bytes()


def test_where_no_sound_was_registered_nothing_is_compared() -> None:
    found = compare_sound(b"", heard(made("film", 1)))
    assert (found.status, found.reason) == ("not_compared", "no sound was registered")


def test_where_no_sound_was_taken_nothing_is_compared() -> None:
    assert compare_sound(heard(made("film", 1), dense=False), b"").status == "not_compared"


def test_a_copy_without_a_track_or_muted_is_missing_its_sound() -> None:
    registered = heard(made("film", 1), dense=False)
    muted = heard(np.zeros((2, 5 * RATE), np.float32))
    assert compare_sound(registered, NO_TRACK).status == "missing"
    assert compare_sound(registered, muted).status == "missing"


def test_a_sound_where_there_was_none_is_added() -> None:
    silent = heard(np.zeros((2, 5 * RATE), np.float32), dense=False)
    for registered in (NO_TRACK, silent):
        assert compare_sound(registered, heard(made("film", 1))).status == "added"


def test_silent_clips_are_silent() -> None:
    silent = heard(np.zeros((2, 5 * RATE), np.float32), dense=False)
    for registered in (NO_TRACK, silent):
        for seen in (NO_TRACK, silent):
            assert compare_sound(registered, seen).status == "silent"


def test_a_silent_part_of_a_clip_is_silent_not_missing() -> None:
    sound = made("film", 1).copy()
    sound[:, : 5 * RATE] = 0.0
    registered = heard(sound, dense=False)
    assert compare_sound(registered, heard(sound[:, : 4 * RATE])).status == "silent"
    assert compare_sound(registered, heard(np.zeros((2, 8 * RATE), np.float32))).status == "missing"


def test_a_tone_that_goes_on_is_too_even_to_be_compared() -> None:
    found = compared(tone(6.0), sounds.coded(tone(6.0), "aac", 32))
    assert (found.status, found.reason) == (
        "not_compared",
        "the sound is too even to be compared",
    )


def test_a_second_of_sound_is_too_little() -> None:
    sound = made("speech", 2)
    found = compared(sound, sound[:, RATE : 2 * RATE])
    assert (found.status, found.reason) == (
        "not_compared",
        "there is too little sound to compare",
    )


def test_a_sound_that_does_not_decode_is_not_compared() -> None:
    damaged = SoundPrint(b"", damaged=True).to_bytes()
    found = compare_sound(heard(made("film", 1), dense=False), damaged)
    assert (found.status, found.reason) == ("not_compared", "the copy's sound does not decode")


def test_what_lies_behind_a_registered_sound_that_was_cut_is_not_said_to_differ() -> None:
    sound = made("film", 18)
    registered = heard(sound[:, : 5 * RATE], dense=False, cut=True)
    found = compare_sound(registered, heard(sound))
    assert (found.status, found.differing) == ("same", ())
    assert "only its beginning" in (found.reason or "")
    assert compare_sound(heard(sound[:, : 5 * RATE], dense=False), heard(sound)).status == "differs"


def test_tracks_of_the_copy_are_told() -> None:
    sound = made("film", 1)
    found = compare_sound(heard(sound, dense=False), heard(sound, tracks=3))
    assert (found.status, found.tracks) == ("same", 3)
