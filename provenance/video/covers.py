"""Cover pictures without what is written in them: a PNG's text, a JPEG's EXIF, XMP and comments.

Generators write whole workflows into PNG files, phones write the place into JPEG files, and either
may become the cover of a clip.  Only what a decoder needs to show the picture is kept.  Pure.
"""

from __future__ import annotations

from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs")
)
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers without a length: TEM, and the restarts inside a scan."""
_JFIF_BYTES: Final = 16
"""A JFIF header of this length has no small picture in it."""


def bare_picture(content: bytes) -> bytes | None:
    """A PNG or JPEG with its picture only; None when it is neither, or is damaged."""
    try:
        if content.startswith(_PNG):
            return _bare_png(content)
        if content.startswith(b"\xff\xd8"):
            return _bare_jpeg(content)
    except IndexError:
        return None
    return None


def _bare_png(content: bytes) -> bytes | None:
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        chunk = content[at : at + 12 + size]
        if len(chunk) < 12 + size:
            return None
        kind = chunk[4:8]
        if kind in _PNG_KEPT:
            kept.append(chunk)
        if kind == b"IEND":
            return b"".join(kept)
        at += len(chunk)
    return None


def _bare_jpeg(content: bytes) -> bytes | None:
    kept, at = [content[:2]], 2
    while True:
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == _EOI:
            kept.append(b"\xff\xd9")
            return b"".join(kept)
        end = at + 2
        if marker not in _ALONE:
            end += int.from_bytes(content[at + 2 : at + 4], "big")
            if end < at + 4 or end > len(content):
                return None
        if marker == _SOS:
            end = _end_of_scan(content, end)
        if _shows(marker, content[at:end]):
            kept.append(content[at:end])
        at = end


def _shows(marker: int, segment: bytes) -> bool:
    """Whether a segment is needed to show the picture."""
    if marker == 0xE0:
        return segment[4:9] == b"JFIF\0" and len(segment) == 2 + _JFIF_BYTES
    if marker == 0xEE:
        return segment[4:9] == b"Adobe"
    return not (0xE0 <= marker <= 0xEF or marker == 0xFE)


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the next marker stands that ends the coded data."""
    while content[at] != 0xFF or content[at + 1] == 0 or content[at + 1] in _ALONE:
        at += 1
    return at
