"""What ``provenance registry`` shows people: records, leads, sweeps, audits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from rich.console import Console
from rich.table import Table

from provenance.results import Document
from provenance.system.text import printable, several

if TYPE_CHECKING:
    from provenance.registry import AuditReport, Shown, StampRecord, SweepReport, Withdrawal
    from provenance.registry.transfer import Transfer
    from provenance.verifying.lookup import Lead


def show_record(shown: Shown, out: Console) -> None:
    """One record, a line a field."""
    record, revocation = shown.record, shown.revocation
    if revocation is not None:
        out.print(
            f"Withdrawn on {revocation.at:%Y-%m-%d}: {printable(revocation.reason)}"
            f"{spared(revocation)}",
            style="bold red",
            soft_wrap=True,
        )
    prompt = record.prompt_hash
    rows = [
        ("Stamp id", record.stamp_id.hex),
        ("Model", model_of(record)),
        ("Provider", record.provider),
        ("Stamped", _day(record)),
        ("Signer", f"{record.signer} (certificate {record.signer_id})"),
        ("Key", f"{record.key_id}, layout {record.layout}, profile {record.profile}"),
        ("Prompt", None if prompt is None else f"{prompt.alg} {prompt.value}"),
        ("Input", f"sha256 {record.input_sha256}"),
        ("Output", f"sha256 {record.output_sha256}"),
        ("Approval", record.approval),
        ("Approved by", ", ".join(f"key {one}" for one in record.approvers) or None),
        ("Consents", ", ".join(record.consents) or None),
        ("Stamped again", record.again),
        ("Made from", ", ".join(parent.hex for parent in record.parents) or None),
        *(("Place", place) for place in shown.places),
    ]
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        if value is not None:
            table.add_row(name, printable(value, 200))
    out.print(table)


def show_records(records: Sequence[StampRecord], out: Console) -> None:
    """Many records, a line each."""
    if not records:
        out.print("No stamp fits.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("stamp id", "stamped", "model", "key", "consents"):
        table.add_column(name, no_wrap=name == "stamp id")
    for record in records:
        consents = ", ".join(record.consents)
        fields = (model_of(record), record.key_id, consents)
        table.add_row(record.stamp_id.hex, _day(record), *(printable(f, 80) for f in fields))
    out.print(table)


def show_leads(leads: Sequence[Lead], out: Console) -> None:
    """Stamps that look alike, best first."""
    if not leads:
        out.print("No registered clip looks like this one.")
        return
    out.print("These look alike.  That is a lead, never proof: compare them with your own eyes.")
    table = Table(box=None, pad_edge=False)
    for name in ("stamp id", "stamped", "model", "frames alike", "nearest"):
        table.add_column(name)
    for lead in leads:
        record = lead.record
        frames = f"{lead.frames} of {lead.asked}"
        model = printable(model_of(record), 80)
        nearest = f"{lead.distance} of 256 bits"
        table.add_row(record.stamp_id.hex, _day(record), model, frames, nearest)
    out.print(table)


def show_sweep(report: SweepReport, out: Console) -> None:
    """What a sweep settled."""
    for name, ids in (
        ("given up, never finished", report.released),
        ("kept, its file is there", report.confirmed),
        ("taken back, its file is not there", report.abandoned),
        ("left alone, still worked on", report.pending),
    ):
        for stamp_id in ids:
            out.print(f"{stamp_id}  {name}")
    settled = len(report.released) + len(report.confirmed) + len(report.abandoned)
    out.print(f"{settled} settled, {len(report.pending)} left alone.")


def show_audit(report: AuditReport, wrong: str | None, out: Console, *, archives: str) -> None:
    """What walking the log showed; ``archives`` is how its archived rows are given."""
    if report.head is not None:
        out.print(f"Head: row {report.head.number}, {report.head.hash}", soft_wrap=True)
    if wrong is None:
        out.print(f"All {report.rows} rows hold, and the registry is as they say.")
        if report.archived:
            left = several(report.unchecked, "older record")
            rest = f"; {left} not held against them: give them ({archives})"
            out.print(
                f"Rows up to {report.archived} are in archives{rest if report.unchecked else ''}.",
                soft_wrap=True,
            )
    else:
        out.print(f"The log does not hold: {printable(wrong)}.", style="bold red", soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Broken(Document):
    """What of an audit log does not hold."""

    row: int | None
    """The first row; null when all hold and a head that was signed earlier is not among them."""
    reason: str
    """What is wrong, for people."""


@dataclass(frozen=True, slots=True)
class Audit(Document):
    """What walking the audit log of a registry showed."""

    SCHEMA: ClassVar = "provenance.audit/1"

    whole: bool
    """Whether all of it holds, and the registry is as it says."""
    rows: int
    """Rows that hold."""
    head: dict[str, Any] | None
    """The last of them: ``number``, ``at``, ``event``, ``details``, ``previous``, ``hash``."""
    broken: Broken | None
    """What does not hold."""
    archived: int
    """Number of the newest row that was moved to an archive; 0 where none was."""
    unchecked: int
    """Records and withdrawals that only archived rows tell of, where those were not given."""

    @classmethod
    def of(cls, report: AuditReport, wrong: str | None) -> Self:
        """Of a walk, and a sentence where something is wrong."""
        row = None if report.broken is None else report.broken.number
        head = None if report.head is None else report.head.as_json()
        broken = None if wrong is None else Broken(row, wrong)
        return cls(wrong is None, report.rows, head, broken, report.archived, report.unchecked)


def spared(entry: Withdrawal) -> str:
    """What a withdrawal of a key leaves standing, for people; mostly nothing."""
    good = entry.good_before
    return "" if good is None else f" (what was signed before {good:%Y-%m-%d %H:%M} UTC counts)"


def counted(done: Transfer) -> str:
    """How much an export or import moved."""
    return f"{several(done.stamps, 'stamp')}, {several(done.withdrawals, 'withdrawal')}"


def model_of(record: StampRecord) -> str:
    """Name and version of the model that made a clip, for people."""
    return f"{record.model_name or '?'} {record.model_version or ''}".strip()


def _day(record: StampRecord) -> str:
    return f"{record.signed_at or record.created_at:%Y-%m-%d %H:%M}"
