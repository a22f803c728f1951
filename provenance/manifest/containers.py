"""Containers as far as a manifest must know them: which kind, and where its manifest goes.

Told by the first bytes, never by a name.  No media library is needed for it.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from provenance.system.boxes import Boxes

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_HEAD = 64
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
    with path.open("rb") as stream:
        boxes = Boxes(stream, stream.seek(0, os.SEEK_END))
        found = list(boxes.outermost())
    if not found or found[-1].end != boxes.size:
        return None
    kinds = [box.kind for box in found]
    if kinds.count(b"mdat") != 1 or b"moof" in kinds or b"moov" not in kinds:
        return None
    number = kinds.index(b"mdat")
    content = found[number]
    if content.body - content.start == _LONG_HEAD:
        return Patch()
    room = found[number - 1] if number else content
    if room.kind not in (b"free", b"wide") or room.end - room.start != _BOX_HEAD:
        return None
    length = content.end - room.start
    return Patch(room.start, (1).to_bytes(4, "big") + b"mdat" + length.to_bytes(8, "big"))


class Before(io.RawIOBase):
    """The bytes of an open file that lie before ``end``, as a file of its own; reading only."""

    def __init__(self, stream: BinaryIO, end: int) -> None:
        self._stream, self._end = stream, end

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position."""
        if whence == os.SEEK_END:
            return self._stream.seek(self._end + offset)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._stream.tell()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what fits into ``buffer`` and lies before the end."""
        view = memoryview(buffer)
        data = self._stream.read(max(0, min(len(view), self._end - self._stream.tell())))
        view[: len(data)] = data
        return len(data)


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
