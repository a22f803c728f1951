"""Progress on standard error, and only when somebody watches it there."""

from __future__ import annotations

import time
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from provenance.cli.output import stderr
from provenance.cli.stopping import check
from provenance.system.text import printable

STAGES = {
    "observe": "Looking at the clip",
    "rehearse": "Rehearsing a small copy",
    "mark": "Marking and encoding",
    "sign": "Signing",
    "read back": "Reading back",
}
_EVERY = 0.1
"""Least seconds between two updates: one a frame would cost as much as it tells."""


class StampBar:
    """The bar of one stamping, with an estimate of the time left; call it with each step."""

    def __init__(self, *, quiet: bool) -> None:
        console = stderr()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task(STAGES["observe"], total=None, rate="")
        self._stage = ""
        self._shown = self._started = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show how far it is; the place where a dropped stop signal is noticed."""
        check()
        if self._bar.disable:
            return
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._started = stage, now
            self._bar.reset(self._task, description=STAGES[stage], total=total, rate="")
        elif now - self._shown < _EVERY and done != total:
            return
        self._shown = now
        elapsed = now - self._started
        rate = f"{done / elapsed:.0f} frames/s" if stage == "mark" and elapsed > 0.5 else ""
        self._bar.update(self._task, completed=done, total=total, rate=rate)


class Spinner:
    """Says which of several files is being examined."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        console = stderr()
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        if total > 1:
            columns += [BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
        self._bar = Progress(
            *columns,
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total)
        self._begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, name: str) -> None:
        """Show the next file's name; the place where a dropped stop signal is noticed."""
        check()
        self._bar.update(
            self._task, description=f"Examining {printable(name, 60)}", completed=self._begun
        )
        self._begun += 1
        self._bar.start()

    def pause(self) -> None:
        """Make way for what is printed next."""
        self._bar.stop()
