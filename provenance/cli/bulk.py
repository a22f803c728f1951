"""``provenance verify`` of folders and lists: workers, one bar, rows, and a summary."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from provenance.cli.output import complain, print_json, stderr, stdout, warn
from provenance.cli.stopping import check
from provenance.errors import UnreadableFileError, UsageError
from provenance.report import show_unexamined
from provenance.results import Verdict
from provenance.text import printable

if TYPE_CHECKING:
    from provenance.isolation import Examiner, Limits
    from provenance.results import VerificationReport
    from provenance.triage import Found, Outcome, Row

_NAMED = 50
"""Most files that a summary names."""
_UNEXAMINED = "could not be examined"


def read_list(source: str, *, null: bool) -> list[Path]:
    """The paths of ``--list``: one a line, or one before each NUL; ``-`` is standard input.

    Raises:
        UsageError: it can't be read.
    """
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"The list {source} can't be read: {error.strerror}.") from error
    parts = content.split(b"\0") if null else content.splitlines()
    return [Path(os.fsdecode(part)) for part in parts if part]


def verify_many(
    paths: Sequence[Path],
    verify: Callable[[Path, Examiner], VerificationReport],
    *,
    limits: Limits,
    workers: int | None,
    results: Path | None,
    accept: Sequence[Verdict],
    log: Callable[[VerificationReport], object] | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Verify all that ``paths`` name or hold, and return the exit code.

    Raises:
        UnreadableFileError: there is nothing to verify.
    """
    from provenance.triage import Results, find, triage, usual_workers  # noqa: PLC0415 - slow

    found = find(paths)
    code = 3 if found.unreadable else 0
    for folder in found.unreadable:
        warn(f"The folder {folder} can't be read, so what is in it was not verified.")
    if not found.files:
        raise UnreadableFileError(_nothing(paths, found))
    tally = _Tally()
    with (
        contextlib.nullcontext() if results is None else Results(results) as rows,
        _View(len(found.files), tally, quiet=quiet) as view,
        contextlib.closing(
            triage(
                found.files,
                verify,
                limits=limits,
                workers=workers or usual_workers(),
                results=rows,
                log=log,
            )
        ) as outcomes,
    ):
        for outcome in outcomes:
            check()
            if as_json and outcome.report is not None:
                view.pause()
                print_json(outcome.report.as_json())
            code = max(code, outcome.row.exit_code(accept))
            tally.add(outcome)
            view.ended(outcome)
    if not (as_json and quiet):
        console = stderr() if as_json else stdout()
        for line in tally.summary(found):
            console.print(line, soft_wrap=True)
    return code


def _nothing(paths: Sequence[Path], found: Found) -> str:
    if found.unreadable:
        return f"{found.unreadable[0]} can't be read; check its permissions."
    if len(paths) == 1:
        return f"{paths[0]} is a folder with no name of a video or image in it; name its files."
    return "There is no video or image in what was named; name files or other folders."


class _Tally:
    """What came out so far."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.before = 0
        self._first: list[Row] = []

    def add(self, outcome: Outcome) -> None:
        """Count a file."""
        from provenance.triage import PERSON_FIRST  # noqa: PLC0415 - slow to import

        row = outcome.row
        self.counts[_UNEXAMINED if row.refused else row.verdict.value] += 1
        self.before += outcome.report is None
        if row.verdict in PERSON_FIRST:
            self._first.append(row)

    def summary(self, found: Found) -> list[str]:
        """For people: counts by verdict, and what to look at first."""
        from provenance.triage import PERSON_FIRST  # noqa: PLC0415 - slow to import

        total = sum(self.counts.values())
        head = f"{total} {'file' if total == 1 else 'files'}"
        if self.before:
            head += f", {self.before} of them verified before"
        if found.other:
            head += f"; {found.other} passed over (not a video or image by name)"
        order = [*Verdict.__members__, _UNEXAMINED]
        lines = [head]
        lines += [f"  {self.counts[name]:6d}  {name}" for name in order if self.counts[name]]
        if self._first:
            lines.append("For a person first:")
            ranked = sorted(
                self._first, key=lambda row: (PERSON_FIRST.index(row.verdict), row.path)
            )
            lines += [f"  {row.verdict:<18}  {printable(row.path, 500)}" for row in ranked[:_NAMED]]
            if len(ranked) > _NAMED:
                lines.append(f"  and {len(ranked) - _NAMED} more")
        return lines


class _View:
    """One bar with the counts on a terminal, a line a file elsewhere."""

    def __init__(self, total: int, tally: _Tally, *, quiet: bool) -> None:
        console = stderr()
        self._quiet, self._live = quiet, console.is_terminal and not quiet
        self._total, self._ended, self._tally = total, 0, tally
        self._console = console
        self._bar = Progress(
            TextColumn("Examining"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def pause(self) -> None:
        """Make way for a row on the same terminal."""
        self._bar.stop()

    def ended(self, outcome: Outcome) -> None:
        """Show one file more."""
        self._ended += 1
        if outcome.row.refused and outcome.report is not None:
            self._bar.stop()
            show_unexamined(outcome.row.path, outcome.report.watermark.reason or "", self._console)
        elif outcome.report is not None and not self._quiet and not self._live:
            name = printable(outcome.row.path, 200)
            complain(f"{name}: {outcome.row.verdict} ({self._ended} of {self._total})", label="")
        counts = ", ".join(f"{count} {name}" for name, count in self._tally.counts.most_common())
        self._bar.update(self._task, completed=self._ended, description=counts)
        self._bar.start()
