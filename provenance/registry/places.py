"""Where outputs went after they were stamped: told by whoever moved them, newest last.

A registry knows no file's name by itself.  A place is told to it on purpose, so that somebody who
is about to stamp a clip again, or has to take it back, finds what is out there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.errors import InputError, UsageError
from provenance.registry import schema
from provenance.registry.audit import AuditLog
from provenance.registry.database import Database, retried
from provenance.registry.rows import STAMPED
from provenance.registry.values import Moment, now, parse_time, stamp_time
from provenance.results import Document
from provenance.results.payload import StampId
from provenance.results.serial import At
from provenance.system.text import printable

_MAX_PLACE: Final = 2000
_OPENS: Final = re.compile(r"signature|token|secret|passw|credential|api.?key|^sig$", re.I)
"""Names in a query whose values are keys to what the address leads to."""
_TABLE: Final = schema.place


@dataclass(frozen=True, slots=True)
class KnownPlace(Document):
    """A place of a stamped clip."""

    stamp_id: StampId
    """The clip's stamp."""
    place: str
    """A URL, or what else somebody called it."""
    at: Moment
    """When that was told."""


@dataclass(frozen=True, slots=True)
class Moved(Document):
    """Where a stamped clip is."""

    SCHEMA: ClassVar = "provenance.place/1"

    newest: Annotated[KnownPlace, At("")]


@dataclass(frozen=True, slots=True)
class Located(Moved):
    """Where a stamped clip is, and was."""

    earlier: tuple[KnownPlace, ...] = ()
    """Places that were told before, newest first."""


class Places:
    """The places of one registry."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    @retried
    def moved(self, stamp_id: StampId, place: str) -> KnownPlace:
        """Note where the output of a stamp is now.

        Raises:
            InputError: there is no such stamp.
            UsageError: the place is no line of text, too long, or holds a password.
        """
        entry = KnownPlace(stamp_id, check_place(place), now())
        stamp = schema.stamp.c
        known = sa.select(stamp.stamp_id).where(
            stamp.stamp_id == stamp_id.hex, stamp.state == STAMPED
        )
        with self._database.writing() as connection:
            self._database.lock_chain(connection)
            if connection.execute(known).first() is None:
                raise InputError(f"The registry {self._database.name} has no stamp {stamp_id}.")
            self.add_with(connection, entry)
        return entry

    def add_with(self, connection: Connection, entry: KnownPlace) -> bool:
        """The same as part of a transaction; False when it is known already."""
        at = stamp_time(entry.at)
        same = (_TABLE.c.stamp_id == entry.stamp_id.hex, _TABLE.c.place == entry.place)
        if connection.execute(sa.select(_TABLE.c.id).where(*same, _TABLE.c.at == at)).first():
            return False
        connection.execute(
            sa.insert(_TABLE).values(stamp_id=entry.stamp_id.hex, place=entry.place, at=at)
        )
        self._audit.append_with(
            connection, "move", stamp_id=entry.stamp_id.hex, place=entry.place, at=at
        )
        return True

    @retried
    def of(self, stamp_id: StampId) -> tuple[KnownPlace, ...]:
        """Every place of a stamp's output, newest first."""
        with self._database.reading() as connection:
            return tuple(_read(row) for row in connection.execute(_newest_first(stamp_id)))

    @retried
    def newest(self, stamp_id: StampId) -> str | None:
        """Where the output is, as far as somebody told."""
        with self._database.reading() as connection:
            return newest_with(connection, stamp_id)

    @staticmethod
    def of_with(connection: Connection, stamp_id: StampId) -> tuple[str, ...]:
        """:meth:`of` as part of a transaction: the places alone, each once."""
        told = (row.place for row in connection.execute(_newest_first(stamp_id)))
        return tuple(dict.fromkeys(told))

    def each(self, connection: Connection) -> list[KnownPlace]:
        """Every place of every stamp, in the order in which they were told."""
        return [_read(row) for row in connection.execute(sa.select(_TABLE).order_by(_TABLE.c.id))]


def newest_with(connection: Connection, stamp_id: StampId) -> str | None:
    """:meth:`Places.newest` as part of a transaction."""
    row = connection.execute(_newest_first(stamp_id).limit(1)).first()
    return None if row is None else str(row.place)


def check_place(text: Any) -> str:
    """A place, on one line.

    Raises:
        UsageError: it is empty, over 2000 characters, holds a control character, a password, or
            what opens it: a presigned address's signature, a token.
    """
    place = text.strip() if isinstance(text, str) else ""
    if not place or len(place) > _MAX_PLACE or not place.isprintable():
        raise UsageError(f"A place needs 1 to {_MAX_PLACE} printable characters on one line.")
    try:
        parts = urlsplit(place)
        named, password = [name for name, _ in parse_qsl(parts.query)], parts.password
    except ValueError:
        named, password = [], None
    if password is not None:
        raise UsageError("The place holds a password, which everybody would read; leave it out.")
    opening = next((name for name in named if _OPENS.search(name)), None)
    if opening is not None:
        raise UsageError(
            f"The place lets everybody in who reads it ({printable(opening, 60)} in its query); "
            "leave out what stands behind the question mark."
        )
    return place


def _newest_first(stamp_id: StampId) -> sa.Select[Any]:
    query = sa.select(_TABLE).where(_TABLE.c.stamp_id == stamp_id.hex)
    return query.order_by(_TABLE.c.at.desc(), _TABLE.c.id.desc())


def _read(row: Any) -> KnownPlace:
    return KnownPlace(StampId.from_hex(row.stamp_id), row.place, parse_time(row.at))
