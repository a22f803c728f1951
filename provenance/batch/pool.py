"""Worker processes of this machine, one job each at a time.

Every worker hangs on two pipes: one for tasks and answers, and one that nothing is ever sent
through: when it breaks, the run is gone and so is the worker.  A worker that dies is seen at once,
costs its job one attempt, and is replaced; so is one that gives no sign of life for too long.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Final, Protocol

from provenance.batch.settings import Settings
from provenance.batch.tasks import Attempt, Task
from provenance.system.memory import give_memory_back
from provenance.system.processes import forbid_dumps, owner_name

_SHOWN: Final = 0.2
"""Least seconds between two tellings of a job's progress."""


@dataclass(frozen=True, slots=True)
class Step:
    """A job goes on."""

    number: int
    stage: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A try has ended; ``number`` is the one it was handed over with."""

    number: int
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Died:
    """The worker of a job died; ``owner`` is how it signed its claims."""

    number: int
    owner: str


Event = Step | Ended | Died


class Workers(Protocol):
    """Whoever does the jobs: processes of this machine, or a cluster's."""

    @property
    def size(self) -> int:
        """How many jobs at once."""

    @property
    def free(self) -> int:
        """How many more jobs can be handed over now."""

    def submit(self, number: int, task: Task) -> None:
        """Hand a job over."""

    def wait(self, seconds: float) -> list[Event]:
        """What happened, after at most so many seconds."""

    def stop(self) -> None:
        """Have running jobs given back, soon."""

    def kill(self) -> list[str]:
        """End at once; the owners whose claims are void."""


class LocalWorkers:
    """A pool of spawned processes; use it in a ``with`` block, which ends them.

    They take over the environment: OMP_NUM_THREADS and its like are the caller's to set.

    Args:
        size: how many.
        settings: of the run.
        pin: of the token that signs, if that needs one; it goes through a pipe.
    """

    def __init__(self, size: int, settings: Settings, *, pin: str | None = None) -> None:
        self.size = size
        self._pin = pin
        self._settings = settings
        self._stopping = False
        self._context = multiprocessing.get_context("spawn")
        self._workers = [self._start() for _ in range(size)]

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        for worker in self._workers:
            if worker.number is None:
                with contextlib.suppress(OSError):
                    worker.pipe.send(None)
        deadline = time.monotonic() + 5.0
        for worker in self._workers:
            if worker.number is None:
                worker.process.join(max(0.0, deadline - time.monotonic()))
        self.kill()

    @property
    def free(self) -> int:
        """How many workers have nothing to do."""
        return sum(worker.number is None for worker in self._workers)

    def submit(self, number: int, task: Task) -> None:
        """Hand a job to a free worker."""
        worker = next(one for one in self._workers if one.number is None)
        worker.number, worker.heard = number, time.monotonic()
        with contextlib.suppress(OSError):  # dead: seen by wait
            worker.pipe.send(task)

    def wait(self, seconds: float) -> list[Event]:
        """What happened, after at most so many seconds."""
        by_pipe = {worker.pipe: worker for worker in self._workers}
        events: list[Event] = []
        for pipe in wait(list(by_pipe), seconds):
            worker = by_pipe[pipe]  # type: ignore[index]  # only these were waited for
            try:
                events += self._received(worker)
            except (EOFError, OSError):
                events += self._replace(worker)
        oldest = time.monotonic() - self._settings.stall
        for worker in list(self._workers):
            if worker.number is not None and worker.heard < oldest:
                events += self._replace(worker)
        return events

    def stop(self) -> None:
        """Have running jobs given back; a worker notices with its next frame, and ends."""
        self._stopping = True
        for worker in self._workers:
            worker.process.terminate()

    def kill(self) -> list[str]:
        """End every worker at once; how those signed their claims."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.close()
        owners, self._workers = [worker.owner for worker in self._workers], []
        return owners

    def _received(self, worker: _Worker) -> Iterator[Event]:
        while worker.pipe.poll():
            said = worker.pipe.recv()
            worker.heard = time.monotonic()
            if worker.number is None:
                continue
            if isinstance(said, Attempt):
                number, worker.number = worker.number, None
                yield Ended(number, said)
            else:
                yield Step(worker.number, *said)

    def _replace(self, worker: _Worker) -> list[Event]:
        worker.process.kill()
        worker.process.join()
        worker.close()
        place = self._workers.index(worker)
        self._workers[place : place + 1] = [] if self._stopping else [self._start()]
        return [] if worker.number is None else [Died(worker.number, worker.owner)]

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        hanging, held = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_main,
            args=(self._settings, self._pin, theirs, hanging),
            name="provenance batch worker",
        )
        process.start()
        theirs.close()
        hanging.close()
        return _Worker(process, ours, held, owner_name(process.pid or 0))


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    held: Connection
    owner: str
    number: int | None = None
    heard: float = 0.0

    def close(self) -> None:
        self.pipe.close()
        self.held.close()
        self.process.close()


def _main(settings: Settings, pin: str | None, pipe: Connection, hanging: Connection) -> None:
    """A worker's life."""
    forbid_dumps()
    told = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, stop)
    for name in ("SIGINT", "SIGHUP"):  # a terminal sends them to us too; the run decides
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_hang_on, args=(hanging,), daemon=True).start()
    give_memory_back()

    import cv2  # noqa: PLC0415 - slow to import

    from provenance.batch.work import Abandon, do  # noqa: PLC0415 - slow to import

    cv2.setNumThreads(settings.threads)
    shown = 0.0

    def progress(stage: str, done: int, total: int | None) -> None:
        nonlocal shown
        if told.is_set():
            raise Abandon
        now = time.monotonic()
        if now - shown >= _SHOWN:
            shown = now
            pipe.send((stage, done, total))

    with contextlib.suppress(EOFError, OSError):
        while not told.is_set() and (task := pipe.recv()) is not None:
            pipe.send(do(task, settings, pin=pin, progress=progress))


def _hang_on(hanging: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        hanging.recv()
    os._exit(1)
