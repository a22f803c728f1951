"""The record of a batch: which jobs are to be done, being done, done, or failed for good.

It is an SQLite file beside the results, and outlives every crash of whoever uses it.  Several
processes of one machine may use it at once (SQLite's write-ahead log does not work over a network;
on several machines, the process that hands the jobs out holds the ledger).

* A job is *claimed* in one transaction: no two processes ever get the same one.
* A claim is a lease.  Its holder renews it; once it has expired the job may be claimed again, so a
  killed run's jobs come back by themselves.  Each claim has its number, and a holder whose lease
  was taken over can neither renew nor finish: it is told, and must not publish.
* Publishing and noting it are two steps, and a kill may fall between them.  So what is about to be
  published is noted first; whoever claims the job next and finds that very file there has no more
  to do than to note it as done.
* A job that killed its worker as often as ``max_attempts`` says has failed for good.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as insert_into
from sqlalchemy.engine import Connection

from provenance.batch.jobs.ledger_file import JOBS, LedgerFile
from provenance.errors import LeaseLostError
from provenance.system.text import printable

State = Literal["pending", "running", "done", "failed"]
STATES: Final[tuple[State, ...]] = ("pending", "running", "done", "failed")
WORKER_DIED: Final = "worker_died"
LEASE: Final = 900.0
"""Seconds that a worker's claim stands; it is renewed as the work goes on."""
_COLUMNS: Final = JOBS.c


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this owner may do until its lease expires; ``number`` tells claims apart.

    ``earlier`` is what an attempt before this one was about to publish, if one got that far.
    """

    key: str
    owner: str
    number: int
    attempt: int
    earlier: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger says of a job; ``result`` is what was published, or about to be."""

    key: str
    output: str
    state: State
    attempts: int
    owner: str | None
    reason: str | None
    error: str | None
    result: Mapping[str, Any] | None


class Ledger:
    """An open ledger; usable from several threads, never across a ``fork``.

    Args:
        path: the file; it is made when it is not there.
        clock: seconds since 1970.

    Raises:
        LedgerError: it can't be made or read, or is no ledger of this release.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._file = LedgerFile(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def add(self, jobs: Iterable[tuple[str, str]]) -> int:
        """Enter jobs, by key and output, in the order they shall be done; how many are new.

        A job that is there already keeps its state.
        """
        rows = [
            {"key": key, "output": output, "state": "pending", "changed": self._clock()}
            for key, output in jobs
        ]
        if not rows:
            return 0
        insert = insert_into(JOBS).on_conflict_do_nothing(index_elements=["key"])
        with self._file.writing() as connection:
            before = self._count(connection)
            connection.execute(insert, rows)
            return self._count(connection) - before

    def claim(
        self,
        owner: str,
        *,
        lease: float,
        max_attempts: int,
        keys: Collection[str] | None = None,
    ) -> Claim | None:
        """Take the next job that is to be done, whose time has come, or whose holder is gone.

        Args:
            owner: names the process, for people.
            lease: seconds until somebody else may take it, unless it is renewed.
            max_attempts: a job whose holder went that often has failed for good.
            keys: take one of these only; default: any.

        Returns:
            The claim; None when there is no such job now (others may be running, or waiting).
        """
        now = self._clock()
        expired = (_COLUMNS.state == "running") & (_COLUMNS.expires <= now)
        ready = (_COLUMNS.state == "pending") & (_COLUMNS.not_before <= now)
        first = sa.select(_COLUMNS.number).where(ready | expired)
        if keys is not None:
            # One variable whatever the number of keys: SQLite has a limit on variables.
            listed = sa.func.json_each(json.dumps(sorted(keys))).table_valued("value")
            first = first.where(_COLUMNS.key.in_(sa.select(listed.c.value)))
        first = first.order_by(_COLUMNS.number).limit(1)
        take = (
            sa.update(JOBS)
            .where(_COLUMNS.number == first.scalar_subquery())
            .values(
                state="running",
                owner=owner,
                expires=now + lease,
                attempts=_COLUMNS.attempts + 1,
                claims=_COLUMNS.claims + 1,
                changed=now,
            )
            .returning(_COLUMNS.key, _COLUMNS.claims, _COLUMNS.attempts, _COLUMNS.result)
        )
        with self._file.writing() as connection:
            connection.execute(
                sa.update(JOBS)
                .where(expired & (_COLUMNS.attempts >= max_attempts))
                .values(
                    state="failed",
                    reason=WORKER_DIED,
                    error="Whoever did it ended without a word, as often as it may be tried.",
                    changed=now,
                )
            )
            row = connection.execute(take).one_or_none()
        if row is None:
            return None
        return Claim(row.key, owner, row.claims, row.attempts, _loaded(row.result))

    def renew(self, claim: Claim, lease: float) -> None:
        """Hold a job for ``lease`` seconds from now on.

        Raises:
            LeaseLostError: somebody else has it.
        """
        self._settle(claim, expires=self._clock() + lease)

    def publishing(self, claim: Claim, result: Mapping[str, Any], lease: float) -> None:
        """Note what is about to be published, and hold the job for ``lease`` seconds to do it.

        Raises:
            LeaseLostError: somebody else has it; do not publish.
        """
        self._settle(claim, result=json.dumps(result), expires=self._clock() + lease)

    def done(self, claim: Claim, result: Mapping[str, Any]) -> None:
        """The job is done; ``result`` is what a later run shows for it.

        Raises:
            LeaseLostError: somebody else has it.
        """
        self._settle(claim, state="done", result=json.dumps(result), reason=None, error=None)

    def failed(
        self, claim: Claim, reason: str, error: str, *, retry_after: float | None = None
    ) -> None:
        """The job failed: for good, or to be tried again in ``retry_after`` seconds.

        Raises:
            LeaseLostError: somebody else has it.
        """
        said = {"reason": reason, "error": printable(error, 1000)}
        if retry_after is None:
            self._settle(claim, state="failed", **said)
        else:
            later = self._clock() + retry_after
            self._settle(claim, state="pending", not_before=later, **said)

    def release(self, claim: Claim) -> None:
        """Give a job back that was begun and abandoned; that attempt does not count.

        Raises:
            LeaseLostError: somebody else has it.
        """
        self._settle(claim, state="pending", not_before=0.0, attempts=_COLUMNS.attempts - 1)

    def let_go(self, owners: Collection[str], *, counts: bool) -> int:
        """Have the jobs of owners that are gone for certain claimed again at once; how many.

        Args:
            owners: as they named themselves in :meth:`claim`.
            counts: whether the attempt counts: it does when the job may have killed its worker.
        """
        values: dict[str, Any] = {"expires": 0.0, "changed": self._clock()}
        if not counts:
            values |= {"state": "pending", "attempts": _COLUMNS.attempts - 1, "not_before": 0.0}
        change = (
            sa.update(JOBS)
            .where(_COLUMNS.state == "running", _COLUMNS.owner.in_(sorted(owners)))
            .values(**values)
        )
        with self._file.writing() as connection:
            return connection.execute(change).rowcount

    def reopen(self, keys: Iterable[str]) -> int:
        """Have jobs done again that failed, or whose file is gone; how many there were."""
        again = (
            sa.update(JOBS)
            .where(_COLUMNS.key == sa.bindparam("one"), _COLUMNS.state.in_(("done", "failed")))
            .values(
                state="pending",
                attempts=0,
                not_before=0.0,
                result=None,
                reason=None,
                error=None,
                changed=self._clock(),
            )
        )
        with self._file.writing() as connection:
            return sum(connection.execute(again, {"one": key}).rowcount for key in keys)

    def get(self, *keys: str) -> Entry | None:
        """What is known of one job.

        Args:
            keys: every key that it may be known by.  Under several it may be entered where an
                earlier release took it for another job; then the one that got furthest counts.
        """
        furthest = sa.case({"done": 0, "running": 1}, value=_COLUMNS.state, else_=2)
        query = sa.select(JOBS).where(_COLUMNS.key.in_(keys)).order_by(furthest, _COLUMNS.number)
        with self._file.reading() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else _entry(row)

    def entries(self, state: State | None = None) -> tuple[Entry, ...]:
        """Every job, or those in one state, in the order they were added."""
        query = sa.select(JOBS).order_by(_COLUMNS.number)
        if state is not None:
            query = query.where(_COLUMNS.state == state)
        with self._file.reading() as connection:
            return tuple(_entry(row) for row in connection.execute(query))

    def counts(self) -> dict[State, int]:
        """Number of jobs by state."""
        query = sa.select(_COLUMNS.state, sa.func.count().label("number")).group_by(_COLUMNS.state)
        with self._file.reading() as connection:
            found = {row.state: int(row.number) for row in connection.execute(query)}
        return {state: found.get(state, 0) for state in STATES}

    def wait(self) -> float | None:
        """Seconds until a job that waits or runs can be claimed; None when there is none left."""
        when = sa.case((_COLUMNS.state == "running", _COLUMNS.expires), else_=_COLUMNS.not_before)
        query = sa.select(sa.func.min(when)).where(_COLUMNS.state.in_(("pending", "running")))
        with self._file.reading() as connection:
            soonest = connection.execute(query).scalar()
        return None if soonest is None else max(0.0, float(soonest) - self._clock())

    def _settle(self, claim: Claim, **values: Any) -> None:
        change = (
            sa.update(JOBS)
            .where(
                _COLUMNS.key == claim.key,
                _COLUMNS.state == "running",
                _COLUMNS.claims == claim.number,
            )
            .values(changed=self._clock(), **values)
        )
        with self._file.writing() as connection:
            if connection.execute(change).rowcount != 1:
                raise LeaseLostError(
                    "The job took longer than its lease and another run has taken it over; this "
                    "one leaves it alone."
                )

    def _count(self, connection: Connection) -> int:
        return int(connection.execute(sa.select(sa.func.count()).select_from(JOBS)).scalar_one())


def _entry(row: Any) -> Entry:
    return Entry(
        row.key,
        row.output,
        row.state,
        row.attempts,
        row.owner if row.state == "running" else None,
        row.reason,
        row.error,
        _loaded(row.result),
    )


def _loaded(result: str | None) -> Mapping[str, Any] | None:
    return None if result is None else json.loads(result)
