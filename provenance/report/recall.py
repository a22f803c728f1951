"""Withdrawals and recalls, as a table, as CSV and as JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from provenance.registry import named
from provenance.report.registry import model_of, spared
from provenance.report.sheets import csv_lines
from provenance.system.text import printable, several

if TYPE_CHECKING:
    from provenance.registry import Recalled, Standing

COLUMNS: Final = (
    *("stamp_id", "output_sha256", "input_sha256", "model_name", "model_version", "stamped_at"),
    *("consents", "approvers", "approval", "made_from", "through", "withdrawn_at", "reason"),
    "place",
)
"""Columns of the CSV, in their order; several values in a cell have a space between them."""


def show_standing(found: Sequence[Standing], out: Console) -> None:
    """Withdrawals, oldest first, a line each."""
    if not found:
        out.print("Nothing is withdrawn.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("since", "what", "reason", "by", "stamps"):
        table.add_column(name, no_wrap=name == "since")
    for one in found:
        entry = one.entry
        what = f"{named(entry.kind, entry.target)}{spared(entry)}"
        reason = printable(entry.reason)
        if entry.ended_at is not None:
            ended = printable(
                f"{entry.ended_reason}{f', by {one.ended_by}' if one.ended_by else ''}"
            )
            reason += f" (taken back on {entry.ended_at:%Y-%m-%d}: {ended})"
        by = printable(one.by or "", 80)
        table.add_row(f"{entry.at:%Y-%m-%d %H:%M}", printable(what), reason, by, str(one.stamps))
    out.print(table)


def show_recalled(found: Sequence[Recalled], out: Console) -> None:
    """What a recall concerns, a line each."""
    table = Table(box=None, pad_edge=False)
    for name in ("stamp id", "model", "consents", "made from", "withdrawn"):
        table.add_column(name, no_wrap=name in ("stamp id", "withdrawn"), overflow="fold")
    for one in found:
        record, since = one.record, one.withdrawn
        table.add_row(
            record.stamp_id.hex,
            printable(model_of(record), 80),
            printable(", ".join(record.consents), 80),
            " ".join(stamp.hex for stamp in one.through),
            "no" if since is None else f"{since.at:%Y-%m-%d}",
        )
    out.print(table)
    for one in found:
        for place in one.places[:1]:
            out.print(f"{one.record.stamp_id} is at {printable(place, 2000)}", soft_wrap=True)
    withdrawn = sum(one.withdrawn is not None for one in found)
    made = sum(bool(one.through) for one in found)
    some = f"{several(len(found), 'stamp')} concerned"
    out.print(f"{some}, {made} through what they were made from; {withdrawn} withdrawn.")


class Count:
    """Counts what passes by."""

    def __init__(self) -> None:
        self.number = 0

    def over(self, found: Iterable[Recalled]) -> Iterator[Recalled]:
        """The same, one after the other."""
        for one in found:
            self.number += 1
            yield one


def as_lines(found: Iterable[Recalled]) -> Iterator[bytes]:
    """One JSON object a line."""
    for one in found:
        yield json.dumps(one.as_json(), allow_nan=False).encode("ascii") + b"\n"


def as_csv(found: Iterable[Recalled]) -> Iterator[bytes]:
    """One line a stamp under :data:`COLUMNS`; UTF-8 with its mark."""
    return csv_lines(COLUMNS, map(_cells, found))


def _cells(one: Recalled) -> tuple[str, ...]:
    record, since = one.record, one.withdrawn
    return (
        record.stamp_id.hex,
        record.output_sha256 or "",
        record.input_sha256 or "",
        record.model_name or "",
        record.model_version or "",
        (record.signed_at or record.created_at).isoformat(timespec="seconds"),
        " ".join(record.consents),
        " ".join(record.approvers),
        record.approval or "",
        " ".join(stamp.hex for stamp in record.parents),
        " ".join(stamp.hex for stamp in one.through),
        "" if since is None else since.at.isoformat(timespec="seconds"),
        "" if since is None else since.reason,
        one.places[0] if one.places else "",
    )
