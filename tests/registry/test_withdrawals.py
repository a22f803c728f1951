"""Withdrawals: what they hit, for how long, and what can no longer be stamped."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from provenance.errors import UsageError, WithdrawnError
from provenance.registry import Facts, Registry, Withdrawal, model_target, now, schema
from provenance.registry.chain import digest
from provenance.registry.facts import WithdrawalKind
from provenance.results.payload import StampId
from tests.registry.conftest import BEFORE, MANIFEST, SINCE, record, register

REVIEWER = "5e" * 32


@pytest.mark.parametrize(
    "kind", ["stamp", "model", "one version", "key", "certificate", "consent", "reviewer"]
)
def test_a_withdrawal_hits_what_it_names_until_it_ends(
    kind: str, registry: Registry, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "clip.mp4", approvers=(REVIEWER,))
    other = record(
        StampId.new(),
        key_id="k2",
        signer_id="s2",
        model_name="Other",
        consents=(),
    )
    named: dict[str, tuple[WithdrawalKind, str]] = {
        "stamp": ("stamp", made.stamp_id.hex),
        "model": ("model", model_target("ExampleVideoModel", None)),
        "one version": ("model", model_target("ExampleVideoModel", "3.2.1")),
        "key": ("key", made.key_id),
        "certificate": ("key", "c0ffee00"),
        "consent": ("consent", "consent-2"),
        "reviewer": ("reviewer", REVIEWER),
    }
    name, target = named[kind]
    entry = registry.withdrawals.withdraw(name, target, "leaked")
    assert registry.withdrawals.hitting(Facts.of(made)) == entry
    assert registry.withdrawals.hitting(Facts.of(other)) is None
    assert list(registry.hit_by(entry)) == [made.stamp_id]
    with pytest.raises(UsageError, match="already"):
        registry.withdrawals.withdraw(name, target, "again")
    registry.withdrawals.reinstate(name, target, "found again")
    assert registry.withdrawals.hitting(Facts.of(made)) is None
    with pytest.raises(UsageError, match="not withdrawn"):
        registry.withdrawals.reinstate(name, target, "once more")
    (kept,) = registry.withdrawals.listed()
    assert (kept.reason, kept.ended_reason) == ("leaked", "found again")


@pytest.mark.parametrize("key", ["a986830a", "c0ffee00", REVIEWER])
def test_a_withdrawn_key_spares_what_was_there_before_a_moment(
    key: str, registry: Registry, tmp_path: Path
) -> None:
    early = register(registry, tmp_path / "a.mp4", created_at=BEFORE, approvers=(REVIEWER,))
    late = register(registry, tmp_path / "b.mp4", approvers=(REVIEWER,))
    kind: WithdrawalKind
    kind, field = ("reviewer", "approvers") if key == REVIEWER else ("key", "key_ids")
    entry = registry.withdrawals.withdraw(kind, key, "stolen", good_before=SINCE)
    said: dict[str, Any] = {field: (key,)}
    assert registry.withdrawals.hitting(Facts.of(early)) is None
    assert registry.withdrawals.hitting(Facts.of(late)) == entry
    assert registry.withdrawals.hitting(Facts(**said)) == entry  # nothing proves when
    assert registry.withdrawals.hitting(Facts(**said, proven_at=SINCE)) == entry
    assert list(registry.hit_by(entry)) == [late.stamp_id]
    assert registry.withdrawals.listed() == (entry,)
    assert registry.check().broken is None


def test_only_a_key_was_good_before_a_moment_that_is_past(registry: Registry) -> None:
    kind: WithdrawalKind
    for kind, moment in (("consent", SINCE), ("key", now() + timedelta(hours=1))):
        with pytest.raises(UsageError, match="Only a key"):
            registry.withdrawals.withdraw(kind, "a", "b", good_before=moment)
    assert registry.withdrawals.listed() == ()


@pytest.mark.parametrize("kind", ["stamp", "model", "key", "certificate", "consent", "reviewer"])
def test_a_withdrawal_reaches_what_was_made_from_what_it_hits(
    kind: str, registry: Registry, tmp_path: Path
) -> None:
    own: dict[str, Any] = {"key_id": "k2", "signer_id": "s2", "model_name": "Other", "consents": ()}
    first = register(registry, tmp_path / "a.mp4", created_at=BEFORE, approvers=(REVIEWER,))
    second = register(registry, tmp_path / "b.mp4", parents=(first.stamp_id,), **own)
    ids = tuple(sorted((first.stamp_id, second.stamp_id), key=lambda one: one.hex))
    third = register(registry, tmp_path / "c.mp4", parents=ids, **own)
    other = register(registry, tmp_path / "d.mp4", **own)
    assert registry.find(third.stamp_id) == third
    named: dict[str, tuple[WithdrawalKind, str]] = {
        "stamp": ("stamp", first.stamp_id.hex),
        "model": ("model", model_target("ExampleVideoModel", None)),
        "key": ("key", first.key_id),
        "certificate": ("key", "c0ffee00"),
        "consent": ("consent", "consent-2"),
        "reviewer": ("reviewer", REVIEWER),
    }
    name, target = named[kind]
    if name in ("key", "reviewer"):
        spared = registry.withdrawals.withdraw(name, target, "stolen", good_before=SINCE)
        assert list(registry.hit_by(spared)) == []
        assert registry.withdrawals.hitting(Facts.of(third)) is None
        registry.withdrawals.reinstate(name, target, "to say it again, of all")
    entry = registry.withdrawals.withdraw(name, target, "leaked")
    made = [first.stamp_id, second.stamp_id, third.stamp_id]
    assert list(registry.hit_by(entry)) == sorted(made, key=lambda one: one.hex)
    for record_ in (first, second, third):
        assert registry.withdrawals.hitting(Facts.of(record_)) == entry
    assert registry.withdrawals.hitting(Facts.of(other)) is None
    assert registry.check().broken is None


def test_who_approved_is_kept_and_found_and_a_record_without_hashes_as_it_did(
    registry: Registry, tmp_path: Path
) -> None:
    others = "0a" * 32
    both = register(registry, tmp_path / "a.mp4", approvers=(others, REVIEWER))
    none = register(registry, tmp_path / "b.mp4")
    assert registry.find(both.stamp_id) == both
    assert registry.search(reviewer=REVIEWER) == (both,)
    assert registry.withdrawals.of("reviewer", [REVIEWER, others]) == {}
    entry = registry.withdrawals.withdraw("reviewer", REVIEWER, "stolen")
    assert registry.withdrawals.of("reviewer", [REVIEWER, others]) == {REVIEWER: entry}
    assert registry.withdrawals.hitting(Facts.of(none)) is None
    fields = none.as_json()
    assert fields.pop("approvers") == fields.pop("parents") == []
    assert fields.pop("again") is None
    hashed = {"record": fields, "manifest": hashlib.sha256(MANIFEST).hexdigest()}
    assert none.digest(MANIFEST, None) == digest(hashed | {"fingerprint": None})
    with registry.database.writing() as connection:  # behind the program's back
        connection.execute(sa.delete(schema.approver))
    assert registry.check().broken is not None


def test_a_stamp_by_a_withdrawn_reviewer_is_not_committed(
    registry: Registry, tmp_path: Path
) -> None:
    """Withdrawn while the clip was being stamped."""
    stamp_id = registry.reservations.reserve("a986830a", tmp_path / "a.mp4")
    registry.withdrawals.withdraw("reviewer", REVIEWER, "stolen", good_before=SINCE)
    late = record(stamp_id, approvers=(REVIEWER,), created_at=BEFORE)
    with pytest.raises(WithdrawnError, match="its reviewer's key was withdrawn"):
        registry.commit(late, MANIFEST, None)
    assert registry.find(stamp_id) is None


def test_a_parent_that_is_not_known_here_can_be_withdrawn(
    registry: Registry, tmp_path: Path
) -> None:
    elsewhere = StampId.new()
    made = register(registry, tmp_path / "a.mp4", parents=(elsewhere,))
    entry = registry.withdrawals.withdraw("stamp", elsewhere.hex, "recalled")
    assert list(registry.hit_by(entry)) == [made.stamp_id]
    assert registry.withdrawals.hitting(Facts.of(made)) == entry


def test_a_clip_of_a_thousand_parents_is_looked_up(registry: Registry, tmp_path: Path) -> None:
    """More values than some databases take in one query."""
    parents = tuple(StampId(number.to_bytes(8, "big")) for number in range(1, 1501))
    made = register(registry, tmp_path / "a.mp4", parents=parents)
    assert registry.find(made.stamp_id) == made
    assert registry.withdrawals.hitting(Facts.of(made)) is None
    entry = registry.withdrawals.withdraw("stamp", parents[-1].hex, "recalled")
    assert registry.withdrawals.hitting(Facts.of(made)) == entry


@pytest.mark.parametrize("past", [False, True], ids=["its own", "its parent's"])
def test_a_commit_waits_for_a_withdrawal_that_is_being_written_and_is_refused(
    past: bool, registry: Registry, url: str, tmp_path: Path
) -> None:
    """On another connection, as by another process; nothing of the stamp stays."""
    parent = register(registry, tmp_path / "parent.mp4", consents=("consent-9",))
    stamp_id = registry.reservations.reserve("a986830a", tmp_path / "clip.mp4")
    made = record(stamp_id, consents=(), parents=(parent.stamp_id,) if past else ())
    made = made if past else dataclasses.replace(made, consents=("consent-9",))
    entry = Withdrawal("consent", "consent-9", "taken back", now())
    with (
        Registry(url) as other,
        ThreadPoolExecutor(1) as aside,
    ):
        with other.database.writing() as connection:
            other.database.lock_chain(connection)
            committing = aside.submit(registry.commit, made, MANIFEST, None, name="clip.mp4")
            time.sleep(0.3)
            assert not committing.done()
            other.withdrawals.merge(connection, [entry])
        whose = "made from, a clip whose consent" if past else "its consent"
        with pytest.raises(WithdrawnError, match=rf"clip\.mp4 .*{whose} was withdrawn"):
            committing.result(60)
    assert registry.find(stamp_id) is None
    assert registry.reservations.settle(stamp_id) == "released"
    assert registry.check().broken is None


def test_a_key_that_was_good_before_stamps_nothing_new(registry: Registry, tmp_path: Path) -> None:
    """Whatever time the stamp says that it was made: only a row that is there proves one."""
    stamp_id = registry.reservations.reserve("a986830a", tmp_path / "clip.mp4")
    registry.withdrawals.withdraw("key", "a986830a", "stolen", good_before=SINCE)
    with pytest.raises(WithdrawnError, match="its key"):
        registry.commit(record(stamp_id, created_at=BEFORE), MANIFEST, None)
