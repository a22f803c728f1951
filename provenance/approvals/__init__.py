"""Approvals: small signed statements that let a clip be stamped, by reviewers' own keys.

approval, line = approve(sha256_of(clip), load_reviewer_key(key), "reviewer-7")
add_approval(approval_path(clip), approval, line)
found = check_approvals(read_approvals(approval_path(clip)), sha256, reviewers, signing_key)
stamp(..., approval=reference_of(found))
"""

from provenance.approvals.envelope import Envelope, key_id
from provenance.approvals.reviewers import (
    FOLDER,
    Reviewers,
    load_reviewer_key,
    load_reviewers,
    new_reviewer_key,
)
from provenance.approvals.statements import (
    DEFAULT_POLICY,
    SUFFIX,
    Approval,
    ApprovalPolicy,
    add_approval,
    approval_path,
    approve,
    check_approvals,
    read_approvals,
    reference_of,
)

__all__ = [
    "DEFAULT_POLICY",
    "FOLDER",
    "SUFFIX",
    "Approval",
    "ApprovalPolicy",
    "Envelope",
    "Reviewers",
    "add_approval",
    "approval_path",
    "approve",
    "check_approvals",
    "key_id",
    "load_reviewer_key",
    "load_reviewers",
    "new_reviewer_key",
    "read_approvals",
    "reference_of",
]
