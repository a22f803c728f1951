"""Step 10: which seconds carry the mark, once it is known what to look for and where."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from provenance.results import Segment, SegmentStatus
from provenance.results.picture import joined
from provenance.watermark.picture.geometry import Sight
from provenance.watermark.picture.observation import Observation, Span
from provenance.watermark.pilot import fitting
from provenance.watermark.read.reading import Reading
from provenance.watermark.trace import Trace, silent

MARKED = 4.0
"""Deviations of a span's correlation from which it counts as marked: 3e-5 by chance, a span."""
EXPECTED = 14.0
"""Deviations a span must have led one to expect before its silence counts as unmarked.  Much more
than MARKED, since a hard encoder keeps the mark in one half second and drops it in the next: on
honest 360p copies spans that promised 8 gave anything from 0 to 17."""
SILENT = 2.5
WEAK = 0.25
"""Share of the marked spans that may hold less of the mark, for its room, than is expected."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What was said of a clip's stretches of time.

    Attributes:
        segments: in order of time, neighbours of one status joined.
        carriers: spans that carry the mark at the very map (all, when none shows it by itself).
    """

    segments: tuple[Segment, ...]
    carriers: list[Span]

    @property
    def throughout(self) -> bool:
        """Whether every second is marked."""
        return all(segment.status == "marked" for segment in self.segments)

    @property
    def marked(self) -> float:
        """Marked seconds."""
        return sum(s.end - s.start for s in self.segments if s.status == "marked")

    def without_silence(self) -> tuple[Segment, ...]:
        """The segments, with those unknown that were called unmarked."""
        return tuple(
            joined(
                [
                    replace(s, status="unknown") if s.status == "unmarked" else s
                    for s in self.segments
                ]
            )
        )


def timeline(observation: Observation, reading: Reading, trace: Trace = silent) -> Timeline:
    """Say of each span whether it carries a codeword that was found.

    The correlation of a span's soft bits with a known codeword is, without a mark, a standard
    normal; with one, about what the other spans show, scaled by frames and by room for a mark.
    Only a span that should have shown clearly and did not, also after fitting its own map (a slow
    zoom moves on from span to span), is called unmarked.

    Args:
        observation: what was seen of the clip.
        reading: the codeword and how it lies.
        trace: is told of each span.
    """
    spans = observation.spans
    planes = [observation.upright([span]) for span in spans]
    found = [reading.deviations(plane) for plane in planes]
    room = np.array([span.room * np.sqrt(span.frames) for span in spans])
    marked = (np.array(found) >= MARKED) & (room > 0)
    rate = float(np.quantile(np.array(found)[marked] / room[marked], WEAK)) if any(marked) else 0.0
    carriers = [span for span, value in zip(spans, found, strict=True) if value >= MARKED]
    best = int(np.argmax(found))
    for way in (range(best + 1, len(spans)), range(best - 1, -1, -1)):
        nearby = reading.matrix
        for index in way:
            if found[index] >= MARKED or rate * room[index] < EXPECTED:
                continue
            fitted, _ = fitting.fit(
                Sight(planes[index]), nearby, reading.layout, reading.polarity, (8, 8)
            )
            value = reading.deviations(planes[index], fitted)
            if value >= MARKED:
                found[index], nearby = value, fitted
    statuses = [
        status_of(value, rate * float(least)) for value, least in zip(found, room, strict=True)
    ]
    trace("spans", deviations=found, room=room, statuses=statuses)
    told = _joined(list(zip(spans, found, statuses, strict=True)), observation.end)
    return Timeline(tolerated(told, spans, {}), carriers or spans)


def status_of(value: float, anticipated: float, least: float = EXPECTED) -> SegmentStatus:
    """The status of frames that show ``value`` deviations, where a mark would have given others."""
    if value >= MARKED:
        return "marked"
    if value < SILENT and anticipated >= least:
        return "unmarked"
    return "unknown"


def _joined(
    raw: list[tuple[Span, float, SegmentStatus]], end_of_clip: float
) -> tuple[Segment, ...]:
    """Join neighbouring spans of one status; a span reaches to where the next one starts."""
    told: list[Segment] = []
    for index, (span, value, status) in enumerate(raw):
        end = raw[index + 1][0].start if index + 1 < len(raw) else end_of_clip
        last = told[-1] if told else None
        if last is not None and last.status == status:
            told[-1] = Segment(last.start, end, status, max(last.score, value))
        else:
            told.append(Segment(span.start, end, status, value))
    return tuple(told)


def tolerated(
    segments: tuple[Segment, ...], spans: list[Span], placed: Mapping[float, float]
) -> tuple[Segment, ...]:
    """Segments with their tolerances.

    Args:
        segments: in order of time.
        spans: of the first look: a change that was not looked at again lies somewhere in one.
        placed: seconds of the changes that were, and by how much each may be off.
    """
    edges = [*(span.start for span in spans), spans[-1].end]

    def doubt(time: float) -> float:
        if time in placed:
            return placed[time]
        at = bisect_right(edges, time)
        around = edges[max(at - 2, 0) : at + 1]
        return max((later - earlier for earlier, later in pairwise(around)), default=0.0)

    inner = [0.0, *(doubt(segment.start) for segment in segments[1:]), 0.0]
    return tuple(
        replace(segment, tolerance_s=max(inner[index : index + 2]))
        for index, segment in enumerate(segments)
    )
