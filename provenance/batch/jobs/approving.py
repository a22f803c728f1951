"""Which jobs a clip is approved for: those of a list that stamp it, or one made of given values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from provenance.batch.jobs.model import Job
from provenance.batch.jobs.reading import Faults, read_job, read_jobs
from provenance.batch.jobs.rows import merged, to_job
from provenance.errors import JobListError, UsageError
from provenance.system.storage import Place
from provenance.system.text import printable
from provenance.video.encoders import SUFFIXES


def jobs_for(clip: Place, listed: Path | None, defaults: Mapping[str, Any]) -> tuple[Job, ...]:
    """The jobs that stamp a clip.

    Args:
        clip: the clip.
        listed: a list of jobs, or a ``.json`` file that holds the clip's one job; None for a job of
            the defaults alone.
        defaults: values by key that a job need not give.

    Raises:
        JobListError: what is wrong with the list, or with the values.
        UsageError: the list can't be read, or has no job for the clip.
    """
    own = {"input": _absolute(clip), "output": _output(clip)}
    if listed is None:
        return (_made(own, defaults, printable(clip)),)
    if listed.suffix.lower() == ".json":
        jobs: tuple[Job, ...] = (read_job(listed, own, defaults),)
    else:
        jobs = read_jobs(listed, defaults)
    found = tuple(job for job in jobs if _same(Place.of(job.input), clip))
    if not found:
        raise UsageError(f"{listed} has no job for {printable(clip)}; is it the right list?")
    return found


def _made(own: Mapping[str, Any], defaults: Mapping[str, Any], name: str) -> Job:
    made = to_job(merged(own, defaults), Path(), name)
    if isinstance(made, Job):
        return made
    faults = Faults(name)
    for problem in made:
        faults.add(None, problem)
    raise JobListError(faults.found)


def _output(clip: Place) -> str:
    """As a job of a folder's clip is named."""
    name = PurePosixPath(clip.file_name)
    return str(name if name.suffix.lower() in SUFFIXES else name.with_suffix(".mp4"))


def _absolute(clip: Place) -> str:
    return str(clip.path.absolute()) if clip.is_local else str(clip)


def _same(one: Place, other: Place) -> bool:
    if not (one.is_local and other.is_local):
        return one == other
    return os.path.realpath(one.path) == os.path.realpath(other.path)
