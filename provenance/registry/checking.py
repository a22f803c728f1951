"""Hold what the registry says now against what its audit log says was written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from provenance.registry.chain import GENESIS, AuditRow, Break, Cut, walk
from provenance.registry.facts import Withdrawal
from provenance.registry.records import StampRecord
from provenance.registry.values import optional_time, stamp_time

Whole = tuple[StampRecord, bytes, bytes | None]


class Replay:
    """What the log's rows, taken together, say must be in the registry."""

    def __init__(self) -> None:
        self.rows = 0
        self.head: AuditRow | None = None
        self.unchecked = 0
        """Records and withdrawals that only archived rows tell of, when those were not read."""
        self._stamps: dict[str, tuple[int, str]] = {}
        self._withdrawn: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        self._cut: Cut | None = None

    def follow(self, rows: Iterable[AuditRow], cut: Cut | None = None) -> Break | None:
        """Walk the chain, from where it was left; the first row that does not hold, or None.

        Args:
            rows: of the log, or of archives before them.
            cut: where the log begins, by its own word.
        """
        if cut is not None and self.head is None:
            self._cut, number, previous = cut, cut.until, cut.hash
        elif self.head is None:
            number, previous = 0, GENESIS
        else:
            number, previous = self.head.number, self.head.hash
        if cut is not None and (number, previous) != (cut.until, cut.hash):
            return Break(number, f"the archives do not end with row {cut.until} as it was")
        for item in walk(rows, number, previous):
            if isinstance(item, Break):
                return item
            self.rows, self.head = self.rows + 1, item
            try:
                self._take(item, json.loads(item.details))
            except (ValueError, KeyError, TypeError):
                return Break(item.number, "this program did not write it")
        return None

    def _take(self, row: AuditRow, details: dict[str, Any]) -> None:
        if row.event in ("stamp", "import"):
            self._stamps[details["stamp_id"]] = (row.number, details["sha256"])
        elif row.event == "abandon":
            self._stamps.pop(details["stamp_id"], None)
        elif row.event == "withdraw":
            entry = (details["kind"], details["target"], details["at"])
            said = (details["reason"], details.get("good_before"), details.get("by"))
            self._withdrawn[entry] = (row.number, *said)
        elif row.event == "reinstate":
            # One withdrawal that an import ended, or all in force of that target.
            ended = tuple(details[name] for name in ("kind", "target", "at") if name in details)
            for entry in [one for one in self._withdrawn if one[: len(ended)] == ended]:
                del self._withdrawn[entry]

    def compare(self, stamps: Iterable[Whole], active: Iterable[Withdrawal]) -> Break | None:
        """The lowest row of the log that the registry's tables contradict, or None."""
        return min(
            (*self._stamps_unlike(stamps), *self._withdrawals_unlike(active)),
            key=lambda item: item.number,
            default=None,
        )

    def _stamps_unlike(self, stamps: Iterable[Whole]) -> Iterator[Break]:
        missing = dict(self._stamps)
        for record, manifest, fingerprint in stamps:
            said = missing.pop(record.stamp_id.hex, None)
            if said is None and self._is_archived(record.created_at):
                self.unchecked += 1
            elif said is None:
                yield Break(self._next, f"the record of stamp {record.stamp_id} has no row")
            elif said[1] != record.digest(manifest, fingerprint):
                yield Break(said[0], f"the record of stamp {record.stamp_id} was changed since")
        for stamp_id, (number, _) in missing.items():
            yield Break(number, f"the record of stamp {stamp_id} is gone")

    def _withdrawals_unlike(self, active: Iterable[Withdrawal]) -> Iterator[Break]:
        missing = dict(self._withdrawn)
        for entry in active:
            said = missing.pop((entry.kind, entry.target, stamp_time(entry.at)), None)
            if said is None and self._is_archived(entry.at):
                self.unchecked += 1
            elif said is None:
                yield Break(self._next, f"the withdrawal of {entry.kind} has no row")
            elif said[1:] != (entry.reason, optional_time(entry.good_before), entry.by):
                yield Break(said[0], f"the withdrawal of {entry.kind} {entry.target} was changed")
        for (kind, target, _), (number, *_) in missing.items():
            yield Break(number, f"the withdrawal of {kind} {target} is gone")

    @property
    def _next(self) -> int:
        """The row that would come next."""
        return 1 if self.head is None else self.head.number + 1

    def _is_archived(self, moment: datetime) -> bool:
        """Whether the row of what was made then may be one of those that were not read."""
        return self._cut is not None and stamp_time(moment) <= self._cut.at
