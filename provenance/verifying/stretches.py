"""Finds in stretches of time: what is left of them, and finds of one stamp put together.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provenance.results import Detection, Segment
from provenance.results.picture import joined


def filled(
    segments: Sequence[Segment], stretches: Sequence[tuple[float, float]]
) -> tuple[Segment, ...]:
    """Segments, and between them unknown ones: nothing was read there, and no more is known."""
    told: list[Segment] = []
    for start, end in stretches:
        at = start
        for segment in segments:
            if start <= segment.start < end:
                told += [Segment(at, segment.start, "unknown", 0.0), segment]
                at = segment.end
        told.append(Segment(at, end, "unknown", 0.0))
    return tuple(joined(told))


def heard_to(found: Detection, last: float) -> Detection:
    """A find of a file whose end is missing: of what lies behind its last frame nothing is known.

    Args:
        found: told of the length that the file promises.
        last: seconds at which its last frame is shown.
    """
    kept = [replace(s, end=min(s.end, last)) for s in found.segments if s.start < last]
    end = max((segment.end for segment in found.segments), default=last)
    beyond = Segment(last, end, "unknown", 0.0)
    return replace(found, segments=tuple(joined([*kept, beyond])))


def strength(found: Detection) -> float:
    """A find's score, 0 where nothing was read."""
    return found.score or 0.0


def together(one: Detection, other: Detection) -> Detection:
    """Two finds of one stamp in different stretches of time: the stronger, in both."""
    segments = sorted((*one.segments, *other.segments), key=lambda s: s.start)
    frames = one.frames + other.frames
    return replace(max(one, other, key=strength), segments=tuple(segments), frames=frames)


def unmarked(
    stretches: Sequence[tuple[float, float]], found: Detection
) -> list[tuple[float, float]]:
    """What of stretches a find does not mark."""
    marked = [s for s in found.segments if s.status == "marked"]
    for mark in marked:
        stretches = [
            part
            for start, end in stretches
            for part in ((start, min(end, mark.start)), (max(start, mark.end), end))
            if part[1] > part[0]
        ]
    merged: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
