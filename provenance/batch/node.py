"""A worker on some node of a Ray cluster: what its actor does there.

Settings come from the run.  What is secret, or lies elsewhere on this node, comes from the node's
own environment, which ``ray start`` took over: the PIN of a token always, the registry's address
when there is a password in it, keys and signer where the node names its own.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from provenance.batch.jobs import Ledger
from provenance.batch.settings import Settings
from provenance.batch.tasks import Attempt, Task
from provenance.errors import ClusterError, LedgerError, ProvenanceError
from provenance.signers import SignerSpec
from provenance.system.memory import give_memory_back
from provenance.system.processes import forbid_dumps, owner_name
from provenance.system.version import software_version

NODES_OWN: Final = "PROVENANCE_REGISTRY"
"""Stands for a registry whose address each node takes from its environment."""
Environment = Callable[[], Mapping[str, str]]
Step = tuple[int, str, int, int | None]
"""How often a job has moved; its stage, the steps done in it, and how many there will be."""


def versions() -> str:
    """What has to be the same on every node."""
    python = ".".join(platform.python_version_tuple()[:2])
    return f"provenance-stamp {software_version()} on Python {python}"


def on_this_node(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """The run's settings, with what this node's environment says instead.

    Raises:
        ClusterError: the registry's address, or the signer's certificates, are not there.
    """
    keys = Path(environ.get("PROVENANCE_KEYS") or settings.keys)
    registry, signer = settings.registry, settings.signer
    if registry == NODES_OWN:
        registry = environ.get(NODES_OWN)
        if not registry:
            raise ClusterError(
                f"{NODES_OWN} is not set in the environment of `ray start`; "
                "a registry's password is not sent to nodes, so each needs the whole address.",
            )
    if environ.get("PROVENANCE_SIGNER"):
        try:
            chain = Path(environ.get("PROVENANCE_SIGNER_CHAIN", "")).read_bytes()
        except OSError as error:
            raise ClusterError(
                "PROVENANCE_SIGNER is set, and the certificates that PROVENANCE_SIGNER_CHAIN names "
                "can't be read."
            ) from error
        signer = SignerSpec(environ["PROVENANCE_SIGNER"], chain)
    reviewers = tuple(
        keys / path.relative_to(settings.keys) if path.is_relative_to(settings.keys) else path
        for path in settings.reviewers
    )
    return replace(settings, keys=keys, registry=registry, signer=signer, reviewers=reviewers)


class Slot:
    """Does one job at a time, and says meanwhile how far it is.

    Args:
        owner: how it signs its claims.
        ledger: the actor that holds the ledger.
    """

    def __init__(self, owner: str, ledger: Any) -> None:
        self._owner = owner
        self._ledger = cast("Ledger", _DistantLedger(ledger))
        self._told = threading.Event()
        self._step: Step = (0, "", 0, None)
        self._settings: Settings | None = None
        self._pin: str | None = None

    def versions(self) -> tuple[str, str, str]:
        """This process and its machine, and what is installed here."""
        return owner_name(os.getpid()), socket.gethostname(), versions()

    def open(
        self, settings: Settings, folder: Path, shared: Path | None, environment: Environment
    ) -> str | None:
        """Get ready, and say what keeps this node from doing the run's jobs.

        Args:
            settings: of the run.
            folder: where the run's relative paths start.
            shared: a file that is there if the output folder is the same here.
            environment: says what is set here.
        """
        import cv2  # noqa: PLC0415 - slow to import

        from provenance.batch.tools import tools_for  # noqa: PLC0415

        # Ray's own watch over its workers reads what only a process that may be dumped shows.
        forbid_dumps(programs=False)
        give_memory_back()
        cv2.setNumThreads(settings.threads)
        if shared is not None and not shared.exists():
            return (
                f"it does not have the folder {settings.out}; share that, at the same path on all "
                "nodes, or write to a bucket."
            )
        with contextlib.suppress(OSError):
            os.chdir(folder)
        try:
            settings.spool.mkdir(parents=True, exist_ok=True)
        except OSError:
            return f"the folder {settings.spool} can't be made there; name another."
        try:
            environ = environment()
            self._pin = environ.get("PROVENANCE_PKCS11_PIN") or None
            self._settings = on_this_node(settings, environ)
            tools_for(self._settings, self._pin)
        except ProvenanceError as error:
            # What may pass is met again, and then waited for, by the first job.
            return None if error.retryable and self._settings is not None else str(error)
        return None

    def do(self, task: Task) -> Attempt:
        """Do one job."""
        from provenance.batch.work import Abandon, do  # noqa: PLC0415 - slow to import

        def progress(stage: str, done: int, total: int | None) -> None:
            if self._told.is_set():
                raise Abandon
            self._step = (self._step[0] + 1, stage, done, total)

        settings = cast("Settings", self._settings)
        return do(
            task,
            settings,
            pin=self._pin,
            ledger=self._ledger,
            owner=self._owner,
            progress=progress,
        )

    def step(self) -> Step:
        """How far the job is."""
        return self._step

    def stop(self) -> None:
        """Have the job given back, with its next step."""
        self._told.set()


class _DistantLedger:
    """Answers as the ledger would that an actor on the run's machine has opened."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        import ray  # noqa: PLC0415 - an extra

        def ask(*values: Any, **options: Any) -> Any:
            try:
                return ray.get(getattr(self._actor, name).remote(*values, **options))
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, ProvenanceError):
                    raise error.cause from None
                kind = type(error.cause).__name__
                raise LedgerError(f"The ledger can't be used ({kind}).") from error
            except ray.exceptions.RayError as error:
                raise LedgerError("The run that holds the ledger is gone.") from error

        return ask
