"""Jobs: what a batch is asked to stamp, read from a list or made from a folder, and checked.

    jobs = read_jobs(Path("jobs.jsonl"), read_defaults(Path("defaults.toml")))
    key = job_key(jobs[0], sha256_of_its_input, jobs[0].prompt.hashed(keyring.prompt_key))

    with Ledger(Path("out/batch.ledger")) as ledger:
        ledger.add([(key, job.output)])
        claim = ledger.claim("host:pid", lease=120.0, max_attempts=3)

A prompt's text is in :class:`Prompt` only: no message, no ``repr`` and no key of a job shows it.
"""

from provenance.batch.jobs.approving import jobs_for
from provenance.batch.jobs.folder import find_jobs, find_rows
from provenance.batch.jobs.gate import approval_place, approved, keep_approval, terms_of
from provenance.batch.jobs.ledger import LEASE, Claim, Entry, Ledger
from provenance.batch.jobs.model import (
    Job,
    JobName,
    Prompt,
    PromptForms,
    job_key,
    output_path,
)
from provenance.batch.jobs.reading import read_defaults, read_jobs
from provenance.batch.jobs.rows import KEYS
from provenance.batch.jobs.watching import WatchedFolder

__all__ = [
    "KEYS",
    "LEASE",
    "Claim",
    "Entry",
    "Job",
    "JobName",
    "Ledger",
    "Prompt",
    "PromptForms",
    "WatchedFolder",
    "approval_place",
    "approved",
    "find_jobs",
    "find_rows",
    "job_key",
    "jobs_for",
    "keep_approval",
    "output_path",
    "read_defaults",
    "read_jobs",
    "terms_of",
]
