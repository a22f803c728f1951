"""Which stamps a search or a withdrawal means: conditions on rows; nothing is asked here."""

from __future__ import annotations

import json

import sqlalchemy as sa

from provenance.registry import schema
from provenance.registry.facts import Withdrawal
from provenance.registry.rows import STAMPED
from provenance.registry.values import stamp_time

_STAMP = schema.stamp


def searched(
    *,
    model_name: str | None,
    model_version: str | None,
    key_id: str | None,
    consent: str | None,
    reviewer: str | None,
    sha256: str | None,
    since: str | None,
    until: str | None,
) -> list[sa.ColumnElement[bool]]:
    """What stamps have to fit, see :meth:`provenance.registry.Registry.search`."""
    column = _STAMP.c
    tests = [column.state == STAMPED]
    tests += [column.model_name == model_name] if model_name is not None else []
    tests += [column.model_version == model_version] if model_version is not None else []
    tests += [_of_key(key_id)] if key_id is not None else []
    if sha256 is not None:
        tests.append(sa.or_(column.input_sha256 == sha256, column.output_sha256 == sha256))
    tests += [column.created_at >= since] if since is not None else []
    tests += [column.created_at < until] if until is not None else []
    tests += [_approved_by(reviewer)] if reviewer is not None else []
    tests += [_with_consent(consent)] if consent is not None else []
    return tests


def hit_by(withdrawal: Withdrawal) -> sa.ColumnElement[bool]:
    """Whether a stamp is one that a withdrawal hits, by itself or by what it was made from."""
    column, target = _STAMP.c, withdrawal.target
    if withdrawal.kind == "stamp":
        test = column.stamp_id == target
    elif withdrawal.kind == "key":
        test = _of_key(target)
    elif withdrawal.kind == "reviewer":
        test = _approved_by(target)
    elif withdrawal.kind == "consent":
        test = _with_consent(target)
    else:
        name, *version = json.loads(target)
        test = sa.and_(column.model_name == name, *(column.model_version == one for one in version))
    if withdrawal.good_before is not None:
        # What the row says is what Facts.of says of it.
        test &= column.created_at >= stamp_time(withdrawal.good_before)
    parent = schema.parent.c
    # A parent that is withdrawn by its id need not be known here.
    made_of = (
        parent.parent_id == target
        if withdrawal.kind == "stamp"
        else parent.parent_id.in_(sa.select(column.stamp_id).where(test, column.state == STAMPED))
    )
    test |= column.stamp_id.in_(sa.select(parent.stamp_id).where(made_of))
    return test & (column.state == STAMPED)


def _of_key(key_id: str) -> sa.ColumnElement[bool]:
    return sa.or_(_STAMP.c.key_id == key_id, _STAMP.c.signer_id == key_id)


def _approved_by(reviewer: str) -> sa.ColumnElement[bool]:
    approver = schema.approver.c
    ids = sa.select(approver.stamp_id).where(approver.reviewer_id == reviewer)
    return _STAMP.c.stamp_id.in_(ids)


def _with_consent(reference: str) -> sa.ColumnElement[bool]:
    consent = schema.consent.c
    ids = sa.select(consent.stamp_id).where(consent.reference == reference)
    return _STAMP.c.stamp_id.in_(ids)
