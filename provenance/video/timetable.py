"""When each frame is shown in the output, decided before the work starts.  Pure.

Times are kept as they are, but for two cases:

* **Where the clock starts.**  A transport stream counts from anywhere, and so does a segment that
  was cut out of a live recording.  What no viewer waits for becomes 0, for all tracks alike; a
  delay that a file with a clock of its own states (mp4, mkv) stays up to :data:`LONGEST_WAIT`.
* **A constant rate.**  Some containers count in units that no frame rate fits: a film of 30000/1001
  frames a second is 33, 33, 34 ms in mkv.  Where every frame lies as near to an even grid as that
  rounding allows, the grid is what was meant, and the output has it; else times stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from provenance.video.opening import MAX_FRAMES

LONGEST_WAIT: Final = Fraction(10)
"""Seconds before the first picture or sound from which on a start is a clock's, not a delay."""
LEAST_STEP: Final = 4
"""Ticks from one frame to the next below which any times would fit a grid within a tick."""
FINEST: Final = 10_000_000
"""Most units a second that an output counts in."""
NEAR: Final = Fraction(1, 10_000)
"""How far, relatively, a rate that a file names may be from the one that was meant."""
_LEADING: Final = 1024
"""Frames shown before the first one stored."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Even steps of ``1 / rate`` seconds from the time ``first`` on.

    ``tick`` is by how much the container rounds times, seconds; ``whole``: no step is left out.
    """

    rate: Fraction
    first: Fraction
    tick: Fraction
    whole: bool

    def meant(self, time: Fraction) -> Fraction:
        """The time on the grid that ``time`` is the rounding of; else ``time`` itself."""
        nearest = self.first + round((time - self.first) * self.rate) / self.rate
        return nearest if abs(nearest - time) <= self.tick else time


@dataclass(frozen=True, slots=True)
class Timetable:
    """How times of the input become times of the output.

    Attributes:
        origin: seconds on the input's clock that are 0 in the output.
        time_base: the unit that the output counts the picture's times in, seconds.
        rate: frames a second; None if that is not known.
        constant: whether all frames are 1 / ``rate`` apart.
        end: until when the last frame is shown, seconds on the input's clock; None: not known.
        grid: the times that frames of a coarse container were meant for; None: as they are.
    """

    origin: Fraction
    time_base: Fraction
    rate: Fraction | None
    constant: bool = False
    end: Fraction | None = None
    grid: Grid | None = None

    def shown(self, time: Fraction) -> int:
        """When a frame of this time on the input's clock is shown, in units of ``time_base``."""
        exact = time if self.grid is None else self.grid.meant(time)
        return round((exact - self.origin) / self.time_base)

    def last(self, start: int) -> int:
        """How long the last frame is shown, from ``start`` on; both in units of ``time_base``."""
        long = 0 if self.end is None else self.shown(self.end) - start
        if long <= 0 and self.rate is not None:
            long = round(1 / (self.rate * self.time_base))
        return max(1, long)


class SeenTimes:
    """What the times of a track's packets show, in one pass in the order of the file.

    Args:
        time_base: the unit of the container's times, seconds.
        coarse: whether the container rounds times to that unit.
        rates: frames a second that the file names.
    """

    def __init__(self, time_base: Fraction, coarse: bool, rates: Iterable[Fraction]) -> None:
        tick = time_base if coarse else Fraction(0)
        named = [rate for rate in rates if 1 <= rate <= 1000]
        self._usual = {usual for rate in named for usual in _usual(rate)}
        fitting = {*named, *self._usual}
        if coarse:
            fitting = {rate for rate in fitting if 1 / rate >= LEAST_STEP * time_base}
        self._base = time_base
        self._fits = {rate: _Fit(rate, tick) for rate in sorted(fitting)}
        self._known = True
        self.count = 0
        self.last: Fraction | None = None
        """The latest time of a packet, seconds."""
        self.end: Fraction | None = None
        """When the latest packet ends by its own word."""

    def add(self, pts: int | None, duration: int) -> None:
        """Take the next packet's time and how long it says to last, in ticks."""
        self.count += 1
        if pts is None:
            self._known = False
            return
        time = pts * self._base
        for rate in [rate for rate, fit in self._fits.items() if not fit.takes(time)]:
            del self._fits[rate]
        if self.last is None or time > self.last:
            self.last = time
            self.end = time + duration * self._base if duration > 0 else None

    def grid(self, rate: Fraction | None) -> Grid | None:
        """The grid that all times lie on.

        Where they lie on more than one it is that of a usual rate, else that of ``rate``.
        """
        if not self._known or self.count < 2 or not self._fits:
            return None
        usual = self._usual & self._fits.keys()
        likely = [rate] if rate in self._fits and not usual else usual or self._fits
        fit = max((self._fits[one] for one in likely), key=_Fit.filled)
        first = fit.first
        return None if first is None else Grid(fit.rate, first, fit.tick, fit.filled() == 1)


class _Fit:
    """Whether times lie on a grid of one rate, each on a point of its own."""

    def __init__(self, rate: Fraction, tick: Fraction) -> None:
        self.rate, self.tick = rate, tick
        self.first: Fraction | None = None
        self._seen = bytearray(_LEADING)
        self._count, self._least, self._most = 0, 0, 0

    def takes(self, time: Fraction) -> bool:
        """Whether the next time lies on the grid too.

        The first time of all is rounded as well, so that two roundings of half a tick add up.
        """
        if self.first is None:
            self.first = time
        number = round((time - self.first) * self.rate)
        place = number + _LEADING
        if abs(time - self.first - number / self.rate) > self.tick or not 0 <= place < MAX_FRAMES:
            return False
        if place >= len(self._seen):
            self._seen.extend(bytes(place + 1 + len(self._seen) // 2 - len(self._seen)))
        if self._seen[place]:
            return False
        self._seen[place] = 1
        self._count += 1
        self._least, self._most = min(self._least, number), max(self._most, number)
        return True

    def filled(self) -> float:
        """The share of the grid's points, from the first to the last, that have a frame."""
        return self._count / (self._most - self._least + 1)


def _usual(rate: Fraction) -> Iterator[Fraction]:
    """Rates that are in use and so near that a file's own word for one of them may be ``rate``."""
    for unit in (Fraction(1), Fraction(1000, 1001)):
        near = round(rate / unit) * unit
        if abs(near / rate - 1) <= NEAR:
            yield near


def units_for(grid: Grid, tick: Fraction) -> Fraction:
    """A unit, in seconds, of which the grid's step and the container's ticks are multiples."""
    fine = math.lcm(grid.rate.numerator, tick.denominator)
    return Fraction(1, fine if fine <= FINEST else grid.rate.numerator)
