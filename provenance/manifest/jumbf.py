"""The boxes of a manifest store (JUMBF, ISO/IEC 19566-5), as far as they are needed unopened.

Pure, and suspicious: what does not fit is not there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

STORE: Final = "c2pa"
"""Label of the superbox that holds the manifests."""
_LABELLED = 0x02
"""Toggle of a description box that carries a label."""
_MAX_BOXES = 4096
_BOX_HEAD, _LONG_HEAD = 8, 16


def active_label(store: bytes) -> str | None:
    """The identifier of the active manifest: the last one, as the specification has it."""
    _, manifests = _parts(store)
    return _label(manifests[-1]) if manifests else None


def active_alone(store: bytes) -> bytes:
    """A store of the active manifest without those of its ingredients; empty of a broken one."""
    description, manifests = _parts(store)
    if not manifests:
        return b""
    return _box(b"jumb", _box(b"jumd", description) + _box(b"jumb", manifests[-1]))


def superboxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The label and the whole content of each superbox that has a label."""
    for kind, content in boxes_in(data):
        label = _label(content) if kind == b"jumb" else None
        if label is not None:
            yield label, content


def boxes_in(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The type and content of each box, up to the first that does not fit."""
    at = 0
    for _ in range(_MAX_BOXES):
        if at + _BOX_HEAD > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = _BOX_HEAD
        if size == 1 and at + _LONG_HEAD <= len(data):
            (size,), head = struct.unpack_from(">Q", data, at + _BOX_HEAD), _LONG_HEAD
        elif size == 0:
            size = len(data) - at
        if size < head or at + size > len(data):
            return
        yield kind, data[at + head : at + size]
        at += size


def _parts(store: bytes) -> tuple[bytes, list[bytes]]:
    """The content of a store's description box, and that of each manifest's superbox."""
    for label, content in superboxes(store):
        if label == STORE:
            description = next(boxes_in(content))[1]
            return description, [manifest for _, manifest in superboxes(content)]
    return b"", []


def _label(superbox: bytes) -> str | None:
    first = next(boxes_in(superbox), None)
    if first is None or first[0] != b"jumd" or len(first[1]) <= 17:
        return None
    toggles, rest = first[1][16], first[1][17:]
    return rest.partition(b"\0")[0].decode("utf-8", "replace") if toggles & _LABELLED else None


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", _BOX_HEAD + len(content), kind) + content
