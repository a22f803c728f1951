"""Whose stamps a registry holds: no keyring stamps into another one's registry by mistake.

A registry knows a keyring by its watermark keys, as its stamps name them; retired ones count, so
that a rotation changes nothing, and an empty registry takes any.  Keys that are new beside others
are admitted once, which the audit log records.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.errors import UsageError
from provenance.registry import schema
from provenance.registry.audit import AuditLog
from provenance.registry.database import Database
from provenance.registry.rows import STAMPED
from provenance.registry.values import check_actor

_STAMP: Final = schema.stamp.c
_AUDIT: Final = schema.audit.c


class Stampers:
    """Whose keys may stamp into one registry."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    def refuse_strangers(self, key_ids: Collection[str], whose: str) -> None:
        """Refuse a keyring of which this registry has no stamp, if it has stamps by others.

        Args:
            key_ids: of all its watermark keys.
            whose: the organisation that it belongs to.

        Raises:
            UsageError: it was not admitted either.
        """
        with self._database.reading() as connection:
            if _stamps_by(connection, key_ids) or self._admitted(connection, key_ids):
                return
            newest = sa.select(_STAMP.key_id, _STAMP.signer).where(_STAMP.state == STAMPED)
            other = connection.execute(newest.order_by(_STAMP.created_at.desc()).limit(1)).first()
        if other is not None:
            by = f"watermark key {other.key_id}" + (f" of {other.signer}" if other.signer else "")
            raise UsageError(
                f"The registry {self._database.name} has stamps by {by}, and none by the keys of "
                f"{whose}",
                path=self._database.name,
                advice=(
                    "name the keys and the registry that belong together, or let these keys in "
                    "with `provenance registry admit`"
                ),
                settings=("keys", "registry", "brand"),
            )

    def admit(self, key_ids: Collection[str], *, by: str | None = None) -> bool:
        """Let a keyring stamp into this registry beside others; False where it may already.

        Args:
            key_ids: of its watermark keys, the one to stamp with first.
            by: who let it in, an opaque id.

        Raises:
            UsageError: ``by`` is no such id.
        """
        actor = check_actor(by)
        with self._database.writing() as connection:
            self._database.lock_chain(connection)
            if _stamps_by(connection, key_ids) or self._admitted(connection, key_ids):
                return False
            self._audit.append_with(connection, "admit", key_id=next(iter(key_ids)), by=actor)
        return True

    def _admitted(self, connection: Connection, key_ids: Collection[str]) -> bool:
        rows = connection.execute(sa.select(_AUDIT.details).where(_AUDIT.event == "admit"))
        cut = self._audit.cut(connection)
        admitted = {json.loads(details)["key_id"] for details in rows.scalars()}
        return not admitted.union(() if cut is None else cut.admitted).isdisjoint(key_ids)


def _stamps_by(connection: Connection, key_ids: Collection[str]) -> bool:
    own = sa.select(_STAMP.stamp_id).where(_STAMP.key_id.in_(key_ids), _STAMP.state == STAMPED)
    return connection.execute(own.limit(1)).first() is not None
