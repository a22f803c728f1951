"""Approvals: small signed statements that let a clip be stamped, by reviewers' own keys.

approval, line = approve(sha256_of(clip), load_reviewer_key(key), "reviewer-7")
add_approval(approval_path(clip), approval, line)
found = check_approvals(
    read_approvals(approval_path(clip)), sha256, reviewers, signing_key, terms=terms_of_the_job
)
stamp(..., approval=reference_of(found), approvers=tuple(one.key_id for one in found))
"""

from provenance.batch.approvals.binding import binding_key, load_binding_key, write_binding_key
from provenance.batch.approvals.checking import check_approvals
from provenance.batch.approvals.envelope import Envelope, key_id
from provenance.batch.approvals.making import sign, verify
from provenance.batch.approvals.reviewers import (
    FOLDER,
    PERSONS_FILE,
    Reviewers,
    load_reviewer_key,
    load_reviewers,
    new_reviewer_key,
)
from provenance.batch.approvals.statements import (
    DEFAULT_POLICY,
    SUFFIX,
    Approval,
    ApprovalPolicy,
    Approved,
    add_approval,
    approval_path,
    approve,
    read_approvals,
    reference_of,
)
from provenance.batch.approvals.terms import Terms

__all__ = [
    "DEFAULT_POLICY",
    "FOLDER",
    "PERSONS_FILE",
    "SUFFIX",
    "Approval",
    "ApprovalPolicy",
    "Approved",
    "Envelope",
    "Reviewers",
    "Terms",
    "add_approval",
    "approval_path",
    "approve",
    "binding_key",
    "check_approvals",
    "key_id",
    "load_binding_key",
    "load_reviewer_key",
    "load_reviewers",
    "new_reviewer_key",
    "read_approvals",
    "reference_of",
    "sign",
    "verify",
    "write_binding_key",
]
