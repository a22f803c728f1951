"""What the steps hand out while they work, for calibration and diagnosis.

A trace is called with the name of what is told and its values; the detector, the finders and what
says where the mark is all take one.  Values are the arrays themselves: whoever keeps one copies it.

========== =====================================================================================
step       number, name, layout (version): a step begins
spectrum   step, level or levels: power spectra in which the pilot was looked for
candidates step, maps, scores: of a search, before any fit
heard      step, score: of the pilot, where it lies, in one stretch of time
located    step, nearby, scores: of the pilot under each map tried, over all translations or those
           nearby
guess      step, hypothesis: about to be read, or passed over
read       spectrum (folded, under a guess), soft (keys times slopes, N), words (the same, L, 12)
found      reading
spans      deviations, room, statuses: one value a span of time
followed   readings: of maps that move, tried because a still one did not hold throughout
picture    deviations, expected, odds: planes of blocks on the canonical grid
========== =====================================================================================
"""

from __future__ import annotations

from typing import Any, Protocol


class Trace(Protocol):
    """Is told what every step saw."""

    def __call__(self, what: str, /, **values: Any) -> None:
        """Take note of ``what``; see the module's table for its values."""


def silent(what: str, /, **values: Any) -> None:
    """Takes no note."""
