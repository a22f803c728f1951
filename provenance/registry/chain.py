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
    "archive",
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

    @classmethod
    def from_json(cls, data: Any) -> AuditRow:
        """Read what :meth:`as_json` writes; whether it holds is another question.

        Raises:
            ValueError: on anything else.
        """
        try:
            texts = {name: data[name] for name in ("at", "event", "previous", "hash")}
            number, details = data["number"], canonical(data["details"])
        except (TypeError, KeyError) as error:
            raise ValueError("it is no row of a log") from error
        if type(number) is not int or not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("it is no row of a log")
        return cls(number, texts["at"], texts["event"], details, texts["previous"], texts["hash"])


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a log begins whose older rows are in archives.

    Attributes:
        until: number of the newest row that was moved.
        hash: its hash.
        at: when it was written.
        first: hash of row 1, which is the log's name.
        admitted: watermark keys that those rows let stamp into the registry.
    """

    until: int
    hash: str
    at: str
    first: str
    admitted: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: AuditRow) -> Cut:
        """What a row of the event "archive" says.

        Raises:
            ValueError: it says no such thing.
        """
        said = json.loads(row.details)
        try:
            texts = (str(said["hash"]), str(said["until_at"]), str(said["first"]))
            return cls(int(said["until"]), *texts, tuple(map(str, said["admitted"])))
        except (KeyError, TypeError) as error:
            raise ValueError("it names no row that the log begins after") from error

    def details(self) -> dict[str, Any]:
        """As a row says it."""
        return {
            "until": self.until,
            "hash": self.hash,
            "until_at": self.at,
            "first": self.first,
            "admitted": list(self.admitted),
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


def walk(
    rows: Iterable[AuditRow], number: int = 0, previous: str = GENESIS
) -> Iterator[AuditRow | Break]:
    """Yield the rows that hold, in order, and then at most one :class:`Break`.

    Args:
        rows: of the log.
        number: of the row that they have to follow.
        previous: its hash.
    """
    for row in rows:
        if row.number != number + 1:
            late = row.number > number + 1
            yield Break(row.number, f"row {number + 1} is missing" if late else "it comes twice")
            return
        if row.previous != previous:
            yield Break(row.number, f"it does not follow row {number} as that stands now")
            return
        if not row.holds:
            yield Break(row.number, "it was changed after it was written")
            return
        yield row
        number, previous = row.number, row.hash
