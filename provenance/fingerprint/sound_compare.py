"""Is a clip's sound the one that was registered, and where is it not?

1. The two are laid onto each other where they agree best (:mod:`.sound_places`); where that is not
   good, at other speeds too, and backwards.
2. The place counts only where chance would hardly give one as good, everything considered that was
   tried.
3. Then every two seconds must agree for themselves.  Stretches that don't are laid on again by
   themselves, since a copy may be cut: what fits nowhere differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.sound import MIDDLE, STEP_SECONDS, SoundPrint
from provenance.fingerprint.sound_places import (
    FORWARD,
    SILENT_DB,
    WAYS,
    WIDE,
    Pair,
    Place,
    longest,
    runs,
)

SoundStatus = Literal["same", "differs", "silent", "missing", "added", "not_compared"]

CHANCE = 1e-6
"""What a place may be given by chance with."""
LEAST_CHANCE = 1e-12
"""No bound that rests on a measured factor is stated lower."""
ENOUGH = 0.5
"""Share that has to agree at the first place, or other speeds are tried."""
LEAST_SECONDS = 1.5
"""Of sound that says anything, to compare any."""
TOO_LITTLE: Final = "there is too little sound to compare"
RUN: Final = round(1.0 / STEP_SECONDS)
"""Hops that have to differ together before they are named."""
EXCERPT: Final = round(120.0 / STEP_SECONDS)
"""Hops of a long clip that are tried at other speeds: those that say most."""
_SEARCHES, _WORK = 64, 1 << 25
"""How often stretches are laid on again, and how much that may cost in all."""


@dataclass(frozen=True, slots=True)
class SoundPiece:
    """A stretch of the seen clip, in seconds, and the registered second that it begins at."""

    start: float
    end: float
    registered: float


@dataclass(frozen=True, slots=True)
class SoundComparison:
    """What came of it.

    Attributes:
        status: "same" and "differs" where both have a sound; "silent": neither has; "missing":
            there was one, and the copy has none; "added": there was none; "not_compared".
        share: of the copy's time that says anything, how much agrees; None when not compared.
        differing: stretches (start, end), in seconds of the seen clip, that fit nowhere.
        offset: registered second at the seen clip's second 0, of its longest piece.
        speed: of the copy: 2.0 is twice as fast.
        reversed: it plays backwards.
        pieces: where each stretch that agrees comes from, in order of time; more than one when the
            sound was cut.
        false_match: a bound for the chance that another sound agrees like this somewhere.
        tracks: sound tracks of the copy; one is compared, its default or else its first.
        reason: why not compared, or what else is to be said.
    """

    status: SoundStatus
    share: float | None = None
    differing: tuple[tuple[float, float], ...] = ()
    offset: float | None = None
    speed: float = 1.0
    reversed: bool = False
    pieces: tuple[SoundPiece, ...] = ()
    false_match: float | None = None
    tracks: int = 0
    reason: str | None = None


def compare_sound(registered: bytes, seen: bytes) -> SoundComparison:
    """Compare the sound that was registered with that of a copy.

    Args:
        registered: :attr:`provenance.fingerprint.Fingerprint.sound`; empty when none was taken.
        seen: the same of the copy, with every frame (``dense``).
    """
    if not registered:
        return SoundComparison("not_compared", reason="no sound was registered")
    if not seen:
        return SoundComparison("not_compared", reason="the copy's sound was not taken")
    try:
        before, now = SoundPrint.from_bytes(registered), SoundPrint.from_bytes(seen)
    except ValueError:
        why = "the registered sound is of another release"
        return SoundComparison("not_compared", reason=why)
    for what, sound in (("registered", before), ("copy's", now)):
        if sound.damaged and not sound.count:
            why = f"the {what} sound does not decode"
            return SoundComparison("not_compared", tracks=now.tracks, reason=why)
    return _without(before, now) or _Matching(before, now).comparison()


def _without(registered: SoundPrint, seen: SoundPrint) -> SoundComparison | None:
    """The answer where one of the two has no sound."""
    before, now = _sounding(registered), _sounding(seen)
    if before and now:
        return None
    tracks = seen.tracks
    if now:
        return SoundComparison("added", tracks=tracks, reason="there was no sound when stamped")
    if not before:
        return SoundComparison("silent", tracks=tracks)
    if tracks and not seen.count:
        return SoundComparison("not_compared", tracks=tracks, reason=TOO_LITTLE)
    silence = longest(registered.levels() < SILENT_DB) * registered.step
    if tracks and silence >= seen.count * seen.step:
        why = "the registered sound is silent for as long, in places"
        return SoundComparison("silent", tracks=tracks, reason=why)
    why = "the copy's sound is silent" if tracks else "the copy has no sound track"
    return SoundComparison("missing", tracks=tracks, reason=why)


def _sounding(sound: SoundPrint) -> bool:
    return bool(sound.count) and float(sound.levels().max()) >= SILENT_DB


class _Matching:
    """One comparison: lay on, judge, lay on again what differs."""

    def __init__(self, registered: SoundPrint, seen: SoundPrint) -> None:
        self._seen = seen
        self._pair = Pair(registered, seen)
        self._cut = seen.cut or registered.cut
        hops = self._pair.hops
        self._places: list[Place] = []
        self._source = np.full(hops, -1)
        self._good = np.zeros(hops, bool)
        self._bad = self._pair.telling()

    def comparison(self) -> SoundComparison:
        """What comes of it."""
        if self._bad.sum() * STEP_SECONDS < LEAST_SECONDS:
            return self._too_little()
        first = self._first()
        if first is not None:
            self._places.append(first)
            self._good, self._bad = self._pair.judged(first, 0, self._pair.hops)
            self._source[self._good] = 0
            self._lay_on_again(first)
        return self._told()

    def _first(self) -> Place | None:
        """The place of most of the copy; None when chance would give one as good."""
        pair = self._pair
        place = pair.best([FORWARD], 0, pair.hops)
        if place is not None and pair.chance(place) <= CHANCE:
            good, bad = pair.judged(place, 0, pair.hops)
            if good.sum() >= ENOUGH * (good.sum() + bad.sum()):
                return place
        other = pair.best(WAYS, *pair.richest(EXCERPT))
        best = max(
            (each for each in (place, other) if each is not None),
            key=lambda each: each.strength,
            default=None,
        )
        return best if best is not None and pair.chance(best) <= CHANCE else None

    def _lay_on_again(self, first: Place) -> None:
        pair = self._pair
        waiting = runs(self._bad, ~self._good, WIDE)
        for _ in range(_SEARCHES):
            if not waiting or pair.work > _WORK:
                break
            start, end = waiting.pop(0)
            place = pair.best({first.way, FORWARD}, start, end)
            if place is None or pair.chance(place) > CHANCE:
                continue
            fits, _ = pair.judged(place, start, end)
            if 2 * fits.sum() < RUN:
                continue
            self._source[fits] = len(self._places)
            self._places.append(place)
            self._good |= fits
            self._bad &= ~fits
            left = self._bad.copy()
            left[:start] = left[end:] = False
            waiting += runs(left, ~self._good, WIDE)

    def _told(self) -> SoundComparison:
        good, bad = int(self._good.sum()), int(self._bad.sum())
        if not good + bad:
            return self._too_little()
        differing = tuple(self._span(*run) for run in runs(self._bad, ~self._good, RUN))
        pieces = sorted(self._pieces(), key=lambda piece: piece.start)
        main = self._main()
        notes = []
        if self._seen.damaged:
            notes.append("part of the copy's sound does not decode")
        if self._cut:
            notes.append("only its beginning was heard, since it is very long or slow to decode")
        return SoundComparison(
            "differs" if differing else "same",
            share=good / (good + bad),
            differing=differing,
            offset=None if main is None else self._pair.origin(main, 0.0),
            speed=1.0 if main is None else main.way.speed,
            reversed=main is not None and main.way.reversed,
            pieces=tuple(pieces),
            false_match=None if main is None else max(LEAST_CHANCE, self._pair.chance(main)),
            tracks=self._seen.tracks,
            reason="; ".join(notes) or None,
        )

    def _main(self) -> Place | None:
        """The place of the longest part of the copy."""
        lengths = [int((self._source == number).sum()) for number in range(len(self._places))]
        return self._places[int(np.argmax(lengths))] if lengths else None

    def _pieces(self) -> list[SoundPiece]:
        found = []
        for number, place in enumerate(self._places):
            mine: NDArray[np.bool_] = self._source == number
            for start, end in runs(mine, mine | (self._source < 0), 1):
                begin, stop = self._span(start, end)
                found.append(SoundPiece(begin, stop, self._pair.origin(place, begin)))
        return found

    def _too_little(self) -> SoundComparison:
        """The copy has nothing that tells: the same, if the registered has as long a stretch."""
        sounding = self._pair.sounding()
        tracks = self._seen.tracks
        if sounding * STEP_SECONDS < LEAST_SECONDS:
            return SoundComparison("not_compared", tracks=tracks, reason=TOO_LITTLE)
        if self._pair.longest_even() >= sounding - RUN:
            why = "the sound is too even to be compared"
            return SoundComparison("not_compared", tracks=tracks, reason=why)
        whole = (self._span(0, self._pair.hops),)
        return SoundComparison("differs", share=0.0, differing=whole, tracks=tracks)

    def _span(self, start: int, end: int) -> tuple[float, float]:
        """Seconds of the copy; what lies outside of its hops' middles belongs to the outer ones."""
        begin = 0.0 if start == 0 else MIDDLE + start * STEP_SECONDS
        stop = MIDDLE + end * STEP_SECONDS + (MIDDLE if end == self._pair.hops else 0.0)
        return round(begin, 3), round(stop, 3)
