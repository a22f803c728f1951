"""The audit log's chain: every row carries a hash over itself and the hash of the row before.

``hash = SHA-256(canonical JSON of [number, at, event, details, previous])``, where canonical is
JSON in ASCII without spaces and with sorted keys, and the first row's ``previous`` is 64 zeros.
So a row that was changed, put in or taken out breaks the chain at the next; only rows taken off
the end leave it whole, and a head that was signed and kept elsewhere (``registry audit --sign``)
tells that.  Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

GENESIS = "0" * 64

Event = Literal[
    "stamp",
    "abandon",
    "admit",
    "verify",
    "withdraw",
    "reinstate",
    "export",
    "import",
    "restore",
    "sweep",
    "move",
]


def canonical(value: Any) -> str:
    """JSON with one spelling only, so that it can be hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: Any) -> str:
    """SHA-256 of :func:`canonical`, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the log; ``details`` is canonical JSON text."""

    number: int
    at: str
    event: str
    details: str
    previous: str
    hash: str

    @classmethod
    def after(
        cls, last: AuditRow | None, at: str, event: Event, details: dict[str, Any]
    ) -> AuditRow:
        """The row that follows ``last``."""
        number, previous = (1, GENESIS) if last is None else (last.number + 1, last.hash)
        text = canonical(details)
        return cls(number, at, event, text, previous, digest([number, at, event, text, previous]))

    @property
    def holds(self) -> bool:
        """Whether the row's hash is its own."""
        row = [self.number, self.at, self.event, self.details, self.previous]
        return self.hash == digest(row)

    def as_json(self) -> dict[str, Any]:
        """The row as an export writes it; ``details`` as an object."""
        return {
            "number": self.number,
            "at": self.at,
            "event": self.event,
            "details": json.loads(self.details),
            "previous": self.previous,
            "hash": self.hash,
        }


@dataclass(frozen=True, slots=True)
class Break:
    """The first row that does not hold, and why."""

    number: int
    reason: str

    @property
    def sentence(self) -> str:
        """For people."""
        return f"row {self.number}: {self.reason}"


def walk(rows: Iterable[AuditRow]) -> Iterator[AuditRow | Break]:
    """Yield the rows that hold, in order, and then at most one :class:`Break`."""
    last: AuditRow | None = None
    for row in rows:
        number = 1 if last is None else last.number + 1
        if row.number != number:
            missing = f"row {number} is missing" if row.number > number else "it comes twice"
            yield Break(row.number, missing)
            return
        if row.previous != (GENESIS if last is None else last.hash):
            yield Break(row.number, f"it does not follow row {number - 1} as that stands now")
            return
        if not row.holds:
            yield Break(row.number, "it was changed after it was written")
            return
        yield row
        last = row
