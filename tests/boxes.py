"""Boxes of mp4 files, read and rebuilt: what is looked for in an output, or put into an input."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

_PARENTS = (b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl")
Piece = tuple[Fraction | float, Fraction | float | None]
"""Length and place in the media of a piece of an edit list, seconds; None: a gap."""


def box(kind: bytes, body: bytes) -> bytes:
    """One box."""
    return struct.pack(">I", 8 + len(body)) + kind + body


def children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Types and contents of boxes that stand one behind the other."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def inside(data: bytes, *path: bytes) -> list[bytes]:
    """The contents of all boxes at a path."""
    found = [body for kind, body in children(data) if kind == path[0]]
    return found if len(path) == 1 else [one for body in found for one in inside(body, *path[1:])]


def rebuilt(data: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    """Boxes with ``change`` (type, content) applied to each that has no children."""
    return b"".join(
        box(kind, rebuilt(body, change) if kind in _PARENTS else change(kind, body))
        for kind, body in children(data)
    )


def clock(head: bytes) -> int:
    """Units a second of a mvhd or mdhd."""
    return int.from_bytes(head[20:24] if head[0] else head[12:16], "big")


def lasts(head: bytes) -> Fraction:
    """The duration that a mvhd or mdhd says, seconds."""
    long = head[24:32] if head[0] else head[16:20]
    return Fraction(int.from_bytes(long, "big"), clock(head))


def lengths(path: Path) -> dict[str, Fraction]:
    """How long the first track is by every place that says it, seconds."""
    moov = inside(path.read_bytes(), b"moov")[0]
    trak = inside(moov, b"trak")[0]
    film, media = inside(moov, b"mvhd")[0], inside(trak, b"mdia", b"mdhd")[0]
    stts = inside(trak, b"mdia", b"minf", b"stbl", b"stts")[0]
    runs = [struct.unpack(">II", stts[8 + 8 * i : 16 + 8 * i]) for i in range(stts[7])]
    elst = inside(trak, b"edts", b"elst")[0]
    edits = [int.from_bytes(elst[8 + 12 * i :][:4], "big") for i in range(elst[7])]
    return {
        "stts": Fraction(sum(count * step for count, step in runs), clock(media)),
        "mdhd": lasts(media),
        "mvhd": lasts(film),
        "elst": Fraction(sum(edits), clock(film)),
    }


def with_edits(path: Path, pieces: Sequence[Piece]) -> Path:
    """Replace the edit list of every track; the index has to stand behind the picture data.

    Pieces count from where the track's only piece begins.
    """
    data = path.read_bytes()
    start = data.index(b"moov") - 4
    assert data.index(b"mdat") < start
    moov = data[start + 8 :]
    film = clock(inside(moov, b"mvhd")[0])

    def cut(trak: bytes) -> bytes:
        media = clock(inside(trak, b"mdia", b"mdhd")[0])

        def change(kind: bytes, body: bytes) -> bytes:
            if kind != b"elst":
                return body
            first = int.from_bytes(body[12:16], "big")
            rows = [
                struct.pack(
                    ">IiHH",
                    round(length * film),
                    -1 if at is None else round(at * media) + first,
                    1,
                    0,
                )
                for length, at in pieces
            ]
            return bytes(4) + struct.pack(">I", len(rows)) + b"".join(rows)

        return rebuilt(trak, change)

    body = b"".join(
        box(kind, cut(inner) if kind == b"trak" else inner) for kind, inner in children(moov)
    )
    path.write_bytes(data[:start] + box(b"moov", body))
    return path
