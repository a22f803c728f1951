"""``provenance batch --dry-run``: what would be wrong, for people, programs and logs."""

from __future__ import annotations

from provenance.batch import Settings
from provenance.batch.dry import Elsewhere, LeftOut, Problem, check_batch
from provenance.batch.jobs import Job
from provenance.cli.exits import batch_exit_code
from provenance.cli.flags import with_flags
from provenance.cli.opening import token_pin
from provenance.cli.output import complain, print_json, stdout
from provenance.report import named
from provenance.system.text import printable, several


def check_jobs(jobs: tuple[Job, ...], run: Settings, *, as_json: bool, logs: bool) -> int:
    """Check every job, and say what is wrong; the exit code."""
    faults = []
    for found in check_batch(jobs, run, pin=token_pin()):
        if isinstance(found, Problem):
            faults.append(found.fault)
        if as_json:
            print_json(found.as_json())
            continue
        job = found.job
        where = "" if job is None else f"{job.output} ({job.origin}): "
        label = "Problem: " if isinstance(found, Problem) else "Note: "
        complain(f"{where}{_found(found)}", label=label, fields=found.as_json())
    checked, problems = several(len(jobs), "job"), several(len(faults), "problem")
    told = f"{checked} checked, {problems}; nothing was stamped"
    if logs:
        complain(told, label="", fields={"jobs": len(jobs), "problems": len(faults)})
    elif not as_json:
        stdout().print(told, soft_wrap=True)
    return batch_exit_code(faults)


def _found(found: Problem | LeftOut | Elsewhere) -> str:
    if isinstance(found, LeftOut):
        return f"leaves out {named(found.left_out)}"
    if isinstance(found, Elsewhere):
        place = "" if found.place is None else f", at {printable(found.place, 200)}"
        return f"is done elsewhere, as stamp {found.stamp_id}{place}"
    return with_flags(found.error, found.settings)
