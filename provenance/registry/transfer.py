"""A registry as JSON Lines: one line a stamp or withdrawal; written, and taken over elsewhere.

Lines of an export carry everything that verification needs: records, manifests, fingerprints,
withdrawals; and the places of outputs, which a bundle for others leaves out.  The audit log stays
where it is; what is imported gets audit rows of its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from provenance.errors import InputError, ProvenanceError
from provenance.fingerprint import Fingerprint
from provenance.registry.checking import Whole
from provenance.registry.facts import Withdrawal
from provenance.registry.places import KnownPlace
from provenance.registry.records import StampRecord
from provenance.registry.registry import Registry

Kind = Literal["stamp", "withdrawal", "place"]
_Item = Whole | Withdrawal | KnownPlace
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Transfer:
    """How much was written or taken over; ``known`` stamps were there already."""

    stamps: int = 0
    withdrawals: int = 0
    known: int = 0


def export_lines(registry: Registry, *, places: bool = False) -> Iterator[tuple[Kind, bytes]]:
    """Every stamp and withdrawal, one JSON object a line, in one consistent state.

    Args:
        registry: whose.
        places: where outputs went, too.
    """
    with registry.database.reading() as connection:
        for record, manifest, fingerprint in registry.each(connection):
            yield _line(
                "stamp",
                {
                    "record": record.as_json(),
                    "manifest": base64.b64encode(manifest).decode("ascii"),
                    "fingerprint": None
                    if fingerprint is None
                    else base64.b64encode(fingerprint).decode("ascii"),
                },
            )
        for entry in registry.withdrawals.all(connection):
            yield _line("withdrawal", entry.as_json())
        for place in registry.places.each(connection) if places else ():
            yield _line("place", place.as_json())


def import_lines(registry: Registry, lines: Iterable[bytes], name: str) -> Transfer:
    """Take over an export; what is there already stays as it is.

    All or nothing is too much to ask of a million lines, so whole batches are committed: an import
    that stopped can simply be run again.

    Args:
        lines: the export.
        name: the file's name, for messages.

    Raises:
        InputError: a line that is none of an export's, by its number.
    """
    stamps = withdrawals = known = 0
    for batch in _batches(_parsed(lines, name)):
        with registry.database.writing() as connection:
            registry.database.lock_chain(connection)
            for item in batch:
                if isinstance(item, Withdrawal):
                    withdrawals += registry.withdrawals.merge(connection, [item])
                    continue
                if isinstance(item, KnownPlace):
                    registry.places.add_with(connection, item)
                    continue
                record, manifest, fingerprint = item
                if registry.add(connection, record, manifest, fingerprint):
                    stamps += 1
                else:
                    known += 1
    return Transfer(stamps, withdrawals, known)


def _parsed(lines: Iterable[bytes], name: str) -> Iterator[_Item]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _item(json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            why = str(error) if isinstance(error, ProvenanceError) else "it is damaged"
            raise InputError(
                f"Line {number} of {name} is no line of a registry's export: {why.rstrip('.')}.",
                path=name,
            ) from error


def _item(data: Any) -> _Item:
    kind = data.pop("type")
    if kind == "withdrawal":
        return Withdrawal.from_json(data)
    if kind == "place":
        return KnownPlace.from_json(data)
    if kind != "stamp" or set(data) != {"record", "manifest", "fingerprint"}:
        raise ValueError("another type")
    fingerprint = data["fingerprint"]
    if fingerprint is not None:
        fingerprint = base64.b64decode(fingerprint, validate=True)
        Fingerprint.from_bytes(fingerprint)
    manifest = base64.b64decode(data["manifest"], validate=True)
    return StampRecord.from_json(data["record"]), manifest, fingerprint


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    batch: list[_Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _line(kind: Kind, data: dict[str, Any]) -> tuple[Kind, bytes]:
    text = json.dumps({"type": kind, **data}, separators=(",", ":"))
    return kind, text.encode("ascii") + b"\n"
