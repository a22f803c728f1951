"""Is a container complete?  Its outer structure says how long the file must be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

_SEGMENT: Final = 0x18538067
_UNKNOWN_SIZES: Final = frozenset((1 << 7 * n) - 1 for n in range(1, 9))


def missing_bytes(path: str | os.PathLike[str]) -> int:
    """How many bytes the top-level boxes (mp4, mov) or elements (mkv, webm) promise too many.

    0 for a complete file, and for formats whose length cannot be known from the outside.
    """
    size = Path(path).stat().st_size
    with Path(path).open("rb") as handle:
        head = handle.read(12)
        handle.seek(0)
        if head.startswith(b"\x1aE\xdf\xa3"):
            return max(0, _ebml_end(handle, size) - size)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"styp"):
            return max(0, _boxes_end(handle, size) - size)
    return 0


def _boxes_end(handle: BinaryIO, size: int) -> int:
    at = 0
    while at + 8 <= size:
        handle.seek(at)
        header = handle.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1 and len(header) == 16:
            length = int.from_bytes(header[8:], "big")
        elif length == 0:
            return size  # to the end of the file
        if length < 8:
            return size  # trailing bytes that are no box: not for this check to judge
        at += length
    return at


def _ebml_end(handle: BinaryIO, size: int) -> int:
    for _ in range(8):
        identifier = _vint(handle, keep_marker=True)
        length = _vint(handle, keep_marker=False)
        if identifier is None or length is None:
            return 0
        at = handle.tell() + length
        if identifier == _SEGMENT:
            return 0 if length in _UNKNOWN_SIZES else at
        if at >= size:
            return 0
        handle.seek(at)
    return 0


def _vint(handle: BinaryIO, *, keep_marker: bool) -> int | None:
    first = handle.read(1)
    if not first or first[0] == 0:
        return None
    width = 9 - first[0].bit_length()
    rest = handle.read(width - 1)
    head = first[0] if keep_marker else first[0] & ((1 << (8 - width)) - 1)
    return int.from_bytes(bytes((head,)) + rest, "big")
