"""The desk: files in a bounded queue, a quick look at each first, then a normal one.

What is known of files is in the desk's database (:mod:`.state`), so that several desks may share
one queue, and a desk that was killed goes on where it stood.  Files are opened by the verifier's
isolated workers.  A file is deleted as soon as its last look ended, however it ended; what was
found is kept for a while, for whoever has its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from fastapi import HTTPException

from provenance.errors import InputError, RegistryError
from provenance.report.filed import LONGEST, Circumstances, Filed, moments, sheet
from provenance.report.filed.figures import Frame
from provenance.results import Effort
from provenance.service.allowances import Allowances
from provenance.service.examinations import Examination, Found, Sheet, State
from provenance.service.metrics import DeskMetrics
from provenance.service.state import Claim, Full, Outcome, Queue
from provenance.service.uploads import Received, Uploads
from provenance.verifying.many import named
from provenance.verifying.verifier import Verifier
from provenance.verifying.verify import unexamined

_LOG = logging.getLogger(__name__)
_LOOKS: Final[tuple[Effort, ...]] = ("quick", "normal")
_STATES: Final[tuple[State, ...]] = ("quick", "normal")
_TEND_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.5
"""How soon is seen what another desk did."""
_USUAL_SECONDS: Final = 10.0
"""What a look takes, as long as none was measured."""


_NOTHING_KNOWN: Final = Circumstances((), ())


@dataclass(frozen=True, slots=True)
class _Seen:
    filed: Filed
    frames: tuple[Frame, ...]
    refused: bool


class Desk:
    """Takes files, examines them, and answers what became of them; an async context manager.

    Whatever asks the database may raise ``RegistryError``, which is answered with 503.

    Args:
        verifier: examines; as many files at a time as it has workers.  It is closed with the desk.
        uploads: where files lie meanwhile.
        queue: what is known of them.
        allowances: how much is taken on.
        metrics: counts.
        circumstances: under what files are examined, for outsiders.
    """

    def __init__(
        self,
        verifier: Verifier,
        uploads: Uploads,
        queue: Queue,
        allowances: Allowances,
        metrics: DeskMetrics,
        *,
        circumstances: Circumstances = _NOTHING_KNOWN,
    ) -> None:
        self.allowances, self.metrics, self.uploads = allowances, metrics, uploads
        self.closing = False
        self._verifier, self._queue = verifier, queue
        self._circumstances = circumstances
        self._mine: dict[str, tuple[Claim, threading.Event]] = {}
        self._work_news, self._news = asyncio.Event(), asyncio.Event()
        self._usual = _USUAL_SECONDS
        self._pool = ThreadPoolExecutor(verifier.workers, thread_name_prefix="desk")
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._sweep)
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._verifier.workers)]
        self._tasks.append(asyncio.create_task(self._tend()))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._verifier.close)
        self._pool.shutdown(cancel_futures=True)
        if not self._queue.is_shared:
            with contextlib.suppress(RegistryError):
                await asyncio.to_thread(self._queue.forget_own)

    def close(self) -> None:
        """Take nothing more.

        Of a queue that is shared, others look at what this desk has begun; else it is given up, and
        whoever follows is told.
        """
        if self.closing:
            return
        self.closing = True
        with contextlib.suppress(RegistryError):  # then others find out that this desk is gone
            if self._queue.is_shared:
                self._queue.give_back([claim for claim, _ in self._mine.values()])
            else:
                said = "The desk was closed; send the file again later."
                self.uploads.remove(self._queue.end_own(said))
        for _, stop in self._mine.values():
            stop.set()
        self._tell()

    @contextlib.asynccontextmanager
    async def place(self, sender: str, *, name: str = "") -> AsyncIterator[tuple[Claim, Path]]:
        """A place for a file that arrives from ``sender``, and where it is to be written; what was
        not handed in afterwards is deleted.

        Raises:
            HTTPException: all are taken (429), or the desk is closing (503).
        """
        claim = await self.arrive(sender, self.allowances.upload_seconds, name=name)
        path = self.uploads.path(claim.file)
        try:
            yield claim, path
        except BaseException:
            # Shielded: a request that is given up still takes its file away.
            await asyncio.shield(asyncio.to_thread(self._drop, claim.key))
            raise

    async def arrive(
        self, sender: str, seconds: float, *, name: str = "", length: int | None = None
    ) -> Claim:
        """A place, given up if no file was handed in after some seconds; see :meth:`place`."""
        self.check_open()
        allowed = self.allowances
        try:
            return await asyncio.to_thread(
                self._queue.arrive,
                sender,
                places=allowed.places,
                per_sender=allowed.per_address,
                until=time.time() + seconds,
                name=name,
                length=length,
            )
        except Full as error:
            counts = await asyncio.to_thread(self._queue.counts)
            wait = str(self._wait(sum(counts.get(one, 0) for one in ("waiting", *_STATES))))
            raise HTTPException(
                429, "Too many files are waiting; try again later.", {"Retry-After": wait}
            ) from error

    async def hand_in(self, claim: Claim, received: Received) -> Examination:
        """Have a file examined that has arrived.

        Raises:
            HTTPException: the desk is closing (503), or gave it up (408).
        """
        self.check_open()
        if not await asyncio.to_thread(self._queue.hand_in, claim, received.name, received.bytes):
            raise HTTPException(408, "The upload was given up.")
        self.metrics.received.inc(received.bytes)
        self._tell()
        return await asyncio.to_thread(self.find, claim.key)

    async def refuse(self, claim: Claim, reason: str) -> None:
        """A file did not arrive: its examination has ended, and says why."""
        await self._ended(claim, "refused", reason=reason)

    async def continued(self, key: str) -> Claim:
        """Take an upload up again where it stopped.

        Raises:
            HTTPException: there is none (404), or the desk is closing (503).
        """
        self.check_open()
        claim = await asyncio.to_thread(self._queue.continued, key)
        if claim is None:
            raise HTTPException(404, "There is no such upload, or it is whole or was given up.")
        return claim

    async def reached(self, claim: Claim, count: int) -> bool:
        """So many bytes of an upload are on disk; False when somebody else has taken it up."""
        until = time.time() + self.allowances.resume_seconds
        return await asyncio.to_thread(self._queue.reached, claim, count, until)

    def find(self, key: str, *, frames: bool = True) -> Examination:
        """The examination of an id; it asks the database, so call it on a thread.

        Raises:
            HTTPException: there is none (404).
        """
        found = self._queue.find(key, frames=frames)
        if found is None:
            raise HTTPException(404, "There is no such examination, or it was forgotten by now.")
        return found

    async def changes(self, key: str) -> AsyncIterator[Examination]:
        """How an examination stands now, and whenever that has changed, until it has ended.

        Raises:
            HTTPException: there is none (404).
        """
        while True:
            news = self._news
            one = await asyncio.to_thread(self.find, key, frames=False)
            yield one
            if one.ended:
                return
            seen = {key: one.changes}
            while await asyncio.to_thread(self._queue.changes, [key]) == seen:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await news.wait()
                news = self._news
            if not await asyncio.to_thread(self._queue.changes, [key]):
                yield replace(one, state="cancelled")
                return

    async def drop(self, key: str) -> None:
        """Cancel an examination, and forget it and its file.

        Raises:
            HTTPException: there is none (404).
        """
        if not await asyncio.to_thread(self._drop, key):
            raise HTTPException(404, "There is no such examination, or it was forgotten by now.")
        if key in self._mine:
            self._mine[key][1].set()
        self._tell()

    def counts(self) -> dict[str, int]:
        """How many examinations there are, by state; it asks the database."""
        return self._queue.counts()

    def check_open(self) -> None:
        """Refuse what begins now if the desk is closing.

        Raises:
            HTTPException: it is (503).
        """
        if self.closing:
            raise HTTPException(503, "The desk is closing; try again later.")

    def _drop(self, key: str) -> bool:
        file = self._queue.drop(key)
        if file is None:
            return False
        self.uploads.remove([file])
        return True

    def _tell(self) -> None:
        """Wake the workers, and those who follow."""
        self._work_news.set()
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _wait(self, before: int) -> int:
        """Seconds after which there is a place again, roughly."""
        return max(1, round(self._usual * before / self._verifier.workers / 4))

    async def _work(self) -> None:
        while True:
            self._work_news.clear()
            with contextlib.suppress(RegistryError):
                claim = None
                if not self.closing:
                    claim = await asyncio.to_thread(self._queue.claim, _STATES)
                if claim is not None:
                    await self._examine(claim)
                    continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._work_news.wait()

    async def _examine(self, claim: Claim) -> None:
        stop, began = threading.Event(), time.monotonic()
        self._mine[claim.key] = (claim, stop)
        self._tell()
        try:
            loop = asyncio.get_running_loop()
            seen = await loop.run_in_executor(self._pool, self._look, claim, stop)
        except Exception as error:
            # Whatever it was, the next file is not to suffer from it.
            if not stop.is_set():
                _LOG.error("an examination failed (%s)", type(error).__name__)
                said = "Something that the desk needs has failed; try again later."
                await self._ended(claim, "failed", reason=said)
            return
        finally:
            del self._mine[claim.key]
        took = time.monotonic() - began
        self._usual += 0.2 * (took - self._usual)
        self.metrics.looks.labels(_LOOKS[claim.look]).observe(took)
        await self._seen(claim, seen, took)

    def _look(self, claim: Claim, stop: threading.Event) -> _Seen:
        """On a thread of the pool; the file is opened by the verifier's worker."""
        path, refused = self.uploads.path(claim.file), False
        frames: tuple[Frame, ...] = ()
        begun, began = datetime.now(UTC), time.monotonic()
        try:
            report = self._verifier.verify(path, effort=_LOOKS[claim.look], stop=stop)
            stills = self._verifier.stills(path, moments(report), longest=LONGEST, stop=stop)
            frames = sheet(report, stills)
        except InputError as error:
            report, refused = unexamined(str(path), str(error)), True
        took, told = time.monotonic() - began, named(report, path, claim.name)
        return _Seen(Filed.of(told, self._circumstances, begun, took), frames, refused)

    async def _seen(self, claim: Claim, seen: _Seen, took: float) -> None:
        state: State = "waiting" if claim.look + 1 < len(_LOOKS) else "done"
        report = seen.filed.report
        if seen.refused:
            state = "refused"
        await self._ended(
            claim,
            state,
            reason=report.watermark.reason if seen.refused else None,
            outcome=Outcome(
                Found(filed=seen.filed), _LOOKS[claim.look], Sheet.of(seen.frames), took
            ),
        )
        if state == "done":
            self.metrics.verdicts.labels(report.verdict.value).inc()

    async def _ended(
        self,
        claim: Claim,
        state: State,
        *,
        reason: str | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        """A look ended; so did the examination, unless another follows."""
        kept = await asyncio.to_thread(
            self._queue.seen, claim, state, reason=reason, outcome=outcome
        )
        if kept and state != "waiting":
            self.uploads.remove([claim.file])
            self.metrics.ended.labels(state).inc()
        self._tell()

    async def _tend(self) -> None:
        """Hold what is being examined, settle what others left, forget what is old."""
        while True:
            with contextlib.suppress(RegistryError):
                held = dict(self._mine)
                lost = await asyncio.to_thread(
                    self._queue.renew, [claim for claim, _ in held.values()]
                )
                for claim in lost:
                    held[claim.key][1].set()
                await asyncio.to_thread(self._sweep)
            await asyncio.sleep(_TEND_SECONDS)

    def _sweep(self) -> None:
        self._queue.sweep(self.allowances.keep_seconds, self.allowances.most_kept)
        # Listed before it is asked whose they are: a file that comes in between has its row.
        there = self.uploads.names()
        if there:
            self.uploads.remove(there - self._queue.files())
