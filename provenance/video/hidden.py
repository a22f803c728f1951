"""What an mp4 or mov file says about itself in boxes that the demuxer does not show.

None of it is carried over, since the output is written anew; but what is left out has a name.  The
boxes are those of ISO/IEC 14496-12, the QuickTime File Format, and XMP part 3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from provenance.system.boxes import FIRST, Box, Boxes

_FOLDERS: Final = frozenset((b"moov", b"trak", b"udta"))
_DEEPEST: Final = 6
_MOST_KEYS: Final = 65_536
"""Bytes of a table of keys that are read."""
_UUIDS: Final = {
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "XMP",
    bytes.fromhex("ffcc8263f8554a938814587a02521fdd"): "spherical",
    bytes.fromhex("d8fec3d61b0e483c92975828877ec481"): None,  # a C2PA manifest: the ingredient
}
# Children of udta that the demuxer shows as tags or that hold no text; so are all that begin
# with the copyright sign.
_SHOWN: Final = frozenset(
    b"meta name chpl free skip wide aART albm auth catg cnID cpil cprt desc disk egid gnre gpid "
    b"hdvd keyw ldes loci manu modl pcst perf pgap purd rtng soaa soal soar soco sonm sosn stik "
    b"titl tmpo trkn tven tves tvnn tvsh tvsn @PRM @PRQ".split()
) | {b"xid ", bytes(4)}


def hidden_tags(path: str | os.PathLike[str]) -> list[str]:
    """Names of what lies in such boxes, each once, in the file's order; none in other formats.

    Keys of a QuickTime ``keys`` table are all in it, shown by the demuxer or not.

    Raises:
        OSError: the file can't be read.
    """
    with Path(path).open("rb") as handle:
        if handle.read(8)[4:] not in FIRST:
            return []
        boxes = Boxes(handle, handle.seek(0, os.SEEK_END))
        return list(dict.fromkeys(_names(boxes, 0, boxes.size, ())))


def _names(boxes: Boxes, at: int, end: int, above: tuple[bytes, ...]) -> Iterator[str]:
    for box in boxes.inside(at, end):
        if box.end > end:
            return
        yield from _named(boxes, box, above)


def _named(boxes: Boxes, box: Box, above: tuple[bytes, ...]) -> Iterator[str]:
    parent, kind = above[-1] if above else b"", box.kind
    if kind == b"uuid":
        name = _UUIDS.get(boxes.read(box.body, 16), "uuid")
        if name is not None:
            yield name
    elif kind in _FOLDERS and len(above) < _DEEPEST:
        yield from _names(boxes, box.body, box.end, (*above, kind))
    elif kind == b"meta" and len(above) < _DEEPEST:
        # In mp4 a version stands before the children, in mov not.
        version = 0 if boxes.read(box.body + 4, 4) == b"hdlr" else 4
        yield from _names(boxes, box.body + version, box.end, (*above, kind))
    elif parent == b"meta" and kind in (b"xml ", b"bxml", b"ID32"):
        yield kind.decode("ascii").strip()
    elif parent == b"meta" and kind == b"keys":
        yield from _keys(boxes, box)
    elif parent == b"udta" and kind not in _SHOWN and not kind.startswith(b"\xa9"):
        yield kind.decode("latin-1")


def _keys(boxes: Boxes, box: Box) -> Iterator[str]:
    table = boxes.read(box.body + 8, min(box.end - box.body - 8, _MOST_KEYS))
    place = 0
    while place + 8 < len(table):
        size = int.from_bytes(table[place : place + 4], "big")
        if size < 8:
            return
        yield table[place + 8 : place + size].decode("utf-8", "replace")
        place += size
