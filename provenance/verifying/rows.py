"""Rows: what ``verify`` says of each file, in a file that a later run goes on from.

* :class:`Line` is a line of JSON, :class:`Row` what is kept of it.
* :class:`Results` is a JSON Lines file, a row a file; it knows what an earlier run did.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self

from provenance.errors import InputError, OutputError, UsageError
from provenance.results import Document, Verdict, VerificationReport
from provenance.results.serial import At, Seconds
from provenance.verifying.findings import sha256_of
from provenance.verifying.steps import NEXT_STEPS, next_step

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no flock
    fcntl = None  # type: ignore[assignment]

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
        """The row of what :meth:`Line.as_json` wrote.

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

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def add(self, row: dict[str, Any]) -> None:
        """Append a row, :meth:`.many.Outcome.as_json`, and hand it to the system."""
        try:
            self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self.path} can't be written: {error.strerror}.") from error

    def done(self, name: str, path: Path) -> Row | None:
        """The row of a file that is still the same: its name, size and SHA-256.

        None also for one whose registry failed: it may answer now.
        """
        row = self.rows.get(name)
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
                    f"Line {number} of {self.path} is no row of a verification",
                    path=self.path,
                    advice="name another file for the results",
                    settings=("results",),
                )
            self.rows[row.path] = row
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(whole)
