"""Numbers of Matroska's and WebM's elements, whose first byte says how long they are (RFC 8794)."""

from __future__ import annotations

from typing import Final

MAGIC: Final = b"\x1a\x45\xdf\xa3"
"""What such a file begins with."""
SEGMENT: Final = 0x18538067
LONGEST: Final = 8


def number(data: bytes, *, marked: bool) -> tuple[int, int]:
    """The number that ``data`` begins with, and how many bytes it takes: none if there is none.

    ``marked`` keeps the bits that tell the length, as element names have them.
    """
    width = 9 - data[0].bit_length() if data and data[0] else 0
    if not width or len(data) < width:
        return 0, 0
    first = data[0] if marked else data[0] & ((1 << (8 - width)) - 1)
    return int.from_bytes(bytes((first,)) + data[1:width], "big"), width


def is_open(length: int, width: int) -> bool:
    """Whether a length of so many bytes means that it is not known."""
    return length == (1 << 7 * width) - 1
