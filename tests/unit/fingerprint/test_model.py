"""A fingerprint's bytes: the same back, and nothing else read as one."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.fingerprint import CELL, HASH_BYTES, Extent, Fingerprint, FrameHash, compare
from provenance.fingerprint.details import SIGN_BYTES, WAVE_BYTES
from provenance.fingerprint.hashing import distance
from provenance.fingerprint.lattice import CELL_BYTES, REACH
from provenance.fingerprint.model import ALIKE, MOST_FRAMES, MOST_SOUND, SEARCHED

hashes = st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES)


@st.composite
def fingerprints(draw: st.DrawFn) -> Fingerprint:
    left, top = draw(st.integers(-REACH, REACH)), draw(st.integers(-REACH, REACH))
    columns = draw(st.integers(0, min(5, REACH + 1 - left)))
    extent = Extent(left, top, columns, draw(st.integers(0, min(4, REACH + 1 - top))))
    size = CELL_BYTES * extent.count
    textured = extent.count * draw(st.booleans())
    detailed = 4 * extent.count * draw(st.sampled_from((0, SIGN_BYTES, WAVE_BYTES)))
    frame = st.builds(
        FrameHash,
        time=st.floats(-1e9, 1e9),
        quality=st.integers(0, 100),
        value=hashes,
        mirrored=hashes,
        cells=st.binary(min_size=size, max_size=size),
        textures=st.binary(min_size=textured, max_size=textured),
        details=st.binary(min_size=detailed, max_size=detailed),
    )
    return Fingerprint(
        extent,
        tuple(draw(st.lists(frame, max_size=6))),
        draw(st.none() | st.floats(0, 1e9)),
        draw(st.binary(max_size=40)),
        draw(st.none() | st.tuples(st.integers(1, 0xFFFF), st.integers(1, 0xFFFF))),
    )


@given(fingerprints())
def test_bytes_come_back_as_the_same_fingerprint(fingerprint: Fingerprint) -> None:
    assert Fingerprint.from_bytes(fingerprint.to_bytes()) == fingerprint


@given(fingerprints())
def test_a_fingerprint_of_version_1_is_read_as_it_was_written(fingerprint: Fingerprint) -> None:
    where = fingerprint.extent
    head = (b"PVF\x01", len(fingerprint.frames), where.left, where.top, where.columns, where.rows)
    data = struct.pack("<4sHbbBB", *head)
    for frame in fingerprint.frames:
        data += struct.pack("<dB", frame.time, frame.quality)
        data += frame.value + frame.mirrored + frame.cells
    frames = tuple(replace(frame, textures=b"", details=b"") for frame in fingerprint.frames)
    assert Fingerprint.from_bytes(data) == Fingerprint(where, frames)


@given(fingerprints())
def test_a_fingerprint_of_version_2_is_read_as_it_was_written(fingerprint: Fingerprint) -> None:
    frames = tuple(replace(frame, details=b"") for frame in fingerprint.frames)
    known = replace(fingerprint, frames=frames)
    data = b"PVF\x02" + known.to_bytes()[4:]
    assert Fingerprint.from_bytes(data) == known


def test_details_are_refused_of_a_version_that_had_none() -> None:
    frame = FrameHash(0.0, 100, bytes(32), bytes(32), bytes(8), b"", b"", bytes(4 * SIGN_BYTES))
    data = Fingerprint(Extent(0, 0, 1, 1), (frame,)).to_bytes()
    assert Fingerprint.from_bytes(data).signs() is not None
    with pytest.raises(ValueError, match="version"):
        Fingerprint.from_bytes(b"PVF\x02" + data[4:])


def test_a_second_of_a_clip_keeps_few_bytes_and_no_grey_level() -> None:
    extent = Extent.within(-320, -180, 320, 180)
    count = extent.count
    frame = FrameHash(
        0.0, 100, bytes(32), bytes(32), bytes(8 * count), bytes(count), b"", bytes(8 * count)
    )
    assert len(Fingerprint(extent, (frame,) * 3).to_bytes()) < 2600


@given(fingerprints(), st.data())
def test_a_fingerprint_cut_short_or_with_something_behind_it_is_refused(
    fingerprint: Fingerprint, data: st.DataObject
) -> None:
    whole = fingerprint.to_bytes()
    for wrong in (whole[: data.draw(st.integers(0, len(whole) - 1))], whole + b"\0"):
        with pytest.raises(ValueError, match="fingerprint"):
            Fingerprint.from_bytes(wrong)


@settings(max_examples=300)
@given(fingerprints(), st.data())
def test_changed_bytes_are_refused_or_are_a_fingerprint_that_can_be_used(
    fingerprint: Fingerprint, data: st.DataObject
) -> None:
    changed = bytearray(fingerprint.to_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, min(len(changed) - 1, 60)))] = data.draw(
            st.integers(0, 255)
        )
    try:
        read = Fingerprint.from_bytes(bytes(changed))
    except ValueError:
        return
    assert Fingerprint.from_bytes(read.to_bytes()) == read
    assert len(read.hashes) == len(read.mirrored_hashes) <= SEARCHED


@given(fingerprints(), fingerprints())
def test_any_two_fingerprints_can_be_compared(one: Fingerprint, other: Fingerprint) -> None:
    judged = compare(one, other)
    assert judged.distance is None or 0.0 <= judged.distance <= 1.0
    assert (judged.distance is None) == (judged.fits is None) == bool(judged.reason)


@given(st.binary(max_size=2000))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        Fingerprint.from_bytes(data)


def test_more_frames_than_a_fingerprint_holds_are_refused() -> None:
    frame = FrameHash(0.0, 100, bytes(32), bytes(32), b"")
    with pytest.raises(ValueError, match="frames at most"):
        Fingerprint(Extent(0, 0, 0, 0), (frame,) * (MOST_FRAMES + 1))


@pytest.mark.parametrize("duration", [-1.0, float("inf"), float("nan")])
def test_an_impossible_duration_is_refused(duration: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        Fingerprint(Extent(0, 0, 0, 0), (), duration)


def test_more_sound_than_a_fingerprint_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="sound"):
        Fingerprint(Extent(0, 0, 0, 0), (), sound=bytes(MOST_SOUND + 1))


@given(st.lists(st.tuples(hashes, st.integers(0, 100)), max_size=MOST_FRAMES))
def test_the_search_gets_few_frames_none_flat_none_much_like_another(
    entries: list[tuple[bytes, int]],
) -> None:
    frames = tuple(FrameHash(0.0, quality, value, value, b"") for value, quality in entries)
    chosen = Fingerprint(Extent(0, 0, 0, 0), frames).hashes
    sharp = {value for value, quality in entries if quality >= 50}
    assert len(chosen) <= SEARCHED
    assert set(chosen) <= sharp
    assert bool(chosen) == bool(sharp)
    apart = [distance(a, b) for i, a in enumerate(chosen) for b in chosen[:i]]
    assert all(bits > ALIKE for bits in apart)


@pytest.mark.parametrize(
    ("sides", "cells"), [((640, 360), (9, 5)), ((360, 640), (5, 9)), ((360, 360), (5, 5))]
)
def test_a_pictures_cells_lie_about_its_centre(
    sides: tuple[int, int], cells: tuple[int, int]
) -> None:
    x, y = sides[0] / 2, sides[1] / 2
    extent = Extent.within(-x, -y, x, y)
    assert (extent.columns, extent.rows) == cells
    assert extent.size == (CELL * cells[0], CELL * cells[1])
    assert extent.corner == (0.5 - extent.size[0] / 2, 0.5 - extent.size[1] / 2)


def test_a_cell_that_is_nearly_whole_counts_and_one_that_is_not_does_not() -> None:
    assert Extent.within(-30, -30, 30, 30) == Extent(0, 0, 1, 1)
    assert Extent.within(-25, -30, 25, 30).count == 0
