"""Where one sound lies on another, and where the two agree: numbers for :mod:`.sound_compare`.

Two sounds are laid onto each other at the offset under which they agree best, of all there are.
Were they independent, every product of two of their values would be as likely positive as negative,
so that for the sum S of the products and the sum Q of their squares the chance of S >= z sqrt(Q) is
at most exp(-z^2 / 2) (Hoeffding 1963).  Values of one moment and of neighbouring ones do depend on
each other: z^2 is divided by what that was measured to cost (:data:`DEPENDENCE`).  The chance is
multiplied by the number of offsets, speeds and directions that were tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.sound import LAG, LOUD, MIDDLE, STEP_SECONDS, VALUES, SoundPrint

AGREEMENT = 0.45
"""Correlation of two seconds from which they are the same.  Measured: copies at 32 kbit/s and more
at least 0.49, another voice over the same music at most 0.38 somewhere, other sounds 0.2."""
OTHER_SPEED = 0.3
"""The same at another speed, where a change is taken over another time."""
DEPENDENCE = 2.5
"""Variance of S / sqrt(Q) for sounds that have nothing to do with each other: 1.1 to 2.5."""
SPEEDS: Final = (0.5, 0.8, 24 / 25, 25 / 24, 1.25, 1.5, 2.0)
SILENT_DB = -70.0
TELLING = 0.2
"""Mean square of the values from which a stretch says anything: a tone that goes on has none."""
FLAT_DB, UNDER_DB = 1.5, 15.0
"""Noise: a level that varies by no more, and lies as far under the loud moments.  What an encoder
makes of it is another noise."""
GONE_DB = 20.0
"""So much quieter than the rest of the copy is, compared with the registered sound, is muted."""
WIDE: Final = round(2.0 / STEP_SECONDS)
"""Hops that are judged together."""
_FEW: Final = 100.0
"""Products that an offset must rest on."""

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
_Sums = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Way:
    """How the copy may play: its speed, by how many semitones it is higher, and backwards."""

    speed: float = 1.0
    higher: float = 0.0
    reversed: bool = False


FORWARD: Final = Way()
WAYS: Final = frozenset(
    {FORWARD, Way(reversed=True)}
    | {
        Way(speed, higher, backwards)
        for speed in SPEEDS
        for higher in (0.0, 12.0 * math.log2(speed))
        for backwards in (False, True)
    }
)
"""With the pitch kept, and with the pitch that goes with the speed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the copy lies on the registered sound: moved by so many hops, and how surely."""

    way: Way
    shift: int
    strength: float


@dataclass(frozen=True, slots=True)
class _Laid:
    """The registered values, and at which hop of the copy each stands before it is moved."""

    values: Floats
    levels: Floats
    at: NDArray[np.intp]


class Pair:
    """A registered sound and a copy's; everything is counted in hops of the copy.

    Attributes:
        hops: how many the copy has.
        tried: offsets that were tried so far.
        work: how much that cost, in values of a transform for each band.
    """

    def __init__(self, registered: SoundPrint, seen: SoundPrint) -> None:
        self._step, self._cut = registered.step, registered.cut
        self._old = registered.values().astype(np.float32)
        self._new = np.repeat(seen.values(), seen.step, axis=0).astype(np.float32)
        self._old_levels = registered.levels()
        self._new_levels = np.repeat(seen.levels(), seen.step)
        self.hops = len(self._new)
        self.tried = self.work = 0

    # --- where it lies ----------------------------------------------------------------------

    def best(self, ways: Iterable[Way], start: int, end: int) -> Place | None:
        """The place of a stretch of the copy, from one hop to another; None without any."""
        found = [self._laid_on(way, start, end) for way in ways]
        return max(
            (place for place in found if place is not None),
            key=lambda place: place.strength,
            default=None,
        )

    def chance(self, place: Place) -> float:
        """A bound for the chance that sounds of nothing in common give such a place."""
        return min(1.0, self.tried * math.exp(-(place.strength**2) / (2.0 * DEPENDENCE)))

    def origin(self, place: Place, second: float) -> float:
        """The registered second that a second of the copy comes from."""
        hops = ((second - MIDDLE) / STEP_SECONDS - place.shift) * place.way.speed
        if place.way.reversed:
            hops = (len(self._old) - 1) * self._step - hops
        return round(MIDDLE + hops * STEP_SECONDS, 3)

    def richest(self, length: int) -> tuple[int, int]:
        """The stretch of so many hops that says most."""
        if self.hops <= length:
            return 0, self.hops
        said = np.concatenate([[0.0], np.cumsum(np.square(self._new).sum(axis=1, dtype=float))])
        start = int((said[length:] - said[:-length]).argmax())
        return start, start + length

    def _laid_on(self, way: Way, start: int, end: int) -> Place | None:
        laid, new = self._laid(way), self._turned(way)[start:end]
        length = int(laid.at.max()) + 1
        size = 1 << (length + len(new) - 1).bit_length()
        sums = np.zeros(size // 2 + 1, np.complex64)
        squares = np.zeros(size // 2 + 1, np.complex64)
        for band in range(VALUES):
            old = np.zeros(length, np.float32)
            old[laid.at] = laid.values[:, band]
            sums += np.fft.rfft(old, size).conj() * np.fft.rfft(new[:, band], size)
            squares += np.fft.rfft(old**2, size).conj() * np.fft.rfft(new[:, band] ** 2, size)
        products, weight = np.fft.irfft(sums, size), np.fft.irfft(squares, size)
        self.tried += length + len(new) - 1
        self.work += size
        strength = np.where(weight >= _FEW, products / np.sqrt(np.maximum(weight, _FEW)), 0.0)
        shift = int(strength.argmax())
        if strength[shift] <= 0.0:
            return None
        moved = shift if shift < len(new) else shift - size
        return Place(way, start + moved, float(strength[shift]))

    def _laid(self, way: Way) -> _Laid:
        old = self._old
        if way.speed > 1.0 and self._step == LAG:
            old = _over(old, way.speed, 1)
        at = np.rint(np.arange(len(old)) * self._step / way.speed).astype(np.intp)
        if way.reversed:
            return _Laid(-old[::-1], self._old_levels[::-1], at)
        return _Laid(old, self._old_levels, at)

    def _turned(self, way: Way) -> Floats:
        """The copy's values as they would be at the registered pitch and over the same time."""
        new = self._new if way.speed >= 1.0 else _over(self._new, 1.0 / way.speed, LAG)
        if not way.higher:
            return new
        whole = math.floor(way.higher)
        part = np.float32(way.higher - whole)
        return (1 - part) * _higher(new, whole) + part * _higher(new, whole + 1)

    # --- whether it agrees ------------------------------------------------------------------

    def judged(self, place: Place, start: int, end: int) -> tuple[Flags, Flags]:
        """(agrees, differs) of each hop from start to end; neither where nothing can be said."""
        laid, new = self._laid(place.way), self._turned(place.way)
        at = laid.at + place.shift
        inside = (at >= start) & (at < end)
        good, bad = np.zeros(self.hops, bool), np.zeros(self.hops, bool)
        if not inside.any():
            return good, bad
        old, levels, at = laid.values[inside], laid.levels[inside], at[inside]
        # One registered frame stands for the hops up to the next.
        apart = math.ceil(self._step / place.way.speed)
        first, last = max(start, int(at[0]) - apart), min(end, int(at[-1]) + apart)
        seen, seen_levels = new[at], self._new_levels[at]
        per_hop = np.zeros((7, last - first))
        per_hop[:, at - first] = (
            (old * seen).sum(axis=1),
            np.square(old).sum(axis=1),
            np.square(seen).sum(axis=1),
            np.ones(len(at)),
            levels,
            np.square(levels),
            self._gone(levels, seen_levels),
        )
        both, olds, news, hits, level, squares, _ = _windows(per_hop)
        gone = _windows(per_hop[6:], apart)[0] > 0.0
        agreement = both / np.sqrt(np.maximum(olds * news, 1e-6))
        told_old, told_new = olds / (hits * VALUES), news / (hits * VALUES)
        most_told = np.maximum(told_old, told_new)
        enough = AGREEMENT if place.way.speed == 1.0 else OTHER_SPEED
        fits = (agreement >= enough) & (most_told >= TELLING) & ~gone
        even = _even(np.stack([level, squares, hits]), self._old_levels)
        nothing = (even | (told_old < TELLING)) & ((told_new < TELLING) | self._noise()[first:last])
        good[first:last] = fits
        bad[first:last] = ~fits & (gone | (most_told >= 2.0 * TELLING) & ~nothing)
        beyond = self.telling()
        beyond[first : self.hops if self._cut else last] = False
        beyond[:start] = beyond[end:] = False
        return good, bad | beyond

    def telling(self) -> Flags:
        """Where the copy has sound that says anything."""
        return _telling(self._new, WIDE) & ~self._noise()

    def sounding(self) -> int:
        """Hops of the copy that are not silent."""
        return int((self._new_levels >= SILENT_DB).sum())

    def longest_even(self) -> int:
        """The longest stretch, in hops, of which the registered values say nothing."""
        return longest(~_telling(self._old, WIDE // self._step)) * self._step

    def _noise(self) -> Flags:
        """Where the copy has noise alone."""
        level = self._new_levels.astype(np.float64)
        return _even(_windows(np.stack([level, level**2, np.ones_like(level)])), level)

    def _gone(self, levels: Floats, seen: Floats) -> Flags:
        """Where the registered sound can be heard and the copy has been muted."""
        loud = float(np.quantile(self._old_levels, LOUD))
        heard = levels >= max(SILENT_DB, loud - 2.0 * UNDER_DB)
        if not heard.any():
            return np.asarray(heard)
        quieter = levels - seen
        return np.asarray(heard & (quieter >= float(np.median(quieter[heard])) + GONE_DB))


def runs(chosen: Flags, joined: Flags, least: int) -> list[tuple[int, int]]:
    """Runs (start, end) of ``joined``, each cut to its first and last that is ``chosen``; it must
    hold ``least`` of those."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8)))
    found = []
    for start, end in edges.reshape(-1, 2):
        inside = np.flatnonzero(chosen[start:end])
        if len(inside) >= least:
            found.append((int(start + inside[0]), int(start + inside[-1]) + 1))
    return found


def longest(chosen: Flags) -> int:
    """The length of the longest run."""
    return max((end - start for start, end in runs(chosen, chosen, 1)), default=0)


def _over(values: Floats, times: float, apart: int) -> Floats:
    """Changes over ``times`` the time: each with parts of those before and after it."""
    part = np.float32((times - 1.0) / 2.0)
    wide = values.copy()
    wide[apart:] += part * values[:-apart]
    wide[:-apart] += part * values[apart:]
    return wide


def _higher(values: Floats, bands: int) -> Floats:
    """Values of so many bands further up, 0 beyond the last."""
    moved = np.zeros_like(values)
    if 0 <= bands < VALUES:
        moved[:, : VALUES - bands] = values[:, bands:]
    elif -VALUES < bands < 0:
        moved[:, -bands:] = values[:, :bands]
    return moved


def _even(level: _Sums, levels: NDArray[Any]) -> Flags:
    """Whether a level, as (sums of it, of its square, of ones) around, is that of quiet noise."""
    sums, squares, count = level
    mean = sums / count
    spread = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return np.asarray((spread <= FLAT_DB) & (mean <= float(np.quantile(levels, LOUD)) - UNDER_DB))


def _telling(values: Floats, wide: int) -> Flags:
    """Where the values around say anything."""
    if not len(values):
        return np.zeros(0, bool)
    squares = np.square(values).mean(axis=1, dtype=np.float64)[None]
    wide = max(1, min(wide, len(values)))
    return np.asarray(_windows(squares, wide)[0] / wide >= 2.0 * TELLING)


def _windows(per_hop: _Sums, wide: int = WIDE) -> _Sums:
    """Sums over the hops around each hop; at the ends, over as many hops there."""
    count = per_hop.shape[1]
    wide = min(wide, count)
    sums = np.concatenate([np.zeros((len(per_hop), 1)), np.cumsum(per_hop, axis=1)], axis=1)
    start = np.clip(np.arange(count) - wide // 2, 0, count - wide)
    return np.asarray(sums[:, start + wide] - sums[:, start])
