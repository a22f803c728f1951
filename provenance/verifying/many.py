"""Verify files: share them out to workers, one or several, and go on after a stop.

:func:`triage` runs threads, each with an :class:`~.isolation.Examiner` of its own; rows go to a
:class:`~.rows.Results`, which knows what an earlier run did.
"""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from provenance.errors import (
    InputError,
    OutputError,
    StorageError,
    UnreadableFileError,
)
from provenance.results import VerificationReport
from provenance.system.processes import usable_cores
from provenance.system.storage import Place
from provenance.verifying.findings import sha256_of
from provenance.verifying.inside import is_packed
from provenance.verifying.isolation import Examiner, Limits, Unpacked
from provenance.verifying.rows import Line, Results, Row
from provenance.verifying.sources import at_hand
from provenance.verifying.verify import unexamined

_PATIENCE: Final = 5.0
"""Seconds that a run which is stopped waits for transfers, of a store that hangs perhaps."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One file, or a member of one, is done; ``report`` is None when an earlier run did it.

    ``unprotected`` is what could not be taken away from its worker (:mod:`.isolation`); ``more``
    says that further members of the same file follow.
    """

    row: Row
    report: VerificationReport | None
    unprotected: tuple[str, ...] = ()
    more: bool = False

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

    An archive, a document or a playlist (:mod:`.inside`) is taken apart, and each member verified
    by itself, with the name ``FILE!MEMBER``.

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
    beside = max(1, min(workers, len(files)))
    examiners = [Examiner(limits, beside=beside) for _ in range(beside)]

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
                for outcome in _each(place, bring, verify, examiner, results):
                    going_on()
                    ended.put(outcome)
        except BaseException as error:
            ended.put(error)

    threads = [threading.Thread(target=work, args=(each,), daemon=True) for each in examiners]
    with _folder(files) as scratch:
        try:
            for thread in threads:
                thread.start()
            rest_of = len(files)
            while rest_of:
                outcome = ended.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                line = outcome.as_json()
                if outcome.report is not None and log is not None and not outcome.row.refused:
                    log(outcome.report)
                if line is not None and results is not None:
                    results.add(line)
                rest_of -= not outcome.more
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
    with _private() as folder:
        yield folder


@contextlib.contextmanager
def _private() -> Iterator[Path]:
    """A folder that nobody else may open, while the block lasts."""
    try:
        made = tempfile.TemporaryDirectory(prefix="provenance-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(f"No temporary folder can be made: {error.strerror}.") from error
    with made as name:
        yield Path(name)


def _each(
    place: Place,
    bring: Callable[[], contextlib.AbstractContextManager[Path]],
    verify: Callable[[Path, Examiner], VerificationReport],
    examiner: Examiner,
    results: Results | None,
) -> Iterator[Outcome]:
    """The outcome of a file, or of each of its members; at least one."""
    name = str(place)
    try:
        with bring() as path:
            if not is_packed(path):
                yield _one(name, path, verify, examiner, results)
                return
            with _private() as folder:
                yield from _members(name, path, folder, verify, examiner, results)
    except (UnreadableFileError, StorageError) as error:  # it did not come here
        report = unexamined(name, str(error))
        row = Row.of(report, refused=True, failed=isinstance(error, StorageError))
        yield Outcome(row, report)


def _members(  # noqa: PLR0917 - as _each
    name: str,
    path: Path,
    folder: Path,
    verify: Callable[[Path, Examiner], VerificationReport],
    examiner: Examiner,
    results: Results | None,
) -> Iterator[Outcome]:
    """Take all out, then verify one after the other: the worker does one thing at a time."""
    taken: list[Unpacked] = []
    refusal: UnreadableFileError | None = None
    try:
        taken.extend(examiner.unpack(path, folder))
    except UnreadableFileError as error:
        refusal = error
    called: Counter[str] = Counter()
    for left, member in zip(reversed(range(len(taken))), taken, strict=True):
        called[member.name] += 1
        again = f" ({called[member.name]})" if called[member.name] > 1 else ""
        inside = f"{name}!{member.name}{again}" if member.name else name
        try:
            if member.error is None:
                outcome = _one(inside, member.path, verify, examiner, results)
            else:
                outcome = _refused(inside, member.error)
            yield replace(outcome, more=bool(left or refusal))
        finally:
            member.path.unlink(missing_ok=True)
    if refusal is not None:
        yield _refused(name, refusal)


def _refused(name: str, error: InputError) -> Outcome:
    report = unexamined(name, str(error))
    return Outcome(Row.of(report, refused=True), report)


def _one(
    name: str,
    path: Path,
    verify: Callable[[Path, Examiner], VerificationReport],
    examiner: Examiner,
    results: Results | None,
) -> Outcome:
    before = None if results is None else results.done(name, path)
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
                facts = replace(report.file, sha256=sha256_of(path), bytes=path.stat().st_size)
                report = replace(report, file=facts)
    report = named(report, path, name)
    return Outcome(Row.of(report, refused=refused, took=took), report, examiner.unprotected)


def named(report: VerificationReport, path: Path, name: str) -> VerificationReport:
    """The report with a file's own name for that of its copy here."""

    def said(text: str | None) -> str | None:
        if text is None or str(path) == name:
            return text
        return text.replace(str(path), name).replace(path.name, name.rpartition("/")[2])

    return replace(
        report,
        file=replace(report.file, path=name),
        summary=said(report.summary) or "",
        watermark=replace(report.watermark, reason=said(report.watermark.reason)),
        manifest=replace(report.manifest, reason=said(report.manifest.reason)),
    )


class _Stopped(Exception):
    """Nobody waits for the file any more."""
