"""What every job of a run goes by.  It travels to workers, so no secret is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from provenance.batch.approvals import ApprovalPolicy
from provenance.batch.jobs import Job, job_key, output_path
from provenance.batch.jobs.model import same_file
from provenance.errors import ClusterError, UsageError
from provenance.results import PromptHash
from provenance.signers import SignerSpec
from provenance.system.storage import Place, place_in
from provenance.system.text import printable
from provenance.watermark.embed.profiles import DEFAULT_PROFILE

UNAPPROVED: Final = "unapproved"
"""Stands for the approval of a clip that was stamped without one."""
STATE: Final = ".provenance-batch"
"""The folder that a run keeps its ledger and its spool in, below a local output folder."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One run's settings.

    Attributes:
        keys: the keys folder; each worker opens it itself.
        registry: its address, None to work without one.  With a password in it, settings go to
            processes of this machine only, through a pipe (:func:`provenance.batch.cluster.shipped`
            takes it out).
        out: folder or URL that the outputs go to.
        state: a local folder of the run's own, on the output's disk if that is local.
        reviewers: public keys, in files and folders; none only with ``allow_unapproved``.
        policy: what an approval must be; jobs of the profiles in ``two_for`` need two of them.
        allow_unapproved: stamp what nobody approved, under the reference :data:`UNAPPROVED`.
        threads: of each worker's encoder and of its arithmetic.
        attempts: how often a job is tried at most.
        retry_failed: try again what an earlier run gave up for good.
        restamp: stamp clips too that carry a stamp already.
        again: why clips are stamped that were stamped before and are not here; it is recorded.
        stall: seconds without a sign of life after which a worker counts as dead.
        backoff: seconds before a second attempt; twice as long before each further one.
    """

    keys: Path
    out: str
    state: Path
    registry: str | None = field(default=None, repr=False)
    signer: SignerSpec | None = None
    reviewers: tuple[Path, ...] = ()
    policy: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    two_for: tuple[str, ...] = ()
    allow_unapproved: bool = False
    provider: str | None = None
    digital_source_type: str | None = None
    encoder_options: tuple[tuple[str, str], ...] = ()
    tsa: str | None = None
    min_margin: float | None = None
    threads: int = 1
    attempts: int = 3
    retry_failed: bool = False
    restamp: bool = False
    again: str | None = None
    backoff: float = 2.0
    stall: float = 3600.0

    @property
    def ledger(self) -> Path:
        """The record of what is done."""
        return self.state / "ledger"

    @property
    def spool(self) -> Path:
        """Where a stamped clip waits to be published, under its job's key."""
        return self.state / "spool"

    def policy_for(self, job: Job) -> ApprovalPolicy:
        """What a job's approvals must be."""
        two = (job.profile or DEFAULT_PROFILE) in self.two_for
        return replace(self.policy, needed=2) if two else self.policy

    def target(self, job: Job) -> Place:
        """Where a job's output goes."""
        return place_in(self.out, job.output)

    def check_target(self, job: Job) -> None:
        """Refuse an output of which a link, or its own name, makes a file that is not the job's.

        Raises:
            UsageError: a link leads out of the output folder, or the output lies where the run
                keeps its ledger and its spool.
        """
        if not self.target(job).is_local:
            return
        out = Path(self.out)
        target = _spelled(output_path(out, job))
        # A folder of the run's own around all outputs has room for them, but for these two.
        around = _spelled(out).is_relative_to(_spelled(self.state))
        for own in (self.ledger, self.spool) if around else (self.state,):
            if target.is_relative_to(_spelled(own)):
                raise UsageError(
                    f"The output {printable(job.output, 80)!r} lies in the folder in which the "
                    "batch keeps its own files",
                    advice="choose another name, or another folder for those",
                    settings=("state",),
                )

    def keys_of(self, job: Job, input_sha256: str, hashes: Sequence[PromptHash]) -> tuple[str, ...]:
        """Every key that the job may be known by; the first is the one that a new job gets.

        No rotation makes another job of it: the first is made with the oldest prompt key, which
        stays the oldest, and the others are those that earlier releases made with the key that was
        current then.

        Args:
            job: the job.
            input_sha256: of its clip.
            hashes: of its prompt, under every key, newest first.
        """
        return tuple(self._key_of(job, input_sha256, one) for one in reversed(hashes))

    def _key_of(self, job: Job, input_sha256: str, prompt: PromptHash) -> str:
        """What the run sets for all jobs is part of it where it shows in the output."""
        key = job_key(job, input_sha256, prompt)
        shared = [self.provider, self.digital_source_type, self.encoder_options]
        if not any(shared):
            return key
        return hashlib.sha256(json.dumps([key, *shared]).encode("ascii")).hexdigest()


def _spelled(path: Path) -> Path:
    """Links followed, and equal for two names that some file system takes for one."""
    return Path(same_file(str(path.resolve())))


def share_out(
    rooms: Sequence[int], jobs: int | None, workers: int | None = None
) -> tuple[int, int]:
    """How many workers there shall be, and how many threads each.

    Args:
        rooms: cores of each machine.
        jobs: how many there are; None when more may come.
        workers: how many were asked for; default: one a core, or one a job.

    Raises:
        ClusterError: there are no cores, and no number was asked for.
    """
    cores = sum(rooms)
    size = workers or (cores if jobs is None else min(cores, jobs))
    if size == 0:
        raise ClusterError(
            "The cluster has no CPUs for workers",
            advice="start nodes with some, or say how many workers to wait for",
            settings=("workers",),
        )
    threads = 1
    while sum(room // (threads + 1) for room in rooms) >= size:
        threads += 1
    return size, threads
