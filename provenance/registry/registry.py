"""The registry: what every stamp id stands for, and whether it still stands.

The parts are attributes: :attr:`Registry.reservations` (stamps in the making),
:attr:`Registry.withdrawals`, :attr:`Registry.places` (where outputs went),
:attr:`Registry.frames` (search by fingerprint), :attr:`Registry.audit`,
:attr:`Registry.deliveries` (who was told of it) and :attr:`Registry.stampers` (whose keys stamp
into it).  A look-up is a few indexed reads; a stamping is three small transactions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.errors import RegistryError
from provenance.fingerprint import Fingerprint
from provenance.registry import once, queries, rows, schema
from provenance.registry.answers import Recalled
from provenance.registry.audit import AuditLog, AuditReport
from provenance.registry.chain import AuditRow
from provenance.registry.checking import Replay, Whole
from provenance.registry.database import Database, retried
from provenance.registry.deliveries import Deliveries
from provenance.registry.facts import Facts, Withdrawal
from provenance.registry.frames import FrameIndex
from provenance.registry.once import Asked
from provenance.registry.places import Places
from provenance.registry.records import StampRecord
from provenance.registry.reservations import Reservations
from provenance.registry.rows import STAMPED
from provenance.registry.stampers import Stampers
from provenance.registry.withdrawals import Withdrawals
from provenance.results.payload import StampId

_STAMP = schema.stamp


class Registry:
    """An open registry; use it in a ``with`` block, from any thread, never across a ``fork``.

    ``issued_at`` says of an opened bundle when it was signed; it is None of any other registry.

    Args:
        url: a path of an SQLite file, or an SQLAlchemy URL for SQLite or PostgreSQL.
        create: make the SQLite file when it is not there.

    Raises:
        UsageError: a URL that names no such database.
        RegistryError: it is not there, can't be reached, or belongs to a newer release.
    """

    def __init__(self, url: str, *, create: bool = False) -> None:
        self.database = Database(url, create=create)
        self.audit = AuditLog(self.database)
        self.reservations = Reservations(self.database, self.audit)
        self.withdrawals = Withdrawals(self.database, self.audit)
        self.deliveries = Deliveries(self.database, self.audit)
        self.places = Places(self.database, self.audit)
        self.stampers = Stampers(self.database, self.audit)
        self.frames = FrameIndex(self.database)
        self.issued_at: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    @property
    def name(self) -> str:
        """Where it is, without a password."""
        return self.database.name

    @retried
    def commit(
        self,
        record: StampRecord,
        manifest: bytes,
        fingerprint: bytes | None,
        *,
        lineage: Sequence[Facts] = (),
        name: str = "The clip",
        asked: Asked | None = None,
        again: str | None = None,
    ) -> StampRecord:
        """Write the record of a reserved stamp, and its audit row.

        Args:
            record: the stamp's.
            manifest: the store that is in the finished file.
            fingerprint: of the finished file.
            lineage: what the clip was made from, beyond the parents in the record.
            name: what the clip is called in errors.
            asked: by what it is told whether it was stamped before; None does not look.
            again: why it is stamped all the same; it is recorded where it was.

        Returns:
            The record as it was written.

        Raises:
            AlreadyStampedError: meanwhile another process stamped it.
            WithdrawnError: meanwhile something of it was withdrawn, or of what it was made from.
            RegistryError: the id was not reserved, or its reservation was swept.
        """
        with self.database.writing() as connection:
            # Before any row of the stamp's: a sweep locks in the same order.
            self.database.lock_chain(connection)
            self.withdrawals.refuse_with(connection, Facts.of(record), lineage, name)
            if asked is not None:
                record = once.committed_with(connection, asked, record, again, name)
            changed = connection.execute(
                sa.update(_STAMP)
                .where(_STAMP.c.stamp_id == record.stamp_id.hex, _STAMP.c.state != STAMPED)
                .values(rows.columns(record))
            ).rowcount
            if changed != 1:
                raise RegistryError(
                    f"The reservation of stamp {record.stamp_id} is gone, so the file was not "
                    "published",
                    advice="stamp it again",
                )
            self._add_parts(connection, record, manifest, fingerprint)
            self.audit.append_with(
                connection,
                "stamp",
                stamp_id=record.stamp_id.hex,
                sha256=record.digest(manifest, fingerprint),
                **({} if record.again is None else {"again": record.again}),
            )
        return record

    def add(
        self,
        connection: Connection,
        record: StampRecord,
        manifest: bytes,
        fingerprint: bytes | None,
    ) -> bool:
        """Take over a record from an export; False when this id is here already."""
        known = sa.select(_STAMP.c.stamp_id).where(_STAMP.c.stamp_id == record.stamp_id.hex)
        if connection.execute(known).first() is not None:
            return False
        connection.execute(
            sa.insert(_STAMP).values(stamp_id=record.stamp_id.hex, **rows.columns(record))
        )
        self._add_parts(connection, record, manifest, fingerprint)
        self.audit.append_with(
            connection,
            "import",
            stamp_id=record.stamp_id.hex,
            sha256=record.digest(manifest, fingerprint),
        )
        return True

    @retried
    def find(self, stamp_id: StampId) -> StampRecord | None:
        """The record of a stamp."""
        with self.database.reading() as connection:
            found = rows.find(connection, [stamp_id])
            return found[0] if found else None

    @retried
    def records(self, ids: Iterable[StampId]) -> tuple[StampRecord, ...]:
        """The records of those of these stamps that are here, by id."""
        with self.database.reading() as connection:
            return tuple(rows.find(connection, ids))

    @retried
    def stamped_before(self, asked: Asked) -> tuple[StampRecord, ...]:
        """Records of what is asked, oldest first; see :mod:`provenance.registry.once`."""
        with self.database.reading() as connection:
            return once.earlier(connection, asked)

    @retried
    def refuse_second(self, asked: Asked, name: str) -> None:
        """Refuse what was stamped before, or is being stamped, as a reservation would.

        Raises:
            AlreadyStampedError: it was; it names the stamp.
            BusyError: another process is at it.
        """
        with self.database.reading() as connection:
            once.refuse_with(connection, asked, name)

    def manifest(self, stamp_id: StampId) -> bytes | None:
        """The manifest store that was in the stamped file."""
        return self._part(schema.manifest.c.store, stamp_id)

    @retried
    def manifests_since(self, number: int) -> tuple[int, dict[StampId, bytes]]:
        """Manifest stores of some stamps that the log tells of behind a row of it, in its order.

        Args:
            number: the row's; 0 begins with the first.

        Returns:
            The number to go on from, which is the same once there is nothing more, and the stores.
        """
        log, stores = schema.audit.c, schema.manifest.c
        with self.database.reading() as connection:
            told = connection.execute(
                sa.select(log.number, log.details)
                .where(log.number > number, log.event.in_(("stamp", "import")))
                .order_by(log.number)
                .limit(rows.BATCH)
            ).all()
            ids = [str(json.loads(row.details)["stamp_id"]) for row in told]
            found = connection.execute(
                sa.select(stores.stamp_id, stores.store).where(stores.stamp_id.in_(ids))
            ).all()
        last = told[-1].number if told else number
        return last, {StampId.from_hex(row.stamp_id): _bytes(row.store) for row in found}

    def fingerprint(self, stamp_id: StampId) -> bytes | None:
        """The fingerprint of the stamped file, as ``Fingerprint.to_bytes`` wrote it."""
        return self._part(schema.fingerprint.c.data, stamp_id)

    @retried
    def search(
        self,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        key_id: str | None = None,
        consent: str | None = None,
        reviewer: str | None = None,
        sha256: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 100,
    ) -> tuple[StampRecord, ...]:
        """Records that fit everything given, newest first.

        Args:
            model_name, model_version, key_id, consent: equal to these; a key id is a watermark
                key's or a signing certificate's.
            reviewer: id of a key that approved.
            sha256: of the input or the output.
            since, until: times, as ISO 8601 text; compared with when the stamp was made.
            limit: at most so many.
        """
        with self.database.reading() as connection:
            terms = queries.searched(
                model_name=model_name,
                model_version=model_version,
                key_id=key_id,
                consent=consent,
                reviewer=reviewer,
                sha256=sha256,
                since=since,
                until=until,
            )
            found = connection.execute(
                sa.select(_STAMP)
                .where(*terms)
                .order_by(_STAMP.c.created_at.desc(), _STAMP.c.stamp_id)
                .limit(limit)
            ).all()
            return tuple(rows.read(connection, found))

    def hit_by(self, withdrawal: Withdrawal) -> Iterator[StampId]:
        """The ids of the stamps that a withdrawal hits, what was made from them included."""
        column = _STAMP.c
        query = sa.select(column.stamp_id).where(queries.hit_by(withdrawal))
        with self.database.reading() as connection:
            for stamp_id in connection.execute(query.order_by(column.stamp_id)).scalars():
                yield StampId.from_hex(stamp_id)

    def recalled(self, withdrawal: Withdrawal) -> Iterator[Recalled]:
        """Every stamp that a withdrawal, made or drafted, concerns; what is made of it included."""
        ids = list(self.hit_by(withdrawal))
        for some in rows.pieces(ids):
            with self.database.reading() as connection:
                for record in rows.find(connection, some):
                    facts = Facts.of(record)
                    through: tuple[StampId, ...] = ()
                    if not withdrawal.hits(replace(facts, parents=())):
                        known = {one.stamp_id: one for one in rows.find(connection, record.parents)}
                        past = [
                            replace(Facts.of(known[parent]), parents=())
                            if parent in known
                            else Facts(parent)
                            for parent in record.parents
                        ]
                        hits = zip(record.parents, past, strict=True)
                        through = tuple(one for one, its in hits if withdrawal.hits(its))
                    hit = self.withdrawals.hitting_with(connection, facts)
                    places = self.places.of_with(connection, record.stamp_id)
                    yield Recalled(record, through, hit, places)

    def each(self, connection: Connection) -> Iterator[Whole]:
        """Every stamp with its manifest and fingerprint, by id."""
        last = ""
        while True:
            found = connection.execute(
                sa.select(_STAMP, schema.manifest.c.store, schema.fingerprint.c.data)
                .join(schema.manifest)
                .outerjoin(schema.fingerprint, schema.fingerprint.c.stamp_id == _STAMP.c.stamp_id)
                .where(_STAMP.c.stamp_id > last, _STAMP.c.state == STAMPED)
                .order_by(_STAMP.c.stamp_id)
                .limit(rows.BATCH)
            ).all()
            for record, row in zip(rows.read(connection, found), found, strict=True):
                yield record, _bytes(row.store), None if row.data is None else _bytes(row.data)
            if len(found) < rows.BATCH:
                return
            last = found[-1].stamp_id

    def check(self, archived: Iterable[AuditRow] = ()) -> AuditReport:
        """Walk the audit log, and hold every record and withdrawal against it.

        Args:
            archived: rows of its archives, from the first on; without them, what only they tell of
                is counted, and not checked.
        """
        replay = Replay()
        with self.database.reading() as connection:
            cut = self.audit.cut(connection)
            broken = replay.follow(archived)
            if broken is None:
                broken = replay.follow(self.audit.rows(connection), cut)
            if broken is None:
                broken = replay.compare(
                    self.each(connection), self.withdrawals.all(connection, active=True)
                )
        until = 0 if cut is None else cut.until
        return AuditReport(replay.rows, replay.head, broken, until, replay.unchecked)

    def _add_parts(
        self,
        connection: Connection,
        record: StampRecord,
        manifest: bytes,
        fingerprint: bytes | None,
    ) -> None:
        stamp_id = record.stamp_id.hex
        connection.execute(sa.insert(schema.manifest).values(stamp_id=stamp_id, store=manifest))
        for reference in record.consents:
            connection.execute(
                sa.insert(schema.consent).values(stamp_id=stamp_id, reference=reference)
            )
        for key in record.approvers:
            connection.execute(
                sa.insert(schema.approver).values(stamp_id=stamp_id, reviewer_id=key)
            )
        for parent in record.parents:
            connection.execute(
                sa.insert(schema.parent).values(stamp_id=stamp_id, parent_id=parent.hex)
            )
        if fingerprint is not None:
            connection.execute(
                sa.insert(schema.fingerprint).values(stamp_id=stamp_id, data=fingerprint)
            )
            hashes = Fingerprint.from_bytes(fingerprint).hashes
            self.frames.add(connection, record.stamp_id, hashes)

    @retried
    def _part(self, column: sa.Column[Any], stamp_id: StampId) -> bytes | None:
        with self.database.reading() as connection:
            found = connection.execute(
                sa.select(column).where(column.table.c.stamp_id == stamp_id.hex)
            ).scalar()
            return None if found is None else _bytes(found)


def _bytes(value: Any) -> bytes:
    # SQLite keeps whatever type somebody put there behind the program's back.
    return value if isinstance(value, bytes) else str(value).encode()
