"""Withdrawing stamps, and taking a withdrawal back: both with a reason, a time and an audit row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from provenance.errors import RegistryError, UsageError, WithdrawnError
from provenance.registry import rows, schema
from provenance.registry.audit import AuditLog
from provenance.registry.database import Database, retried
from provenance.registry.facts import DATED_KINDS, Facts, Withdrawal, WithdrawalKind, named
from provenance.registry.values import (
    check_actor,
    check_reason,
    now,
    optional_time,
    parse_time,
    stamp_time,
)

_TABLE = schema.withdrawal


def drafted(
    kind: WithdrawalKind,
    target: str,
    reason: str,
    *,
    good_before: datetime | None = None,
    by: str | None = None,
) -> Withdrawal:
    """A withdrawal as it would be made now, to see what it would hit; arguments and errors are
    those of :meth:`Withdrawals.withdraw`."""
    entry = Withdrawal(
        kind, target, check_reason(reason), now(), good_before=good_before, by=check_actor(by)
    )
    if good_before is not None and (kind not in DATED_KINDS or good_before > entry.at):
        raise UsageError(
            "Only a key can have been good before a moment, and only before one that is past."
        )
    return entry


class Withdrawals:
    """The withdrawals of one registry."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    @retried
    def withdraw(
        self,
        kind: WithdrawalKind,
        target: str,
        reason: str,
        *,
        good_before: datetime | None = None,
        by: str | None = None,
    ) -> Withdrawal:
        """Withdraw a stamp, or everything of a model, key, consent or reviewer's key.

        Args:
            kind: what is withdrawn.
            target: which: a stamp id, a key id, a consent's reference, the id of a reviewer's key,
                or :func:`model_target`.
            reason: why, on one line; shown to verifiers.
            good_before: of a key or reviewer: what provably existed before this moment still
                counts.
            by: an opaque id of whoever withdraws it.

        Raises:
            UsageError: it is withdrawn already, the reason is no line of text, or the moment is
                none of a key's, or still to come.
        """
        entry = drafted(kind, target, reason, good_before=good_before, by=by)
        with self._database.writing() as connection:
            self._database.lock_chain(connection)
            if _active(connection, [(kind, target)]):
                what = named(kind, target)
                raise UsageError(f"The {what} is withdrawn already; reinstate it first.")
            _insert(connection, entry)
            self._noted(connection, entry)
        return entry

    @retried
    def reinstate(
        self, kind: WithdrawalKind, target: str, reason: str, *, by: str | None = None
    ) -> int:
        """End a withdrawal, by whoever ``by`` names; the number of rows that ended.

        Raises:
            UsageError: nothing of the kind is withdrawn, or the reason is no line of text.
        """
        text, actor = check_reason(reason), check_actor(by)
        with self._database.writing() as connection:
            self._database.lock_chain(connection)
            ended = connection.execute(
                sa.update(_TABLE)
                .where(
                    _TABLE.c.kind == kind, _TABLE.c.target == target, _TABLE.c.ended_at.is_(None)
                )
                .values(ended_at=stamp_time(now()), ended_reason=text, ended_by=actor)
            ).rowcount
            if not ended:
                raise UsageError(f"The {named(kind, target)} is not withdrawn.")
            self._audit.append_with(
                connection,
                "reinstate",
                kind=kind,
                target=target,
                reason=text,
                **({} if actor is None else {"by": actor}),
            )
        return int(ended)

    @retried
    def hitting(self, facts: Facts) -> Withdrawal | None:
        """The first withdrawal in force that hits a stamp with these facts.

        What hits a parent that this registry knows hits what was made from it as well.
        """
        with self._database.reading() as connection:
            return self.hitting_with(connection, facts)

    @staticmethod
    def hitting_with(connection: Connection, facts: Facts) -> Withdrawal | None:
        """The same as part of a transaction."""
        parents = (Facts.of(parent) for parent in rows.find(connection, facts.parents))
        every = [facts, *parents]
        targets = {target for one in every for target in one.targets()}
        found = _active(connection, sorted(targets))
        return next((entry for entry in found if any(entry.hits(one) for one in every)), None)

    @retried
    def of(self, kind: WithdrawalKind, targets: Sequence[str]) -> dict[str, Withdrawal]:
        """What is in force of these targets of one kind, by target."""
        with self._database.reading() as connection:
            found = _active(connection, [(kind, target) for target in targets])
        return {entry.target: entry for entry in found}

    @retried
    def refuse(self, made: Facts, lineage: Sequence[Facts], name: str) -> None:
        """Refuse to stamp a clip of which something is withdrawn.

        Args:
            made: what the stamp is going to say; nothing proves that it is older than it is.
            lineage: what the clip was made from.
            name: what the clip is called in the sentence.

        Raises:
            WithdrawnError: it may not be stamped.
        """
        with self._database.reading() as connection:
            self.refuse_with(connection, made, lineage, name)

    def refuse_with(
        self, connection: Connection, made: Facts, lineage: Sequence[Facts], name: str
    ) -> None:
        """The same as part of a transaction."""
        hit = self.hitting_with(connection, replace(made, proven_at=None, parents=()))
        if hit is not None:
            raise WithdrawnError(
                f"{name} may not be stamped: its {hit.noun} was withdrawn on {hit.at:%Y-%m-%d} "
                f"({hit.reason})."
            )
        for past in (Facts(parents=made.parents), *lineage):
            hit = self.hitting_with(connection, past)
            if hit is not None:
                what = "that" if hit.kind == "stamp" else f"whose {hit.noun}"
                raise WithdrawnError(
                    f"{name} may not be stamped: it is, or was made from, a clip {what} was "
                    f"withdrawn on {hit.at:%Y-%m-%d} ({hit.reason})."
                )

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
        more = {}
        if event == "withdraw" and entry.good_before is not None:
            more["good_before"] = stamp_time(entry.good_before)
        if event == "withdraw" and entry.by is not None:
            more["by"] = entry.by
        self._audit.append_with(
            connection,
            event,
            kind=entry.kind,
            target=entry.target,
            at=stamp_time(entry.at),
            reason=entry.reason if event == "withdraw" else entry.ended_reason,
            **more,
        )


def _insert(connection: Connection, entry: Withdrawal) -> None:
    connection.execute(
        sa.insert(_TABLE).values(
            kind=entry.kind,
            target=entry.target,
            reason=entry.reason,
            at=stamp_time(entry.at),
            ended_at=optional_time(entry.ended_at),
            ended_reason=entry.ended_reason,
            good_before=optional_time(entry.good_before),
            made_by=entry.by,
            ended_by=entry.ended_by,
        )
    )


def _active(
    connection: Connection, targets: Sequence[tuple[WithdrawalKind, str]]
) -> list[Withdrawal]:
    """What is in force of these targets, oldest first."""
    found: list[Row[Any]] = []
    for pairs in rows.pieces(targets):
        query = sa.select(_TABLE).where(
            sa.tuple_(_TABLE.c.kind, _TABLE.c.target).in_(pairs), _TABLE.c.ended_at.is_(None)
        )
        found += connection.execute(query).all()
    return [_read(row) for row in sorted(found, key=lambda row: int(row.id))]


def _read(row: Row[tuple[object, ...]]) -> Withdrawal:
    try:
        return Withdrawal(
            row.kind,
            row.target,
            row.reason,
            parse_time(row.at),
            None if row.ended_at is None else parse_time(row.ended_at),
            row.ended_reason,
            None if row.good_before is None else parse_time(row.good_before),
            row.made_by,
            row.ended_by,
        )
    except ValueError as error:
        raise RegistryError(
            f"The withdrawal of {row.kind} {row.target} can't be read; "
            "it was changed behind this program's back. Restore the registry from a backup.",
        ) from error
