"""The gate before stamping: a clip's approvals, made, found and checked wherever they lie."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from provenance.approvals import (
    SUFFIX,
    Approval,
    ApprovalPolicy,
    Reviewers,
    add_approval,
    check_approvals,
    read_approvals,
)
from provenance.errors import ApprovalError, UnreadableFileError
from provenance.jobs.model import Job
from provenance.manifest.certificates import PublicKey
from provenance.storage import Place, fetched, published

_MAX_FILE: Final = 256 * 1024


def approval_place(job: Job) -> Place:
    """Where a job's approvals lie: as it says, or beside its input."""
    if job.approval is not None:
        return Place.of(job.approval)
    return Place.of(job.input).beside(SUFFIX)


def keep_approval(place: Place, approval: Approval, line: bytes) -> None:
    """Write an approval to its place, behind those that are there.

    In a bucket, of two reviewers who approve in the same second one may have to do it again.

    Raises:
        UsageError: this key's approval is there already, or something else is.
        StorageError: the store does not take it.
        OutputError: a local file can't be written.
    """
    if place.is_local:
        add_approval(place.path, approval, line)
        return
    with tempfile.TemporaryDirectory() as scratch:
        try:
            local = fetched(place, Path(scratch), max_bytes=_MAX_FILE).place.path
            known = True
        except UnreadableFileError:
            local, known = Path(scratch) / "approvals", False
        add_approval(local, approval, line)
        published(local, place, overwrite=known)


def approved(
    job: Job,
    clip_sha256: str,
    scratch: Path,
    *,
    reviewers: Reviewers,
    signing_key: PublicKey,
    policy: ApprovalPolicy | None = None,
) -> tuple[Approval, ...]:
    """The approvals that let a job's clip be stamped.

    Args:
        job: the job.
        clip_sha256: of the bytes that will be stamped, 64 hexadecimal digits.
        scratch: a folder of the caller's, for what lies in a bucket.
        reviewers: who may approve.
        signing_key: the public half of the key that signs manifests.
        policy: what is asked for; default: one approval under "default".

    Raises:
        ApprovalError: there is none, or none that counts.
        StorageError: its store does not give it.
    """
    place = approval_place(job)
    try:
        local = fetched(place, scratch, max_bytes=_MAX_FILE).place.path
    except UnreadableFileError as error:
        raise ApprovalError(
            "no_approval", f"There is no approval that can be read: {error}"
        ) from error
    return check_approvals(read_approvals(local), clip_sha256, reviewers, signing_key, policy)
