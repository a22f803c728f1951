"""Approvals from a review tool of one's own: sign a statement that it made, and check one.

    line = provenance.approvals.sign({"clip": {"sha256": digest}, "approver": "reviewer-7"}, key)
    approval = provenance.approvals.verify(line, [key.public_key()])

The statement's form is :mod:`provenance.batch.approvals.statements`'s; docs/approvals describes
it for other languages, with a JSON Schema and test vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance.batch.approvals.envelope import enclose, key_id, signers, take_apart
from provenance.batch.approvals.statements import (
    DEFAULT_POLICY,
    MAX_STATEMENT,
    PAYLOAD_TYPE,
    SCHEMA,
    TIME,
    Approval,
    read_statement,
)
from provenance.errors import ApprovalError, UsageError
from provenance.system.text import printable

KEYS: Final = ("schema", "clip", "approver", "policy", "approved_at", "job")
"""Keys of a statement; ``schema``, ``policy`` and ``approved_at`` may be left to :func:`sign`."""


_AHEAD: Final = timedelta(minutes=5)
"""By how much another machine's clock may be fast."""


def sign(
    statement: Mapping[str, Any], key: Ed25519PrivateKey, *, now: datetime | None = None
) -> bytes:
    """Sign a statement that approves a clip.

    Args:
        statement: as docs/approvals has it.  ``schema``, ``policy`` ("default") and
            ``approved_at`` (this moment) are filled in where they are not given.
        key: the reviewer's.
        now: default: the clock.

    Returns:
        A DSSE envelope: one line of JSON, for ``CLIP.approval.json``.

    Raises:
        UsageError: it is no statement of an approval, or one of a moment still to come.
    """
    for name in statement:
        if name not in KEYS:
            shown = printable(name, 40)
            raise UsageError(f"{shown!r} is no key of an approval; known are {', '.join(KEYS)}.")
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    usual = {"schema": SCHEMA, "policy": DEFAULT_POLICY, "approved_at": moment.strftime(TIME)}
    try:
        whole = json.dumps(usual | dict(statement), sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError("The approval is no JSON.") from error
    payload = whole.encode("ascii")
    if len(payload) > MAX_STATEMENT:
        raise UsageError("The approval is too long; shorten its consents and texts.")
    try:
        said = read_statement(payload, key_id(key.public_key()))
    except ApprovalError as error:
        why = f" ({printable(error.__cause__, 120)})" if str(error.__cause__ or "") else ""
        raise UsageError(
            f"This is no approval that would be understood{why}; docs/approvals has its form."
        ) from error
    if said.approved_at > moment + _AHEAD:
        raise UsageError(
            f"The approval is dated {said.approved_at:%Y-%m-%d %H:%M} UTC, which is still to come; "
            "put its approved_at right, or leave it out for this moment."
        )
    return enclose(PAYLOAD_TYPE, payload, key)


def verify(envelope: bytes, keys: Iterable[Ed25519PublicKey]) -> Approval:
    """What an approval says, once the signature of one of these keys holds.

    Whether it counts for a clip and a job is more than that: see
    :func:`provenance.batch.approvals.check_approvals`.

    Args:
        envelope: as :func:`sign` gives it.
        keys: the reviewers'.

    Raises:
        ApprovalError: it is no approval, or none of these keys signed it.
    """
    try:
        found = take_apart(envelope)
    except ValueError as error:
        raise ApprovalError("unreadable", "This is no DSSE envelope.") from error
    if found.payload_type != PAYLOAD_TYPE:
        raise ApprovalError("unreadable", "The envelope holds something else than an approval.")
    holding = sorted(signers(found, {key_id(key): key for key in keys}))
    if not holding:
        raise ApprovalError("not_trusted", "None of the keys given has signed this approval.")
    return read_statement(found.payload, holding[0])
