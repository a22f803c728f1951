"""Verify files: share them out to workers, one or several, and go on after a stop.

* :class:`Results` is a JSON Lines file, a row a file; it knows what an earlier run did.
* :func:`triage` runs threads, each with an :class:`~.isolation.Examiner` of its own.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, ClassVar, Final, Self

from provenance.errors import (
    InputError,
    OutputError,
    StorageError,
    UnreadableFileError,
    UsageError,
)
from provenance.results import Document, Verdict, VerificationReport
from provenance.results.serial import At, Seconds
from provenance.system.processes import usable_cores
from provenance.system.storage import Place
from provenance.verifying.isolation import Examiner, Limits
from provenance.verifying.layers import sha256_of
from provenance.verifying.sources import at_hand
from provenance.verifying.steps import NEXT_STEPS, next_step
from provenance.verifying.verify import unexamined

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no flock
    fcntl = None  # type: ignore[assignment]

_PATIENCE: Final = 5.0
"""Seconds that a run which is stopped waits for transfers, of a store that hangs perhaps."""
_BEGINS: Final = b'{"schema": "provenance.verification/'


@dataclass(frozen=True, slots=True)
class Line(Document):
    """What ``verify`` says of one file: a line of ``--json`` and of ``--results``."""

    SCHEMA: ClassVar = VerificationReport.SCHEMA

    report: Annotated[VerificationReport, At("")]
    refused: bool
    """The file could not be examined; ``summary`` says why."""
    failed: bool
    """The registry or the store could not be asked."""
    seconds: Seconds | None = None
    """How long the examination took; null where the file did not come here."""
    to_do: str | None = None
    """What to do now, in a sentence, for people."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of a row: enough to skip its file, to count it and to tell people of it.

    ``refused``: the file could not be examined; ``failed``: something that was needed did not
    answer, the registry or a store; ``took``: seconds of the examination; ``length``: seconds that
    a video plays; ``leads``: stamps of clips that look alike.
    """

    path: str
    sha256: str | None
    bytes: int | None
    verdict: Verdict
    refused: bool
    failed: bool = False
    summary: str = ""
    to_do: str = ""
    stamps: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    length: float | None = None
    took: float | None = None

    @classmethod
    def of(
        cls,
        report: VerificationReport,
        *,
        refused: bool = False,
        failed: bool = False,
        took: float | None = None,
    ) -> Self:
        """The row of a report; ``failed`` is also what its registry says of itself."""
        file = report.file
        return cls(
            file.path,
            file.sha256,
            file.bytes,
            report.verdict,
            refused,
            failed or report.registry.failed,
            report.summary,
            next_step(report),
            tuple(find.watermark.stamp_id.hex for find in report.finds if find.watermark.stamp_id),
            tuple(lead.stamp_id.hex for lead in report.registry.leads),
            file.seconds,
            took,
        )

    @classmethod
    def read(cls, row: dict[str, Any]) -> Self:
        """The row of what :meth:`Outcome.as_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is no such thing.
        """
        file, verdict = row["file"], Verdict(row["verdict"])
        refused, failed = row.get("refused", False), row.get("failed", False)
        if not {"refused", "failed"} <= set(row):
            failed = True  # an early version did not say how it ended: the file is examined again
        if not (isinstance(refused, bool) and isinstance(failed, bool)):
            raise TypeError
        leads = row["registry"].get("leads", ())
        return cls(
            str(file["path"]),
            file["sha256"],
            file["bytes"],
            verdict,
            refused,
            failed,
            str(row["summary"]),
            str(row.get("to_do") or NEXT_STEPS[verdict]),
            tuple(str(find["stamp_id"]) for find in row.get("finds", ())),
            tuple(str(lead["stamp_id"]) for lead in leads),
            _number(file.get("seconds")),
            _number(row.get("seconds")),
        )


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


class Results:
    """Rows in a file, appended and flushed one by one; use it in a ``with`` block.

    A last row that a crash cut off is removed as the file is opened, and its file done again.

    Raises:
        UsageError: the file holds something else, or another run is writing to it.
        OutputError: it can't be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._file = os.fdopen(descriptor, "r+b")
        except OSError as error:
            raise OutputError(f"{path} can't be opened: {error.strerror}.") from error
        try:
            self._lock()
            self._read()
        except OSError as error:
            self._file.close()
            raise OutputError(f"{path} can't be read: {error.strerror}.") from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def add(self, row: dict[str, Any]) -> None:
        """Append a row, :meth:`Outcome.as_json`, and hand it to the system."""
        try:
            self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self.path} can't be written: {error.strerror}.") from error

    def done(self, place: Place, path: Path) -> Row | None:
        """The row of a file that is still the same: its name, size and SHA-256.

        None also for one whose registry failed: it may answer now.
        """
        row = self.rows.get(str(place))
        if row is None or row.sha256 is None or row.failed:
            return None
        try:
            # The size first: it is free, and spares reading a file that changed.
            same = path.stat().st_size == row.bytes and sha256_of(path) == row.sha256
        except (OSError, InputError):
            return None
        return row if same else None

    def _lock(self) -> None:
        if fcntl is None:  # pragma: no cover - Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"Another run is writing to {self.path}; wait for it, or name another file."
            ) from error

    def _read(self) -> None:
        whole = 0
        for number, line in enumerate(self._file, 1):
            head = line[: len(_BEGINS)]
            row = None
            if line.endswith(b"\n"):
                with contextlib.suppress(KeyError, TypeError, ValueError):
                    row = Row.read(json.loads(line))
            elif _BEGINS.startswith(head):
                break
            if row is None:
                raise UsageError(
                    f"Line {number} of {self.path} is no row of a verification; "
                    "name another file for --results."
                )
            self.rows[row.path] = row
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(whole)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One file is done; ``report`` is None when an earlier run did it.

    ``unprotected`` is what could not be taken away from its worker (:mod:`.isolation`).
    """

    row: Row
    report: VerificationReport | None
    unprotected: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any] | None:
        """The line of a file that was examined now, with what its exit code is made of."""
        if self.report is None:
            return None
        row = self.row
        return Line(self.report, row.refused, row.failed, row.took, row.to_do).as_json()


def usual_workers() -> int:
    """Half the cores this process may use: decoders have threads of their own."""
    return max(1, usable_cores() // 2)


def triage(
    files: Sequence[Place],
    verify: Callable[[Path, Examiner], VerificationReport],
    *,
    limits: Limits,
    workers: int = 1,
    results: Results | None = None,
    log: Callable[[VerificationReport], object] | None = None,
) -> Generator[Outcome]:
    """Verify files side by side; yields each as it ends, after its row is written.

    Args:
        files: what to verify; with one worker in this order.
        verify: :func:`provenance.verify` with everything but the file and the examiner;
            called from several threads.
        limits: of each worker process.
        workers: how many files at a time.
        results: where rows go, and what needs no second look.
        log: called with each report of a file that was examined, in the caller's thread and before
            its row is written: after a crash a report may be logged twice, never left out.

    Closing the generator, or an exception in it, ends the worker processes at once.

    Raises:
        ServiceError: as ``verify`` does, and OutputError when a row can't be written.
    """
    ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    rest, turn, stop = iter(files), threading.Lock(), threading.Event()
    examiners = [Examiner(limits) for _ in range(max(1, min(workers, len(files))))]

    def going_on() -> None:
        if stop.is_set():
            raise _Stopped

    def work(examiner: Examiner) -> None:
        try:
            while not stop.is_set():
                with turn:
                    place = next(rest, None)
                if place is None:
                    return
                bring = functools.partial(at_hand, place, scratch, going_on=going_on)
                ended.put(_one(place, bring, verify, examiner, results))
        except BaseException as error:
            ended.put(error)

    threads = [threading.Thread(target=work, args=(each,), daemon=True) for each in examiners]
    with _folder(files) as scratch:
        try:
            for thread in threads:
                thread.start()
            for _ in files:
                outcome = ended.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                line = outcome.as_json()
                if outcome.report is not None and log is not None and not outcome.row.refused:
                    log(outcome.report)
                if line is not None and results is not None:
                    results.add(line)
                yield outcome
        finally:
            stop.set()
            for examiner in examiners:
                examiner.abandon()
            until = time.monotonic() + _PATIENCE
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(0.0, until - time.monotonic()))
            for examiner in examiners:
                examiner.close()


@contextlib.contextmanager
def _folder(files: Sequence[Place]) -> Iterator[Path]:
    """A private folder for copies of what lies elsewhere, if anything does."""
    if all(place.is_local for place in files):
        yield Path(os.devnull)
        return
    try:
        made = tempfile.TemporaryDirectory(prefix="provenance-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(f"No temporary folder can be made: {error.strerror}.") from error
    with made as name:
        yield Path(name)


def _one(
    place: Place,
    bring: Callable[[], contextlib.AbstractContextManager[Path]],
    verify: Callable[[Path, Examiner], VerificationReport],
    examiner: Examiner,
    results: Results | None,
) -> Outcome:
    try:
        with bring() as path:
            before = None if results is None else results.done(place, path)
            if before is not None:
                return Outcome(before, None)
            refused, started = False, time.monotonic()
            try:
                report = verify(path, examiner)
            except InputError as error:
                report, refused = unexamined(str(path), str(error)), True
            took = time.monotonic() - started
            if report.file.sha256 is None and results is not None:
                # Without these a file that can't be examined would be tried again by every run.
                with contextlib.suppress(OSError, InputError):
                    if path.is_file():
                        facts = replace(
                            report.file, sha256=sha256_of(path), bytes=path.stat().st_size
                        )
                        report = replace(report, file=facts)
            report = _named(report, path, place)
            row = Row.of(report, refused=refused, took=took)
            return Outcome(row, report, examiner.unprotected)
    except (UnreadableFileError, StorageError) as error:  # it did not come here
        report = unexamined(str(place), str(error))
        row = Row.of(report, refused=True, failed=isinstance(error, StorageError))
        return Outcome(row, report)


def _named(report: VerificationReport, path: Path, place: Place) -> VerificationReport:
    """The report with a file's own name for that of its copy here."""

    def said(text: str | None) -> str | None:
        return None if text is None else text.replace(str(path), str(place))

    return replace(
        report,
        file=replace(report.file, path=str(place)),
        summary=said(report.summary) or "",
        watermark=replace(report.watermark, reason=said(report.watermark.reason)),
        manifest=replace(report.manifest, reason=said(report.manifest.reason)),
    )


class _Stopped(Exception):
    """Nobody waits for the file any more."""
