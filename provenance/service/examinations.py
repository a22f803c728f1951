"""One file on the desk: what is known of it so far, and what is shown of that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from provenance.report.filed.figures import Frame
from provenance.results import Document, Effort, VerificationReport
from provenance.verifying.rows import Line
from provenance.verifying.steps import next_step

State = Literal["waiting", "quick", "normal", "done", "refused", "failed", "cancelled"]
ENDED: Final = frozenset(("done", "refused", "failed", "cancelled"))


@dataclass(frozen=True, slots=True)
class Progress(Document):
    """An examination, as it is answered."""

    SCHEMA: ClassVar = "provenance.examination/1"

    id: str
    """By which it is asked for; whoever knows it sees the result."""
    state: State
    """``waiting``, ``quick`` and ``normal`` while it is looked at, then ``done``,
    ``refused`` (the file can't be examined), ``failed`` (something else went wrong) or
    ``cancelled``."""
    name: str
    """What its sender called the file."""
    bytes: int
    """Its size."""
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


@dataclass(slots=True, eq=False)
class Examination:
    """What the desk knows of a file; touched on the event loop alone."""

    id: str
    address: str
    name: str
    path: Path
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: State = "waiting"
    bytes: int = 0
    effort: Effort | None = None
    report: VerificationReport | None = None
    took: float | None = None
    frames: tuple[Frame, ...] = ()
    reason: str | None = None
    ended_at: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ENDED

    def tell(self, **changes: Any) -> None:
        """Change something, and wake those who follow."""
        for name, value in changes.items():
            setattr(self, name, value)
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def changes(self) -> AsyncIterator[None]:
        """Now, and whenever something has changed, until it has ended."""
        while True:
            news = self._news
            yield
            if self.ended:
                return
            await news.wait()

    def progress(self, ahead: int) -> Progress:
        """What is shown of it."""
        report, result = self.report, None
        if report is not None:
            failed = report.registry.failed
            refused = self.state == "refused"
            result = Line(report, refused, failed, self.took, next_step(report))
        return Progress(
            self.id,
            self.state,
            self.name,
            self.bytes,
            ahead,
            self.received_at,
            self.effort,
            self.reason,
            result,
        )
