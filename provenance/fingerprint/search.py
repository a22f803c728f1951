"""Which of many hashes lie within a few bits of one: exactly, by looking at all of them.

For an index that finds them without looking at all, :func:`chunks` and :func:`probes` give the
keys: of two hashes of 256 bits that differ in at most 31, one of the eleven chunks of 23 or 24 bits
differs in two bits at most, for otherwise at least 33 would differ (multi-index hashing, Norouzi,
Punjani and Fleet 2012).  Chunks of so many bits are rarely shared by chance.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.hashing import HASH_BYTES

RADIUS = 31
"""Bits of 256 within which two hashes are of the same picture: PDQ's own recommendation."""
WORDS = HASH_BYTES // 8
CHUNK_WIDTHS = (24, 24, 24, 23, 23, 23, 23, 23, 23, 23, 23)
SHIFT = 24
BLOCK = 1 << 15
"""Hashes looked at together: they stay in the processor's cache."""
_NONE: Final = np.empty(0, np.intp)


def packed(hashes: bytes) -> NDArray[np.uint64]:
    """Hashes of 32 bytes, one after the other, as (N, 4) uint64.

    Raises:
        ValueError: when the length is no multiple of 32.
    """
    return np.frombuffer(hashes, "<u8").reshape(-1, WORDS)


def nearest(
    hashes: NDArray[np.uint64], queries: NDArray[np.uint64], radius: int = RADIUS
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Every pair of a hash and a query that differ in at most ``radius`` bits.

    Args:
        hashes: (N, 4) uint64, as :func:`packed` gives them.
        queries: (Q, 4) uint64.
        radius: bits, up to 256.

    Returns:
        Index of the hash, index of the query and distance of each pair: three arrays of one
        length, in no particular order.
    """
    rows, columns, distances = [_NONE], [_NONE], [_NONE]
    for start in range(0, len(hashes), BLOCK):
        block = hashes[start : start + BLOCK]
        first, second = np.ascontiguousarray(block[:, :2].T)
        for number, query in enumerate(queries):
            # Half of the bits rule out nearly everything.
            half = np.bitwise_count(first ^ query[0]) + np.bitwise_count(second ^ query[1])
            close = np.flatnonzero(half <= radius)
            if close.size:
                bits = np.bitwise_count(block[close] ^ query).sum(axis=1, dtype=np.intp)
                close, bits = close[bits <= radius], bits[bits <= radius]
                rows.append(close + start)
                columns.append(np.full(close.size, number, np.intp))
                distances.append(bits)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(distances)


def chunks(value: bytes) -> list[int]:
    """The 11 keys a hash of 32 bytes is filed under: chunk number << 24 | its bits.

    Raises:
        ValueError: when it is not 32 bytes.
    """
    if len(value) != HASH_BYTES:
        raise ValueError(f"a hash is {HASH_BYTES} bytes")
    rest, keys = int.from_bytes(value, "big"), []
    for number, width in enumerate(CHUNK_WIDTHS):
        keys.append(number << SHIFT | rest & ((1 << width) - 1))
        rest >>= width
    return keys


def probes(value: bytes) -> list[int]:
    """The 3119 keys to look under for all hashes within 31 bits of one of 32 bytes.

    Raises:
        ValueError: when it is not 32 bytes.
    """
    return [
        key ^ flips
        for key, width in zip(chunks(value), CHUNK_WIDTHS, strict=True)
        for flips in _flips(width)
    ]


@cache
def _flips(width: int) -> tuple[int, ...]:
    """Every way to flip at most two of so many bits."""
    bits = [1 << bit for bit in range(width)]
    return (0, *bits, *(one | other for one, other in combinations(bits, 2)))
