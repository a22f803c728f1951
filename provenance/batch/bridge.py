"""The process between a run and a Ray cluster: the only one that Ray knows of.

It keeps Ray's words off the terminal and Ray's signal handlers out of the run, and the run can end
it when Ray hangs.  Everything hangs on it: when it ends, the actors do, so their claims are signed
with its name (:func:`provenance.system.processes.owner_name`).

1. It connects and sends the CPUs of each node.
2. It is sent the run's settings, and starts actors: one with the ledger, on this machine, and one
   for each worker, wherever there is room.
3. It hands over jobs and passes on what comes back, as a pool's events.  The number of workers that
   are ready goes as a plain int; an error that ends everything as an exception.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Literal

from provenance.batch.jobs import Ledger
from provenance.batch.node import Environment, Slot, versions
from provenance.batch.pool import Died, Ended, Event, Step
from provenance.batch.settings import Settings
from provenance.batch.tasks import Attempt, Task
from provenance.errors import ClusterError, ProvenanceError, UsageError
from provenance.system.processes import is_gone, owner_name, this_host

EMPTY: Final = 300.0
"""Seconds without any worker after which a run ends."""
ENDING: Final = 8.0
"""Seconds that a killed process of this machine is waited for; Ray takes five for a hung one."""
_GREETING: Final = 10.0
"""Seconds that a cluster's machine gets to take a connection."""
_TICK: Final = 0.05
_ASK: Final = 0.5
"""Seconds between two questions how far a job is."""
_ROUNDS: Final = 2
"""How often, one after the other, as many workers as there shall be may not get ready."""
_TALK: Final = "talk"
"""A second thread of each actor, which answers while the first one works."""


@dataclass(frozen=True, slots=True)
class Start:
    """Have so many workers do jobs; see :meth:`provenance.batch.node.Slot.open`."""

    size: int
    settings: Settings
    folder: Path
    shared: Path | None
    environment: Environment


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand a job over."""

    number: int
    task: Task


Command = Start | Submit | Literal["stop", "kill"]


def main(pipe: Connection, address: str) -> None:
    """The process's life: serve one run, and end with it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # a terminal sends them to us too; the run decides
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with open(os.devnull, "wb") as nowhere:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    with contextlib.suppress(EOFError, OSError):  # the run is gone
        try:
            ray = _connect(address)
            nodes = [node for node in ray.nodes() if node["Alive"]]
            pipe.send(tuple(int(node["Resources"].get("CPU", 0)) for node in nodes))
            start = pipe.recv()
            if isinstance(start, Start):
                _Bridge(ray, pipe, start).run()
        except ProvenanceError as error:
            pipe.send(error)
    # Ray's own ending may wait for what is gone; its nodes see that this process ends.
    os._exit(0)


def _connect(address: str) -> Any:
    """Connect; the module with its functions.

    Raises:
        UsageError: Ray is not installed, or the address is none.
        ClusterError: there is no cluster that could be used.
    """
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(
            "Many machines need Ray; run `pip install 'provenance-stamp[ray]'`."
        ) from error
    host, _, port = address.rpartition(":")
    if host and port.isdigit():  # Ray itself tries for minutes
        try:
            socket.create_connection((host.strip("[]"), int(port)), _GREETING).close()
        except (OSError, OverflowError) as error:
            raise unreachable(address) from error
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except ValueError as error:
        raise UsageError(
            f"{address!r} is no address of a Ray cluster; give HOST:PORT, or auto."
        ) from error
    except (Exception, SystemExit) as error:  # Ray has no root for what it raises here
        if "ersion mismatch" in str(error):
            raise ClusterError(
                "The Ray cluster runs another version of Ray or Python than this machine",
                advice=f"install the same on all (here: Ray {ray.__version__}, {versions()})",
            ) from error
        raise unreachable(address) from error
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Ray has set it
    return ray


def unreachable(address: str) -> ClusterError:
    """What is said when there is no cluster."""
    where = "No Ray cluster" if address == "auto" else f"The Ray cluster at {address}"
    no = "can" if address == "auto" else "can't"
    return ClusterError(
        f"{where} {no} be reached from here",
        advice="start it, check its address and token, and run this command on one of its nodes",
    )


@dataclass(slots=True, eq=False)
class _Worker:
    """An actor; ``asked`` is what it has not answered yet."""

    actor: Any
    owner: str
    state: Literal["new", "opening", "idle", "busy"]
    asked: Any
    process: str | None = None
    host: str = ""
    number: int = -1
    moved: int = 0
    heard: float = 0.0
    step: Any = None
    step_asked: float = 0.0


@dataclass(slots=True)
class _Bridge:
    ray: Any
    pipe: Connection
    start: Start
    workers: list[_Worker] = field(default_factory=list)
    waiting: deque[Submit] = field(default_factory=deque)
    stopping: bool = False
    failures: int = 0
    alive: float = field(default_factory=time.monotonic)
    told: int = 0
    counter: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    ledger: Any = None

    def run(self) -> None:
        """Serve until the run is over.

        Raises:
            ClusterError: nobody does its jobs any more.
            EOFError: the run is gone.
        """
        self._open_ledger()
        while True:
            while self.pipe.poll():
                command = self.pipe.recv()
                if command == "kill":
                    self.pipe.send(self._kill())
                    return
                self._obey(command)
            while not self.stopping and len(self.workers) < self.start.size:
                self._hire()
            self._hand_out()
            self._look()
            ready = sum(worker.state in ("idle", "busy") for worker in self.workers)
            if ready != self.told:
                self.pipe.send(ready)
                self.told = ready
            if ready or self.stopping:
                self.alive = time.monotonic()
            elif time.monotonic() - self.alive > EMPTY:
                raise ClusterError(
                    f"The Ray cluster had no room for a worker for {EMPTY:.0f} seconds",
                    advice="look at its nodes, and run the same command again",
                )

    def _open_ledger(self) -> None:
        from ray.util.scheduling_strategies import (  # noqa: PLC0415
            NodeAffinitySchedulingStrategy,
        )

        here = NodeAffinitySchedulingStrategy(
            self.ray.get_runtime_context().get_node_id(), soft=False
        )
        keeper = self.ray.remote(num_cpus=0, max_restarts=3, scheduling_strategy=here)(Ledger)
        self.ledger = keeper.remote(self.start.settings.ledger)

    def _hire(self) -> None:
        """Ask for an actor; it comes to life when the cluster has room."""
        owner = owner_name(os.getpid(), str(next(self.counter)))
        kind = self.ray.remote(
            num_cpus=self.start.settings.threads, max_restarts=0, concurrency_groups={_TALK: 1}
        )(Slot)
        actor = kind.remote(owner, self.ledger)
        self.workers.append(_Worker(actor, owner, "new", actor.versions.remote()))

    def _obey(self, command: Command) -> None:
        if isinstance(command, Submit):
            self.waiting.append(command)
        elif command == "stop":
            self.stopping = True
            while self.waiting:
                self._tell(Ended(self.waiting.popleft().number, Attempt("abandoned")))
            for worker in self.workers:
                worker.actor.stop.options(concurrency_group=_TALK).remote()

    def _hand_out(self) -> None:
        for worker in self.workers:
            if worker.state == "idle" and self.waiting:
                submit = self.waiting.popleft()
                worker.state, worker.number = "busy", submit.number
                worker.heard = worker.step_asked = time.monotonic()
                worker.asked = worker.actor.do.remote(submit.task)

    def _look(self) -> None:
        """See what came back, after a moment at most."""
        refs = [ref for one in self.workers for ref in (one.asked, one.step) if ref is not None]
        if not refs:
            time.sleep(_TICK)
            return
        began = time.monotonic()
        if not self.ray.wait(refs, timeout=_TICK)[0]:
            time.sleep(max(0.0, began + _TICK - time.monotonic()))  # without its node it won't wait
            self._ask()
            return
        back = set(self.ray.wait(refs, num_returns=len(refs), timeout=0)[0])
        for worker in list(self.workers):
            try:
                if worker.asked in back:
                    self._answered(worker, self.ray.get(worker.asked))
                if worker.step in back:
                    self._moved(worker, self.ray.get(worker.step))
            except self.ray.exceptions.RayError:
                self._lost(worker)
        self._ask()

    def _ask(self) -> None:
        """Ask busy workers how far they are, and give up those that hang."""
        now = time.monotonic()
        for worker in [one for one in self.workers if one.state == "busy"]:
            if worker.heard < now - self.start.settings.stall:
                self._lost(worker)
            elif worker.step is None and now - worker.step_asked > _ASK:
                worker.step_asked = now
                worker.step = worker.actor.step.options(concurrency_group=_TALK).remote()

    def _moved(self, worker: _Worker, said: tuple[int, str, int, int | None]) -> None:
        worker.step = None
        if said[0] != worker.moved and worker.state == "busy":
            worker.moved, worker.heard = said[0], time.monotonic()
            self._tell(Step(worker.number, *said[1:]))

    def _answered(self, worker: _Worker, answer: Any) -> None:
        worker.asked = None
        if worker.state == "new":
            worker.process, worker.host, there = answer
            if there != versions():
                raise ClusterError(
                    f"The node {worker.host} has {there}, and this machine has {versions()}",
                    advice="install the same on all",
                )
            start = self.start
            worker.state = "opening"
            worker.asked = worker.actor.open.remote(
                start.settings, start.folder, start.shared, start.environment
            )
        elif worker.state == "opening":
            if answer is not None:
                raise ClusterError(f"The node {worker.host} can't do the jobs: {answer}")
            worker.state, self.failures = "idle", 0
        else:
            worker.state = "idle"
            self._tell(Ended(worker.number, answer))

    def _lost(self, worker: _Worker) -> None:
        """A worker, or its whole node, is gone."""
        self.workers.remove(worker)
        self._end([worker])
        if worker.state == "busy":
            self._tell(Died(worker.number, worker.owner))
        elif worker.state != "idle":
            self.failures += 1
            if self.failures > _ROUNDS * self.start.size:
                raise ClusterError(
                    "Workers of the Ray cluster do not start",
                    advice=f"see that {versions()} is installed on every node",
                )

    def _kill(self) -> list[str]:
        self._end(self.workers)
        with contextlib.suppress(self.ray.exceptions.RayError):  # so that the file is whole alone
            self.ray.get(self.ledger.close.remote(), timeout=ENDING / 2)
        return [worker.owner for worker in self.workers]

    def _end(self, workers: list[_Worker]) -> None:
        """Kill; those of this machine are gone afterwards, for whoever looks at what they left."""
        for worker in workers:
            with contextlib.suppress(self.ray.exceptions.RayError):
                self.ray.kill(worker.actor)
        deadline = time.monotonic() + ENDING
        for process in [worker.process or "" for worker in workers]:
            while process.startswith(this_host()) and not is_gone(process):
                if time.monotonic() > deadline:
                    return
                time.sleep(0.02)

    def _tell(self, event: Event) -> None:
        self.pipe.send(event)
