"""Which approvals count: logic over plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Final

from provenance.batch.approvals.envelope import Envelope, key_id, signers
from provenance.batch.approvals.reviewers import Reviewers, same_person
from provenance.batch.approvals.statements import (
    PAYLOAD_TYPE,
    Approval,
    ApprovalPolicy,
    read_statement,
)
from provenance.batch.approvals.terms import Terms
from provenance.errors import ApprovalError
from provenance.manifest.certificates import PublicKey
from provenance.registry import Withdrawal
from provenance.system.text import listing, printable

_CLOCKS_DIFFER: Final = timedelta(minutes=5)


def check_approvals(
    envelopes: Sequence[Envelope],
    clip_sha256: str,
    reviewers: Reviewers,
    signing_key: PublicKey,
    policy: ApprovalPolicy | None = None,
    *,
    terms: Terms | None,
    withdrawn: Mapping[str, Withdrawal] | None = None,
    now: datetime | None = None,
) -> tuple[Approval, ...]:
    """Find the approvals that let a clip be stamped.

    1. Whatever the key that stamps has approved refuses the clip: nobody approves their own work.
    2. An approval counts when a trusted reviewer signed it, whose key is not withdrawn; it is for
       this clip and this policy, and neither too old nor from the future; and it is bound to these
       terms, or to none where the policy does not demand it.
    3. As many as the policy asks for have to count, by different persons, who call themselves by
       different names.

    Args:
        envelopes: from :func:`read_approvals`.
        clip_sha256: 64 hexadecimal digits, of the clip as it is now.
        reviewers: who may approve.
        signing_key: the public half of the key that signs manifests.
        policy: what is asked for; default: one approval under "default".
        terms: of the job; None where they are not known, and bound approvals do not count.
        withdrawn: what withdraws a reviewer's key, by its id.
        now: default: the clock.

    Returns:
        One approval, or two.

    Raises:
        ApprovalError: with the reason as a word, and as a sentence.
    """
    policy = policy or ApprovalPolicy()
    case = _Case(
        clip_sha256,
        reviewers,
        replace(policy, bound=policy.bound or reviewers.bound),
        terms,
        withdrawn or {},
        now or datetime.now(UTC),
    )
    own = key_id(signing_key)
    counted: list[Approval] = []
    refused: list[ApprovalError] = []
    for envelope in envelopes:
        try:
            signed = _signed(envelope, reviewers, own)  # 1
        except ApprovalError as error:
            if error.reason == "own_key":
                raise
            refused.append(error)
            continue
        for approval in signed:
            problem = case.problem(approval)  # 2
            if problem is None:
                counted.append(approval)
            else:
                refused.append(ApprovalError(*problem))
    for chosen in combinations(counted, policy.needed):  # 3
        persons = {reviewers.person_of(one.key_id) for one in chosen}
        names = {same_person(one.approver) for one in chosen}
        if len(persons) == len(names) == policy.needed:
            return chosen
    nearest = max(refused, key=lambda error: _NEARER.index(error.reason), default=None)
    if counted:
        other = "" if nearest is None or nearest.reason in _FAR else f"  Another: {nearest}"
        raise ApprovalError(
            "one_of_two",
            f"Policy {printable(policy.name, 60)} asks for two approvals, by different persons "
            "with keys of their own, and there is one; have a second reviewer approve the clip."
            f"{other}",
        )
    raise nearest or ApprovalError("no_approval", "The clip has no approval.")


def _signed(envelope: Envelope, reviewers: Reviewers, own: str) -> list[Approval]:
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ApprovalError("unreadable", "What is signed there is no approval.")
    found = signers(envelope, reviewers.keys)
    if any(hint == own for hint, _ in envelope.signatures) or own in found:
        raise ApprovalError(
            "own_key",
            "The approval is signed with the key that stamps; have a reviewer approve the clip "
            "with a key of their own.",
        )
    if not found:
        if any(hint in reviewers.keys for hint, _ in envelope.signatures):
            raise ApprovalError(
                "bad_signature",
                "The approval was changed after it was signed; have the clip approved again.",
            )
        raise ApprovalError(
            "unknown_reviewer",
            "The approval is signed by nobody who may approve here; add the reviewer's public key "
            "if they may.",
        )
    return [read_statement(envelope.payload, name) for name in sorted(found)]


_FAR: Final = ("unreadable", "unknown_reviewer", "bad_signature", "other_clip")
"""Reasons for which an approval has nothing to do with the clip at hand."""
_NEARER: Final = (
    *_FAR,
    "other_policy",
    "other_person",
    "from_the_future",
    "too_old",
    "withdrawn_reviewer",
    "unbound",
    "other_job",
)
"""Of several approvals that do not count, the last reason of these is told."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A clip that is to be stamped, and what its approvals are held against."""

    clip_sha256: str
    reviewers: Reviewers
    policy: ApprovalPolicy
    terms: Terms | None
    withdrawn: Mapping[str, Withdrawal]
    moment: datetime

    def problem(self, one: Approval) -> tuple[str, str] | None:
        """Why an approval does not count, as a word and as a sentence."""
        return next(self._problems(one), None)

    def _problems(self, one: Approval) -> Iterator[tuple[str, str]]:
        policy = self.policy
        if one.clip_sha256 != self.clip_sha256:
            yield (
                "other_clip",
                "The approval is for another clip, or this one changed since; have it approved "
                "again.",
            )
        if one.policy != policy.name:
            yield (
                "other_policy",
                f"The approval is under policy {printable(one.policy, 60)}, not "
                f"{printable(policy.name, 60)}.",
            )
        if self.reviewers.names_another(one.approver, one.key_id):
            yield (
                "other_person",
                f"The approval says that it is {printable(one.approver, 60)}'s, and is signed with "
                "another person's key; have the clip approved again.",
            )
        if one.approved_at > self.moment + _CLOCKS_DIFFER:
            yield (
                "from_the_future",
                "The approval is dated in the future; set the clocks right and approve again.",
            )
        if policy.max_age is not None and one.approved_at < self.moment - policy.max_age:
            yield (
                "too_old",
                f"The approval of {one.approved_at:%Y-%m-%d} is older than the policy lets it be; "
                "have the clip approved again.",
            )
        entry = self.withdrawn.get(one.key_id)
        if entry is not None:
            yield (
                "withdrawn_reviewer",
                f"The key of the approval was withdrawn on {entry.at:%Y-%m-%d} "
                f"({printable(entry.reason)}); have another reviewer approve the clip.",
            )
        if one.terms is None and policy.bound:
            yield (
                "unbound",
                "The approval does not say as what the clip may be stamped, and that is asked for; "
                "have it approved again, for its job.",
            )
        if one.terms is not None and self.terms is None:
            yield "other_job", "The approval is for a job, and which this one is is not known here."
        elif one.terms is not None and self.terms is not None:
            other = self.terms.differing(one.terms)
            if other:
                yield (
                    "other_job",
                    f"The approval is for other values than the job has: {listing(other)}; correct "
                    "the job, or have the clip approved again.",
                )
