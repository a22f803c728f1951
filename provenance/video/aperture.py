"""Crops that the container orders, beside those of the stream, which decoders apply.

mp4 and mov have a clean aperture (``clap``, ISO/IEC 14496-12, section 12.1.4), mkv and webm have
``PixelCrop`` elements (RFC 9559, section 5.1.4.1.28).  libavcodec leaves them to the player.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from provenance.system.boxes import FIRST, Boxes
from provenance.system.ebml import MAGIC, SEGMENT, is_open, number

_TO_ENTRIES: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_ENTRY: Final = 78
"""Bytes of a visual sample entry before its boxes, behind its own header."""
_TRACKS, _TRACK, _VIDEO = 0x1654AE6B, 0xAE, 0xE0
_CROPS: Final = frozenset((0x54AA, 0x54BB, 0x54CC, 0x54DD))
_MOST_ELEMENTS: Final = 4096


def cropped_by_container(path: str | os.PathLike[str], width: int, height: int) -> bool:
    """Whether a file's container shows less of its picture than is decoded.

    Args:
        path: the file.
        width: of the decoded picture, in samples.
        height: the same.

    Raises:
        OSError: the file can't be read.
    """
    with Path(path).open("rb") as handle:
        head = handle.read(8)
        boxes = Boxes(handle, handle.seek(0, os.SEEK_END))
        if head[4:] in FIRST:
            sizes = list(_apertures(boxes))
            return any(size[0] < width or size[1] < height for size in sizes)
        if head.startswith(MAGIC):
            return any(_crops(boxes, 0, boxes.size, (SEGMENT, _TRACKS, _TRACK, _VIDEO)))
    return False


def _apertures(boxes: Boxes) -> Iterator[tuple[float, float]]:
    for entries in boxes.along(*_TO_ENTRIES):
        for entry in boxes.inside(entries.body + 8, entries.end):
            for part in boxes.inside(entry.body + _ENTRY, entry.end):
                if part.kind == b"clap":
                    data = boxes.read(part.body, 16)
                    numbers = [int.from_bytes(data[i : i + 4], "big") for i in (0, 4, 8, 12)]
                    if numbers[1] and numbers[3]:
                        yield numbers[0] / numbers[1], numbers[2] / numbers[3]


def _crops(boxes: Boxes, at: int, end: int, path: tuple[int, ...]) -> Iterator[int]:
    """What the crops of all picture tracks are, in samples."""
    for _ in range(_MOST_ELEMENTS):
        if at >= end:
            return
        head = boxes.read(at, 12)
        name, wide = number(head, marked=True)
        length, long = number(head[wide:], marked=False)
        if not wide or not long:
            return
        body = at + wide + long
        stop = end if is_open(length, long) else min(end, body + length)
        if path and name == path[0]:
            yield from _crops(boxes, body, stop, path[1:])
            if len(path) > 2:
                return  # the segment, and its tracks, come once
        elif not path and name in _CROPS:
            yield int.from_bytes(boxes.read(body, min(length, 8)), "big")
        at = stop
