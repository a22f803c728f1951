"""Times of packets that are copied: moved, put on their grid, cut where the film ends, in order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from provenance.video.timetable import Grid

LEAD: Final = Fraction(1, 4)
"""Seconds of sound before the first that is played which go along: what decoders need to start (80
ms of Opus, up to 0.12 s of AAC)."""
MOST_LEADING: Final = 64
CUT: Final = Fraction(1, 1000)
"""Seconds by which the end of a track is off when an edit list says it, in units of its own."""


class Retimer:
    """Gives the packets of one track the times that they have in the output.

    Args:
        stream: the track, in the input.
        origin: seconds on the input's clock that are 0 in the output.
        grid: of a sound whose container rounds times: those that were meant.
    """

    def __init__(self, stream: Stream, origin: Fraction, grid: Grid | None = None) -> None:
        self._origin, self._grid = origin, grid
        self._unit = Fraction(stream.time_base or Fraction(1, 1000))
        if grid is not None and isinstance(stream, AudioStream):
            self._unit = Fraction(1, stream.codec_context.sample_rate)
        self._leads: deque[Packet[Stream]] | None = deque(maxlen=MOST_LEADING)
        self._is_sound = stream.type == "audio"
        self._end: Fraction | None = None
        if self._is_sound and stream.duration and "mov" in stream.container.format.name:
            base = Fraction(stream.time_base or 1)
            self._end = ((stream.start_time or 0) + stream.duration) * base
        self._last: int | None = None
        self._step = 0
        self._waiting: Packet[Stream] | None = None

    def take(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """What can be written now, with its times changed."""
        for kept in self._played(packet):
            self._place(kept)
            yield from self._lasting(kept)

    def finish(self) -> Iterator[Packet[Stream]]:
        """What is left at the end."""
        if self._waiting is not None:
            self._waiting.duration = self._step
            yield self._waiting

    def _played(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Packets that are played, and the few before the first of them that its decoder needs.

        What an edit list cuts away stays away: the output would carry it along unseen.
        """
        if packet.is_discard:
            if self._leads is not None:
                self._leads.append(packet)
            return
        if self._leads is not None:
            yield from (one for one in self._leads if _seconds(packet) - _seconds(one) <= LEAD)
            self._leads = None
        yield packet

    def _place(self, packet: Packet[Stream]) -> None:
        base, length = Fraction(packet.time_base or self._unit), packet.duration or 0
        if self._end is not None and _seconds(packet) < self._end:
            lasts = (self._end - _seconds(packet)) / base
            if length - lasts > CUT / base:
                length = math.ceil(lasts)  # an edit list cuts it off
        if self._grid is not None:
            step = 1 / self._grid.rate
            # The last packet of some codecs is shorter than the others.
            lasts = length * base if 0 < length * base < step - self._grid.tick else step
            length = round(lasts / self._unit)
        elif base != self._unit:
            length = round(length * base / self._unit)
        pts, dts = self._moved(packet.pts, base), self._moved(packet.dts, base)
        if dts is not None:
            if self._last is not None and dts <= self._last:
                # Where two pieces of an edit list meet, the second begins within a packet.
                dts = self._last + 1
                pts = None if pts is None else max(pts, dts)
            if self._last is not None:
                self._step = dts - self._last
            self._last = dts
        packet.time_base = self._unit
        packet.pts, packet.dts, packet.duration = pts, dts, length

    def _moved(self, ticks: int | None, base: Fraction) -> int | None:
        if ticks is None:
            return None
        time = ticks * base if self._grid is None else self._grid.meant(ticks * base)
        return round((time - self._origin) / self._unit)

    def _lasting(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Sound whose container does not say how long a packet lasts: until the next begins.

        Muxers would give the last one no length at all, and players would leave it out.
        """
        if self._waiting is not None:
            self._waiting.duration = max(0, self._step)
            yield self._waiting
            self._waiting = None
        if self._is_sound and not packet.duration and packet.dts is not None:
            self._waiting = packet
        else:
            yield packet


def _seconds(packet: Packet[Stream]) -> Fraction:
    """When a packet is played; 0 if it does not say."""
    return (packet.pts or 0) * Fraction(packet.time_base or 0)
