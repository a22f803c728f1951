"""The comment header of Vorbis sound: tags that travel inside a track's set-up data.

In Matroska and WebM the three header packets of Vorbis are the track's private data, copied as a
whole; the second of them holds free tags.  Layout: the Vorbis I specification, sections 4.2 and 5,
and the Matroska codec mapping of A_VORBIS.  Pure.
"""

from __future__ import annotations

from typing import Final

_COMMENT: Final = b"\x03vorbis"
Comments = list[tuple[str, str]]


def comments_of(private: bytes) -> Comments | None:
    """The tags, in order; None when the headers can't be read."""
    packets = _packets(private)
    if packets is None:
        return None
    packet = packets[1]
    at = len(_COMMENT)
    at += 4 + _uint(packet, at)  # the name of the encoder
    count, at = _uint(packet, at), at + 4
    found: Comments = []
    for _ in range(count):
        end = at + 4 + _uint(packet, at)
        if end > len(packet):
            return None
        name, _, value = packet[at + 4 : end].decode("utf-8", "replace").partition("=")
        found.append((name, value))
        at = end
    return found


def with_comments(private: bytes, comments: Comments) -> bytes:
    """The same headers with these tags only, and without the encoder's name.

    Raises:
        ValueError: the headers can't be read.
    """
    packets = _packets(private)
    if packets is None:
        raise ValueError("no Vorbis headers")
    texts = [f"{name}={value}".encode() for name, value in comments]
    body = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    comment = _COMMENT + bytes(4) + len(texts).to_bytes(4, "little") + body + b"\x01"
    first, _, third = packets
    return b"\x02" + _lacing(len(first)) + _lacing(len(comment)) + first + comment + third


def _packets(private: bytes) -> tuple[bytes, bytes, bytes] | None:
    if private[:1] != b"\x02":
        return None
    at, sizes = 1, []
    for _ in range(2):
        size = 0
        while private[at : at + 1] == b"\xff":
            size, at = size + 255, at + 1
        if at >= len(private):
            return None
        size, at = size + private[at], at + 1
        sizes.append(size)
    first, second = private[at : at + sizes[0]], private[at + sizes[0] : at + sum(sizes)]
    third = private[at + sum(sizes) :]
    return (first, second, third) if second.startswith(_COMMENT) and third else None


def _lacing(size: int) -> bytes:
    return b"\xff" * (size // 255) + bytes((size % 255,))


def _uint(packet: bytes, at: int) -> int:
    return int.from_bytes(packet[at : at + 4], "little")
