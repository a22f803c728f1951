"""Withdrawing stamps, and taking a withdrawal back: both with a reason, a time and an audit row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from provenance.errors import RegistryError, UsageError
from provenance.registry import schema
from provenance.registry.audit import AuditLog
from provenance.registry.database import Database
from provenance.registry.records import (
    Facts,
    Withdrawal,
    WithdrawalKind,
    check_reason,
    now,
    parse_time,
    stamp_time,
)
from provenance.text import printable

_TABLE = schema.withdrawal


class Withdrawals:
    """The withdrawals of one registry."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    def withdraw(self, kind: WithdrawalKind, target: str, reason: str) -> Withdrawal:
        """Withdraw a stamp, or everything of a model, key or consent.

        Raises:
            UsageError: it is withdrawn already, or the reason is no line of text.
        """
        entry = Withdrawal(kind, target, check_reason(reason), now())
        with self._database.writing() as connection:
            self._database.lock_chain(connection)
            if _active(connection, [(kind, target)]) is not None:
                raise UsageError(f"The {kind} {target} is withdrawn already; reinstate it first.")
            _insert(connection, entry)
            self._noted(connection, entry)
        return entry

    def reinstate(self, kind: WithdrawalKind, target: str, reason: str) -> int:
        """End a withdrawal; the number of rows that ended.

        Raises:
            UsageError: nothing of the kind is withdrawn, or the reason is no line of text.
        """
        text = check_reason(reason)
        with self._database.writing() as connection:
            self._database.lock_chain(connection)
            ended = connection.execute(
                sa.update(_TABLE)
                .where(
                    _TABLE.c.kind == kind, _TABLE.c.target == target, _TABLE.c.ended_at.is_(None)
                )
                .values(ended_at=stamp_time(now()), ended_reason=text)
            ).rowcount
            if not ended:
                raise UsageError(f"The {kind} {target} is not withdrawn.")
            self._audit.append_with(connection, "reinstate", kind=kind, target=target, reason=text)
        return int(ended)

    def hitting(self, facts: Facts) -> Withdrawal | None:
        """The first withdrawal in force that hits a stamp with these facts."""
        with self._database.reading() as connection:
            return _active(connection, facts.targets())

    def all(self, connection: Connection, *, active: bool = False) -> Iterator[Withdrawal]:
        """Every withdrawal, oldest first; or only those in force."""
        query = sa.select(_TABLE).order_by(_TABLE.c.id)
        if active:
            query = query.where(_TABLE.c.ended_at.is_(None))
        for row in connection.execute(query):
            yield _read(row)

    def listed(self) -> tuple[Withdrawal, ...]:
        """Every withdrawal, oldest first."""
        with self._database.reading() as connection:
            return tuple(self.all(connection))

    def merge(self, connection: Connection, entries: Iterable[Withdrawal]) -> int:
        """Take over withdrawals from an export, and the ends of known ones; how many changed."""
        changed = 0
        for entry in entries:
            same = (
                _TABLE.c.kind == entry.kind,
                _TABLE.c.target == entry.target,
                _TABLE.c.at == stamp_time(entry.at),
            )
            here = connection.execute(sa.select(_TABLE).where(*same)).first()
            if here is None:
                _insert(connection, entry)
                self._noted(connection, entry)
                if entry.ended_at is not None:
                    self._noted(connection, entry, "reinstate")
            elif here.ended_at is None and entry.ended_at is not None:
                connection.execute(
                    sa.update(_TABLE)
                    .where(*same)
                    .values(ended_at=stamp_time(entry.ended_at), ended_reason=entry.ended_reason)
                )
                self._noted(connection, entry, "reinstate")
            else:
                continue
            changed += 1
        return changed

    def _noted(
        self,
        connection: Connection,
        entry: Withdrawal,
        event: Literal["withdraw", "reinstate"] = "withdraw",
    ) -> None:
        self._audit.append_with(
            connection,
            event,
            kind=entry.kind,
            target=entry.target,
            at=stamp_time(entry.at),
            reason=entry.reason if event == "withdraw" else entry.ended_reason,
        )


def _insert(connection: Connection, entry: Withdrawal) -> None:
    connection.execute(
        sa.insert(_TABLE).values(
            kind=entry.kind,
            target=entry.target,
            reason=entry.reason,
            at=stamp_time(entry.at),
            ended_at=None if entry.ended_at is None else stamp_time(entry.ended_at),
            ended_reason=entry.ended_reason,
        )
    )


def _active(
    connection: Connection, targets: Iterable[tuple[WithdrawalKind, str]]
) -> Withdrawal | None:
    pairs = list(targets)
    if not pairs:
        return None
    row = connection.execute(
        sa.select(_TABLE)
        .where(sa.tuple_(_TABLE.c.kind, _TABLE.c.target).in_(pairs), _TABLE.c.ended_at.is_(None))
        .order_by(_TABLE.c.id)
        .limit(1)
    ).first()
    return None if row is None else _read(row)


def _read(row: Row[tuple[object, ...]]) -> Withdrawal:
    ended = row.ended_at
    try:
        at, ended_at = parse_time(row.at), None if ended is None else parse_time(ended)
    except (TypeError, ValueError) as error:
        raise RegistryError(
            f"A withdrawal of {printable(row.kind, 20)} {printable(row.target, 80)} was changed "
            "behind this program's back and can't be read; restore the database from a backup."
        ) from error
    return Withdrawal(row.kind, row.target, row.reason, at, ended_at, row.ended_reason)
