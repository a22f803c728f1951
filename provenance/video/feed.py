"""The packets of a file for the writer, with the times at which they are played.

Of most files they come as they are stored.  Tracks that an edit list cuts into several pieces
(:mod:`provenance.video.edits`) are read piece by piece, each from a key frame before it, and put
among the others by time.
"""

from __future__ import annotations

import heapq
import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeAlias

from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from provenance.errors import UnsupportedMediaError
from provenance.video.edits import Piece, edits_of
from provenance.video.opening import open_media

_BEFORE: Final = Fraction(1)
"""Seconds before a piece at which reading starts: key frames are found by when they are decoded."""
_PRIMING: Final = Fraction(1, 4)
"""Seconds before the first piece of a sound that its decoder may need to start."""

Timed: TypeAlias = "tuple[Fraction, Packet[Any]]"


class Feed:
    """Packets in the order in which they are needed.

    Args:
        media: the opened file; its packets must not have been read yet.
        path: its path.
        picture: the track that is decoded.

    Raises:
        UnsupportedMediaError: a track that is played at another speed than its own.
    """

    def __init__(
        self, media: InputContainer, path: str | os.PathLike[str], picture: Stream
    ) -> None:
        self._media, self._path, self._picture = media, Path(path), picture
        self._cut = {i: p for i, p in edits_of(path).items() if i < len(media.streams)}
        for index, pieces in self._cut.items():
            if not all(piece.speed for piece in pieces):
                raise UnsupportedMediaError(
                    f"{self._path.name} plays track {index} at another speed than its own, by "
                    "its edit list",
                    advice="make a copy that needs none first",
                )
        self.window: tuple[Fraction, Fraction] | None = None
        """From when to when the piece of the picture that is read now is played; None: all is."""

    def shows(self, time: Fraction) -> bool:
        """Whether a picture of this time is played, and not only needed for decoding others."""
        return self.window is None or self.window[0] <= time < self.window[1]

    def __iter__(self) -> Iterator[Packet[Any]]:
        """All packets; an empty one of the picture's means that no more of its piece follow."""
        if not self._cut:
            return map(_of_its_track, self._media.demux())
        tracks = [self._pieces(index, pieces) for index, pieces in self._cut.items()]
        merged = heapq.merge(self._others(), *tracks, key=_time)
        return (packet for _, packet in merged)

    def _others(self) -> Iterator[Timed]:
        others = [s for s in self._media.streams if s.index not in self._cut]
        last = Fraction(0)
        for packet in map(_of_its_track, self._media.demux(others) if others else ()):
            if packet.dts is not None:
                last = packet.dts * Fraction(packet.time_base)
            yield last, packet

    def _pieces(self, index: int, pieces: tuple[Piece, ...]) -> Iterator[Timed]:
        with open_media(self._path, edit_lists=False) as media:
            stream = media.streams[index]
            for other in media.streams:
                if other is not stream:
                    other.discard = Discard.all
            for number, piece in enumerate(pieces):
                if index == self._picture.index:
                    self.window = (piece.start, piece.end)
                    yield from _shifted(_decodable(media, stream, piece), stream, piece)
                    yield piece.end, _end_of(stream)
                else:
                    lead = _PRIMING if number == 0 else Fraction(0)
                    yield from _shifted(_heard(media, stream, piece, lead), stream, piece)


def _of_its_track(packet: Packet[Any]) -> Packet[Any]:
    """The same; the last, empty packet of every track comes from PyAV as if it were track 0's."""
    if not packet.size:
        packet.stream = packet.stream
    return packet


def _decodable(media: InputContainer, stream: Stream, piece: Piece) -> Iterator[Packet[Any]]:
    """Packets from a key frame before the piece to its end, in the order of decoding."""
    end = piece.media + piece.length
    for packet in _from(media, stream, piece.media - _BEFORE):
        when = packet.pts if packet.dts is None else packet.dts
        if when is not None and when * packet.time_base >= end:
            return
        yield packet


def _heard(
    media: InputContainer, stream: Stream, piece: Piece, lead: Fraction
) -> Iterator[Packet[Any]]:
    """Packets that something of the piece is in, and those of ``lead`` seconds before.

    Plain samples are cut where the piece is: in mp4 and mov they follow each other without times,
    so that whole packets would make the sound later with each piece.
    """
    end = piece.media + piece.length
    plain = stream.codec_context is not None and stream.codec_context.name.startswith("pcm_")
    if plain:
        lead = Fraction(0)  # nothing that a decoder would need
    for packet in _from(media, stream, piece.media - lead - _BEFORE):
        if packet.pts is None:
            continue
        unit = Fraction(packet.time_base or 1)
        start = packet.pts * unit
        if start >= end:
            return
        if start + max(packet.duration or 0, 1) * unit > piece.media - lead:
            yield _samples(packet, piece) if plain else packet


def _samples(packet: Packet[Any], piece: Piece) -> Packet[Any]:
    """What of a packet of plain samples lies in a piece; its times are counted in samples."""
    start, count = packet.pts or 0, packet.duration or 0
    if not count or packet.size % count:
        return packet
    unit = Fraction(packet.time_base or 1)
    first = max(0, math.ceil(piece.media / unit) - start)
    last = min(count, math.ceil((piece.media + piece.length) / unit) - start)
    if first == 0 and last == count:
        return packet
    size = packet.size // count
    part: Packet[Any] = Packet(bytes(packet)[first * size : last * size])
    part.stream, part.time_base = packet.stream, packet.time_base
    part.pts = part.dts = start + first
    part.duration, part.is_keyframe = last - first, True
    return part


def _from(media: InputContainer, stream: Stream, time: Fraction) -> Iterator[Packet[Any]]:
    media.seek(max(0, int(time / Fraction(stream.time_base or 1))), stream=stream, backward=True)
    for packet in media.demux(stream):
        if packet.size:
            yield packet


def _shifted(packets: Iterator[Packet[Any]], stream: Stream, piece: Piece) -> Iterator[Timed]:
    shift = round((piece.start - piece.media) / Fraction(stream.time_base or 1))
    last = piece.start
    for packet in packets:
        packet.pts = None if packet.pts is None else packet.pts + shift
        packet.dts = None if packet.dts is None else packet.dts + shift
        if packet.dts is not None:
            last = packet.dts * packet.time_base
        yield last, packet


def _end_of(stream: Stream) -> Packet[Any]:
    packet: Packet[Any] = Packet()
    packet.stream = stream
    packet.time_base = Fraction(stream.time_base or 1)
    return packet


def _time(timed: Timed) -> Fraction:
    return timed[0]
