"""Stamps in the making: a reserved id, who works on it, and what a killed run left behind.

1. :meth:`Reservations.reserve` draws an id that nobody has and notes who works on which file.
2. The stamp's record is committed (:meth:`provenance.registry.Registry.commit`), still reserved.
3. The file gets its name; :meth:`Reservations.settle` drops the note.

Killed before 2, an id without a record stays behind; killed between 2 and 3, a record whose file
may or may not have its name.  :meth:`Reservations.sweep` tells and settles both.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.errors import RegistryError
from provenance.registry import once, schema
from provenance.registry.audit import AuditLog
from provenance.registry.database import Database, is_taken, retried
from provenance.registry.once import Asked
from provenance.registry.rows import RESERVED, STAMPED
from provenance.registry.values import now, stamp_time
from provenance.results import Document
from provenance.results.payload import LAYOUT, StampId
from provenance.system.processes import is_running, process_name, this_host

Outcome = Literal["released", "confirmed", "abandoned", "pending"]
LEASE: Final = timedelta(hours=24)
"""How long a reservation stands on a machine whose processes can't be looked at from here."""
_DRAWS: Final = 16
_WITH_STAMP: Final = sa.select(
    schema.reservation, schema.stamp.c.state, schema.stamp.c.output_sha256
).join(schema.stamp)


@dataclass(frozen=True, slots=True)
class SweepReport(Document):
    """What a sweep did."""

    SCHEMA: ClassVar = "provenance.sweep/1"

    released: tuple[StampId, ...]
    """Ids of reservations given up: no record had been committed."""
    confirmed: tuple[StampId, ...]
    """Ids of records whose file is there and whole."""
    abandoned: tuple[StampId, ...]
    """Ids of records taken back, since their file never got its name."""
    pending: tuple[StampId, ...]
    """Ids left alone: somebody works on them, another machine did not long ago, or the folder of
    the file can't be reached."""


class Reservations:
    """The reservations of one registry."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    @retried
    def reserve(
        self,
        key_id: str,
        target: Path,
        asked: Asked | None = None,
        *,
        again: bool = False,
        name: str = "The clip",
        draw: Callable[[], StampId] = StampId.new,
    ) -> StampId:
        """Reserve a fresh id for the file that is going to be ``target``.

        Args:
            key_id: of the watermark key.
            target: the file.
            asked: what is stamped, so that no other process stamps the same; None does not look.
            again: reserve it also where it was stamped before, or is being stamped.
            name: what the clip is called in errors.
            draw: gives ids.

        Raises:
            AlreadyStampedError: it was stamped before.
            BusyError: another process is at it.
            RegistryError: the registry refuses.
        """
        if asked is not None and not again:
            with self._database.reading() as connection:
                left = once.unfinished(connection, asked)
            for stamp_id in left:
                self.settle(stamp_id)
        for _ in range(_DRAWS):
            stamp_id = draw()
            try:
                with self._database.writing() as connection:
                    if asked is not None and not again:
                        self._database.lock_input(connection, asked.input_sha256)
                        once.refuse_with(connection, asked, name)
                    self._insert(connection, stamp_id, key_id, target, asked)
            except RegistryError as error:
                if not is_taken(error):
                    raise
                continue  # the next draw
            return stamp_id
        raise RegistryError(
            f"{_DRAWS} stamp ids in a row were taken; this machine's random source is broken.",
            path=self._database.name,
        )

    @retried
    def settle(self, stamp_id: StampId, *, published: bool = False) -> Outcome | None:
        """End a reservation as its file stands; None when there is no such reservation.

        Call it only for what nobody works on any more.

        Args:
            stamp_id: the stamp.
            published: the file got its name, whatever somebody has done with it since.
        """
        table = schema.reservation
        asked = _WITH_STAMP.where(table.c.stamp_id == stamp_id.hex)
        state, there = STAMPED, True
        if not published:
            # A file can take minutes to read: nobody else is to wait for that.
            with self._database.reading() as connection:
                seen = connection.execute(asked).first()
            if seen is None:
                return None
            state = seen.state
            if state == STAMPED:
                found = _is_there(Path(seen.path), seen.output_sha256)
                if found is None:
                    return "pending"
                there = found
        with self._database.writing() as connection:
            self._database.lock_chain(connection)
            row = connection.execute(asked).first()
            if row is None or row.state != state:
                return None
            if row.state == RESERVED:
                self._delete(connection, stamp_id)
                return "released"
            if there:
                connection.execute(sa.delete(table).where(table.c.stamp_id == stamp_id.hex))
                return "confirmed"
            self._delete(connection, stamp_id)
            self._audit.append_with(
                connection, "abandon", stamp_id=stamp_id.hex, reason="its file was not published"
            )
            return "abandoned"

    def sweep(self) -> SweepReport:
        """Settle what killed runs left; nothing that is still worked on is touched."""
        settled: dict[str, list[StampId]] = {
            name: [] for name in ("released", "confirmed", "abandoned", "pending")
        }
        with self._database.reading() as connection:
            listed = connection.execute(_WITH_STAMP).all()
        here, moment = this_host(), stamp_time(now())
        for row in listed:
            stamp_id = StampId.from_hex(row.stamp_id)
            ours = row.host == here
            busy = is_running(row.process) if ours else row.expires_at > moment
            outcome = "pending" if busy else self.settle(stamp_id)
            if outcome is not None:
                settled[outcome].append(stamp_id)
        return SweepReport(**{name: tuple(ids) for name, ids in settled.items()})

    def _insert(
        self,
        connection: Connection,
        stamp_id: StampId,
        key_id: str,
        target: Path,
        asked: Asked | None,
    ) -> None:
        connection.execute(
            sa.insert(schema.stamp).values(
                stamp_id=stamp_id.hex,
                state=RESERVED,
                key_id=key_id,
                layout=LAYOUT,
                created_at=stamp_time(now()),
                **({} if asked is None else asked.columns()),
            )
        )
        connection.execute(
            sa.insert(schema.reservation).values(
                stamp_id=stamp_id.hex,
                host=this_host(),
                process=process_name(os.getpid()),
                path=os.path.abspath(target),
                expires_at=stamp_time(now() + LEASE),
            )
        )

    @staticmethod
    def _delete(connection: Connection, stamp_id: StampId) -> None:
        table = schema.stamp
        connection.execute(sa.delete(table).where(table.c.stamp_id == stamp_id.hex))


def _is_there(path: Path, sha256: str | None) -> bool | None:
    """Whether the file is there and whole; None when that can't be told (a disk that is away)."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False if path.parent.is_dir() else None
    except OSError:
        return None
