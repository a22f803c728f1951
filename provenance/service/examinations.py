"""One file on the desk, as it stands: what is known of it so far, and what is shown of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict

from provenance.report.filed import Filed
from provenance.report.filed.figures import Frame
from provenance.results import Document, Effort, VerificationReport
from provenance.verifying.rows import Line
from provenance.verifying.steps import next_step

State = Literal["arriving", "waiting", "quick", "normal", "done", "refused", "failed", "cancelled"]
ENDED: Final = frozenset(("done", "refused", "failed", "cancelled"))


@dataclass(frozen=True, slots=True)
class Progress(Document):
    """An examination, as it is answered."""

    SCHEMA: ClassVar = "provenance.examination/1"

    id: str
    """By which it is asked for; whoever knows it sees the result."""
    state: State
    """``arriving`` as long as an upload is not whole, ``waiting``, ``quick`` and ``normal`` while
    it is looked at, then ``done``, ``refused`` (the file can't be examined), ``failed`` (something
    else went wrong) or ``cancelled``."""
    name: str
    """What its sender called the file."""
    bytes: int
    """Its size; of an upload that is not whole, what is here."""
    ahead: int
    """Files that are looked at before it."""
    received_at: datetime
    """When all of it was here."""
    effort: Effort | None
    """How deep the search was whose result is here; ``quick`` comes first, ``normal`` later."""
    reason: str | None
    """Why it was refused or failed, for people."""
    result: Line | None
    """What ``provenance verify --json`` says of it, without internal references."""


class Found(BaseModel):
    """What a look found, as it is kept: whole, with what is not published of a report."""

    model_config = ConfigDict(
        frozen=True, ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants"
    )

    filed: Filed


class Sheet(BaseModel):
    """The frames that are shown of a file, as they are kept."""

    model_config = Found.model_config

    frames: tuple[Frame, ...]

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> Self:
        """Some frames."""
        return cls(frames=tuple(frames))


@dataclass(frozen=True)
class Examination:
    """What the desk knows of a file; ``changes`` counts, so that two of them can be told apart."""

    id: str
    name: str
    bytes: int
    state: State
    received_at: datetime
    ahead: int = 0
    effort: Effort | None = None
    took: float | None = None
    reason: str | None = None
    changes: int = 0
    length: int | None = None
    found: str | None = None
    sheet: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ENDED

    @cached_property
    def filed(self) -> Filed | None:
        """What the last look found, as it is reported to outsiders."""
        return None if self.found is None else Found.model_validate_json(self.found).filed

    @property
    def report(self) -> VerificationReport | None:
        """What the last look found."""
        return None if self.filed is None else self.filed.report

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """A few frames of it."""
        return () if self.sheet is None else Sheet.model_validate_json(self.sheet).frames

    @property
    def progress(self) -> Progress:
        """What is shown of it."""
        report, result = self.report, None
        if report is not None:
            failed, refused = report.registry.failed, self.state == "refused"
            result = Line(report, refused, failed, self.took, next_step(report))
        return Progress(
            self.id,
            self.state,
            self.name,
            self.bytes,
            self.ahead,
            self.received_at,
            self.effort,
            self.reason,
            result,
        )
