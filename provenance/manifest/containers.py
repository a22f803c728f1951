"""Containers as far as a manifest must know them: which kind, and where its manifest goes.

Told by the first bytes, never by a name.  No media library is needed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_HEAD = 64
_BOX_LIMIT = 4096
_BOX_HEAD, _LONG_HEAD = 8, 16
_EBML = b"\x1a\x45\xdf\xa3"


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file: its media type, and whether C2PA can embed a manifest in it."""

    mime: str
    embeds: bool


MP4 = Container("video/mp4", embeds=True)
MOV = Container("video/quicktime", embeds=True)
AVI = Container("video/x-msvideo", embeds=True)
MATROSKA = Container("video/x-matroska", embeds=False)
WEBM = Container("video/webm", embeds=False)
UNKNOWN = Container("application/octet-stream", embeds=False)


def identify(path: Path) -> Container:
    """Tell the container of the file at ``path`` by its first bytes.

    Raises:
        OSError: when the file can't be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head[4:8] == b"ftyp":
        return MOV if head[8:12] == b"qt  " else MP4
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return MOV  # QuickTime files from before the file-type box
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return AVI
    if head[:4] == _EBML:
        return WEBM if b"webm" in head else MATROSKA
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class Patch:
    """Bytes of a file that are to read otherwise: from ``at`` on; empty when none are."""

    at: int = 0
    data: bytes = b""


def chunkable(path: Path) -> Patch | None:
    """How an ISO base-media file has to read so that it can be hashed in chunks; None when not.

    It needs one ``mdat`` and no fragments: c2pa-rs 0.91.3 writes invalid manifests in that mode for
    fragmented files and for some with two ``mdat`` boxes.  And it needs an ``mdat`` whose header is
    16 bytes long: that library starts the first chunk at byte 16 whatever the header's length,
    where other validators start at the payload.  So a header of 8 takes in the empty ``free`` or
    ``wide`` box of 8 before it, which muxers leave there for that.

    Raises:
        OSError: when the file can't be read.
    """
    size = path.stat().st_size
    found: list[tuple[bytes, int, int, int]] = []
    with path.open("rb") as stream:
        at = 0
        while at < size:
            if len(found) >= _BOX_LIMIT:
                return None
            box = _box(stream, at, size)
            if box is None:
                return None
            found.append((box[0], at, *box[1:]))
            at += box[1]
    kinds = [kind for kind, *_ in found]
    if kinds.count(b"mdat") != 1 or b"moof" in kinds or b"moov" not in kinds:
        return None
    number = kinds.index(b"mdat")
    _, _, length, head = found[number]
    if head == _LONG_HEAD:
        return Patch()
    before, start, room, _ = found[number - 1] if number else (b"", 0, 0, 0)
    if before not in (b"free", b"wide") or room != _BOX_HEAD:
        return None
    header = (1).to_bytes(4, "big") + b"mdat" + (length + room).to_bytes(8, "big")
    return Patch(start, header)


def _box(stream: BinaryIO, at: int, size: int) -> tuple[bytes, int, int] | None:
    """Type, length and header's length of the box at ``at``; None when it does not fit the file."""
    stream.seek(at)
    head = stream.read(_LONG_HEAD)
    if len(head) < _BOX_HEAD:
        return None
    length = int.from_bytes(head[:4], "big")
    smallest = _BOX_HEAD
    if length == 1:
        length, smallest = int.from_bytes(head[8:16], "big"), _LONG_HEAD
    elif length == 0:
        length = size - at
    if length < smallest or at + length > size:
        return None
    return head[4:8], length, smallest


def sidecar_path(media: Path) -> Path:
    """Where the manifest of a file goes that can't hold one: ``clip.mkv`` -> ``clip.mkv.c2pa``.

    The whole name is kept, so that ``clip.mkv`` and ``clip.webm`` in one folder never share one.
    """
    return media.with_name(media.name + ".c2pa")


def find_sidecar(media: Path) -> Path | None:
    """The sidecar beside ``media``: ``clip.mkv.c2pa``, or else c2patool's ``clip.c2pa``.

    The short name is taken only while ``media`` is the one file with that stem, since it would
    otherwise accuse a neighbour of having been changed.
    """
    ours = sidecar_path(media)
    if ours.is_file():
        return ours
    short = media.with_suffix(".c2pa")
    if short == media or not short.is_file():
        return None
    try:
        stems = [other for other in media.parent.iterdir() if other.stem == media.stem]
    except OSError:
        return None
    return short if {*stems} <= {media, short} else None
