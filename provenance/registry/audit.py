"""The audit log as it is stored: rows are appended and read, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.registry import schema
from provenance.registry.chain import AuditRow, Break, Event
from provenance.registry.database import Database, retried
from provenance.registry.records import now, stamp_time

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What walking the log showed: rows that hold, the head, and the first break if any."""

    rows: int
    head: AuditRow | None
    broken: Break | None


class AuditLog:
    """The log of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def append(self, event: Event, **details: Any) -> AuditRow:
        """Append one row in a transaction of its own."""
        with self._database.writing() as connection:
            return self.append_with(connection, event, **details)

    def append_with(self, connection: Connection, event: Event, **details: Any) -> AuditRow:
        """Append one row as part of a transaction that writes something else."""
        self._database.lock_chain(connection)
        row = AuditRow.after(_head(connection), stamp_time(now()), event, details)
        connection.execute(
            sa.insert(schema.audit).values(
                number=row.number,
                at=row.at,
                event=row.event,
                details=row.details,
                previous=row.previous,
                hash=row.hash,
            )
        )
        return row

    @retried
    def head(self) -> AuditRow | None:
        """The newest row."""
        with self._database.reading() as connection:
            return _head(connection)

    @retried
    def row(self, number: int) -> AuditRow | None:
        """One row by its number."""
        table = schema.audit
        with self._database.reading() as connection:
            found = connection.execute(sa.select(table).where(table.c.number == number)).first()
            return None if found is None else AuditRow(*found)

    def rows(self, connection: Connection, after: int = 0) -> Iterator[AuditRow]:
        """Every row in order, from the one after number ``after``."""
        table = schema.audit
        while True:
            found = connection.execute(
                sa.select(table)
                .where(table.c.number > after)
                .order_by(table.c.number)
                .limit(_BATCH)
            ).all()
            for row in found:
                yield AuditRow(*row)
            if len(found) < _BATCH:
                return
            after = found[-1].number


def _head(connection: Connection) -> AuditRow | None:
    table = schema.audit
    row = connection.execute(sa.select(table).order_by(table.c.number.desc()).limit(1)).first()
    return None if row is None else AuditRow(*row)
