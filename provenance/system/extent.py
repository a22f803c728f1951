"""Is a container complete?  Its outer structure says how long the file must be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.system.boxes import FIRST, Boxes
from provenance.system.ebml import LONGEST, MAGIC, SEGMENT, is_open, number

_BEFORE_SEGMENT: Final = 8
"""Elements that a file may have before its segment; one is usual."""
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
        if head.startswith(MAGIC):
            return _between(_ebml_end(Boxes(handle, size)), size)
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


def _ebml_end(boxes: Boxes) -> int:
    """Where the segment ends, the file's own length when that can't be known."""
    at = 0
    for _ in range(_BEFORE_SEGMENT):
        head = boxes.read(at, 2 * LONGEST)
        name, wide = number(head, marked=True)
        length, long = number(head[wide:], marked=False)
        if not wide or not long:
            break
        at += wide + long + length
        if name == SEGMENT:
            return boxes.size if is_open(length, long) else at
        if at >= boxes.size:
            break
    return boxes.size
