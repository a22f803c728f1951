"""Files that hold pictures, or lead to them, without being a video or an image.  Pure.

People are sent archives, documents and playlists.  Each is told by its first bytes and refused in
a sentence that says how to get at what is in it, before a demuxer takes a JPEG inside it for a
film.  ``verify`` takes some of them apart first, in another way (``packed``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from provenance.errors import UnreadableFileError
from provenance.system.boxes import FIRST

Packed = Literal["zip", "pdf", "m3u8"]
"""Kinds whose members can be verified one by one."""


class _Kind(NamedTuple):
    """How a kind of file begins, what it is, what to do with it, and how to take it apart."""

    begins: Callable[[bytes], bool]
    what: str
    advice: str
    packed: Packed | None = None


JOIN: Final = "ffmpeg -protocol_whitelist file -i list.m3u8 -c copy joined.mp4"
"""Joins the segments beside a playlist, and fetches nothing from the network."""
_EXTRACT: Final = "extract its members into a folder and verify that folder"
_PDF_WITHIN: Final = 1024
_TAR_AT: Final = 257


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _text(*beginnings: bytes) -> Callable[[bytes], bool]:
    """Texts may begin with a byte order mark and blanks, and HTML in any case of letters."""
    return lambda head: head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(beginnings)


def _is_dash(head: bytes) -> bool:
    return _text(b"<?xml", b"<mpd")(head) and b"<mpd" in head.lower()


_KINDS: Final = (
    _Kind(
        _starts(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
        "an archive (ZIP; office documents are such, too)",
        f"`provenance verify` looks at each of its members; here, {_EXTRACT}",
        "zip",
    ),
    _Kind(
        _starts(b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"),
        "an archive",
        _EXTRACT,
    ),
    _Kind(lambda head: head[_TAR_AT : _TAR_AT + 5] == b"ustar", "an archive (tar)", _EXTRACT),
    _Kind(
        lambda head: b"%PDF-" in head[:_PDF_WITHIN],
        "a PDF document",
        "`provenance verify` looks at each of its pictures; here, export them (`pdfimages -all "
        "document.pdf picture`) and verify those; a video attached to it has to be saved from a "
        "viewer",
        "pdf",
    ),
    _Kind(
        _text(b"#extm3u"),
        "a playlist (HLS), which names segments and holds no picture",
        f"`provenance verify` joins segments that lie beside it; here, join them with `{JOIN}` and "
        "verify that",
        "m3u8",
    ),
    _Kind(
        _is_dash,
        "a playlist (DASH), which names segments and holds no picture",
        "save the video that it plays and verify that",
    ),
    _Kind(
        _text(b"<!doctype html", b"<html"),
        "a web page",
        "save the video or picture that it shows and verify that",
    ),
)


def foreign(name: str, head: bytes) -> UnreadableFileError | None:
    """The error for a file that is a known other kind; None for what may be media.

    Args:
        name: the file's, for the sentence.
        head: its first bytes; 4096 tell every kind.
    """
    kind = _kind(head)
    if kind is None:
        return None
    return UnreadableFileError(f"{name} is {kind.what}", advice=kind.advice)


def packed(head: bytes) -> Packed | None:
    """How a file that holds others can be taken apart; None for media, and for all else."""
    kind = None if sniff(head) is not None else _kind(head)
    return None if kind is None else kind.packed


def sniff(head: bytes) -> str | None:
    """The demuxer a file's first bytes (64 or more) call for, or None if they say nothing."""
    signatures = (
        (b"\x89PNG\r\n\x1a\n", "png_pipe"),
        (b"\xff\xd8\xff", "jpeg_pipe"),
        (b"GIF8", "gif"),
        (b"BM", "bmp_pipe"),
        (b"II*\x00", "tiff_pipe"),
        (b"MM\x00*", "tiff_pipe"),
        (b"\x1aE\xdf\xa3", "matroska"),
    )
    if head[4:8] in FIRST:
        return "mov"
    if head[:4] == b"RIFF":
        return {b"AVI ": "avi", b"WEBP": "webp_pipe", b"WAVE": "wav"}.get(head[8:12])
    for magic, name in signatures:
        if head.startswith(magic):
            if name == "png_pipe" and b"acTL" in head:
                return "apng"
            return name
    return None


def _kind(head: bytes) -> _Kind | None:
    return next((kind for kind in _KINDS if kind.begins(head)), None)
