"""The audit log as it is stored: rows are appended and read, never changed.

The oldest may be taken out once they are in an archive (:meth:`AuditLog.cut_off`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.errors import RegistryError
from provenance.registry import schema
from provenance.registry.chain import AuditRow, Break, Cut, Event
from provenance.registry.database import Database, retried
from provenance.registry.values import now, stamp_time

_BATCH = 1000
_ARCHIVE: Final = "archive"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What walking the log showed: rows that hold, the head, and the first break if any.

    ``archived`` is the number of the newest row that is in an archive; ``unchecked`` counts records
    and withdrawals that only archived rows tell of, where those were not given.
    """

    rows: int
    head: AuditRow | None
    broken: Break | None
    archived: int = 0
    unchecked: int = 0


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

    @retried
    def name(self) -> str | None:
        """The hash of row 1, by which others know this log; None of an empty one."""
        with self._database.reading() as connection:
            return self._first(connection, self.cut(connection))

    def cut(self, connection: Connection) -> Cut | None:
        """Where the log begins, by its own word; None where it is whole.

        Raises:
            RegistryError: a row says it that this program did not write.
        """
        table = schema.audit
        query = sa.select(table).where(table.c.event == _ARCHIVE).order_by(table.c.number.desc())
        found = connection.execute(query.limit(1)).first()
        try:
            return None if found is None else Cut.of(AuditRow(*found))
        except ValueError as error:
            raise RegistryError(
                f"Row {found.number if found else 0} of the audit log can't be read; it was "
                "written behind this program's back. Restore the registry from a backup."
            ) from error

    @retried
    def newest_before(self, moment: datetime) -> AuditRow | None:
        """The newest row that was written before a moment."""
        table = schema.audit
        query = sa.select(table).where(table.c.at < stamp_time(moment))
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(table.c.number.desc()).limit(1)).first()
            return None if found is None else AuditRow(*found)

    @retried
    def cut_off(self, last: AuditRow, sha256: str) -> None:
        """Take the rows up to this one out of the log, which are in an archive.

        Args:
            last: the newest of them.
            sha256: of the archive, for the record.

        Raises:
            RegistryError: the log is another by now, or this role may not.
        """
        table = schema.audit
        with self._database.writing() as connection:
            self._database.lock_chain(connection)
            cut = self.cut(connection)
            if cut is not None and (cut.until, cut.hash) == (last.number, last.hash):
                return  # done, by a try whose answer was lost
            query = sa.select(table.c.hash).where(table.c.number == last.number)
            if connection.execute(query).scalar() != last.hash:
                raise RegistryError("The audit log was changed meanwhile; nothing was taken out.")
            first = str(self._first(connection, cut))
            query = sa.select(table.c.details).where(
                table.c.event == "admit", table.c.number <= last.number
            )
            let_in = connection.execute(query).scalars()
            admitted = {str(json.loads(one)["key_id"]) for one in let_in}
            admitted |= set(() if cut is None else cut.admitted)
            new = Cut(last.number, last.hash, last.at, first, tuple(sorted(admitted)))
            self.append_with(connection, _ARCHIVE, **new.details(), sha256=sha256)
            connection.execute(sa.delete(table).where(table.c.number <= last.number))

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

    def _first(self, connection: Connection, cut: Cut | None) -> str | None:
        if cut is not None:
            return cut.first
        query = sa.select(schema.audit.c.hash).where(schema.audit.c.number == 1)
        return connection.execute(query).scalar()


def _head(connection: Connection) -> AuditRow | None:
    table = schema.audit
    row = connection.execute(sa.select(table).order_by(table.c.number.desc()).limit(1)).first()
    return None if row is None else AuditRow(*row)
