"""How one job of a batch ended, with its times: what logs, metrics, traces and summary are made of.

An outcome is a plain value that comes back from whatever process or machine did the job, so only
the process that runs the batch has to know where the telling goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from provenance.errors import ProvenanceError

State = Literal["stamped", "skipped", "done_elsewhere", "withdrawn", "failed"]
CHECK: Final = "check"
"""What comes before the first stage that stamping reports: probing, hashing, approvals."""


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage: when it began, in seconds since 1970, and how long it took."""

    name: str
    started: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Attributes:
        output: the job's output, as in the list.
        state: "stamped", "skipped" (done by an earlier run), "done_elsewhere" (stamped before, and
            the output is not here), "withdrawn" (done, and withdrawn since) or "failed".
        started: seconds since 1970.
        seconds: how long it took, all attempts and the waiting between them.
        reason: one word for why it failed, from :func:`reason_of`.
        stages: of the last attempt, in their order.
        frames: in the clip; 0 unless it was stamped.
        pixels: of one frame.
        margin_db: what the read-back measured above what decoding needs.
        attempts: how often it was tried.
        input: the job's input, as in the list.
        key: the job's identity, where it was known.
        stamp_id: of what was stamped, now or by the earlier run.
        sentence: why it failed or is withdrawn, for people.
    """

    output: str
    state: State
    started: float
    seconds: float
    reason: str | None = None
    stages: tuple[StageTime, ...] = ()
    frames: int = 0
    pixels: int = 0
    margin_db: float | None = None
    attempts: int = 1
    input: str | None = None
    key: str | None = None
    stamp_id: str | None = None
    sentence: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For a log line: no times of day, and the stages' seconds by name."""
        said = asdict(self)
        del said["started"]
        said["seconds"] = round(self.seconds, 3)
        said["stages"] = {name: round(spent, 3) for name, spent in by_stage(self).items()}
        return said


def by_stage(outcome: Outcome) -> dict[str, float]:
    """Seconds by stage; a stage that came twice counts once, with both times."""
    spent: dict[str, float] = {}
    for stage in outcome.stages:
        spent[stage.name] = spent.get(stage.name, 0.0) + stage.seconds
    return spent


def reason_of(error: BaseException) -> str:
    """One word for an error: its code, or ``unforeseen``."""
    return error.code if isinstance(error, ProvenanceError) else "unforeseen"


class StageClock:
    """Takes the time of each stage; hand it to ``stamp`` as its ``progress``.

    Args:
        inner: is called as well, first: the bar, or what stops the stamping.
    """

    def __init__(self, inner: Callable[[str, int, int | None], object] | None = None) -> None:
        self._inner = inner
        self._done: list[StageTime] = []
        self._offset = time.time() - time.monotonic()
        self._name, self._since = CHECK, time.monotonic()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Note that a stage goes on, or begins."""
        if self._inner is not None:
            self._inner(stage, done, total)
        if stage != self._name:
            self._close()
            self._name = stage

    def finish(self) -> tuple[StageTime, ...]:
        """End the last stage; every stage in order."""
        self._close()
        return tuple(self._done)

    def _close(self) -> None:
        now = time.monotonic()
        began = self._since
        self._done.append(StageTime(self._name, began + self._offset, now - began))
        self._since = now
