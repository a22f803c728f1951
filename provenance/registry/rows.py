"""Rows of the stamp table as records, and records as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from provenance.errors import RegistryError
from provenance.registry import schema
from provenance.registry.records import StampRecord
from provenance.registry.values import parse_time, stamp_time
from provenance.results import PromptHash
from provenance.results.payload import StampId

RESERVED: Final = "reserved"
STAMPED: Final = "stamped"
BATCH: Final = 500
"""Most values that one query names: databases have limits, and lists of parents have none."""


def find(connection: Connection, ids: Iterable[StampId]) -> list[StampRecord]:
    """The records of those of these stamps that are here."""
    table, found = schema.stamp, []
    for some in pieces(sorted({stamp_id.hex for stamp_id in ids})):
        query = sa.select(table).where(table.c.stamp_id.in_(some), table.c.state == STAMPED)
        found += read(connection, connection.execute(query).all())
    return found


def pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """A list in pieces of at most :data:`BATCH`."""
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]


def columns(record: StampRecord) -> dict[str, Any]:
    """A record as values of the table; consents, parents, approvers have tables of their own."""
    prompt = record.prompt_hash
    return {
        "state": STAMPED,
        "key_id": record.key_id,
        "layout": record.layout,
        "provider": record.provider,
        "model_name": record.model_name,
        "model_version": record.model_version,
        "prompt_alg": None if prompt is None else prompt.alg,
        "prompt_hash": None if prompt is None else prompt.value,
        "prompt_key_id": None if prompt is None else prompt.key_id,
        "profile": record.profile,
        "created_at": stamp_time(record.created_at),
        "signed_at": None if record.signed_at is None else stamp_time(record.signed_at),
        "input_sha256": record.input_sha256,
        "output_sha256": record.output_sha256,
        "signer": record.signer,
        "signer_id": record.signer_id,
        "approval": record.approval,
        "again": record.again,
    }


def read(connection: Connection, rows: Sequence[Row[Any]]) -> list[StampRecord]:
    """The records that rows of the table stand for, with their consents, parents and approvers.

    Raises:
        RegistryError: a row that this program did not write.
    """
    ids = [row.stamp_id for row in rows]
    consents = _parts(connection, schema.consent.c.reference, ids)
    parents = _parts(connection, schema.parent.c.parent_id, ids)
    approvers = _parts(connection, schema.approver.c.reviewer_id, ids)
    found = []
    for row in rows:
        try:
            lists = (part[row.stamp_id] for part in (consents, parents, approvers))
            found.append(_record(row, *lists))
        except ValueError as error:
            raise RegistryError(
                f"The record of stamp {row.stamp_id} can't be read; "
                "it was changed behind this program's back. Restore the registry from a backup.",
            ) from error
    return found


def _parts(connection: Connection, column: sa.Column[Any], ids: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {stamp_id: [] for stamp_id in ids}
    owner = column.table.c.stamp_id
    for some in pieces(ids):
        query = sa.select(owner, column).where(owner.in_(some)).order_by(column)
        for stamp_id, value in connection.execute(query):
            found[stamp_id].append(value)
    return found


def _record(
    row: Row[Any], consents: list[str], parents: list[str], approvers: list[str]
) -> StampRecord:
    alg = row.prompt_alg
    return StampRecord(
        stamp_id=StampId.from_hex(row.stamp_id),
        key_id=row.key_id,
        layout=row.layout,
        created_at=parse_time(row.created_at),
        provider=row.provider,
        model_name=row.model_name,
        model_version=row.model_version,
        prompt_hash=None if alg is None else PromptHash(alg, row.prompt_hash, row.prompt_key_id),
        profile=row.profile,
        signed_at=None if row.signed_at is None else parse_time(row.signed_at),
        input_sha256=row.input_sha256,
        output_sha256=row.output_sha256,
        signer=row.signer,
        signer_id=row.signer_id,
        approval=row.approval,
        consents=tuple(consents),
        parents=tuple(StampId.from_hex(one) for one in parents),
        approvers=tuple(approvers),
        again=row.again,
    )
