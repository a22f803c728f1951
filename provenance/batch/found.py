"""What is said of a job whose output somebody made before: this run's worker, or whoever else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provenance.batch.jobs import Entry, Job
from provenance.batch.tasks import Fault
from provenance.registry import StampRecord
from provenance.results import StampResult
from provenance.system.storage import Place, Stored, stored
from provenance.system.text import printable


def told_of(
    record: StampRecord, job: Job, target: Place, there: Stored | None
) -> Mapping[str, Any]:
    """A stamp's row, after its record; what was measured then is not known any more.

    Args:
        record: the stamp's.
        job: what asked for it.
        target: where the job's output goes.
        there: the stamp's output, under whichever name it is found here; None when it is elsewhere.
    """
    sidecar = there is not None and stored(there.place.beside(".c2pa")) is not None
    told = StampResult(
        input_path=job.input,
        input_sha256=record.input_sha256 or "",
        output_path=str(target),
        output_sha256=record.output_sha256 or "",
        stamp_id=record.stamp_id,
        key_id=record.key_id,
        profile=record.profile or "",
        psnr_y_db=0.0,
        margin_db=0.0,
        copy_margin_db=0.0,
        strength=0.0,
        frames=0,
        manifest_status="trusted",
        sidecar=str(target.beside(".c2pa")) if sidecar else None,
        signed_at=record.signed_at,
        seconds=0.0,
    ).as_json()
    if there is None:
        told["output"]["path"] = told["manifest"]["embedded"] = None
    return told | {
        "profile": record.profile,
        "watermark": dict.fromkeys(told["watermark"]),
        "seconds": None,
        "tags": None,
    }


def to_be_recalled(said: str, why: str, what: str = "it") -> str:
    """The sentence about an output that is withdrawn."""
    return printable(f"{said}, but {why}; take {what} out of circulation.", 1000)


def recalled_elsewhere(job: Job, stamp_id: str, why: str, place: str | None) -> str:
    """The same of one that is not here."""
    said = f"{job.input} was stamped as {stamp_id}"
    return to_be_recalled(said, why, "its output" if place is None else place)


def told_again(entry: Entry, *, first: bool) -> str:
    """What an earlier run found, and, at a job's first try, how to have it looked at again."""
    again = " (An earlier run found this; have failed jobs retried to look again.)" if first else ""
    return f"{entry.error}{again}"


def fault_in(entry: Entry) -> Fault:
    """Where that comes from what an earlier run found."""
    return "service" if entry.reason in (None, "worker_died", "unforeseen") else "job"
