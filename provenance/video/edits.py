"""Edit lists of mp4 and mov (``elst``, ISO/IEC 14496-12, section 8.6.6): which pieces are played.

Nearly every file has one piece a track, perhaps after a delay, and libavformat deals with that.  Of
several pieces it gets the times wrong where frames are stored in another order than shown, and it
plays on through a gap.  So :mod:`provenance.video.feed`
reads cut tracks with their lists ignored, piece by piece.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from provenance.system.boxes import FIRST, Box, Boxes

MOST_PIECES: Final = 1000
_NORMAL_SPEED: Final = b"\x00\x01\x00\x00"


@dataclass(frozen=True, slots=True)
class Piece:
    """``length`` seconds of a track's media from ``media`` on, played from ``start`` on.

    ``speed`` is whether it is played as fast as it was recorded.
    """

    start: Fraction
    length: Fraction
    media: Fraction
    speed: bool = True

    @property
    def end(self) -> Fraction:
        """Until when it is played, seconds."""
        return self.start + self.length


def edits_of(path: str | os.PathLike[str]) -> dict[int, tuple[Piece, ...]]:
    """The pieces of every track of an mp4 or mov that is cut, by the track's index; else none.

    A track is cut that has several pieces, or one that is not played at its own speed.

    Raises:
        OSError: the file can't be read.
    """
    with Path(path).open("rb") as handle:
        if handle.read(8)[4:] not in FIRST:
            return {}
        boxes = Boxes(handle, handle.seek(0, os.SEEK_END))
        found = [_pieces(boxes, trak, clock) for trak, clock in _tracks(boxes)]
    return {
        index: pieces
        for index, pieces in enumerate(found)
        if len(pieces) > 1 or not all(piece.speed for piece in pieces)
    }


def _tracks(boxes: Boxes) -> Iterator[tuple[Box, int]]:
    """Each track with the units a second of the whole film's clock."""
    for moov in boxes.along(b"moov"):
        head = next(boxes.below(moov, b"mvhd"), None)
        clock = _clock(boxes, head) if head else 0
        yield from ((box, clock) for box in boxes.below(moov, b"trak"))


def _pieces(boxes: Boxes, trak: Box, film_clock: int) -> tuple[Piece, ...]:
    listed = next(boxes.below(trak, b"edts", b"elst"), None)
    media_head = next(boxes.below(trak, b"mdia", b"mdhd"), None)
    media_clock = _clock(boxes, media_head) if media_head else 0
    if listed is None or not media_clock or not film_clock:
        return ()
    head = boxes.read(listed.body, 8)
    size = 20 if head[:1] == b"\1" else 12
    count = min(int.from_bytes(head[4:8], "big"), MOST_PIECES)
    table = boxes.read(listed.body + 8, count * size)
    pieces, at = [], Fraction(0)
    for place in range(0, len(table) - size + 1, size):
        half = (size - 4) // 2
        length = Fraction(int.from_bytes(table[place : place + half], "big"), film_clock)
        media = int.from_bytes(table[place + half : place + 2 * half], "big", signed=True)
        speed = table[place + 2 * half : place + size] == _NORMAL_SPEED
        if media >= 0:
            pieces.append(Piece(at, length, Fraction(media, media_clock), speed))
        at += length
    return tuple(pieces)


def _clock(boxes: Boxes, head: Box) -> int:
    """Units a second, as mvhd and mdhd say them."""
    data = boxes.read(head.body, 24)
    at = 20 if data[:1] == b"\1" else 12
    return int.from_bytes(data[at : at + 4], "big")
