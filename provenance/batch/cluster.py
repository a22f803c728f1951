"""Workers on many machines: actors of a Ray cluster, reached through a process of their own.

    with Cluster("auto") as cluster:
        size, threads = share_out(cluster.rooms, len(jobs))
        ...
        with RayWorkers(cluster, size, settings, environment) as workers:
            run_batch(jobs, settings, workers, ledger, watch, prompt_keys=keyring.prompt_keys)

Ray itself (``pip install provenance-stamp[ray]``) is imported in that process only
(:mod:`provenance.batch.bridge`), and the ledger stays a file of this machine.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from provenance.batch.bridge import ENDING, Command, Start, Submit, main, unreachable
from provenance.batch.node import NODES_OWN, Environment
from provenance.batch.pool import Died, Ended, Event, Step
from provenance.batch.settings import Settings
from provenance.batch.tasks import Task
from provenance.errors import ClusterError, OutputError, ProvenanceError
from provenance.registry import portable_address
from provenance.system.processes import is_running, process_name
from provenance.system.storage import place_in

CONNECTING: Final = 40.0
"""Seconds until a cluster that does not answer is given up."""


class Cluster:
    """A connection to a Ray cluster; use it in a ``with`` block, which ends it.

    ``rooms`` are the CPUs of each node.

    Args:
        address: ``HOST:PORT``, or "auto": the one that RAY_ADDRESS names or this machine is of.

    Raises:
        UsageError: Ray is not installed, or the address is none.
        ClusterError: the cluster can't be reached, or runs other versions.
    """

    def __init__(self, address: str) -> None:
        if "://" in address:
            raise unreachable(address)
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=main, args=(theirs, address), name="provenance batch bridge", daemon=True
        )
        self._process.start()
        theirs.close()
        try:
            if not self._pipe.poll(CONNECTING):
                raise unreachable(address)
            self.rooms: tuple[int, ...] = self.received()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, command: Command) -> None:
        """Tell the bridge; when it is gone, :meth:`received` says so."""
        with contextlib.suppress(OSError):
            self._pipe.send(command)

    def waits(self, seconds: float) -> bool:
        """Whether something can be received, after at most so many seconds."""
        return self._pipe.poll(seconds)

    def received(self) -> Any:
        """What the bridge said.

        Raises:
            ProvenanceError: what it ended with.
        """
        try:
            said = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise ClusterError(
                "The connection to the Ray cluster was lost",
                advice="look at its head node, and run the same command again",
            ) from error
        if isinstance(said, ProvenanceError):
            raise said
        return said

    def close(self) -> None:
        """End the bridge, and with it every worker."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


class RayWorkers:
    """A pool of actors; use it in a ``with`` block, which ends them.

    No secret goes into the cluster: each node finds its own (:mod:`provenance.batch.node`).

    Args:
        cluster: where; it serves one pool.
        size: how many; those for which there is no room yet start when there is.
        settings: of the run.
        environment: a function of a module; called on each node, it says what is set there.
    """

    def __init__(
        self, cluster: Cluster, size: int, settings: Settings, environment: Environment
    ) -> None:
        self.size = size
        self._cluster = cluster
        self._ready = 0
        self._running: set[int] = set()
        self._shared = _mark(settings)
        self._ended = False
        cluster.send(Start(size, shipped(settings), Path.cwd(), self._shared, environment))

    def __enter__(self) -> RayWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self._shared is not None:
            self._shared.unlink(missing_ok=True)

    @property
    def free(self) -> int:
        """How many workers have nothing to do."""
        return max(0, self._ready - len(self._running))

    def submit(self, number: int, task: Task) -> None:
        """Hand a job to a free worker."""
        self._running.add(number)
        self._cluster.send(Submit(number, task))

    def wait(self, seconds: float) -> list[Event]:
        """What happened, after at most so many seconds.

        Raises:
            ClusterError: no worker can do these jobs, or the cluster is gone.
        """
        events: list[Event] = []
        while self._cluster.waits(0.0 if events else seconds):
            said = self._cluster.received()
            if isinstance(said, int):
                self._ready = said
                seconds = 0.0
                continue
            if isinstance(said, Ended | Died):
                self._running.discard(said.number)
            if isinstance(said, Step | Ended | Died):
                events.append(said)
        return events

    def stop(self) -> None:
        """Have running jobs given back."""
        self._cluster.send("stop")

    def kill(self) -> list[str]:
        """End every worker at once; how those signed their claims."""
        if self._ended:
            return []
        self._ended = True
        self._cluster.send("kill")
        deadline = time.monotonic() + 2 * ENDING
        with contextlib.suppress(ProvenanceError):
            while self._cluster.waits(max(0.0, deadline - time.monotonic())):
                if isinstance(said := self._cluster.received(), list):
                    return said
        # The claims of a bridge that is gone are seen to be void.
        self._cluster.close()
        return []


def shipped(settings: Settings) -> Settings:
    """The settings as they are sent to nodes: without the registry's password, if there is one."""
    if settings.registry is None:
        return settings
    return replace(settings, registry=portable_address(settings.registry) or NODES_OWN)


def _mark(settings: Settings) -> Path | None:
    """A file by which a node knows the output's folder; None when that is in a bucket."""
    if not place_in(settings.out, "x").is_local:
        return None
    mark = settings.state / f"shared-{secrets.token_hex(8)} {process_name(os.getpid())}"
    try:
        for old in settings.state.glob("shared-* *"):
            if not is_running(old.name.partition(" ")[2]):  # its run was killed
                old.unlink(missing_ok=True)
        mark.touch(0o600)
    except OSError as error:
        raise OutputError(f"The folder {settings.state} cannot be written to.") from error
    return mark
