"""Where the time goes: processors' seconds by stage."""

from __future__ import annotations

import time

from provenance.results.reports import Stage


class Clock:
    """Charges this process's time to one stage after the other.

    What runs beside the search (the file's hash, its manifest) is charged to the stage meanwhile.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._stage: str | None = None
        self._since = 0.0

    def begin(self, stage: str | None) -> None:
        """The stage before ends here; one may begin again.  None: what follows is not charged."""
        now = time.process_time()
        if self._stage is not None:
            self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    @property
    def spent(self) -> tuple[Stage, ...]:
        """All stages that ended, the longest first."""
        longest = sorted(self._seconds.items(), key=lambda one: -one[1])
        return tuple(Stage(name, seconds) for name, seconds in longest)
