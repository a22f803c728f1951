"""Is a container complete?  Its outer structure says how long the file must be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from provenance.system.boxes import FIRST, Boxes

_SEGMENT: Final = 0x18538067
_UNKNOWN_SIZES: Final = frozenset((1 << 7 * n) - 1 for n in range(1, 9))
_ENDED: Final = frozenset(FIRST | {b"mfra", b"meta", b"uuid", b"udta", b"ssix", b"prft", b"emsg"})
"""Boxes that stand at the top of a file.  What has another name there and claims more than there is
is no box but a trailer: phones and editors append notes of their own, in no format at all."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a container goes: bytes ``missing`` at its end, and bytes ``behind`` it (a trailer).

    Both 0 for a complete file, and for formats whose length cannot be known from the outside.
    """

    missing: int = 0
    behind: int = 0


def extent_of(path: str | os.PathLike[str]) -> Extent:
    """Compare the top-level boxes (mp4, mov) or elements (mkv, webm) of a file with its length.

    Raises:
        OSError: the file can't be read.
    """
    with Path(path).open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        handle.seek(0)
        head = handle.read(12)
        if head.startswith(b"\x1aE\xdf\xa3"):
            handle.seek(0)
            return _between(_ebml_end(handle, size), size)
        if head[4:8] in FIRST:
            return _of_boxes(Boxes(handle, size))
    return Extent()


def _of_boxes(boxes: Boxes) -> Extent:
    end, kinds = 0, set()
    for box in boxes.outermost():
        if box.end > boxes.size and box.kind not in _ENDED:
            break
        if box.open and not box.kind.isalnum():
            break  # nothing but zeros
        end = box.end
        kinds.add(box.kind)
    if not kinds & {b"moov", b"moof", b"meta"}:
        # Without an index nothing says where the content ends: what follows may well be it.
        return Extent(max(0, end - boxes.size))
    return _between(end, boxes.size)


def _between(end: int, size: int) -> Extent:
    return Extent(max(0, end - size), max(0, size - end))


def _ebml_end(handle: BinaryIO, size: int) -> int:
    """Where the segment ends, the file's own length when that can't be known."""
    for _ in range(8):
        identifier = _vint(handle, keep_marker=True)
        length = _vint(handle, keep_marker=False)
        if identifier is None or length is None:
            return size
        at = handle.tell() + length
        if identifier == _SEGMENT:
            return size if length in _UNKNOWN_SIZES else at
        if at >= size:
            return size
        handle.seek(at)
    return size


def _vint(handle: BinaryIO, *, keep_marker: bool) -> int | None:
    first = handle.read(1)
    if not first or first[0] == 0:
        return None
    width = 9 - first[0].bit_length()
    rest = handle.read(width - 1)
    head = first[0] if keep_marker else first[0] & ((1 << (8 - width)) - 1)
    return int.from_bytes(bytes((head,)) + rest, "big")
