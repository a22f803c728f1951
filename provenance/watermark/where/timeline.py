"""Which seconds carry the mark, once it is known what to look for and where."""

from __future__ import annotations

import numpy as np

from provenance.results import Segment, SegmentStatus
from provenance.watermark.picture.observation import Observation, Span
from provenance.watermark.pilot import fitting
from provenance.watermark.read.reading import Reading

MARKED = 4.0
"""Deviations of a span's correlation from which it counts as marked: 3e-5 by chance, a span."""
EXPECTED = 14.0
"""Deviations a span must have led one to expect before its silence counts as unmarked.  Much more
than MARKED, since a hard encoder keeps the mark in one half second and drops it in the next: on
honest 360p copies spans that promised 8 gave anything from 0 to 17."""
SILENT = 2.5
WEAK = 0.25
"""Share of the marked spans that may hold less of the mark, for its room, than is expected."""


def segments(observation: Observation, reading: Reading) -> tuple[tuple[Segment, ...], list[Span]]:
    """Say of each span whether it carries a codeword that was found.

    The correlation of a span's soft bits with a known codeword is, without a mark, a standard
    normal; with one, about what the other spans show, scaled by frames and by room for a mark.
    Only a span that should have shown clearly and did not, also after fitting its own map (a slow
    zoom moves on from span to span), is called unmarked.

    Args:
        observation: what was seen of the clip.
        reading: the codeword and how it lies.

    Returns:
        The stretches of time, neighbours of one status joined; and the spans that carry the
        mark at the very map (all, when no span shows it by itself).
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
            fitted, _ = fitting.fit(planes[index], nearby, reading.layout, reading.polarity, (8, 8))
            value = reading.deviations(planes[index], fitted)
            if value >= MARKED:
                found[index], nearby = value, fitted
    statuses = [
        status_of(value, rate * float(least)) for value, least in zip(found, room, strict=True)
    ]
    joined = _joined(list(zip(spans, found, statuses, strict=True)), observation.end)
    return joined, carriers or spans


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
    joined: list[Segment] = []
    for index, (span, value, status) in enumerate(raw):
        end = raw[index + 1][0].start if index + 1 < len(raw) else end_of_clip
        last = joined[-1] if joined else None
        if last is not None and last.status == status:
            joined[-1] = Segment(last.start, end, status, max(last.score, value))
        else:
            joined.append(Segment(span.start, end, status, value))
    return tuple(joined)
