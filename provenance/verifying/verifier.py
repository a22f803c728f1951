"""Verify files under one set of keys, roots and rules, several at a time."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from provenance.errors import CancelledError, InputError
from provenance.keyring import Keyring
from provenance.manifest import Trust
from provenance.registry import Registry
from provenance.results import Effort, Verdict, VerificationReport
from provenance.system.given import Source
from provenance.system.processes import usable_cores
from provenance.verifying.isolation import Examiner, Limits
from provenance.verifying.lookup import DatedRevocations
from provenance.verifying.verify import unexamined, verify
from provenance.video import Still
from provenance.watermark.code.keys import WatermarkKey


@dataclass(frozen=True, slots=True)
class Policy:
    """What is good enough.

    Attributes:
        accepted: verdicts that are.
        require_registry: confirm nothing that no registry vouches for.
    """

    accepted: frozenset[Verdict] = frozenset((Verdict.CONFIRMED,))
    require_registry: bool = False

    def accepts(self, report: VerificationReport) -> bool:
        """Whether a report's verdict is good enough."""
        return report.verdict in self.accepted


class Verifier:
    """Verifies files; keys, trust and rules are said once.

    Each file is opened by a worker process of its own, with limits (:mod:`.isolation`); there are
    as many as files at a time, they are started when needed, and :meth:`close` ends them.  Use it
    as a context manager, from any number of threads.

    Args:
        watermark_keys: every key to try, newest first; with none the watermark is not checked.
        trust: who may sign; with none every signer is untrusted.
        registry: where to look stamps up: the registry, or an opened bundle.
        revocations: signed lists of what was withdrawn, besides the registry's own.
        policy: what is good enough.
        effort: how deep to search for watermarks, see :func:`provenance.verify`.
        limits: of each worker process.
        workers: files at a time; default: the cores that this process may use.  They share the
            cores out among themselves: one alone has all of them for its file.
    """

    def __init__(
        self,
        watermark_keys: Iterable[WatermarkKey] = (),
        trust: Trust | None = None,
        *,
        registry: Registry | None = None,
        revocations: Sequence[DatedRevocations] = (),
        policy: Policy | None = None,
        effort: Effort = "normal",
        limits: Limits | None = None,
        workers: int | None = None,
    ) -> None:
        self.watermark_keys, self.trust = tuple(watermark_keys), trust or Trust()
        self.registry, self.revocations = registry, tuple(revocations)
        self.policy = policy or Policy()
        self.effort: Effort = effort
        self.workers = max(1, workers or usable_cores())
        self._examiners = [Examiner(limits, beside=self.workers) for _ in range(self.workers)]
        self._free: queue.LifoQueue[Examiner] = queue.LifoQueue()
        for examiner in self._examiners:
            self._free.put(examiner)
        self._closed, self._closing = threading.Event(), threading.Lock()

    @classmethod
    def of(
        cls,
        keyring: Keyring,
        *,
        registry: Registry | None = None,
        policy: Policy | None = None,
        effort: Effort = "normal",
        workers: int | None = None,
    ) -> Self:
        """A verifier of what ``keyring`` stamps: with its keys, its roots and its issuers."""
        return cls(
            keyring.watermark_keys,
            keyring.trust,
            registry=registry,
            policy=policy,
            effort=effort,
            workers=workers,
        )

    def verify(
        self,
        source: Source,
        *,
        sidecar: Source | None = None,
        effort: Effort | None = None,
        stop: threading.Event | None = None,
    ) -> VerificationReport:
        """Say what a video or a still image says of itself; see :func:`provenance.verify`.

        Args:
            source: the file: a path, its bytes, or an open binary file; it is only read.
            sidecar: a manifest store to use instead of looking for one in and beside the file.
            effort: how deep to search this file; default: the verifier's own.
            stop: ends the examination early once it is set, also while it waits for a worker.

        Raises:
            InputError: the file is missing, unreadable, empty, no media, without a picture,
                encrypted.
            ServiceError: no worker process can be started; :class:`CancelledError` after
                :meth:`close` or ``stop``.
        """
        with self._examiner(stop) as examiner:
            return verify(
                source,
                watermark_keys=self.watermark_keys,
                trust=self.trust,
                sidecar=sidecar,
                registry=self.registry,
                revocations=self.revocations,
                require_registry=self.policy.require_registry,
                effort=effort or self.effort,
                examiner=examiner,
                stop=stop,
            )

    def stills(
        self,
        path: Path,
        times: Sequence[float],
        *,
        longest: int,
        stop: threading.Event | None = None,
    ) -> tuple[Still, ...]:
        """Frames to show of a file, made by a worker; see :meth:`.isolation.Examiner.stills`.

        Raises:
            ServiceError: as :meth:`verify` does.
        """
        with self._examiner(stop) as examiner:
            return examiner.stills(path, times, longest=longest, stop=stop)

    def verify_many(self, sources: Iterable[Source]) -> Iterator[VerificationReport]:
        """Reports of many files, in their order, :attr:`workers` of them made at a time.

        A file that cannot be examined is a report too, with the verdict NOT_CHECKED.  No more than
        twice as many files as workers are taken ahead of what was asked for.

        Raises:
            ServiceError: as :meth:`verify` does.
        """
        ahead: deque[Future[VerificationReport]] = deque()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="verify") as pool:
            try:
                for source in sources:
                    ahead.append(pool.submit(self._examined, source))
                    if len(ahead) >= 2 * self.workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for waiting in ahead:
                    waiting.cancel()

    def _examined(self, source: Source) -> VerificationReport:
        try:
            return self.verify(source)
        except InputError as error:
            name = source if isinstance(source, str | os.PathLike) else "bytes"
            return unexamined(os.fspath(name), str(error))

    @contextlib.contextmanager
    def _examiner(self, stop: threading.Event | None) -> Iterator[Examiner]:
        """A worker for one file, as soon as one is free."""
        while not self._closed.is_set():
            if stop is not None and stop.is_set():
                raise CancelledError("The examination was cancelled.")
            try:
                examiner = self._free.get(timeout=0.2)
            except queue.Empty:
                continue
            try:
                if self._closed.is_set():
                    break
                yield examiner
            finally:
                self._free.put(examiner)
            return
        raise CancelledError("The verifier was closed.")

    def close(self) -> None:
        """End the worker processes; files that are being examined are given up at once.

        May be called again, and by several threads: each returns when the workers have ended.
        """
        self._closed.set()
        for examiner in self._examiners:
            examiner.abandon()
        with self._closing:
            for examiner in [self._free.get() for _ in self._examiners]:
                examiner.close()
                self._free.put(examiner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
