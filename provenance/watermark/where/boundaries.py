"""Step 13, a second look at the timeline: settle what was unknown, find the changes.

The first look has a few frames a second, or a few a minute.  Where its spans disagree, short runs
of frames are read again: a run in each stretch that said nothing, runs that halve the time between
a marked and an unmarked stretch, and then every frame around the change.  How many is bounded,
and a clip that is marked throughout is not looked at again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from provenance.results import Segment, SegmentStatus
from provenance.results.picture import joined
from provenance.watermark.arrays import Luma
from provenance.watermark.picture.geometry import Sight
from provenance.watermark.picture.observation import Observation
from provenance.watermark.pilot import fitting
from provenance.watermark.read.reading import Reading
from provenance.watermark.where.timeline import MARKED, SILENT, status_of, tolerated

Seen = tuple[Luma, float]
"""A frame's luma and its time, seconds."""
Look = Callable[[float, float, int], Iterable[Seen]]
"""Frames and their times from a second to another, at most so many, in order of time."""

RUN = 48
"""Frames of a short run."""
RUN_SECONDS = 2.0
RUNS = 40
FOR_CHANGES = 16
"""Runs that are kept for where the mark begins and ends."""
EXPECTED = 10.0
"""Deviations a run must have led one to expect before its silence counts as unmarked: less than of
a first look's span, since it is told from runs of as many frames in the same file."""
REFERENCES = 3
"""Runs of the marked time, of which the weakest says what to expect: behind a scene change a hard
encoder keeps three times as much of the mark as a second later."""
STRETCH = 5.0
"""Seconds of an unknown stretch that one run speaks for."""
CLOSE = 3.0
"""Seconds in which every frame is read."""
CHANGES = 8
RATE = 25.0
"""Frames a second that are enough around a change."""
EDGE = 0.25
"""Seconds by which a run stays clear of what lies beside its stretch."""
DOUBT = 4.5
"""Natural log-likelihood by which a place is worse than the best for the change to be ruled out
there: three deviations."""
APART = 2.0
"""Deviations by which the mean frame of the two sides of a change has to differ."""
SHORTEST = 0.5
"""Seconds from which an unmarked stretch is stated: an encoder starves the last frames of a clip,
and those before a key frame, of which no others are predicted."""
PLACED = 1.0
"""Seconds within which a change has to be sure to lie for its place to be stated."""


def settled(
    segments: tuple[Segment, ...], observation: Observation, reading: Reading, look: Look
) -> tuple[Segment, ...]:
    """Look again where neighbouring segments disagree.

    Args:
        segments: of the first look, in order of time.
        observation: the first look.
        reading: the codeword and how it lies.
        look: reads frames again.

    Returns:
        Segments of which fewer are unknown, and whose changes between marked and unmarked lie at
        the frame where they are likeliest, if that is sure within a second.
    """
    statuses = {segment.status for segment in segments}
    if "marked" not in statuses or len(statuses) == 1:
        return segments
    second = _SecondLook(observation, reading, look)
    return tolerated(second.run(segments), observation.spans, second.placed)


class _SecondLook:
    def __init__(self, observation: Observation, reading: Reading, look: Look) -> None:
        self._observation = observation
        self._reading = reading
        self._look = look
        self._runs = RUNS
        self._rate = 0.0
        self._stretches: list[tuple[float, float]] = []
        self.placed: dict[float, float] = {}
        """Seconds at which there is a change, and by how much each may be off."""

    def run(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        rates = [self._rate_in(*place) for place in references(segments)]
        # A first look's stretch may reach far beyond the mark: a run that shows none says nothing.
        self._rate = min((rate for rate in rates if rate > 0.0), default=0.0)
        parts: list[Segment] = []
        for segment in segments:
            parts += self._asked(segment) if segment.status == "unknown" else [segment]
        parts = joined(_surrounded(joined(parts)))
        for first, last in _changes(parts)[:CHANGES]:
            parts = self._placed(parts, first, last)
        return tuple(joined(_stated(joined(parts))))

    def _rate_in(self, start: float, end: float) -> float:
        """What a run in a marked stretch shows of the mark, for its room."""
        value, room = self._seen((start, end))
        if value < MARKED:
            return 0.0
        # A correlation cannot grow beyond a cosine of one; the score C = z^2 / (1 - cos^2) can.
        cosine = min(value / float(np.sqrt(self._reading.codeword.size)), 0.99)
        return value / float(np.sqrt(1.0 - cosine**2)) / room if room else 0.0

    def _asked(self, segment: Segment) -> list[Segment]:
        """An unknown stretch in parts, each settled by runs of frames where they decide."""
        length = segment.end - segment.start
        count = min(max(1, round(length / STRETCH)), self._runs - FOR_CHANGES)
        if count < 1:
            return [segment]
        edges = np.linspace(segment.start, segment.end, count + 1)
        parts = []
        for start, end in itertools.pairwise(float(edge) for edge in edges):
            value, status = self._status(start, end)
            parts.append(Segment(start, end, status, value))
            self._stretches.append((start, end))
        return parts

    def _status(self, start: float, end: float) -> tuple[float, SegmentStatus]:
        """(deviations, status) of a stretch, from a run in its middle, or three if that decides.

        Only what is silent, but promised too little for that to mean anything, gets them.
        """
        third = (end - start) / 3.0
        value, room = self._seen(_middle(start, end))
        again = EXPECTED / np.sqrt(3.0) <= self._rate * room < EXPECTED
        if value < SILENT and again and third >= RUN_SECONDS / 2.0 and self._runs > FOR_CHANGES:
            places = (_middle(start + k * third, start + (k + 1) * third) for k in range(3))
            value, room = self._seen(*places)
        return value, status_of(value, self._rate * room, EXPECTED)

    def _seen(self, *places: tuple[float, float]) -> tuple[float, float]:
        """(deviations, room for a mark) of runs of frames; the map may have moved on a little."""
        part = self._observation.empty()
        for start, end in places:
            self._runs -= 1
            for luma, time in self._look(start, end, RUN):
                part.add(luma, time)
        if not part.frames:
            return 0.0, 0.0
        plane, reading = part.upright(), self._reading
        room = sum(span.room * span.frames for span in part.spans) / float(np.sqrt(part.frames))
        value = reading.deviations(plane)
        if value < MARKED and self._rate * room >= MARKED:
            fitted, _ = fitting.fit(
                Sight(plane), reading.matrix, reading.layout, reading.polarity, (8, 8)
            )
            value = max(value, reading.deviations(plane, fitted))
        return value, room

    def _placed(self, parts: list[Segment], first: int, last: int) -> list[Segment]:
        """Find the change between two parts, of which one is marked and the other is not."""
        before, after = parts[first], parts[last]
        spans = self._observation.spans
        # The span or stretch that ends one part, or that begins the other, may hold the change.
        low = max((s.start for s in spans if s.start < before.end), default=before.start)
        high = min((s.end for s in spans if s.end >= after.start), default=after.end)
        for start, end in self._stretches:
            low = min(low, start) if abs(end - before.end) < EDGE else low
            high = max(high, end) if abs(start - after.start) < EDGE else high
        low, high = max(low, before.start), min(high, after.end)
        while high - low > CLOSE and self._runs > 0:
            middle = (low + high) / 2.0
            half = RUN_SECONDS / 2.0
            value, room = self._seen((middle - half, middle + half))
            if self._rate * room < MARKED:
                break
            # Both ends are settled already: it can only be nearer to one or to the other, or
            # within the run.
            marked = value >= self._rate * room / 2.0 or value >= MARKED
            if marked == (before.status == "marked"):
                low = middle - half
            else:
                high = middle + half
        if high - low > 2.0 * CLOSE:
            return parts
        low, high = max(before.start, low - EDGE), min(after.end, high + EDGE)
        values, times = [], []
        for luma, time in self._look(low, high, round(RATE * (high - low)) + 1):
            part = self._observation.empty()
            part.add(luma, time)
            values.append(self._reading.deviations(part.upright()))
            times.append(time)
        if before.status != "marked":
            values.reverse()
        at = change_point(np.array(values))
        if at is None:
            return parts
        bounds = [*times, high]
        early, likely, late = at
        if before.status != "marked":
            early, likely, late = (len(values) - index for index in (late, likely, early))
        if bounds[late] - bounds[early] > PLACED:
            # Somewhere in here: the part between stays unknown.
            between = Segment(bounds[early], bounds[late], "unknown", 0.0)
        else:
            between = Segment(bounds[likely], bounds[likely], "unknown", 0.0)
        doubt = max(bounds[likely] - bounds[early], bounds[late] - bounds[likely])
        self.placed |= {between.start: doubt, between.end: doubt}
        kept = [replace(before, end=between.start), between, replace(after, start=between.end)]
        return [*parts[:first], *kept, *parts[last + 1 :]]


def change_point(values: NDArray[np.float64]) -> tuple[int, int, int] | None:
    """Where a row of frames stops carrying the mark.

    Frame by frame the correlation is normal with deviation one; its mean is zero without the mark
    and some unknown positive value with it.  The likelihood of "the first k carry it" is then, but
    for a constant, ``max(0, sum of the first k)^2 / 2 k``.  In a still picture the frames' noise is
    one and the same, and the mean without the mark may lie off zero by one deviation: the two
    sides have to lie further apart than that.

    Args:
        values: (n,) deviations of each frame, the marked side first.

    Returns:
        The least, the likeliest and the largest number of leading frames that carry the mark;
        None when nothing tells that any does.
    """
    if not values.size:
        return None
    counts = np.arange(1, values.size + 1)
    likelihood = np.maximum(np.cumsum(values), 0.0) ** 2 / (2.0 * counts)
    likely = int(np.argmax(likelihood))
    other = values[likely + 1 :]
    apart = values[: likely + 1].mean() - (other.mean() if other.size else 0.0)
    if likelihood[likely] < MARKED**2 / 2.0 or apart < APART:
        return None
    possible = counts[likelihood >= likelihood[likely] - DOUBT]
    return int(possible.min()), int(counts[likely]), int(possible.max())


def _surrounded(parts: list[Segment]) -> list[Segment]:
    """Silent parts with nothing but unmarked ones beside them are unmarked too."""

    def silent(index: int) -> bool:
        beside = parts[max(index - 1, 0) : index] + parts[index + 1 : index + 2]
        alone = bool(beside) and all(other.status == "unmarked" for other in beside)
        return parts[index].status == "unknown" and parts[index].score < SILENT and alone

    return [
        replace(part, status="unmarked") if silent(index) else part
        for index, part in enumerate(parts)
    ]


def _stated(parts: list[Segment]) -> list[Segment]:
    """What is too short to be called unmarked is unknown."""
    return [
        replace(part, status="unknown")
        if part.status == "unmarked" and part.end - part.start < SHORTEST
        else part
        for part in parts
    ]


def _changes(parts: list[Segment]) -> list[tuple[int, int]]:
    """Pairs of a marked and an unmarked part, next to each other or with an unknown one between.

    Last first, so that replacing one leaves the places of the others.
    """
    pairs = []
    for first in range(len(parts) - 1):
        last = first + 1
        if parts[last].status == "unknown" and last + 1 < len(parts):
            last += 1
        if {parts[first].status, parts[last].status} == {"marked", "unmarked"}:
            pairs.append((first, last))
    return pairs[::-1]


def references(segments: tuple[Segment, ...]) -> list[tuple[float, float]]:
    """(start, end) of up to :data:`REFERENCES` runs, seconds, spread over the marked time."""
    marked = [segment for segment in segments if segment.status == "marked"]
    lengths = np.array([segment.end - segment.start for segment in marked])
    count = int(np.clip(lengths.sum() / (2.0 * EDGE), 1, REFERENCES))
    # The longest stretches are cut in parts until there are enough of them.
    parts = np.ones(len(marked), int)
    while parts.sum() < count:
        parts[int(np.argmax(lengths / parts))] += 1
    places = []
    for index in np.argsort(-lengths / parts, kind="stable")[:count]:
        edges = np.linspace(marked[index].start, marked[index].end, parts[index] + 1)
        places += [_middle(float(a), float(b)) for a, b in itertools.pairwise(edges)]
    return places[:count]


def _middle(start: float, end: float) -> tuple[float, float]:
    """At most two seconds in the middle of a stretch, clear of its edges where it can be."""
    middle = (start + end) / 2.0
    half = min(RUN_SECONDS / 2.0, max((end - start) / 2.0 - EDGE, (end - start) / 4.0))
    return middle - half, middle + half
