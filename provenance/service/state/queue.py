"""The queue: files that arrive, wait, are examined by one desk at a time, and what was found.

Several desks may share it.  The rules are those of a batch's ledger
(:mod:`provenance.batch.jobs.ledger`), on either database:

1. A file is *claimed* in one transaction: no two desks ever look at the same one.
2. A claim is a lease.  Its desk renews it; once it has expired, or its desk is known to be gone,
   the file waits again.  Each claim has its number, and a desk that lost one changes nothing more.
3. A file whose desks went away as often as it may be tried has failed, and says so.
4. What lies in the folder of uploads without a row that is open belongs to nobody, and goes.

A row is written before its file is made, and a file is removed before its row is closed or after:
either way :meth:`Queue.sweep` finds what a kill left between the two.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from provenance.errors import UsageError
from provenance.registry.database import retried
from provenance.results import Effort
from provenance.service.examinations import ENDED, Examination, Found, Sheet, State
from provenance.service.state import tables
from provenance.service.state.tables import DeskDatabase
from provenance.system.processes import is_gone

LEASE: Final = 60.0
"""Seconds without a sign of life after which a desk on another machine counts as gone."""
TRIES: Final = 3
_LOOKING: Final = ("quick", "normal")
_LOCK: Final = 0x6465736B
"""PostgreSQL's advisory lock for whoever takes a place."""
_TABLE: Final = tables.examination
_HAS: Final = _TABLE.c
_OPEN: Final = _HAS.state.not_in(sorted(ENDED))


class Full(Exception):
    """There is no place for another file: none at all, or none for this sender."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that is this desk's to write or to examine; ``number`` tells claims apart."""

    key: str
    number: int
    file: str
    name: str
    look: int = 0
    bytes: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a look: the result and its frames, how deep it was, and its seconds."""

    found: Found
    effort: Effort
    sheet: Sheet | None = None
    took: float | None = None


class Queue:
    """The queue in an open database; usable from several threads.

    Args:
        database: the desk's.
        owner: names this desk, as :func:`provenance.system.processes.owner_name` does.
        clock: seconds since 1970.
    """

    def __init__(
        self, database: DeskDatabase, owner: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._owner, self._clock = database, owner, clock

    @property
    def is_shared(self) -> bool:
        """Whether other desks may be there when this one closes."""
        return not self._database.is_sqlite

    @retried
    def check_home(self, uploads: str) -> None:
        """Hold the database to one folder of uploads, by its id.

        Raises:
            UsageError: its desks have another one.
        """
        with self._database.writing() as connection:
            self._lock(connection)
            found = connection.execute(sa.select(tables.home.c.uploads)).scalar()
            if found is None:
                connection.execute(sa.insert(tables.home).values(uploads=uploads))
            elif found != uploads:
                raise UsageError(
                    "The desks of this database keep their files in another folder",
                    advice="share that one with all of them, or name another database",
                    settings=("uploads",),
                )

    @retried
    def arrive(
        self,
        sender: str,
        *,
        places: int,
        per_sender: int,
        until: float,
        name: str = "",
        length: int | None = None,
    ) -> Claim:
        """A place for a file that is about to come.

        Args:
            sender: whom it is counted for.
            places: how many there are.
            per_sender: how many of them one sender may hold.
            until: when it is given up if it is not whole.
            name: what it is called, if that is known.
            length: how many bytes it will have, if it may go on after a break.

        Raises:
            Full: there is none.
        """
        key, file = secrets.token_urlsafe(18), secrets.token_hex(16)
        with self._database.writing() as connection:
            self._lock(connection)
            own = sa.func.count().filter(_HAS.sender == sender)
            counted = sa.select(sa.func.count(), own).where(_OPEN)
            taken, held = connection.execute(counted).one()
            if taken >= places or held >= per_sender:
                raise Full
            connection.execute(
                sa.insert(_TABLE).values(
                    key=key,
                    file=file,
                    sender=sender,
                    name=name,
                    bytes=0,
                    length=length,
                    state="arriving",
                    look=0,
                    owner=None if length is not None else self._owner,
                    expires=until,
                    attempts=0,
                    claims=1,
                    changes=0,
                    received_at=self._clock(),
                )
            )
        return Claim(key, 1, file, name, length=length)

    @retried
    def continued(self, key: str) -> Claim | None:
        """Take an upload up again where it stopped; whoever wrote it until now may not go on."""
        change = (
            self._change(_HAS.key == key, claims=_HAS.claims + 1)
            .where(_HAS.state == "arriving", _HAS.length.is_not(None))
            .returning(_TABLE)
        )
        with self._database.writing() as connection:
            row = connection.execute(change).first()
        return None if row is None else _claim(row)

    @retried
    def reached(self, claim: Claim, count: int, until: float) -> bool:
        """So many bytes of an upload are on disk; False when somebody else has taken it up."""
        return self._settle(claim, bytes=count, expires=until)

    @retried
    def hand_in(self, claim: Claim, name: str, count: int) -> bool:
        """The file is whole and waits to be examined; False when it was given up meanwhile."""
        return self._settle(
            claim,
            name=name,
            bytes=count,
            state="waiting",
            owner=self._owner,
            expires=0.0,
            received_at=self._clock(),
        )

    @retried
    def find(self, key: str, *, frames: bool = True) -> Examination | None:
        """How an examination stands; without its frames it is small."""
        shown = _TABLE if frames else [one for one in _HAS if one.name != "frames"]
        columns = list(shown.c) if isinstance(shown, sa.Table) else shown
        with self._database.reading() as connection:
            row = connection.execute(sa.select(*columns).where(_HAS.key == key)).first()
            if row is None:
                return None
            before = (_HAS.number < row.number) & _HAS.state.in_(("waiting", "quick"))
            asked = sa.select(sa.func.count()).select_from(_TABLE).where(before)
            ahead = connection.execute(asked).scalar_one() if row.state == "waiting" else 0
        return _examination(row, ahead)

    @retried
    def changes(self, keys: Sequence[str]) -> dict[str, int]:
        """Of those of these examinations that there are, how often each has changed."""
        asked = sa.select(_HAS.key, _HAS.changes).where(_HAS.key.in_(keys))
        with self._database.reading() as connection:
            return {row.key: row.changes for row in connection.execute(asked)}

    @retried
    def claim(self, looks: Sequence[State]) -> Claim | None:
        """The file to look at next: the first look at each, then the second.

        Args:
            looks: what a file's state is at its first, second... look.
        """
        first = (
            sa.select(_HAS.number)
            .where(_HAS.state == "waiting")
            .order_by(_HAS.look, _HAS.number)
            .limit(1)
        )
        with self._database.reading() as connection:  # asked again and again: mostly none waits
            if connection.execute(first).first() is None:
                return None
        change = self._change(
            _HAS.number == first.with_for_update(skip_locked=True).scalar_subquery(),
            state=sa.case(dict(enumerate(looks)), value=_HAS.look),
            owner=self._owner,
            expires=self._clock() + LEASE,
            attempts=_HAS.attempts + 1,
            claims=_HAS.claims + 1,
        ).returning(_TABLE)
        with self._database.writing() as connection:
            row = connection.execute(change).first()
        return None if row is None else _claim(row)

    @retried
    def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        """Hold files for a while more; those that this desk has lost."""
        until = self._clock() + LEASE
        with self._database.writing() as connection:
            return [one for one in claims if not self._held(connection, one, expires=until)]

    @retried
    def seen(
        self,
        claim: Claim,
        state: State,
        *,
        reason: str | None = None,
        outcome: Outcome | None = None,
    ) -> bool:
        """A look has ended, and this came of it; False when the file is this desk's no more.

        Args:
            claim: the file.
            state: ``waiting`` for the next look, or one that has ended.
            reason: why it ended, for people.
            outcome: the result, if there is one.
        """
        values: dict[str, Any] = {"state": state, "expires": 0.0, "attempts": 0, "reason": reason}
        if state == "waiting":
            values["look"] = claim.look + 1
        else:
            values |= self._end()
        if outcome is not None:
            sheet = outcome.sheet
            values |= {
                "found": outcome.found.model_dump_json(),
                "frames": None if sheet is None else sheet.model_dump_json(),
                "took": outcome.took,
                "effort": outcome.effort,
            }
        return self._settle(claim, **values)

    @retried
    def give_back(self, claims: Sequence[Claim]) -> None:
        """Have others look at files that were begun; that try does not count."""
        values = {"state": "waiting", "expires": 0.0, "attempts": _HAS.attempts - 1}
        with self._database.writing() as connection:
            for one in claims:
                self._held(connection, one, **values)

    @retried
    def end_own(self, reason: str) -> list[str]:
        """Have all that this desk has in hand failed; the files."""
        change = self._change(
            _OPEN & (_HAS.owner == self._owner), state="failed", reason=reason, **self._end()
        )
        with self._database.writing() as connection:
            # An upload that may go on has no owner: who would take it up here?
            mine = (_HAS.owner == self._owner) | _HAS.owner.is_(None)
            arriving = sa.delete(_TABLE).where(_HAS.state == "arriving", mine).returning(_HAS.file)
            files = list(connection.execute(arriving).scalars())
            return files + list(connection.execute(change.returning(_HAS.file)).scalars())

    @retried
    def forget_own(self) -> None:
        """Forget what became of all that this desk had in hand."""
        with self._database.writing() as connection:
            own = _HAS.state.in_(sorted(ENDED)) & (_HAS.owner == self._owner)
            connection.execute(sa.delete(_TABLE).where(own))

    @retried
    def drop(self, key: str) -> str | None:
        """Forget an examination, whoever is at it; its file, None where there is none."""
        with self._database.writing() as connection:
            gone = sa.delete(_TABLE).where(_HAS.key == key).returning(_HAS.file)
            return connection.execute(gone).scalar()

    @retried
    def counts(self) -> dict[str, int]:
        """How many examinations there are, by state."""
        asked = sa.select(_HAS.state, sa.func.count()).group_by(_HAS.state)
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(asked)}

    @retried
    def files(self) -> frozenset[str]:
        """Files that belong to somebody."""
        with self._database.reading() as connection:
            return frozenset(connection.execute(sa.select(_HAS.file).where(_OPEN)).scalars())

    @retried
    def sweep(self, keep_seconds: float, most_kept: int) -> None:
        """Settle what desks that are gone left, and forget results that were kept long enough."""
        now = self._clock()
        with self._database.reading() as connection:
            held = _OPEN & _HAS.owner.is_not(None)
            owners = list(
                connection.execute(sa.select(_HAS.owner).where(held).distinct()).scalars()
            )
        gone = _HAS.owner.in_([one for one in owners if is_gone(one)])
        looking = _HAS.state.in_(_LOOKING) & ((_HAS.expires < now) | gone)
        with self._database.writing() as connection:
            failed = "The desks that examined it went away each time; send the file again later."
            for where, values in (
                (
                    looking & (_HAS.attempts >= TRIES),
                    {"state": "failed", "reason": failed, **self._end()},
                ),
                (looking, {"state": "waiting", "expires": 0.0}),
            ):
                connection.execute(self._change(where, **values))
            arriving = (_HAS.state == "arriving") & ((_HAS.expires < now) | gone)
            old = _HAS.ended_at < now - keep_seconds
            newest = (
                sa.select(_HAS.number)
                .where(_HAS.ended_at.is_not(None))
                .order_by(_HAS.ended_at.desc(), _HAS.number.desc())
                .limit(most_kept)
            )
            spare = _HAS.ended_at.is_not(None) & _HAS.number.not_in(newest)
            connection.execute(sa.delete(_TABLE).where(arriving | old | spare))

    def _end(self) -> dict[str, Any]:
        return {"ended_at": self._clock(), "sender": None}

    def _lock(self, connection: Connection) -> None:
        if self.is_shared:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))

    def _settle(self, claim: Claim, **values: Any) -> bool:
        with self._database.writing() as connection:
            return self._held(connection, claim, **values)

    def _held(self, connection: Connection, claim: Claim, **values: Any) -> bool:
        mine = _OPEN & (_HAS.key == claim.key) & (_HAS.claims == claim.number)
        if not values.keys() <= {"expires", "bytes"}:  # signs of life are no news
            values["changes"] = _HAS.changes + 1
        return connection.execute(sa.update(_TABLE).where(mine).values(**values)).rowcount == 1

    @staticmethod
    def _change(where: Any, **values: Any) -> Any:
        return sa.update(_TABLE).where(where).values(changes=_HAS.changes + 1, **values)


def _claim(row: Row[Any]) -> Claim:
    return Claim(row.key, row.claims, row.file, row.name, row.look, row.bytes, row.length)


def _examination(row: Row[Any], ahead: int) -> Examination:
    return Examination(
        row.key,
        row.name,
        row.bytes,
        row.state,
        datetime.fromtimestamp(row.received_at, UTC),
        ahead,
        row.effort,
        row.took,
        row.reason,
        row.changes,
        row.length,
        row.found,
        getattr(row, "frames", None),
    )
