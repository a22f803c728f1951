"""Read a job list, JSON Lines or CSV, whole: either every job is good, or every fault is told.

A list may come from another program or another house, so nothing in it is believed: lines are
read with a limit, and no value is repeated in a message (a prompt might stand in the wrong place).
"""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from provenance.batch.jobs.model import Job, same_file
from provenance.batch.jobs.rows import Problem, check_defaults, check_keys, merged, to_job, unknown
from provenance.errors import JobListError, UsageError
from provenance.system.text import printable

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line; a longer prompt goes into a file."""
MAX_PROBLEMS: Final = 20
_LISTS: Final = ("consents", "keep_tags")
_FLAGS: Final = ("prompt_from_tags",)
_NUMBERS: Final = ("crf",)
_UTF8_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(slots=True)
class Faults:
    """What is wrong with one list, up to as much as somebody will read."""

    name: str
    found: list[str] = field(default_factory=list)

    @property
    def enough(self) -> bool:
        """Whether it is not worth reading on."""
        return len(self.found) >= MAX_PROBLEMS

    def add(self, line: int | None, problem: Problem) -> None:
        """One sentence that names the file, the line and the key."""
        where = self.name if line is None else f"{self.name}, line {line}"
        key, text = problem
        if not self.enough:
            self.found.append(f"{where}: {text if key is None else f'{key} {text}'}.")

    def refuse(self) -> None:
        """Raise :class:`JobListError` if anything was found."""
        if self.found:
            raise JobListError(self.found)


def read_jobs(path: Path, defaults: Mapping[str, Any] | None = None) -> tuple[Job, ...]:
    """Read a list of jobs; what its name ends in says how.

    Args:
        path: ``.jsonl`` or ``.ndjson``, one JSON object a line; or ``.csv``, with a header line.
        defaults: values by key for rows that do not give them.

    Raises:
        JobListError: all that is wrong with the list, up to :data:`MAX_PROBLEMS` sentences.
        UsageError: it can't be read, or is of no kind that is known.
    """
    readers = {".jsonl": _json_rows, ".ndjson": _json_rows, ".csv": _csv_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path} is no job list by its name; end it in .jsonl or .csv.")
    faults = Faults(printable(path))
    jobs: list[Job] = []
    rows = 0
    try:
        with path.open("rb") as handle:
            for line, values in reader(_Lines(handle, faults), faults):
                rows += 1
                origin = f"{path.name}, line {line}"
                made = to_job(merged(values, defaults or {}), path.parent, origin)
                if isinstance(made, Job):
                    jobs.append(made)
                else:
                    for problem in made:
                        faults.add(line, problem)
                if faults.enough:
                    break
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UsageError(f"The job list {path} cannot be read: {reason}.") from error
    if not rows and not faults.found:
        faults.add(None, (None, "it holds no jobs"))
    for problem in clashes(jobs):
        faults.add(None, problem)
    faults.refuse()
    return tuple(jobs)


def read_job(path: Path, own: Mapping[str, Any], defaults: Mapping[str, Any]) -> Job:
    """The job in a file of its own, one JSON object; relative paths start at its folder.

    Args:
        path: the file.
        own: values that it need not repeat, like its input; what it says comes before them.
        defaults: values for what neither gives.

    Raises:
        JobListError: what is wrong with it.
        UsageError: it can't be read.
    """
    faults = Faults(printable(path))
    try:
        with path.open("rb") as handle:
            raw = handle.read(MAX_LINE + 1)
        values = json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UsageError(f"The job file {path} cannot be read: {reason}.") from error
    except _Twice as error:
        faults.add(None, error.problem)
        values = None
    except (ValueError, RecursionError):
        faults.add(None, (None, "it is no JSON that a job can be made of"))
        values = None
    if values is not None and not isinstance(values, dict):
        faults.add(None, (None, "it should be one JSON object"))
    faults.refuse()
    made = to_job(merged(merged(values, own), defaults), path.parent, path.name)
    if isinstance(made, Job):
        return made
    for problem in made:
        faults.add(None, problem)
    raise JobListError(faults.found)


def read_defaults(path: Path) -> dict[str, Any]:
    """Defaults for every row, from a TOML file with a job's keys.

    A relative ``prompt_file`` or ``approval`` in it starts at the job list's folder, as in a row.

    Raises:
        JobListError: it has keys that no job has, or that can have no default.
        UsageError: it can't be read.
    """
    try:
        with path.open("rb") as handle:
            raw = handle.read(MAX_LINE + 1)
        if len(raw) > MAX_LINE:
            raise UsageError(
                f"The file of defaults {path} is larger than 1 MB; is it the right one?"
            )
        values = tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UsageError(f"The file of defaults {path} cannot be read: {reason}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        # The cause would hold the file's text.
        raise UsageError(f"The file of defaults {path} is not valid TOML in UTF-8.") from None
    faults = Faults(printable(path))
    for problem in check_defaults(values):
        faults.add(None, problem)
    faults.refuse()
    return values


def clashes(jobs: list[Job]) -> Iterator[Problem]:
    """Outputs that two jobs share, or of which one is another's folder."""
    taken: dict[str, Job] = {}
    for job in jobs:
        first = taken.setdefault(same_file(job.output), job)
        if first is not job:
            yield None, f"{job.origin} has the same output as {first.origin}"
    for job in jobs:
        parts = same_file(job.output).split("/")
        for end in range(1, len(parts)):
            other = taken.get("/".join(parts[:end]))
            if other is not None:
                yield None, f"the output of {other.origin} is a folder in that of {job.origin}"


class _Lines:
    """A file's lines as text, with a limit; what is no UTF-8 is a fault, and the end."""

    def __init__(self, handle: BinaryIO, faults: Faults) -> None:
        self._handle = handle
        self._faults = faults
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        while raw := self._handle.readline(MAX_LINE + 1):
            self.number += 1
            if len(raw) > MAX_LINE:
                return self._end("it is longer than 1 MB; put a long prompt into a file")
            if self.number == 1:
                if raw.startswith(_UTF16_BOMS):
                    return self._end("it is UTF-16; save the list as UTF-8")
                raw = raw.removeprefix(_UTF8_BOM)
            try:
                yield raw.decode("utf-8")
            except UnicodeDecodeError as error:
                return self._end(f"byte {error.start + 1} is not UTF-8; save the list as UTF-8")
        return None

    def _end(self, text: str) -> None:
        self._faults.add(self.number, (None, text))


def _json_rows(lines: _Lines, faults: Faults) -> Iterator[tuple[int, dict[str, Any]]]:
    for text in lines:
        if not text.strip():
            continue
        try:
            values = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            faults.add(
                lines.number,
                (None, f"it is no JSON at column {error.colno}; check quotes and commas"),
            )
            continue
        except _Twice as error:
            faults.add(lines.number, error.problem)
            continue
        except (ValueError, RecursionError):
            faults.add(lines.number, (None, "it is no JSON that a job can be made of"))
            continue
        if isinstance(values, dict):
            yield lines.number, values
        else:
            faults.add(lines.number, (None, "it should be one JSON object"))


class _Twice(ValueError):
    """A key stands twice in one object."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        name, _ = unknown(key)
        self.problem: Problem = (
            (name, "stands there twice") if name else (None, "a key stands twice")
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise _Twice(key)
        values[key] = value
    return values


def _no_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _csv_rows(lines: _Lines, faults: Faults) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for cells in reader:
            here, start = start, lines.number + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                if not _header_is_good(header, here, faults):
                    return
            elif len(cells) != len(header):
                faults.add(
                    here,
                    (
                        None,
                        f"it has {len(cells)} values for {len(header)} columns; put a value with a "
                        "comma or a line break in quotes",
                    ),
                )
            else:
                values = _typed(dict(zip(header, cells, strict=True)), here, faults)
                if values is not None:
                    yield here, values
    except csv.Error as error:
        long = "field larger" in str(error)
        text = (
            "a value is longer than 128 KB; is a quote not closed?"
            if long
            else "its quotes are wrong"
        )
        faults.add(start, (None, text))


def _header_is_good(header: list[str], line: int, faults: Faults) -> bool:
    problems = check_keys(dict.fromkeys(header))
    if len(problems) == len(header):
        problems = [(None, "it should name the columns, and names none that a job has")]
    problems += [
        (name, "is the name of two columns")
        for name in dict.fromkeys(header)
        if header.count(name) > 1 and not check_keys({name: None})
    ]
    for problem in problems:
        faults.add(line, problem)
    return not problems


def _typed(cells: dict[str, str], line: int, faults: Faults) -> dict[str, Any] | None:
    """Cells as JSON would have them; an empty one was not given."""
    values: dict[str, Any] = {key: text for key, text in cells.items() if text.strip()}
    for key in _NUMBERS:
        if key in values:
            try:
                values[key] = float(values[key])
            except ValueError:
                faults.add(line, (key, "should be a number"))
                return None
    for key in _FLAGS:
        if key in values:
            values[key] = {"true": True, "false": False}.get(values[key].strip().lower(), "")
    for key in _LISTS:
        if key in values:
            values[key] = [part.strip() for part in values[key].split(";") if part.strip()]
    return values
