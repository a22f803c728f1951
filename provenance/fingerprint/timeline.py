"""Whether a clip runs as it was registered: the order of its moments, and how fast they go by.

Each frame seen names the moment it shows, where the registered frames tell one: a static scene, or
a movement that repeats, shows many moments alike, and says nothing.  Two moments in a row tell by
their order; a line through all pairs tells by its slope (Theil and Sen's median of slopes, which a
third of wrong matches leaves alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Order = Literal["kept", "reversed", "shuffled"]
Floats = NDArray[np.float64]

ALIKE = 0.03
"""Share of the bits within which another registered moment matches as well."""
APART = 0.75
"""Seconds by which moments that match equally well may lie apart for the frame to name one."""
SMOOTHED = 5
LEAST_MOMENTS = 6
LEAST_SECONDS = 1.0
"""That the moments named must span on both clocks."""
AGREED = 0.9
"""Share of the steps forward (or back) from which the order is kept (or reversed)."""
MIXED = 0.2
"""Share of the steps against the rest from which moments are shuffled."""
JITTER = 0.3
"""Seconds by which neighbours may swap: registered moments lie as far apart."""
ON_LINE = 0.7
"""Share of the moments that must lie on one line for a speed to be told."""
OFF_LINE = 0.35
"""Seconds that a moment may lie off it."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Frames that name a moment: seconds seen, and seconds registered; both (N,)."""

    seen: Floats
    registered: Floats


def moments(fits: Floats, seen: Floats, registered: Floats) -> Moments:
    """Those frames seen that name one moment.

    Args:
        fits: (G, F) how far each frame seen is from each registered one, as a share of the bits;
            infinite where they share nothing.
        seen: (G,) seconds.
        registered: (F,) seconds.
    """
    at, named = [], []
    for time, row in zip(seen, fits, strict=True):
        least = row.min()
        if not np.isfinite(least):
            continue
        alike = registered[row <= least + ALIKE]
        if alike.max() - alike.min() <= APART:
            at.append(float(time))
            named.append(float(registered[int(np.argmin(row))]))
    order = np.argsort(at, kind="stable")
    return Moments(np.array(at)[order], np.array(named)[order])


def order_of(found: Moments) -> Order | None:
    """How the moments follow one another; None when it can't be told."""
    if not _enough(found):
        return None
    steps = np.diff(_smoothed(found.registered))
    clear = steps[np.abs(steps) > 1e-9]
    forward = float(np.mean(clear > 0)) if clear.size else 0.0
    back = float(np.mean(clear < 0)) if clear.size else 0.0
    if forward >= AGREED:
        return _shuffled_if_jumping(steps, 1.0, "kept")
    if back >= AGREED:
        return _shuffled_if_jumping(steps, -1.0, "reversed")
    far = steps[np.abs(steps) > JITTER]
    against = float(np.minimum(np.sum(far > 0), np.sum(far < 0))) / max(len(far), 1)
    return "shuffled" if against >= MIXED and len(far) >= LEAST_MOMENTS else None


def _shuffled_if_jumping(steps: Floats, way: float, otherwise: Order) -> Order:
    """Runs that are in order by themselves and lie in another order are shuffled too."""
    back = way * steps < -JITTER
    return "shuffled" if back.any() else otherwise


def _smoothed(registered: Floats) -> Floats:
    """Medians of five in a row: one or two wrong matches among right ones are no other order."""
    padded = np.pad(registered, SMOOTHED // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED), axis=1))


def speed_of(found: Moments) -> float | None:
    """Registered seconds a seen second; negative backwards; None when it can't be told."""
    if not _enough(found):
        return None
    first, second = np.triu_indices(len(found.seen), 1)
    gap = found.seen[second] - found.seen[first]
    wide = gap >= LEAST_SECONDS / 2.0
    if not wide.any():
        return None
    rise = found.registered[second] - found.registered[first]
    slope = float(np.median(rise[wide] / gap[wide]))
    rest = found.registered - slope * found.seen
    on_line = np.abs(rest - np.median(rest)) <= OFF_LINE
    return round(slope, 2) if float(np.mean(on_line)) >= ON_LINE else None


def _enough(found: Moments) -> bool:
    return (
        len(found.seen) >= LEAST_MOMENTS
        and float(np.ptp(found.seen)) >= LEAST_SECONDS
        and float(np.ptp(found.registered)) >= LEAST_SECONDS
    )
