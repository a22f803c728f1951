"""What people see of a batch: a live table on a terminal, a line a job elsewhere."""

from __future__ import annotations

import time
from typing import Any, Self

from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from provenance.batch import Attempt, Died, Ended, Ending, Event, Row, Step
from provenance.batch.jobs import Job
from provenance.batch.telemetry import Summary
from provenance.cli.flags import with_flags
from provenance.cli.output import complain, stderr, warn
from provenance.cli.progress import STAGES
from provenance.report import named
from provenance.results import Tag
from provenance.system.text import printable

_WIDTH = 48


class BatchView:
    """The running jobs and one overall bar; use it in a ``with`` block."""

    def __init__(self, total: int | None, *, quiet: bool) -> None:
        self._console = stderr()
        self._quiet = quiet
        self._live = self._console.is_terminal and not quiet
        self._running: dict[int, tuple[str, float, str, int, int | None]] = {}
        self._bar = Progress(
            TextColumn("All jobs"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self._console,
        )
        self._task = self._bar.add_task("", total=total)
        self._total, self._ended, self._failed = total, 0, 0
        self._screen = Live(
            console=self._console,
            get_renderable=self._table,
            refresh_per_second=4,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self._live:
            self._screen.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._screen.stop()

    def begun(self, number: int, job: Job) -> None:
        """A worker has it."""
        self._running[number] = (job.output, time.monotonic(), "", 0, None)

    def event(self, event: Event, _job: Job) -> None:
        """A job goes on, or its worker died."""

        if isinstance(event, Step) and event.number in self._running:
            output, since, *_ = self._running[event.number]
            self._running[event.number] = (output, since, event.stage, event.done, event.total)
            return
        if isinstance(event, Ended | Died):
            self._running.pop(event.number, None)
        if isinstance(event, Ended):
            for sentence in event.attempt.warnings:
                warn(sentence)
        if isinstance(event, Died):
            warn(f"the worker of {printable(_job.output, 80)} died; another takes over.")

    def waits(self, job: Job, attempt: Attempt) -> None:
        """A job is going to be tried again."""
        warn(
            f"{printable(job.output, 80)} is tried again in {attempt.after:.0f} s: {attempt.error}"
        )

    def ended(self, row: Row) -> None:
        """A job has ended."""
        self._ended += 1
        self._failed += row.attempt.state == "failed"
        self._bar.update(self._task, completed=self._ended)
        name, state = printable(row.job.output, 80), row.attempt.state
        if state in ("failed", "withdrawn"):
            label = f"{state.capitalize()}: "
            said = with_flags(row.attempt.error or "", row.attempt.settings)
            complain(f"{name} ({row.job.origin}): {said}", label=label)
        elif not self._quiet and not self._live:
            count = f"{self._ended}" if self._total is None else f"{self._ended} of {self._total}"
            complain(f"{name} {_said(state)} ({count}){_more(row)}", label="")
        elif not self._quiet and _more(row):
            complain(f"{name} {_said(state)}{_more(row)}", label="")

    @staticmethod
    def summary(summary: Summary, ending: Ending) -> list[str]:
        """The end of a run, for people."""
        counts = f"{summary.stamped} stamped, {summary.skipped} done before"
        if summary.done_elsewhere:
            counts += f", {summary.done_elsewhere} done elsewhere"
        if summary.withdrawn:
            counts += f", {summary.withdrawn} withdrawn since"
        if summary.failed:
            counts += f", {sum(summary.failed.values())} failed"
        if ending.unfinished:
            counts += f", {ending.unfinished} left"
        lines = [f"{counts}, in {_duration(summary.seconds)}"]
        lines += [f"  failed: {number} {reason}" for reason, number in sorted(
            summary.failed.items(), key=lambda item: (-item[1], item[0])
        )]  # fmt: skip
        if summary.stamped:
            lines.append(
                f"  {summary.frames_per_second:.1f} frames/s, "
                f"{summary.pixels_per_second / 1e6:.1f} megapixels/s"
            )
        if summary.slowest is not None:
            lines.append(f"  slowest: {printable(summary.slowest[0], 80)}, "
                         f"{_duration(summary.slowest[1])}")  # fmt: skip
        if summary.weakest is not None:
            lines.append(f"  weakest mark: {printable(summary.weakest[0], 80)}, "
                         f"{summary.weakest[1]:.1f} dB above what is needed")  # fmt: skip
        return lines

    def _table(self) -> Any:
        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for output, since, stage, done, total in list(self._running.values()):
            share = f"{100 * done / total:3.0f} %" if total else ""
            table.add_row(
                printable(output, _WIDTH), STAGES.get(stage, "Checking"), share,
                _duration(now - since),
            )  # fmt: skip
        return Group(table, self._bar)


def _said(state: str) -> str:
    return state.replace("_", " ")


def _more(row: Row) -> str:
    """What follows a job's state: its stamp elsewhere, or the tags that it was stamped without."""
    if row.attempt.state == "done_elsewhere" and row.attempt.stamp is not None:
        place = "" if row.attempt.place is None else f", at {printable(row.attempt.place, 200)}"
        return f"; stamp {row.attempt.stamp['stamp_id']}{place}"
    tags = None if row.attempt.stamp is None else row.attempt.stamp.get("tags")
    if row.attempt.state != "stamped" or not tags or not tags["left_out"]:
        return ""
    return f"; left out {named([Tag(**one) for one in tags['left_out']])}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
