"""How far each receiver has been told what happened: the audit log is the outbox.

Every stamp, withdrawal and recorded verification has its row of the log in the transaction that
made it, and rows are numbered in the order of their commits, since whoever appends holds the chain
to the end of its transaction.  So nothing is lost and nothing comes out of order when a receiver is
told row after row, and only how far it has come is to be kept: the ``delivery`` table.

A number is kept once its row was told.  Killed in between, the row is told again: each at least
once, with an id by which a receiver knows what it has had.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.errors import RegistryError, UsageError
from provenance.registry import rows, schema
from provenance.registry.audit import AuditLog
from provenance.registry.chain import AuditRow
from provenance.registry.database import Database, retried
from provenance.registry.records import StampRecord
from provenance.registry.values import Moment, now, parse_time, stamp_time
from provenance.results import Document
from provenance.results.payload import StampId
from provenance.results.serial import At
from provenance.system.processes import is_gone, owner_name

NoticeEvent = Literal["stamp", "import", "abandon", "withdraw", "reinstate", "verify"]
EVENTS: Final[tuple[NoticeEvent, ...]] = get_args(NoticeEvent)
TURN: Final = timedelta(seconds=180)
"""How long a turn stands without a sign of life; one try and one pause have to fit in."""
_SOME: Final = 50
_TABLE: Final = schema.delivery
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Notice(Document):
    """Something that happened, as receivers are told."""

    SCHEMA: ClassVar = "provenance.notice/1"
    GROUPS: ClassVar = {
        "withdrawal": "What was withdrawn or reinstated.",
        "verification": "What a verification found.",
    }

    id: str
    """The same whenever this is told again: start of the log's first hash, and the row's number."""
    number: int
    """Row of the audit log; notices come in this order."""
    at: Moment
    """When it happened."""
    event: NoticeEvent
    """``abandon``: a stamp was taken back, since its file was not published; ``import``: it was
    taken over from another registry."""
    stamp_id: StampId | None = None
    """The stamp that it is about, or that a verification found."""
    record: StampRecord | None = None
    """Of a stamp: its record, where it is still there."""
    kind: Annotated[str | None, At("withdrawal.kind")] = None
    """What is withdrawn: stamp, model, key, consent or reviewer."""
    target: Annotated[str | None, At("withdrawal.target")] = None
    """Its id; of a model, its name and version as JSON."""
    reason: Annotated[str | None, At("withdrawal.reason")] = None
    """Why, for people."""
    by: Annotated[str | None, At("withdrawal.by")] = None
    """Who did it: an opaque id."""
    verdict: Annotated[str | None, At("verification.verdict")] = None
    """Its verdict."""
    sha256: Annotated[str | None, At("verification.sha256")] = None
    """SHA-256 of the file."""


class Turn:
    """The right to tell one receiver, for as long as the block of :meth:`Deliveries.turn`."""

    def __init__(self, database: Database, audit: AuditLog, receiver: str, owner: str) -> None:
        self._database, self._audit = database, audit
        self._mine = (_TABLE.c.receiver == receiver, _TABLE.c.owner == owner)
        self._name = (audit.name() or "")[:16]

    @retried
    def notices(self, after: int) -> tuple[Notice | int, ...]:
        """Some of what happened after a row, in order; of rows that are nobody's news their number.

        Telling takes its time, so no transaction stays open for it.
        """
        with self._database.reading() as connection:
            found = itertools.islice(self._audit.rows(connection, after), _SOME)
            return tuple(
                self._notice(connection, row) if row.event in EVENTS else row.number
                for row in found
            )

    def renew(self) -> None:
        """Still at it.

        Raises:
            RegistryError: somebody else has taken over.
        """
        self._set()

    def told(self, number: int) -> None:
        """The receiver knows everything up to this row; errors as of :meth:`renew`."""
        self._set(number=number)

    @retried
    def end(self) -> None:
        """Let others have their turn."""
        with self._database.writing() as connection:
            connection.execute(sa.update(_TABLE).where(*self._mine).values(owner=None, until=None))

    @retried
    def _set(self, **values: Any) -> None:
        values["until"] = stamp_time(now() + TURN)
        with self._database.writing() as connection:
            changed = connection.execute(sa.update(_TABLE).where(*self._mine).values(values))
            if changed.rowcount != 1:
                raise RegistryError("Another run has taken over telling this receiver.")

    def _notice(self, connection: Connection, row: AuditRow) -> Notice:
        said = json.loads(row.details)
        stamp_id = None if said.get("stamp_id") is None else StampId.from_hex(said["stamp_id"])
        record = None
        if stamp_id is not None and row.event in ("stamp", "import"):
            found = rows.find(connection, [stamp_id])
            record = found[0] if found else None
        names = {"withdraw": ("kind", "target", "reason", "by"), "reinstate": ("kind", "target",
                 "reason", "by"), "verify": ("verdict", "sha256")}  # fmt: skip
        return Notice(
            f"{self._name}-{row.number}",
            row.number,
            parse_time(row.at),
            row.event,  # type: ignore[arg-type]  # notices() asks for these alone
            stamp_id,
            record,
            **{name: said.get(name) for name in names.get(row.event, ())},
        )


class Deliveries:
    """The receivers of one registry."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    @contextlib.contextmanager
    def turn(self, receiver: str, *, from_now: bool = False) -> Iterator[tuple[Turn, int]]:
        """Tell a receiver, and nobody else does meanwhile; with the last row that it was told.

        Args:
            receiver: a name of 1 to 64 letters, digits, dots, dashes and underscores.
            from_now: a receiver that is new here is told what is to come only.

        Raises:
            UsageError: the name is none.
            RegistryError: another run tells this receiver.
        """
        if not _NAME.fullmatch(receiver):
            raise UsageError(
                f"{receiver!r} is no receiver's name; use 1 to 64 letters, digits, dots, dashes "
                "and underscores."
            )
        owner = owner_name(os.getpid(), secrets.token_hex(4))
        told = self._taken(receiver, owner, from_now=from_now)
        turn = Turn(self._database, self._audit, receiver, owner)
        try:
            yield turn, told
        finally:
            turn.end()

    @retried
    def behind(self, number: int) -> tuple[str, ...]:
        """Receivers that were not told everything up to this row of the log."""
        query = sa.select(_TABLE.c.receiver).where(_TABLE.c.number < number)
        with self._database.reading() as connection:
            return tuple(connection.execute(query.order_by(_TABLE.c.receiver)).scalars())

    @retried
    def _taken(self, receiver: str, owner: str, *, from_now: bool) -> int:
        moment = now()
        mine = {"owner": owner, "until": stamp_time(moment + TURN)}
        with self._database.writing() as connection:
            self._database.lock_chain(connection)  # two new runs don't both make the row
            row = connection.execute(sa.select(_TABLE).where(_TABLE.c.receiver == receiver)).first()
            if row is None:
                head = sa.select(sa.func.max(schema.audit.c.number))
                number = (connection.execute(head).scalar() or 0) if from_now else 0
                values = {"receiver": receiver, "number": number, **mine}
                connection.execute(sa.insert(_TABLE).values(values))
                return int(number)
            if row.owner is not None and row.until > stamp_time(moment) and not is_gone(row.owner):
                raise RegistryError(
                    f"Another run tells {receiver} right now",
                    advice="let it finish",
                )
            connection.execute(sa.update(_TABLE).where(_TABLE.c.receiver == receiver).values(mine))
            return int(row.number)
