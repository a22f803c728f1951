"""What a detector keeps of a clip: sums of residuals, a few dozen at most, however long it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Luma, Plane
from provenance.watermark.code.grid import Grid
from provenance.watermark.picture.hiding import Hiding
from provenance.watermark.picture.mask import mask
from provenance.watermark.picture.pieces import Pieces
from provenance.watermark.picture.residual import canonical, level, whitening

ROOM = Hiding(strength=1.0, base=0.77, shadow=0.6)
"""What a reader takes a mark to be like, in grey levels, whatever profile it was made with: only
how places compare counts.  Not an embedding profile: tuning one must change nothing here."""
MAX_SPANS = 32
FIRST_SPAN = 0.5
COARSE = 8
"""Canonical pixels between the samples of what varies slowly over the picture."""


@dataclass(slots=True)
class Span:
    """The frames of one stretch of time.

    Attributes:
        start, end: presentation seconds of its first frame and just past its last.
        frames: how many frames were added.
        total: (h, w) float32 sum of their residuals, as coded (not turned upright).
        holds: what its first frame can hold.
    """

    start: float
    end: float
    frames: int
    total: Plane
    holds: Holds

    @property
    def room(self) -> float:
        """How much mark its first frame can hold, relative to its own noise."""
        return self.holds.values[0]

    @property
    def places(self) -> Plane:
        """(h / 8, w / 8, 2) of the same frame: a mark's amplitude in the residual, and the
        residual's power."""
        return self.holds.values[1]


class Holds:
    """What a picture can hold of a mark: worked out when it is asked for, which is after a find.

    Args:
        work: gives :attr:`Span.room` and :attr:`Span.places`.
    """

    def __init__(self, work: Callable[[], tuple[float, Plane]]) -> None:
        self._work = work

    @classmethod
    def of(cls, picture: Plane, window: Plane | None) -> Holds:
        """Of a canonical picture (h, w), looked at through a window."""
        # Half precision is a tenth of a grey level, and half the memory of a few dozen pictures.
        return cls(partial(_held, picture.astype(np.float16), window))

    @cached_property
    def values(self) -> tuple[float, Plane]:
        """Room and places."""
        return self._work()

    def mixed(self, other: Holds, share: float) -> Holds:
        """Between two pictures: ``share`` of the other."""
        (room, places), (more, others) = self.values, other.values
        both = room + (more - room) * share, places + (others - places) * np.float32(share)
        return Holds(lambda: both)


def _held(seen: NDArray[np.float16], window: Plane | None) -> tuple[float, Plane]:
    picture = seen.astype(np.float32)
    high, weight = whitening(picture)
    if window is not None:
        weight *= window
    amplitude = mask(picture, ROOM, picture.shape[1], picture.shape[0]) * weight
    change = high * weight
    return float(np.sqrt(np.mean(amplitude * amplitude))), _coarse(amplitude, change * change)


class Observation:
    """Sums of the residuals of the frames seen so far.

    Args:
        grid: size, pixel aspect and rotation of the coded picture.
        depth: bits a luma sample.
        duration: seconds of the whole clip, if known; only sets how finely time is kept apart.
        window: (h, w) of the coded picture on the canonical grid: how much of each place is looked
            at, 0 to 1; default: all of it.
    """

    def __init__(
        self,
        grid: Grid,
        depth: int = 8,
        duration: float | None = None,
        window: Plane | None = None,
    ) -> None:
        self.grid = grid
        self.window = window
        self.frames = 0
        self.times: set[float] = set()
        self._depth = depth
        self._duration = duration
        # A stretch begins anywhere, and reaches into one span more than it is long.
        self._span = max(FIRST_SPAN, (duration or 0.0) / (MAX_SPANS - 1))
        self._spans: dict[int, Span] = {}
        self._pieces = Pieces()

    def add(self, luma: Luma, time: float = 0.0, whole: Observation | None = None) -> None:
        """Add one (H, W) luma plane shown at ``time`` seconds.

        ``whole``: an observation of the same picture over a longer time, which gets it as well
        unless it has that moment.
        """
        picture = canonical(luma, self.grid, self._depth)
        change, weight = whitening(picture)
        if self.window is not None:
            weight *= self.window
        change *= weight
        self._keep(picture, change, time)
        if whole is not None and time not in whole.times:
            whole._keep(picture, change.copy(), time)

    def _keep(self, picture: Plane, change: Plane, time: float) -> None:
        """Add a canonical picture's residual, which is then this observation's own."""
        self.frames += 1
        self.times.add(time)
        self._pieces.add(change, time)
        index = int(max(time, 0.0) / self._span)
        span = self._spans.get(index)
        if span is None:
            self._spans[index] = Span(time, time, 1, change, Holds.of(picture, self.window))
        else:
            span.total += change
            span.frames += 1
            span.start, span.end = min(span.start, time), max(span.end, time)
        if len(self._spans) > MAX_SPANS:
            self._merge()

    def _merge(self) -> None:
        """Join neighbours, so that the memory stays where it is."""
        self._span *= 2.0
        merged: dict[int, Span] = {}
        for index, span in sorted(self._spans.items()):
            other = merged.get(index // 2)
            if other is None:
                merged[index // 2] = span
                continue
            share = span.frames / (other.frames + span.frames)
            other.holds = other.holds.mixed(span.holds, share)
            other.total += span.total
            other.frames += span.frames
            other.end = span.end
        self._spans = merged

    def empty(self) -> Observation:
        """An observation of the same picture that has seen nothing yet."""
        return Observation(self.grid, self._depth, window=self.window)

    def places(self, spans: list[Span]) -> Plane:
        """(a, b, 2): what :class:`Span` says of places, mean over some spans, turned as shown."""
        frames = np.array([span.frames for span in spans])
        mean = np.average([span.places for span in spans], axis=0, weights=frames)
        return self.grid.upright(np.asarray(mean, np.float32))

    def summed(self, spans: list[Span]) -> Plane:
        """(h, w): the sum of the residuals of some spans, turned as shown."""
        return self.grid.upright(np.sum([span.total for span in spans], axis=0, dtype=np.float32))

    @property
    def spans(self) -> list[Span]:
        """The stretches of time, in order."""
        return [span for _, span in sorted(self._spans.items())]

    def moments(self) -> list[Plane]:
        """(h, w) each: the clip in short pieces, levelled and turned as shown, in order of time."""
        return [self.grid.upright(p.total * level(p.total)) for p in self._pieces]

    def steadied(self, moves: Sequence[NDArray[np.float64]]) -> Observation:
        """The same clip with each moment's picture moved, so that one map holds for all.

        Args:
            moves: for each of :meth:`moments` a projective map (3, 3) of upright canonical
                coordinates from the centre: from where a point is to where it shall be.
        """
        steady = Observation(self.grid, self._depth, self._duration, self.window)
        steady.frames, steady.times, steady._span = self.frames, self.times, self._span
        steady._spans = {
            index: replace(span, total=np.zeros_like(span.total))
            for index, span in self._spans.items()
        }
        known = sorted(steady._spans)
        for piece, move in zip(self._pieces, moves, strict=True):
            plane = self.grid.upright(piece.total)
            height, width = plane.shape
            middle = np.array([[1, 0, (width - 1) / 2.0], [0, 1, (height - 1) / 2.0], [0, 0, 1.0]])
            matrix = middle @ move @ np.linalg.inv(middle)
            moved = cv2.warpPerspective(plane, matrix, (width, height), flags=cv2.INTER_CUBIC)
            index = int(max(piece.start, 0.0) / self._span)
            nearest = min(known, key=lambda other: abs(other - index))
            steady._spans[nearest].total += self.grid.as_coded(np.asarray(moved, np.float32))
        return steady

    @property
    def end(self) -> float:
        """Seconds at which the clip ends, as far as is known."""
        latest = max((span.end for span in self._spans.values()), default=0.0)
        return max(latest, self._duration or 0.0)

    def upright(self, spans: list[Span] | None = None) -> Plane:
        """The levelled sum of residuals of some spans (all by default), turned as shown."""
        total = self.summed(self.spans if spans is None else spans)
        return total * level(total)


def _coarse(amplitude: Plane, power: Plane) -> Plane:
    height, width = (max(1, side // COARSE) for side in power.shape)
    planes = (
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
        for plane in (amplitude, power)
    )
    return np.asarray(np.dstack(tuple(planes)), np.float32)
