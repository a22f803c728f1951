"""The desk: files in a bounded queue, a quick look at each first, then a normal one.

All state is in this process's memory and touched on its event loop alone; files are opened by the
verifier's isolated workers.  A file is deleted as soon as its last look ended, however it ended;
what was found is kept for a while, for whoever has its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from fastapi import HTTPException

from provenance.errors import InputError
from provenance.report.filed.figures import LONGEST, Frame, moments, sheet
from provenance.report.filed.redaction import redacted
from provenance.results import Effort, VerificationReport
from provenance.service.allowances import Allowances
from provenance.service.examinations import Examination, Progress, State
from provenance.service.metrics import DeskMetrics
from provenance.service.uploads import Received, Uploads
from provenance.verifying.many import named
from provenance.verifying.verifier import Verifier
from provenance.verifying.verify import unexamined

_LOG = logging.getLogger(__name__)
_LOOKS: Final[tuple[Effort, ...]] = ("quick", "normal")
_SWEEP_SECONDS: Final = 10.0
_USUAL_SECONDS: Final = 10.0
"""What a look takes, as long as none was measured."""


@dataclass(frozen=True, slots=True)
class _Seen:
    report: VerificationReport
    frames: tuple[Frame, ...]
    refused: bool


class Desk:
    """Takes files, examines them, and answers what became of them; an async context manager.

    Args:
        verifier: examines; as many files at a time as it has workers.  It is closed with the desk.
        uploads: where files lie meanwhile, opened.
        allowances: how much is taken on.
        metrics: counts.
    """

    def __init__(
        self, verifier: Verifier, uploads: Uploads, allowances: Allowances, metrics: DeskMetrics
    ) -> None:
        self.allowances, self.metrics, self.uploads = allowances, metrics, uploads
        self.closing = False
        self._verifier = verifier
        self._known: dict[str, Examination] = {}
        self._queue: asyncio.PriorityQueue[tuple[int, int, Examination]] = asyncio.PriorityQueue()
        self._order = itertools.count()
        self._arriving: dict[str, int] = {}
        self._usual = _USUAL_SECONDS
        self._pool = ThreadPoolExecutor(verifier.workers, thread_name_prefix="desk")
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._verifier.workers)]
        self._tasks.append(asyncio.create_task(self._forget()))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._verifier.close)
        self._pool.shutdown(cancel_futures=True)

    def close(self) -> None:
        """Take nothing more, and give up what is not done: whoever follows is told."""
        self.closing = True
        for examination in list(self._known.values()):
            if not examination.ended:
                self._end(examination, "failed", "The desk was closed; send the file again later.")

    @property
    def taken(self) -> int:
        """Places that are taken."""
        return sum(self._arriving.values()) + len(self._open())

    @contextlib.contextmanager
    def place(self, address: str) -> Iterator[Path]:
        """A place for a file that arrives from ``address``; what lies at its path afterwards, and
        was not handed in, is deleted.

        Raises:
            HTTPException: all are taken (429), or the desk is closing (503).
        """
        self._check_open()
        own = self._arriving.get(address, 0)
        own += sum(one.address == address for one in self._open())
        if self.taken >= self.allowances.places or own >= self.allowances.per_address:
            raise HTTPException(
                429,
                "Too many files are waiting; try again later.",
                {"Retry-After": str(self._wait())},
            )
        self._arriving[address] = self._arriving.get(address, 0) + 1
        path = self.uploads.new()
        self._count()
        try:
            yield path
        finally:
            self._arriving[address] -= 1
            if not self._arriving[address]:
                del self._arriving[address]
            if all(one.path != path for one in self._open()):
                path.unlink(missing_ok=True)
            self._count()

    def hand_in(self, address: str, path: Path, received: Received) -> Examination:
        """Have a file examined that has arrived.

        Raises:
            HTTPException: the desk is closing (503).
        """
        self._check_open()
        examination = Examination(
            secrets.token_urlsafe(18), address, received.name, path, bytes=received.bytes
        )
        self.metrics.received.inc(received.bytes)
        self._known[examination.id] = examination
        self._queue.put_nowait((0, next(self._order), examination))
        return examination

    def find(self, key: str) -> Examination:
        """The examination of an id.

        Raises:
            HTTPException: there is none (404).
        """
        if key not in self._known:
            raise HTTPException(404, "There is no such examination, or it was forgotten by now.")
        return self._known[key]

    def progress(self, examination: Examination) -> Progress:
        """What is shown of it now."""
        ahead = 0
        if examination.state == "waiting":
            before = itertools.takewhile(lambda one: one is not examination, self._known.values())
            ahead = sum(one.state in ("waiting", "quick") for one in before)
        return examination.progress(ahead)

    def drop(self, key: str) -> None:
        """Cancel an examination, and forget it and its file.

        Raises:
            HTTPException: there is none (404).
        """
        examination = self.find(key)
        if not examination.ended:
            self._end(examination, "cancelled")
        del self._known[key]

    def _check_open(self) -> None:
        if self.closing:
            raise HTTPException(503, "The desk is closing; try again later.")

    def _open(self) -> list[Examination]:
        return [one for one in self._known.values() if not one.ended]

    def _wait(self) -> int:
        """Seconds after which there is a place again, roughly."""
        return max(1, round(self._usual * self.taken / self._verifier.workers / 4))

    def _count(self) -> None:
        self.metrics.places.labels("taken").set(self.taken)

    def _end(self, examination: Examination, state: State, reason: str | None = None) -> None:
        examination.stop.set()
        examination.path.unlink(missing_ok=True)
        self.metrics.ended.labels(state).inc()
        examination.tell(state=state, reason=reason, ended_at=time.monotonic())
        self._count()

    async def _work(self) -> None:
        while True:
            look, _, examination = await self._queue.get()
            if examination.ended:
                continue
            examination.tell(state=_LOOKS[look])
            began, loop = time.monotonic(), asyncio.get_running_loop()
            try:
                seen = await loop.run_in_executor(self._pool, self._look, examination, look)
            except Exception as error:
                # Whatever it was, the next file is not to suffer from it.
                if not examination.ended:
                    _LOG.error("an examination failed (%s)", type(error).__name__)
                    said = "Something that the desk needs has failed; try again later."
                    self._end(examination, "failed", said)
                continue
            if examination.ended:
                continue
            examination.took = time.monotonic() - began
            self._usual += 0.2 * (examination.took - self._usual)
            self.metrics.looks.labels(_LOOKS[look]).observe(examination.took)
            self._seen(examination, seen, look)

    def _look(self, examination: Examination, look: int) -> _Seen:
        """On a thread of the pool; the file is opened by the verifier's worker."""
        path, stop, refused = examination.path, examination.stop, False
        frames: tuple[Frame, ...] = ()
        try:
            report = self._verifier.verify(path, effort=_LOOKS[look], stop=stop)
            stills = self._verifier.stills(path, moments(report), longest=LONGEST, stop=stop)
            frames = sheet(report, stills)
        except InputError as error:
            report, refused = unexamined(str(path), str(error)), True
        return _Seen(redacted(named(report, path, examination.name)), frames, refused)

    def _seen(self, examination: Examination, seen: _Seen, look: int) -> None:
        examination.report, examination.effort = seen.report, _LOOKS[look]
        examination.frames = seen.frames
        if seen.refused:
            self._end(examination, "refused", seen.report.watermark.reason)
        elif look + 1 < len(_LOOKS):
            self._queue.put_nowait((look + 1, next(self._order), examination))
            examination.tell(state="waiting")
        else:
            self.metrics.verdicts.labels(seen.report.verdict.value).inc()
            self._end(examination, "done")

    async def _forget(self) -> None:
        """Results that were kept long enough, or are too many."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            ended = [one for one in self._known.values() if one.ended]
            limit = time.monotonic() - self.allowances.keep_seconds
            spare = len(ended) - self.allowances.most_kept
            for place, one in enumerate(sorted(ended, key=lambda one: one.ended_at)):
                if one.ended_at < limit or place < spare:
                    del self._known[one.id]
