"""What comparing a file with what was stamped says, whether it was compared or not."""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.results import Compared


@dataclass(frozen=True, slots=True)
class Likeness:
    """What was compared; stretches, in seconds, of other content under the mark; why not more."""

    compared: Compared = field(default_factory=Compared)
    strange: tuple[tuple[float, float], ...] = ()
    reason: str | None = None
