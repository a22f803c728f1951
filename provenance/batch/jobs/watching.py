"""A folder that clips come into, each with its job beside it: ``CLIP.job.json``.

A clip is taken once neither it nor its job file has changed between two looks that lie at least
:data:`SETTLED` seconds apart.  Which of them are done is the ledger's to know, so a restart begins
with a look at everything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from provenance.batch.jobs.model import Job, same_file
from provenance.batch.jobs.reading import read_job
from provenance.errors import UsageError
from provenance.system.text import printable
from provenance.video.encoders import SUFFIXES

JOB_SUFFIX: Final = ".job.json"
SETTLED: Final = 2.0
_State = tuple[int, int, int, int]


class WatchedFolder:
    """What lies in a folder and was not taken yet.

    Args:
        folder: where clips come in; folders in it are not looked at.
        defaults: values by key for job files that do not give them.
        clock: seconds, from whenever.

    Raises:
        UsageError: there is no such folder.
    """

    def __init__(
        self,
        folder: Path,
        defaults: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder; name the one that clips come into.")
        self._folder, self._defaults, self._clock = folder, defaults, clock
        self._seen: dict[Path, tuple[_State, float]] = {}
        self._taken: dict[Path, _State] = {}
        self._outputs: dict[str, Path] = {}

    def look(self, complain: Callable[[str], object]) -> list[Job]:
        """The jobs that have become whole since the last look.

        Args:
            complain: told what is wrong with a job file, once for each of its versions.
        """
        jobs = []
        for path in sorted(self._folder.glob(f"*{JOB_SUFFIX}")):
            state = self._state(path)
            if state is None or self._taken.get(path) == state or not self._settled(path, state):
                continue
            self._taken[path] = state
            try:
                jobs.append(self._read(path))
            except UsageError as error:
                complain(str(error))
        return jobs

    def _read(self, path: Path) -> Job:
        clip = _clip_of(path)
        output = clip.name
        if clip.suffix.lower() not in SUFFIXES:
            output = clip.with_suffix(".mp4").name
        job = read_job(path, {"input": str(clip.absolute()), "output": output}, self._defaults)
        other = self._outputs.setdefault(same_file(job.output), path)
        if other != path:
            raise UsageError(f"{printable(path)} names the output of {printable(other)}.")
        return job

    def _settled(self, path: Path, state: _State) -> bool:
        now = self._clock()
        before, since = self._seen.get(path, (None, now))
        if before != state:
            self._seen[path] = state, now
            return False
        return now - since >= SETTLED

    @staticmethod
    def _state(path: Path) -> _State | None:
        try:
            if path.name.startswith(".") or not path.is_file():
                return None
            job, clip = os.stat(path), os.stat(_clip_of(path))
        except OSError:  # the clip is not there yet
            return None
        return job.st_size, job.st_mtime_ns, clip.st_size, clip.st_mtime_ns


def _clip_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(JOB_SUFFIX))
