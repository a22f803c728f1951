"""The run: hands jobs to workers, tries again what may pass, and accounts for every job."""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from provenance.batch.jobs import Job, JobName, Ledger, Prompt
from provenance.batch.jobs.ledger import WORKER_DIED
from provenance.batch.pool import Died, Ended, Event, Workers
from provenance.batch.settings import Settings
from provenance.batch.tasks import ENDED, Attempt, Fault, Task
from provenance.batch.telemetry import Outcome, State, reason_of
from provenance.errors import ProvenanceError
from provenance.manifest.prompt import PromptKey
from provenance.registry import Registry
from provenance.results import Document
from provenance.results.serial import Seconds
from provenance.system.processes import is_gone
from provenance.system.storage import place_in
from provenance.system.workspace import sweep

GRACE: Final = 8.0
"""Seconds that running jobs get to be given back."""
_TICK: Final = 0.2
_LOOK: Final = 1.0
_BUSY: Final = 2.0
"""Seconds until a job that another run has is looked at again."""


@dataclass(slots=True)
class Control:
    """How a run is told to end: ``presses`` 1 gives running jobs back, 2 ends them at once."""

    presses: int = 0


@dataclass(frozen=True, slots=True)
class JobResult(Document):
    """How one job of a batch ended; nothing of the prompt is in it."""

    SCHEMA: ClassVar = "provenance.job_result/1"

    job: JobName
    """Which job."""
    key: str | None
    """The job's identity, 64 hexadecimal digits; null when that was never known."""
    state: State
    """``skipped``: it was done before; ``done_elsewhere``: and the output is not here, or not by
    this run; ``withdrawn``: and what was done is withdrawn since."""
    reason: str | None
    """Why it failed or is withdrawn, in a word."""
    error: str | None
    """Why, in a sentence for people."""
    attempts: int
    """How often it was tried."""
    seconds: Seconds
    """From its first begin to its end."""
    stamp: dict[str, Any] | None
    """What ``stamp --json`` says of the output; what was measured is null when it was found there
    after a run that never came to write this line, or elsewhere."""
    place: str | None = None
    """Where the output is, as the registry was told."""


@dataclass(frozen=True, slots=True)
class Row:
    """How one job ended: a line of the results."""

    job: Job
    attempt: Attempt
    attempts: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The line; nothing of the prompt is in it."""
        ended = self.attempt
        return JobResult(
            self.job.named,
            ended.key,
            ended.state,  # type: ignore[arg-type]  # a row's state is one of ENDED
            ended.reason,
            ended.error,
            self.attempts,
            self.seconds,
            None if ended.stamp is None else dict(ended.stamp),
            ended.place,
        ).as_json()

    def outcome(self) -> Outcome:
        """The same, for metrics and the summary."""
        measured = {} if self.attempt.stamp is None else self.attempt.stamp["watermark"]
        return Outcome(
            self.job.output,
            self.attempt.state,  # type: ignore[arg-type]  # a row's state is one of ENDED
            self.attempt.started,
            self.seconds,
            self.attempt.reason,
            self.attempt.stages,
            measured.get("frames") or 0,
            self.attempt.pixels,
            measured.get("margin_db"),
            self.attempts,
            self.job.input,
            self.attempt.key,
            None if self.attempt.stamp is None else self.attempt.stamp["stamp_id"],
            self.attempt.error,
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """What is left over: jobs that were not begun or given back, and why some failed."""

    unfinished: int
    faults: tuple[Fault, ...]
    stopped: bool


@dataclass(slots=True)
class Watch:
    """Who is told what; every function is called in the process that runs the batch."""

    row: Callable[[Row], object]
    event: Callable[[Event, Job], object] = field(default=lambda _event, _job: None)
    begun: Callable[[int, Job], object] = field(default=lambda _number, _job: None)
    waits: Callable[[Job, Attempt], object] = field(default=lambda _job, _attempt: None)


def run_batch(
    jobs: Sequence[Job],
    settings: Settings,
    workers: Workers,
    ledger: Ledger,
    watch: Watch,
    *,
    prompt_keys: tuple[PromptKey, ...],
    registry: Registry | None = None,
    control: Control | None = None,
    fail_fast: bool = False,
    more: Callable[[], Sequence[Job]] | None = None,
) -> Ending:
    """Do every job that is not done.

    Args:
        jobs: from :func:`provenance.batch.jobs.read_jobs`.
        settings: of the run.
        workers: who does them.
        ledger: what is done.
        watch: who is told.
        prompt_keys: the first hashes prompts, which no worker ever sees; jobs and approvals may
            be known under each.
        registry: swept of what killed runs left.
        control: tells the run to end, from a signal's handler.
        fail_fast: begin no further job once one has failed.
        more: asked for further jobs, again and again until the run is told to end.
    """
    tidy(settings, ledger, registry, jobs)
    return _Run(
        list(jobs),
        settings,
        workers,
        ledger,
        prompt_keys,
        watch,
        registry,
        control or Control(),
        fail_fast,
        more,
    ).run()


def tidy(
    settings: Settings, ledger: Ledger, registry: Registry | None, jobs: Sequence[Job]
) -> None:
    """Settle what killed runs left: claims, reservations, hidden folders."""
    owners = {entry.owner for entry in ledger.entries("running") if entry.owner is not None}
    ledger.let_go({owner for owner in owners if is_gone(owner)}, counts=False)
    if registry is not None:
        registry.reservations.sweep()
    places = [place_in(settings.out, "x"), *map(settings.target, jobs)]
    folders = {place.path.parent for place in places if place.is_local}
    for folder in sorted({settings.spool, *folders}):
        sweep(folder)


@dataclass(slots=True)
class _Run:
    jobs: list[Job]
    settings: Settings
    workers: Workers
    ledger: Ledger
    prompt_keys: tuple[PromptKey, ...]
    watch: Watch
    registry: Registry | None
    control: Control
    fail_fast: bool
    more: Callable[[], Sequence[Job]] | None
    asked: float = -_LOOK
    ready: deque[int] = field(default_factory=deque)
    later: list[tuple[float, int, int]] = field(default_factory=list)
    running: set[int] = field(default_factory=set)
    attempts: dict[int, int] = field(default_factory=dict)
    began: dict[int, float] = field(default_factory=dict)
    ended: int = 0
    faults: list[Fault] = field(default_factory=list)
    ticket: Iterator[int] = field(default_factory=itertools.count)

    def run(self) -> Ending:
        self.ready.extend(range(len(self.jobs)))
        closing = False
        while self.running or ((self.ready or self.later or self.more) and not closing):
            if self.control.presses:
                break
            closing = closing or (self.fail_fast and bool(self.faults))
            self._promote()
            if self.more is not None and not closing:
                self._ask(self.more)
            while self.ready and self.workers.free and not closing:
                self._begin(self.ready.popleft())
            self._take(self.workers.wait(_TICK))
        stopped = self.control.presses > 0
        if stopped:
            self._give_back()
        return Ending(len(self.jobs) - self.ended, tuple(self.faults), stopped)

    def _ask(self, more: Callable[[], Sequence[Job]]) -> None:
        if time.monotonic() - self.asked >= _LOOK:
            self.asked = time.monotonic()
            self.ready.extend(range(len(self.jobs), len(self.jobs) + len(found := more())))
            self.jobs.extend(found)

    def _promote(self) -> None:
        while self.later and self.later[0][0] <= time.monotonic():
            self.ready.appendleft(heapq.heappop(self.later)[2])

    def _begin(self, number: int) -> None:
        job = self.jobs[number]
        self.attempts[number] = self.attempts.get(number, 0) + 1
        self.began.setdefault(number, time.monotonic())
        try:
            task = self._task(job, self.attempts[number])
        except ProvenanceError as error:
            said = Attempt(
                "failed",
                reason=reason_of(error),
                error=str(error),
                fault="job",
                started=time.time(),
            )
            self._end(number, said)
            return
        self.watch.begun(number, job)
        self.running.add(number)
        self.workers.submit(number, task)

    def _task(self, job: Job, attempt: int) -> Task:
        """What goes to a worker, which sees a prompt only where the clip itself holds it."""
        bare = replace(job, prompt=Prompt(from_tags=job.prompt.from_tags))
        if job.prompt.from_tags:
            return Task(bare, None, attempt)
        return Task(bare, job.prompt.forms(self.prompt_keys), attempt)

    def _take(self, events: Collection[Event]) -> None:
        for event in events:
            self.watch.event(event, self.jobs[event.number])
            if isinstance(event, Ended):
                self.running.discard(event.number)
                self._ended(event.number, event.attempt)
            elif isinstance(event, Died):
                self.running.discard(event.number)
                self._died(event)

    def _ended(self, number: int, attempt: Attempt) -> None:
        if attempt.state in ENDED:
            self._end(number, attempt)
        elif attempt.state == "retry":
            self.watch.waits(self.jobs[number], attempt)
            # Spread out, so that what failed together does not come back together.
            self._later(number, attempt.after * random.uniform(0.75, 1.25))  # noqa: S311
        elif attempt.state == "busy":
            self.attempts[number] -= 1
            self._later(number, attempt.after or _BUSY)

    def _died(self, event: Died) -> None:
        self.ledger.let_go([event.owner], counts=True)
        if self.registry is not None:
            self.registry.reservations.sweep()
        if self.attempts[event.number] < self.settings.attempts:
            self._later(event.number, self.settings.backoff)
            return
        said = Attempt(
            "failed",
            reason=WORKER_DIED,
            error="Its worker died each time it was tried (out of memory, perhaps).",
            fault="service",
            started=time.time(),
        )
        self._end(event.number, said)

    def _later(self, number: int, seconds: float) -> None:
        heapq.heappush(self.later, (time.monotonic() + seconds, next(self.ticket), number))

    def _end(self, number: int, attempt: Attempt) -> None:
        self.ended += 1
        if attempt.state in ("failed", "withdrawn"):
            self.faults.append(attempt.fault or "job")
        seconds = time.monotonic() - self.began[number]
        self.watch.row(Row(self.jobs[number], attempt, self.attempts[number], seconds))

    def _give_back(self) -> None:
        """Have running jobs given back within :data:`GRACE`; then end what is left."""
        if self.control.presses < 2:
            self.workers.stop()
        deadline = time.monotonic() + GRACE
        while self.running and self.control.presses < 2 and time.monotonic() < deadline:
            for event in self.workers.wait(_TICK):
                if isinstance(event, Ended | Died):
                    self.running.discard(event.number)
                if isinstance(event, Ended) and event.attempt.state in ENDED:
                    self._end(event.number, event.attempt)
        owners = self.workers.kill()
        self.ledger.let_go(owners, counts=False)
        tidy(self.settings, self.ledger, self.registry, self.jobs)
