"""Approvals: who let which clip be stamped, under which policy; made, kept, and read again.

A clip's approvals lie beside it in ``CLIP.approval.json``, one DSSE envelope a line.  What is
signed is a small JSON object::

    {"schema": "provenance.approval/1", "clip": {"sha256": "64 hex digits"},
     "approver": "opaque id", "policy": "default", "approved_at": "2026-11-23T05:40:00Z"}

With "job" in it, the terms of :mod:`provenance.batch.approvals.terms`, it counts for a job with
these terms only; without, for whatever the clip is stamped as, unless the policy demands to be
told.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.batch.approvals.envelope import Envelope, enclose, key_id, take_apart
from provenance.batch.approvals.terms import Terms
from provenance.errors import ApprovalError, OutputError, UsageError
from provenance.registry import check_reference
from provenance.results import Document
from provenance.results.serial import At, Form, Hidden

PAYLOAD_TYPE: Final = "application/vnd.provenance-stamp.approval+json"
SCHEMA: Final[Literal["provenance.approval/1"]] = "provenance.approval/1"
SUFFIX: Final = ".approval.json"
DEFAULT_POLICY: Final = "default"
_MAX_FILE: Final = 256 * 1024
_MAX_APPROVALS: Final = 32
MAX_STATEMENT: Final = 32 * 1024
TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_AT: Final = Form(
    datetime, lambda moment: moment.astimezone(UTC).strftime(TIME), lambda moment: moment
)


@dataclass(frozen=True, slots=True)
class Approval(Document):
    """One approval whose signature holds: what was signed, and by which key."""

    GROUPS: ClassVar = {"clip": "What was approved."}

    terms: Annotated[Terms | None, At("job")] = field(default=None, kw_only=True)
    """The job that it is bound to; null where none is."""
    schema: Literal["provenance.approval/1"] = field(default=SCHEMA, init=False)
    """Name and version of this shape."""
    clip_sha256: Annotated[str, At("clip.sha256")]
    """SHA-256 of the clip, 64 hexadecimal digits."""
    approver: str
    """Opaque id of the reviewer."""
    policy: str
    """Name of the policy under which it was approved."""
    approved_at: Annotated[datetime, _AT]
    """When, to the second."""
    key_id: str
    """Id of the reviewer's key, 64 hexadecimal digits."""
    payload_sha256: Hidden[str]
    """SHA-256 of what was signed."""


@dataclass(frozen=True, slots=True)
class Approved(Document):
    """An approval that was made just now."""

    approval: Annotated[Approval, At("")]
    path: str
    """The clip, as it was named."""
    written: Annotated[str | None, At("approval")]
    """Where the approval was written; null in a dry run."""


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """What a clip needs.

    Attributes:
        name: of the policy.
        needed: how many approvals, 1 or 2.
        max_age: how old they may be.
        bound: whether they have to be bound to the job.
    """

    name: str = DEFAULT_POLICY
    needed: int = 1
    max_age: timedelta | None = None
    bound: bool = False

    def __post_init__(self) -> None:
        if self.needed not in (1, 2):
            raise UsageError("A policy asks for one approval or for two.")


def reference_of(approvals: Sequence[Approval]) -> str:
    """The opaque reference that goes into registry and manifest: the statements' SHA-256."""
    return ",".join(sorted(f"sha256:{one.payload_sha256}" for one in approvals))


def approval_path(clip: Path) -> Path:
    """Where a clip's approvals lie unless somebody says otherwise."""
    return clip.with_name(clip.name + SUFFIX)


def approve(
    clip_sha256: str,
    key: Ed25519PrivateKey,
    approver: str,
    *,
    policy: str = DEFAULT_POLICY,
    terms: Terms | None = None,
    now: datetime | None = None,
) -> tuple[Approval, bytes]:
    """Approve a clip.

    Args:
        clip_sha256: 64 hexadecimal digits.
        key: the reviewer's.
        approver: an opaque id of 1 to 256 characters; no name of a person needs to be in it.
        policy: what was reviewed for, in the organisation's own words.
        terms: of the job that is approved; None for whatever the clip is stamped as.
        now: default: the clock.

    Returns:
        The approval, and its envelope: a line for :func:`add_approval`.

    Raises:
        UsageError: an id or policy that can't be, or terms that are too long.
    """
    moment = (now or datetime.now(UTC)).replace(microsecond=0)
    said = _statement(
        clip_sha256, check_reference(approver), check_reference(policy), moment, terms
    )
    payload = json.dumps(said, sort_keys=True, separators=(",", ":")).encode("ascii")
    if len(payload) > MAX_STATEMENT:
        raise UsageError("The job's consents and texts are too long for an approval; shorten them.")
    return read_statement(payload, key_id(key.public_key())), enclose(PAYLOAD_TYPE, payload, key)


def add_approval(path: Path, approval: Approval, line: bytes) -> None:
    """Write an approval into a clip's file, behind those that are there.

    Raises:
        UsageError: the file holds the same approval already, or is no file of approvals.
        OutputError: it can't be written; it is then as it was.
    """
    try:
        with path.open("ab", buffering=0) as handle:  # every reviewer's line lands behind the last
            size = handle.tell()
            if size:
                _refuse_again(path, approval)
            try:
                if handle.write(line) != len(line):
                    raise OSError("the disk is full")
                os.fsync(handle.fileno())
            except OSError:
                handle.truncate(size)
                if not size:
                    path.unlink()
                raise
    except ApprovalError as error:
        raise UsageError(f"{error}  Nothing was added to it.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"The approval {path} cannot be written: {reason}.") from error


def read_approvals(path: Path) -> tuple[Envelope, ...]:
    """The envelopes in a file; nothing of them is checked yet.

    Raises:
        ApprovalError: there is no such file, or it holds something else.
    """
    try:
        with path.open("rb") as handle:
            content = handle.read(_MAX_FILE + 1)
    except FileNotFoundError as error:
        raise ApprovalError("no_approval", f"There is no approval {path}.") from error
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise ApprovalError(
            "unreadable", f"The approval {path} can't be read: {reason}."
        ) from error
    lines = [line for line in content.splitlines() if line.strip()]
    if len(content) > _MAX_FILE or len(lines) > _MAX_APPROVALS:
        raise ApprovalError("unreadable", f"{path} is too large for a file of approvals.")
    try:
        envelopes = tuple(take_apart(line) for line in lines)
    except ValueError as error:
        raise ApprovalError("unreadable", f"{path} is no file of approvals.") from error
    if not envelopes:
        raise ApprovalError("no_approval", f"{path} is empty: it holds no approval.")
    return envelopes


def read_statement(payload: bytes, key: str) -> Approval:
    """Read a statement whose signature by this key holds.

    Raises:
        ApprovalError: it is of another form.
    """
    try:
        said = json.loads(payload)
        if said["schema"] != SCHEMA or set(said) - {"job"} != _KEYS:
            raise ValueError("its keys or its schema are others")
        if set(said["clip"]) != {"sha256"}:
            raise ValueError("its clip is to have a sha256 alone")
        sha256 = said["clip"]["sha256"]
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise ValueError("its clip's sha256 is to have 64 hexadecimal digits, in small letters")
        return Approval(
            sha256,
            check_reference(said["approver"]),
            check_reference(said["policy"]),
            datetime.strptime(said["approved_at"], TIME).replace(tzinfo=UTC),
            key,
            hashlib.sha256(payload).hexdigest(),
            terms=Terms.from_json(said["job"]) if "job" in said else None,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ApprovalError(
            "unreadable", "The approval is signed, but of a form that this version does not know."
        ) from error


def _statement(
    sha256: str, approver: str, policy: str, moment: datetime, terms: Terms | None
) -> dict[str, Any]:
    bound = {} if terms is None else {"job": terms.as_json()}
    return bound | {
        "schema": SCHEMA,
        "clip": {"sha256": sha256},
        "approver": approver,
        "policy": policy,
        "approved_at": moment.astimezone(UTC).strftime(TIME),
    }


_KEYS: Final = {"schema", "clip", "approver", "policy", "approved_at"}


def _refuse_again(path: Path, approval: Approval) -> None:
    for envelope in read_approvals(path):
        if approval.key_id not in {hint for hint, _ in envelope.signatures}:
            continue
        try:
            there = read_statement(envelope.payload, approval.key_id)
        except ApprovalError:
            continue
        same = (there.clip_sha256, there.policy, there.terms)
        if same == (approval.clip_sha256, approval.policy, approval.terms):
            raise UsageError(
                f"{path} holds an approval by this key already, of {there.approved_at:%Y-%m-%d}; "
                "remove the file to approve anew."
            )
