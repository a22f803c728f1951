"""Approvals: who let which clip be stamped, under which policy; made, kept, and checked.

A clip's approvals lie beside it in ``CLIP.approval.json``, one DSSE envelope a line.  What is
signed is a small JSON object::

    {"schema": "provenance.approval/1", "clip": {"sha256": "64 hex digits"},
     "approver": "opaque id", "policy": "default", "approved_at": "2026-11-23T05:40:00Z"}
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.approvals.envelope import Envelope, enclose, key_id, signers, take_apart
from provenance.approvals.reviewers import Reviewers
from provenance.errors import ApprovalError, OutputError, UsageError
from provenance.manifest.certificates import PublicKey
from provenance.registry import check_reference
from provenance.text import printable

PAYLOAD_TYPE: Final = "application/vnd.provenance-stamp.approval+json"
SCHEMA: Final = "provenance.approval/1"
SUFFIX: Final = ".approval.json"
DEFAULT_POLICY: Final = "default"
_MAX_FILE: Final = 256 * 1024
_MAX_APPROVALS: Final = 32
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval whose signature holds; ``key_id`` names the reviewer's key."""

    clip_sha256: str
    approver: str
    policy: str
    approved_at: datetime
    key_id: str
    payload_sha256: str

    def as_json(self) -> dict[str, Any]:
        """What was signed, and by which key."""
        return _statement(self.clip_sha256, self.approver, self.policy, self.approved_at) | {
            "key_id": self.key_id
        }


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """What a clip needs: its policy's name, how many approvals (1 or 2), and how old at most."""

    name: str = DEFAULT_POLICY
    needed: int = 1
    max_age: timedelta | None = None

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
    now: datetime | None = None,
) -> tuple[Approval, bytes]:
    """Approve a clip.

    Args:
        clip_sha256: 64 hexadecimal digits.
        key: the reviewer's.
        approver: an opaque id of 1 to 256 characters; no name of a person needs to be in it.
        policy: what was reviewed for, in the organisation's own words.
        now: default: the clock.

    Returns:
        The approval, and its envelope: a line for :func:`add_approval`.

    Raises:
        UsageError: an id or policy that can't be.
    """
    moment = (now or datetime.now(UTC)).replace(microsecond=0)
    said = _statement(clip_sha256, check_reference(approver), check_reference(policy), moment)
    payload = json.dumps(said, sort_keys=True, separators=(",", ":")).encode("ascii")
    return _approval(payload, key_id(key.public_key())), enclose(PAYLOAD_TYPE, payload, key)


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


def check_approvals(
    envelopes: Sequence[Envelope],
    clip_sha256: str,
    reviewers: Reviewers,
    signing_key: PublicKey,
    policy: ApprovalPolicy | None = None,
    *,
    now: datetime | None = None,
) -> tuple[Approval, ...]:
    """Find the approvals that let a clip be stamped.

    1. Whatever the key that stamps has approved refuses the clip: nobody approves their own work.
    2. An approval counts when a trusted reviewer signed it, it is for this clip and this policy,
       and it is neither too old nor from the future.
    3. As many as the policy asks for have to count, by different keys and different approvers.

    Args:
        envelopes: from :func:`read_approvals`.
        clip_sha256: 64 hexadecimal digits, of the clip as it is now.
        reviewers: who may approve.
        signing_key: the public half of the key that signs manifests.
        policy: what is asked for; default: one approval under "default".
        now: default: the clock.

    Returns:
        One approval, or two.

    Raises:
        ApprovalError: with the reason as a word, and as a sentence.
    """
    policy = policy or ApprovalPolicy()
    moment = now or datetime.now(UTC)
    own = key_id(signing_key)
    counted: list[Approval] = []
    refused: list[ApprovalError] = []
    for envelope in envelopes:
        try:
            for approval in _signed(envelope, reviewers, own):  # 1
                _check(approval, clip_sha256, policy, moment)  # 2
                counted.append(approval)
        except ApprovalError as error:
            if error.reason == "own_key":
                raise
            refused.append(error)
    for chosen in combinations(counted, policy.needed):  # 3
        keys = {one.key_id for one in chosen}
        people = {_person(one.approver) for one in chosen}
        if len(keys) == len(people) == policy.needed:
            return chosen
    if counted:
        raise ApprovalError(
            "one_of_two",
            f"Policy {printable(policy.name, 60)} asks for two approvals, by different reviewers "
            "with different keys, and there is one; have a second reviewer approve the clip.",
        )
    raise refused[0] if refused else ApprovalError("no_approval", "The clip has no approval.")


def _signed(envelope: Envelope, reviewers: Reviewers, own: str) -> list[Approval]:
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ApprovalError("unreadable", "What is signed there is no approval.")
    if any(hint == own for hint, _ in envelope.signatures) or own in signers(envelope, reviewers):
        raise ApprovalError(
            "own_key",
            "The approval is signed with the key that stamps; have a reviewer approve the clip "
            "with a key of their own.",
        )
    found = signers(envelope, reviewers)
    if not found:
        if any(hint in reviewers for hint, _ in envelope.signatures):
            raise ApprovalError(
                "bad_signature",
                "The approval was changed after it was signed; have the clip approved again.",
            )
        raise ApprovalError(
            "unknown_reviewer",
            "The approval is signed by nobody who may approve here; add the reviewer's public key "
            "if they may.",
        )
    return [_approval(envelope.payload, name) for name in sorted(found)]


def _check(approval: Approval, clip_sha256: str, policy: ApprovalPolicy, moment: datetime) -> None:
    if approval.clip_sha256 != clip_sha256:
        raise ApprovalError(
            "other_clip",
            "The approval is for another clip, or this one changed since; have it approved again.",
        )
    if approval.policy != policy.name:
        raise ApprovalError(
            "other_policy",
            f"The approval is under policy {printable(approval.policy, 60)}, not "
            f"{printable(policy.name, 60)}.",
        )
    if approval.approved_at > moment + _CLOCKS_DIFFER:
        raise ApprovalError(
            "from_the_future",
            "The approval is dated in the future; set the clocks right and approve again.",
        )
    if policy.max_age is not None and approval.approved_at < moment - policy.max_age:
        raise ApprovalError(
            "too_old",
            f"The approval of {approval.approved_at:%Y-%m-%d} is older than the policy lets it be; "
            "have the clip approved again.",
        )


def _approval(payload: bytes, key: str) -> Approval:
    """Read a statement whose signature holds."""
    try:
        said = json.loads(payload)
        if said["schema"] != SCHEMA or set(said) != _KEYS or set(said["clip"]) != {"sha256"}:
            raise ValueError
        sha256 = said["clip"]["sha256"]
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise ValueError
        return Approval(
            sha256,
            check_reference(said["approver"]),
            check_reference(said["policy"]),
            datetime.strptime(said["approved_at"], _TIME).replace(tzinfo=UTC),
            key,
            hashlib.sha256(payload).hexdigest(),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ApprovalError(
            "unreadable", "The approval is signed, but of a form that this version does not know."
        ) from error


def _statement(sha256: str, approver: str, policy: str, moment: datetime) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "clip": {"sha256": sha256},
        "approver": approver,
        "policy": policy,
        "approved_at": moment.astimezone(UTC).strftime(_TIME),
    }


_KEYS: Final = {"schema", "clip", "approver", "policy", "approved_at"}


def _person(approver: str) -> str:
    return unicodedata.normalize("NFKC", approver).casefold()


def _refuse_again(path: Path, approval: Approval) -> None:
    for envelope in read_approvals(path):
        if approval.key_id not in {hint for hint, _ in envelope.signatures}:
            continue
        try:
            there = _approval(envelope.payload, approval.key_id)
        except ApprovalError:
            continue
        if (there.clip_sha256, there.policy) == (approval.clip_sha256, approval.policy):
            raise UsageError(
                f"{path} holds an approval by this key already, of {there.approved_at:%Y-%m-%d}; "
                "remove the file to approve anew."
            )
