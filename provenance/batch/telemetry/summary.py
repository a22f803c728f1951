"""What a batch came to: counts, throughput, the slowest job and the weakest mark.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from provenance.batch.telemetry.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of a batch.

    Attributes:
        stamped: jobs done by this run; ``skipped`` by an earlier one; ``done_elsewhere`` too, and
            the output is not here; ``withdrawn`` too, but what was stamped is withdrawn since.
        failed: jobs by reason.
        seconds: of the whole run, by the clock on the wall.
        frames: stamped by this run; ``pixels`` of all of them.
        stages: seconds by stage, over all jobs and workers.
        slowest: output and seconds of the job that took longest.
        weakest: output and margin, dB, of the mark that reads worst.
    """

    stamped: int
    skipped: int
    failed: Mapping[str, int]
    seconds: float
    frames: int
    pixels: int
    stages: Mapping[str, float]
    slowest: tuple[str, float] | None
    weakest: tuple[str, float] | None
    withdrawn: int = 0
    done_elsewhere: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every job is done, by this run or an earlier one, and nothing is withdrawn."""
        return not self.failed and not self.withdrawn

    @property
    def frames_per_second(self) -> float:
        """Throughput of the run, all workers together."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    @property
    def pixels_per_second(self) -> float:
        """Throughput of the run, all workers together."""
        return self.pixels / self.seconds if self.seconds > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """For a result row or a log line."""
        return {
            "stamped": self.stamped,
            "skipped": self.skipped,
            "done_elsewhere": self.done_elsewhere,
            "withdrawn": self.withdrawn,
            "failed": sum(self.failed.values()),
            "failed_by_reason": dict(sorted(self.failed.items())),
            "seconds": round(self.seconds, 3),
            "frames": self.frames,
            "frames_per_second": round(self.frames_per_second, 2),
            "pixels_per_second": round(self.pixels_per_second),
            "seconds_by_stage": {name: round(spent, 3) for name, spent in self.stages.items()},
            "slowest": _named(self.slowest, "seconds"),
            "weakest": _named(self.weakest, "margin_db"),
        }


@dataclass(slots=True)
class Tally:
    """Adds outcomes up as they come; holds no more than the sums."""

    stamped: int = 0
    skipped: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    pixels: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    slowest: tuple[str, float] | None = None
    weakest: tuple[str, float] | None = None
    withdrawn: int = 0
    done_elsewhere: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Self:
        """The tally of several."""
        tally = cls()
        for outcome in outcomes:
            tally.add(outcome)
        return tally

    def add(self, outcome: Outcome) -> None:
        """Count one job."""
        if outcome.state not in ("stamped", "failed"):
            self.skipped += outcome.state == "skipped"
            self.done_elsewhere += outcome.state == "done_elsewhere"
            self.withdrawn += outcome.state == "withdrawn"
            return
        for stage in outcome.stages:
            self.stages[stage.name] = self.stages.get(stage.name, 0.0) + stage.seconds
        if self.slowest is None or outcome.seconds > self.slowest[1]:
            self.slowest = outcome.output, outcome.seconds
        if outcome.state == "failed":
            self.failed[outcome.reason or "unforeseen"] += 1
            return
        self.stamped += 1
        self.frames += outcome.frames
        self.pixels += outcome.frames * outcome.pixels
        margin = outcome.margin_db
        if margin is not None and (self.weakest is None or margin < self.weakest[1]):
            self.weakest = outcome.output, margin

    def summary(self, seconds: float) -> Summary:
        """The end of a run that took so long."""
        return Summary(
            self.stamped,
            self.skipped,
            dict(self.failed),
            seconds,
            self.frames,
            self.pixels,
            dict(self.stages),
            self.slowest,
            self.weakest,
            self.withdrawn,
            self.done_elsewhere,
        )


def _named(pair: tuple[str, float] | None, unit: str) -> dict[str, Any] | None:
    return None if pair is None else {"output": pair[0], unit: round(pair[1], 3)}
