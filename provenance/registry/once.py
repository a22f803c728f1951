"""Exactly once: whether a clip was stamped before as what it is going to be stamped as.

A clip is its bytes.  It counts as stamped before when a record has the SHA-256 of its input with
the same provider, model, version, prompt and consents; and whatever it says, when the stamp was
withdrawn by its id: what was taken back does not come out again under another one.

Two prompts are the same unless their hashes, made alike and with the same key, differ.  So after
a rotation nothing is stamped twice, even where nobody holds the older key any more.

Whoever is stamping the clip has a reservation, and counts while it is at work.  One for the very
same file does not: its claim on the name (:mod:`provenance.system.workspace`) says who may go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from provenance.errors import AlreadyStampedError, BusyError
from provenance.registry import places, rows, schema
from provenance.registry.facts import Facts
from provenance.registry.records import StampRecord
from provenance.registry.rows import STAMPED
from provenance.registry.values import now, parse_time
from provenance.registry.withdrawals import Withdrawals
from provenance.results import PromptHash
from provenance.results.payload import StampId
from provenance.system.processes import is_running, this_host

HELD: Final = timedelta(hours=1)
"""How long a reservation of a machine whose processes can't be looked at keeps others waiting; what
takes longer is noticed when its record is committed."""
_WITH_RESERVATION: Final = sa.select(
    schema.stamp,
    schema.reservation.c.host,
    schema.reservation.c.process,
    schema.reservation.c.path,
).outerjoin(schema.reservation)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is going to be stamped, and as what.

    Attributes:
        input_sha256: of its bytes.
        path: the absolute path of the file that it becomes.
        prompts: every form in which its prompt is known.
    """

    input_sha256: str
    path: Path
    provider: str | None
    model_name: str
    model_version: str
    prompts: tuple[PromptHash, ...]
    consents: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """What a row of the stamps' table says of it from the start."""
        prompt = self.prompts[0] if self.prompts else None
        return {
            "input_sha256": self.input_sha256,
            "provider": self.provider,
            "model_name": self.model_name,
            "model_version": self.model_version,
            "prompt_alg": None if prompt is None else prompt.alg,
            "prompt_hash": None if prompt is None else prompt.value,
            "prompt_key_id": None if prompt is None else prompt.key_id,
        }

    def is_told_by(self, record: StampRecord) -> bool:
        """Whether a record says the same of the same clip."""
        return self._claims_of(record) and set(record.consents) == set(self.consents)

    def is_reserved_by(self, record: StampRecord) -> bool:
        """The same of a record in the making, whose consents are not known yet."""
        return self._claims_of(record)

    def _claims_of(self, record: StampRecord) -> bool:
        said = (record.input_sha256, record.provider, record.model_name, record.model_version)
        wanted = (self.input_sha256, self.provider, self.model_name, self.model_version)
        return said == wanted and self._may_be(record.prompt_hash)

    def _may_be(self, prompt: PromptHash | None) -> bool:
        if prompt is None:
            return True
        alike = [
            one for one in self.prompts if (one.alg, one.key_id) == (prompt.alg, prompt.key_id)
        ]
        return not alike or prompt in alike


def earlier(connection: Connection, asked: Asked) -> tuple[StampRecord, ...]:
    """Records of stamps whose files have their names, and that say what is asked; oldest first."""
    listed = [row for row in _rows(connection, asked) if row.path is None]
    return tuple(one for one in _done(connection, asked, listed) if asked.is_told_by(one))


def refuse_with(connection: Connection, asked: Asked, name: str) -> None:
    """Refuse what was stamped before, or is being stamped: before the work.

    Args:
        connection: with an open transaction in which no other of this input begins.
        asked: what is going to be stamped.
        name: what the clip is called in the sentence.

    Raises:
        AlreadyStampedError: it was; it names the stamp.
        BusyError: somebody is at it.
    """
    listed = _rows(connection, asked)
    working = [row for row in listed if row.path is not None and _at_work(row)]
    gone = [row for row in listed if row not in working]
    _refuse(connection, _done(connection, asked, gone), name)
    for record in rows.read(connection, working):
        if asked.is_reserved_by(record):
            raise BusyError(
                f"{name} is being stamped by another process, as {record.stamp_id}",
                advice="wait for it to end",
            )


def committed_with(
    connection: Connection, asked: Asked, record: StampRecord, again: str | None, name: str
) -> StampRecord:
    """The record to write; where there is an earlier one, with the reason for another.

    Raises:
        AlreadyStampedError: somebody else was faster.
    """
    listed = [row for row in _rows(connection, asked) if row.stamp_id != record.stamp_id.hex]
    found = _done(connection, asked, listed)
    if again is None:
        _refuse(connection, found, name)
        return record
    return replace(record, again=again) if found else record


def unfinished(connection: Connection, asked: Asked) -> tuple[StampId, ...]:
    """Stamps of this input whose process, on this machine, ended without a word."""
    listed = connection.execute(
        _WITH_RESERVATION.where(
            schema.stamp.c.input_sha256 == asked.input_sha256,
            schema.reservation.c.host == this_host(),
        )
    ).all()
    return tuple(StampId.from_hex(row.stamp_id) for row in listed if not _at_work(row))


def _rows(connection: Connection, asked: Asked) -> list[Row[Any]]:
    column = schema.stamp.c
    query = _WITH_RESERVATION.where(column.input_sha256 == asked.input_sha256)
    listed = connection.execute(query.order_by(column.created_at, column.stamp_id)).all()
    return [row for row in listed if row.path != str(asked.path)]


def _done(
    connection: Connection, asked: Asked, listed: Sequence[Row[Any]]
) -> tuple[StampRecord, ...]:
    found = rows.read(connection, [row for row in listed if row.state == STAMPED])
    return tuple(one for one in found if asked.is_told_by(one) or _taken_back(connection, one))


def _taken_back(connection: Connection, record: StampRecord) -> bool:
    return Withdrawals.hitting_with(connection, Facts(record.stamp_id)) is not None


def _refuse(connection: Connection, found: Sequence[StampRecord], name: str) -> None:
    if not found:
        return
    first = found[0]
    place = places.newest_with(connection, first.stamp_id)
    own = Withdrawals.hitting_with(connection, Facts(first.stamp_id))
    hit = own or Withdrawals.hitting_with(connection, Facts.of(first))
    where = "" if place is None else f", and is at {place}"
    if hit is not None:
        where = f", which was withdrawn on {hit.at:%Y-%m-%d} ({hit.reason})"
    raise AlreadyStampedError(
        f"{name} was stamped before, as {first.stamp_id} on {first.created_at:%Y-%m-%d}{where}",
        advice="use that one, or say why it has to be stamped again"
        if hit is None
        else "say why it has to be stamped all the same",
        settings=("again",),
        stamp_id=first.stamp_id.hex,
        place=place,
    )


def _at_work(row: Row[Any]) -> bool:
    if row.host == this_host():
        return is_running(row.process)
    return parse_time(row.created_at) > now() - HELD
