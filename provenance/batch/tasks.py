"""What goes to a worker and what comes back: plain values, which any pool can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from provenance.batch.jobs import Job, PromptForms
from provenance.batch.telemetry import StageTime
from provenance.errors import ProvenanceError, ServiceError

State = Literal[
    "stamped", "skipped", "done_elsewhere", "withdrawn", "failed", "retry", "busy", "abandoned"
]
ENDED: Final = ("stamped", "skipped", "done_elsewhere", "withdrawn", "failed")
"""States after which a job is not tried again in this run."""


@dataclass(frozen=True, slots=True)
class Task:
    """A job on its way to a worker: with what goes on of its prompt, and without the prompt.

    ``prompt`` is None where the clip's own tags hold it.  ``attempt`` counts from 1.
    """

    job: Job
    prompt: PromptForms | None
    attempt: int = 1


Fault = Literal["job", "service"]
"""Where an error comes from: the clip or what was asked for, or something that the tool needs."""


def fault_of(error: ProvenanceError) -> Fault:
    """Where it comes from."""
    return "service" if isinstance(error, ServiceError) else "job"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try went.

    Attributes:
        state: "stamped" now, or "skipped" since it was done; "done_elsewhere" since it was, and
            the output is not here; "withdrawn" since what was done is withdrawn; "failed" for good;
            "retry" after ``after`` seconds; "busy" while another run does it; "abandoned" since it
            was told to.
        reason: one word for why it failed or is withdrawn; ``error`` a sentence, and ``settings``
            names what its advice would have set.
        fault: where the error comes from: its job, or a service; None when it is done.
        stamp: what ``stamp --json`` would have said of the output.
        place: where the output is, as the registry was told.
        warnings: sentences for people.
        started: seconds since 1970, and ``seconds`` it took.
        pixels: of one frame.
    """

    state: State
    key: str | None = None
    reason: str | None = None
    error: str | None = None
    fault: Fault | None = None
    after: float = 0.0
    stamp: Mapping[str, Any] | None = None
    place: str | None = None
    warnings: tuple[str, ...] = ()
    started: float = 0.0
    seconds: float = 0.0
    stages: tuple[StageTime, ...] = ()
    pixels: int = 0
    settings: tuple[str, ...] = ()
