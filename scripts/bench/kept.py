"""A file and its copy, field by field: what differs, and whether that is on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np

from bench import kept_lengths, kept_said, kept_sound, kept_tags
from bench.kept_pair import Found, Pair

_OTHER: Final = 8.0
"""Mean difference of 8-bit luma from which on a frame shows something else, or a bad copy."""
_CLEARLY: Final = 0.5
"""By how much a frame has to be nearer to a neighbour to be taken for it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs; ``reason`` None: it is to be the same."""

    field: str
    before: str
    after: str
    reason: str | None


def differences(pair: Pair) -> list[Difference]:
    """Everything that differs."""
    found = [*_times(pair), *kept_said.said(pair), *kept_said.seen(pair), *_pictures(pair)]
    found += [*kept_lengths.lengths(pair), *kept_tags.tags(pair), *kept_tags.tracks(pair)]
    found += kept_sound.sounds(pair)
    return [Difference(f, short(a), short(b), reason) for f, a, b, reason in found]


def short(value: object) -> str:
    """A value for a table."""
    if isinstance(value, Fraction):
        return f"{float(value):.6f}".rstrip("0").rstrip(".")
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(short, value)) + ")"
    return "-" if value is None else str(value)


def _times(pair: Pair) -> Iterator[Found]:
    before, after = pair.before.shown, pair.after.shown
    first, start = before[0][0], after[0][0]
    if len(before) != len(after):
        begun = pair.cut and len(before) == len(after) + 1 and _starts_within(pair)
        yield "frames", len(before), len(after), "begun" if begun else None
        return
    if first != start:
        yield "start of the picture", first, start, pair.moved
    off = [(a - first, b - start) for (a, _), (b, _) in zip(before, after, strict=True)]
    off = [one for one in off if one[0] != one[1]]
    if off:
        worst = max(off, key=lambda one: abs(one[0] - one[1]))
        small = abs(worst[0] - worst[1]) <= pair.rounding
        yield f"times of {len(off)} frames", *worst, "unit" if small else None
    length, lasts = before[-1][1] - first, after[-1][1] - start
    if length != lasts:
        small = abs(length - lasts) <= pair.rounding
        yield "length of the picture", length, lasts, "unit" if small else None
    for a, b in pairwise(before):
        if a[1] != b[0]:
            yield "nothing shown", a[1], b[0], "gap"


def _starts_within(pair: Pair) -> bool:
    """Whether the first frame is shown for less long than the others."""
    (start, end), (_, after) = pair.before.shown[:2]
    return end - start < after - end


def _pictures(pair: Pair) -> Iterator[Found]:
    """Every frame shows what its own shows, not what a neighbour does."""
    before, after = pair.before.frames, pair.after.frames
    if len(before) != len(after):
        return
    for number, made in enumerate(after):
        near = range(max(0, number - 2), min(len(before), number + 3))
        height, width = before[number].shape
        off = {n: float(np.abs(before[n] - made[:height, :width]).mean()) for n in near}
        if off[number] > min(off.values()) + _CLEARLY or off[number] > _OTHER:
            yield f"picture of frame {number}", "its own", f"{off[number]:.1f} off", None
            return
