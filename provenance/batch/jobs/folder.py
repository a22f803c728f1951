"""Jobs from a folder: every clip that fits a pattern, all with the same fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from provenance.batch.jobs.model import Job
from provenance.batch.jobs.reading import Faults, clashes
from provenance.batch.jobs.rows import check_defaults, merged, to_job
from provenance.errors import UsageError
from provenance.system.text import printable
from provenance.video.encoders import SUFFIXES


def find_jobs(folder: Path, pattern: str, fields: Mapping[str, Any]) -> tuple[Job, ...]:
    """Make a job of each file below ``folder`` that fits ``pattern``, in the order of their names.

    Outputs are named as the inputs are; what this tool does not write (``.avi``) becomes ``.mp4``.
    Hidden files and folders are left out, and so is what a link leads to outside the folder.

    Args:
        folder: where to look.
        pattern: as ``*.mp4`` or ``**/*.mov``.
        fields: values by key, the same for every job; relative paths start at the working folder.

    Raises:
        JobListError: what is wrong with the fields, or the jobs.
        UsageError: there is no such folder, the pattern leads out of it, or nothing fits.
    """
    faults = Faults(printable(folder))
    jobs: list[Job] = []
    for inner, values in find_rows(folder, pattern, fields):
        made = to_job(values, Path(), printable(inner))
        if isinstance(made, Job):
            jobs.append(made)
            continue
        for key, text in made:
            faults.add(
                None, (None, f"{printable(inner)}: {text if key is None else f'{key} {text}'}")
            )
        if faults.enough:
            break
    for problem in clashes(jobs):
        faults.add(None, problem)
    faults.refuse()
    return tuple(jobs)


def find_rows(
    folder: Path, pattern: str, fields: Mapping[str, Any]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The same as rows of a job list, for somebody to go on from, and each file's place in the
    folder; nothing is read, so what lies in sidecars and prompt files stays there.

    Raises:
        JobListError, UsageError: as of :func:`find_jobs`.
    """
    faults = Faults(printable(folder))
    for problem in check_defaults(fields):
        faults.add(None, problem)
    faults.refuse()
    for found in _files(folder, pattern):
        inner = found.relative_to(folder)
        output = inner if inner.suffix.lower() in SUFFIXES else inner.with_suffix(".mp4")
        values = {"input": str(found.absolute()), "output": output.as_posix()}
        yield inner, merged(values, fields)


def _files(folder: Path, pattern: str) -> list[Path]:
    wanted = PurePath(pattern)
    if not pattern.strip() or wanted.is_absolute() or ".." in wanted.parts:
        raise UsageError(
            "A pattern of names stays below its folder",
            advice="write it like *.mp4",
            settings=("glob",),
        )
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; name the one that holds the clips.")
    root = folder.resolve()
    try:
        found = sorted(
            path
            for path in folder.glob(pattern)
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
            and path.resolve().is_relative_to(root)
        )
    except (OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"The clips in {folder} cannot be listed by that pattern.") from error
    if not found:
        raise UsageError(
            f"Nothing in {folder} fits {pattern!r}",
            path=folder,
            advice="check the folder and the pattern",
            settings=("from", "glob"),
        )
    return found
