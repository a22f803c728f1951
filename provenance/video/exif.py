"""How a still image asks to be turned: the orientation tag of EXIF, number 0x0112.

PyAV gives up on the side data of a frame that brings EXIF along, and with it on the display
matrix, so the tag is read from the file itself: from a JPEG's APP1 segment, a PNG's ``eXIf`` chunk,
a WebP's ``EXIF`` chunk, or a TIFF, which EXIF is written as (EXIF 2.32, section 4.6; TIFF 6.0,
section 2).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final, Literal

from av.video.frame import VideoFrame

from provenance.video.geometry import Orientation, display_matrix, orientation

_TAG: Final = 0x0112
_MOST: Final = 1 << 20
"""Bytes of EXIF, and entries before it, that are looked at."""
_MOST_PARTS: Final = 4096
_TURNS: Final = {
    1: Orientation(0),
    2: Orientation(0, mirrored=True),
    3: Orientation(180),
    4: Orientation(180, mirrored=True),
    5: Orientation(90, mirrored=True),
    6: Orientation(90),
    7: Orientation(270, mirrored=True),
    8: Orientation(270),
}
"""A value of the tag, as the turn and the flip that show the picture upright."""


def orientation_of(frame: VideoFrame, path: str | os.PathLike[str]) -> Orientation:
    """How a frame of a file is shown upright, by its display matrix or the file's EXIF.

    Raises:
        OSError: the file can't be read.
    """
    matrix = display_matrix(frame)
    if matrix is not None:
        return orientation(matrix)
    return exif_orientation(path) or Orientation(-frame.rotation % 360 // 90 * 90)


def exif_orientation(path: str | os.PathLike[str]) -> Orientation | None:
    """What the file's EXIF says; None when it has none, or none that can be read.

    Raises:
        OSError: the file can't be read.
    """
    with Path(path).open("rb") as handle:
        head = handle.read(16)
        if head.startswith(b"\xff\xd8"):
            found = _in_jpeg(handle)
        elif head.startswith(b"\x89PNG"):
            found = _in_chunks(handle, 8, "big", b"eXIf")
        elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            found = _in_chunks(handle, 12, "little", b"EXIF")
        elif head[:4] in (b"II*\0", b"MM\0*"):
            handle.seek(0)
            found = handle.read(_MOST)
        else:
            found = b""
    return _TURNS.get(_orientation(found.removeprefix(b"Exif\0\0")))


def _in_jpeg(handle: BinaryIO) -> bytes:
    at = 2
    for _ in range(_MOST_PARTS):
        handle.seek(at)
        head = handle.read(10)
        if len(head) < 10 or head[0] != 0xFF or head[1] in (0xD9, 0xDA):
            return b""
        if head[1] == 0xFF:  # a fill byte
            at += 1
            continue
        size = int.from_bytes(head[2:4], "big")
        if head[1] == 0xE1 and head[4:] == b"Exif\0\0":
            return handle.read(max(0, size - 8))
        at += 2 + size
    return b""


def _in_chunks(handle: BinaryIO, at: int, order: Literal["big", "little"], wanted: bytes) -> bytes:
    """The chunk called ``wanted``: in PNG its length comes before its name, in RIFF behind it."""
    png = order == "big"
    for _ in range(_MOST_PARTS):
        handle.seek(at)
        head = handle.read(8)
        if len(head) < 8:
            return b""
        name, length = (head[4:], head[:4]) if png else (head[:4], head[4:])
        size = int.from_bytes(length, order)
        if name == wanted:
            return handle.read(min(size, _MOST))
        at += 12 + size if png else 8 + size + size % 2
    return b""


def _orientation(tiff: bytes) -> int:
    """The tag's value in the first directory; 0 when there is none."""
    if tiff[:2] not in (b"II", b"MM"):
        return 0
    order: Literal["big", "little"] = "little" if tiff[:2] == b"II" else "big"

    def number(at: int, length: int) -> int:
        return int.from_bytes(tiff[at : at + length], order)

    first = number(4, 4)
    for entry in range(number(first, 2)):
        at = first + 2 + 12 * entry
        if at + 12 > len(tiff):
            break
        if number(at, 2) == _TAG:
            return number(at + 8, 2)
    return 0
