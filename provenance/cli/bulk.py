"""What ``provenance verify`` does with its files: workers, rows, and what is shown of them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from provenance.cli.exits import DONE, FAILED, NO_FILE, NOT_ACCEPTED
from provenance.cli.flags import worded
from provenance.cli.output import complain, print_json, stderr, stdout, warn
from provenance.cli.progress import Spinner
from provenance.cli.stopping import check
from provenance.cli.tables import write_table
from provenance.errors import ProvenanceError, UnreadableFileError, UsageError
from provenance.report import show_unexamined, show_verification
from provenance.report.triage import first_sentence, show_ended, show_triage, status
from provenance.results import Verdict, VerificationReport
from provenance.system.text import listing, printable
from provenance.verifying.isolation import Examiner, Limits
from provenance.verifying.many import Outcome, triage, usual_workers
from provenance.verifying.rows import Results, Row
from provenance.verifying.sources import Found, find

if TYPE_CHECKING:
    from provenance.cli.filing import Filing


def read_list(source: str, *, null: bool) -> list[str]:
    """The names of ``--list``: one a line, or one before each NUL; ``-`` is standard input.

    Raises:
        UsageError: it can't be read.
    """
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"The list {source} can't be read: {error.strerror}.") from error
    parts = content.split(b"\0") if null else content.splitlines()
    return [os.fsdecode(part) for part in parts if part]


class View(Protocol):
    """How the files of one run are shown, as they are examined and when all are done."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def ended(self, outcome: Outcome) -> None:
        """One file more is done."""

    def finished(self, rows: Sequence[Row]) -> None:
        """All are."""


def verify_all(
    names: Sequence[str],
    verify: Callable[[Path, Examiner], VerificationReport],
    *,
    limits: Limits,
    workers: int | None,
    results: Path | None,
    table: Path | None,
    filing: Filing | None,
    accept: Sequence[Verdict],
    log: Callable[[VerificationReport], object] | None,
    detailed: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Verify all that ``names`` name or hold, and return the exit code.

    ``detailed`` shows a table for each, in this order, instead of one summary.  ``table`` gets the
    rows of all that were done, also when the run is stopped; ``filing`` files a report of each.

    Raises:
        UnreadableFileError: there is nothing to verify.
        StorageError: a store does not list what a URL names.
    """

    found = find(names)
    code = NO_FILE if found.unreadable else DONE
    for folder in found.unreadable:
        warn(f"The folder {folder} can't be read, so what is in it was not verified.")
    if not found.files:
        raise UnreadableFileError(_nothing(names, found))
    if filing is not None:
        filing.fits(found)
        verify = filing.seeing(verify)
    view: View = (_Tables if detailed else _Rows)(found, as_json=as_json, quiet=quiet)
    said = quiet
    with _tabled(table, found) as done:
        with (
            contextlib.nullcontext() if results is None else Results(results) as rows,
            contextlib.nullcontext() if filing is None else filing,
            view,
            contextlib.closing(
                triage(
                    found.files,
                    verify,
                    limits=limits,
                    workers=1 if detailed else workers or usual_workers(),
                    results=rows,
                    log=log,
                )
            ) as outcomes,
        ):
            for outcome in outcomes:
                check()
                code = max(code, _exit_code(outcome.row, accept))
                done.append(outcome.row)
                view.ended(outcome)
                if filing is not None:
                    filing.ended(outcome)
                if outcome.unprotected and not said:
                    said = True
                    complain(
                        "this system can't keep the process that opens the files from everything "
                        f"it should ({', '.join(outcome.unprotected)}); see docs/hostile-files.md.",
                        label="Note: ",
                    )
            if filing is not None:
                filing.finished(found)
        view.finished(done)
    return code


@contextlib.contextmanager
def _tabled(table: Path | None, found: Found) -> Iterator[list[Row]]:
    """A list whose rows are written to a table at the end, whatever ends the run."""
    rows: list[Row] = []
    if table is None:
        yield rows
        return
    try:
        yield rows
    except (KeyboardInterrupt, ProvenanceError):
        try:
            write_table(table, rows, found)
        except ProvenanceError as error:
            warn(worded(error))
        raise
    write_table(table, rows, found)


def _exit_code(row: Row, accept: Sequence[Verdict]) -> int:
    """What a file contributes."""
    if row.failed:
        return FAILED
    if row.refused:
        return NO_FILE
    return DONE if row.verdict in accept else NOT_ACCEPTED


def _nothing(names: Sequence[str], found: Found) -> str:
    if found.unreadable:
        return f"{found.unreadable[0]} can't be read; check its permissions."
    kinds = listing(f"{printable(kind, 20) or 'no ending'} {n}" for kind, n in found.kinds[:6])
    others = f" ({kinds})" if kinds else ""
    if not found.other:
        where = f"{names[0]} is a folder" if len(names) == 1 else "What was named are folders"
        return f"{where} with no file in it; name one that holds videos or images."
    if len(names) == 1:
        return (
            f"{names[0]} is a folder with no name of a video or image in it{others}; "
            "name its files."
        )
    return f"There is no video or image in what was named{others}; name files or other folders."


class _Tables:
    """A table for each file; a spinner says which is being examined."""

    def __init__(self, found: Found, *, as_json: bool, quiet: bool) -> None:
        self._rest = iter(found.files)
        self._as_json = as_json
        self._spinner = Spinner(len(found.files), quiet=quiet)

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._spinner.pause()

    def ended(self, outcome: Outcome) -> None:
        self._spinner.pause()
        report, line = outcome.report, outcome.as_json()
        assert report is not None and line is not None  # noqa: S101, PT018 - none of an earlier run
        if outcome.row.refused:
            show_unexamined(outcome.row.path, report.watermark.reason or "", stderr())
        if self._as_json:
            print_json(line)
        elif not outcome.row.refused:
            show_verification(report, stdout())
        if not outcome.more:
            self._begin()

    def finished(self, rows: Sequence[Row]) -> None:
        """Everything was said."""

    def _begin(self) -> None:
        place = next(self._rest, None)
        if place is not None:
            self._spinner.begin(place.file_name)


class _Rows:
    """A line for each file, over a bar with the counts on a terminal, and a summary."""

    def __init__(self, found: Found, *, as_json: bool, quiet: bool) -> None:
        console = stderr()
        self._quiet, self._live = quiet, console.is_terminal and not quiet
        self._as_json, self._found = as_json, found
        self._total, self._ended, self._before = len(found.files), 0, 0
        self._counts: Counter[str] = Counter()
        self._spent: dict[str, float] = {}
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
        self._task = self._bar.add_task("", total=self._total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def ended(self, outcome: Outcome) -> None:
        self._ended += not outcome.more
        self._counts[status(outcome.row)] += 1
        self._before += outcome.report is None
        if outcome.report is not None and outcome.report.coverage is not None:
            for stage in outcome.report.coverage.spent:
                self._spent[stage.name] = self._spent.get(stage.name, 0.0) + stage.seconds
        line = outcome.as_json()
        if self._as_json and line is not None:
            self._bar.stop()
            print_json(line)
        if outcome.row.refused and outcome.report is not None:
            self._bar.stop()
            show_unexamined(outcome.row.path, outcome.report.watermark.reason or "", self._console)
        elif outcome.report is not None and self._live:
            self._bar.stop()
            show_ended(outcome.row, self._console)
        elif outcome.report is not None and not self._quiet:
            name, said = printable(outcome.row.path, 200), first_sentence(outcome.row.summary)
            position = f"({self._ended} of {self._total})"
            complain(f"{name}: {outcome.row.verdict} {position} {said}", label="")
        counts = ", ".join(f"{count} {name}" for name, count in self._counts.most_common())
        self._bar.update(self._task, completed=self._ended, description=counts)
        self._bar.start()

    def finished(self, rows: Sequence[Row]) -> None:
        if self._as_json and self._quiet:
            return
        console = stderr() if self._as_json else stdout()
        show_triage(
            rows,
            self._found,
            self._before,
            console,
            spent=self._spent,
            all_in="`--table FILE`",
        )
