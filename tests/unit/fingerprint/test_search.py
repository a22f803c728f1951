"""The search finds every hash within the radius, and no other, by either of its means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.fingerprint import HASH_BYTES, RADIUS, chunks, nearest, packed, probes, search
from provenance.fingerprint.hashing import distance

hashes = st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES)
flips = st.sets(st.integers(0, 255), max_size=RADIUS)


def flipped(value: bytes, bits: set[int]) -> bytes:
    number = int.from_bytes(value, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(HASH_BYTES, "big")


@given(hashes, flips)
def test_a_hash_within_the_radius_shares_a_probe(value: bytes, bits: set[int]) -> None:
    assert set(chunks(flipped(value, bits))) & set(probes(value))


@given(hashes)
def test_there_are_11_chunks_and_3119_probes_and_all_fit_an_integer_column(value: bytes) -> None:
    assert len(set(chunks(value))) == 11
    assert len(set(probes(value))) == 3119
    assert all(0 <= key < 1 << 31 for key in probes(value))


@given(hashes, hashes, flips)
def test_distances_are_symmetric_and_count_bits(a: bytes, b: bytes, bits: set[int]) -> None:
    assert distance(a, b) == distance(b, a)
    assert distance(a, flipped(a, bits)) == len(bits)


@pytest.mark.parametrize("radius", [0, 31, 110, 256])
def test_the_search_finds_exactly_what_comparing_one_by_one_finds(
    radius: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BLOCK", 100)
    rng = np.random.default_rng(5)
    values = [rng.bytes(HASH_BYTES) for _ in range(1050)]
    asked = [
        flipped(values[at], set(rng.permutation(256)[:off].tolist()))
        for at, off in ((0, 0), (99, 31), (100, 32), (1049, 17))
    ]
    rows, columns, distances = nearest(packed(b"".join(values)), packed(b"".join(asked)), radius)
    found = {(int(r), int(c), int(d)) for r, c, d in zip(rows, columns, distances, strict=True)}
    assert found == {
        (row, column, bits)
        for row, value in enumerate(values)
        for column, query in enumerate(asked)
        if (bits := distance(value, query)) <= radius
    }


def test_a_search_among_nothing_or_for_nothing_finds_nothing() -> None:
    some = packed(bytes(96))
    for one, other in ((some[:0], some), (some, some[:0])):
        assert [len(column) for column in nearest(one, other)] == [0, 0, 0]


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        chunks(bytes(length))
