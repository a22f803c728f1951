"""The outer structure of ISO base-media files: boxes in boxes (ISO/IEC 14496-12, section 4.2).

Read with limits, since a file may claim anything; nothing is taken into memory but headers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

MOST_BOXES: Final = 20_000
_HEAD, _LONG_HEAD = 8, 16
FIRST: Final = frozenset(
    (b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"pnot", b"sidx")
)
"""What such a file can begin with."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its type, where it begins, its content begins and ends; ``end`` is as it claims.

    ``open`` is whether it lasts to the end of the file, whatever that is.
    """

    kind: bytes
    start: int
    body: int
    end: int
    open: bool = False


class Boxes:
    """Walks over boxes, :data:`MOST_BOXES` at most in all.

    Args:
        handle: the file.
        size: its length in bytes.
    """

    def __init__(self, handle: BinaryIO, size: int) -> None:
        self._handle, self.size = handle, size
        self._left = MOST_BOXES

    def inside(self, at: int, end: int) -> Iterator[Box]:
        """Boxes from ``at`` to ``end``; the last may claim to end behind it."""
        while at + _HEAD <= end and self._left > 0:
            self._left -= 1
            head = self.read(at, _LONG_HEAD)
            length, body = int.from_bytes(head[:4], "big"), _HEAD
            if length == 1 and len(head) == _LONG_HEAD:
                length, body = int.from_bytes(head[8:], "big"), _LONG_HEAD
            lasting = length == 0
            if lasting:
                length = end - at
            if length < body:
                return
            yield Box(head[4:8], at, at + body, at + length, lasting)
            at += length

    def outermost(self) -> Iterator[Box]:
        """Boxes of the file itself."""
        return self.inside(0, self.size)

    def below(self, parent: Box, *path: bytes) -> Iterator[Box]:
        """All boxes at a path of types below one box."""
        return self._along(self.inside(parent.body, parent.end), path)

    def along(self, *path: bytes) -> Iterator[Box]:
        """All boxes at a path of types from the file itself on."""
        return self._along(self.outermost(), path)

    def _along(self, boxes: Iterator[Box], path: tuple[bytes, ...]) -> Iterator[Box]:
        for box in boxes:
            if box.kind == path[0]:
                if len(path) == 1:
                    yield box
                else:
                    yield from self.below(box, *path[1:])

    def read(self, at: int, length: int) -> bytes:
        """Up to ``length`` bytes at ``at``."""
        self._handle.seek(at)
        return self._handle.read(length)
