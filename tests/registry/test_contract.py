"""What every registry does, on either database."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from provenance.errors import ProvenanceError, RegistryError, UsageError, WithdrawnError
from provenance.registry import AuditRow, Facts, Registry, Withdrawal, model_target, now, schema
from provenance.registry.address import parse_url
from provenance.registry.chain import digest
from provenance.registry.database import upgrade
from provenance.registry.records import WithdrawalKind, stamp_time
from provenance.registry.transfer import export_lines, import_lines
from provenance.results.payload import StampId
from tests.conftest import environment
from tests.registry.conftest import MANIFEST, record, register

SQLITE_OWN = {"frame", "frame_block", "alembic_version"}
"""Tables that are each database's own, and Alembic's."""


def test_a_record_comes_back_as_it_was_written(registry: Registry, tmp_path: Path) -> None:
    made = register(registry, tmp_path / "clip.mp4")
    assert registry.find(made.stamp_id) == made
    assert registry.manifest(made.stamp_id) == MANIFEST
    assert registry.find(StampId.new()) is None
    assert registry.manifest(StampId.new()) is None


def test_a_reserved_stamp_is_not_found_yet(registry: Registry, tmp_path: Path) -> None:
    stamp_id = registry.reservations.reserve("k", tmp_path / "clip.mp4")
    assert registry.find(stamp_id) is None


def test_a_clash_draws_another_id(registry: Registry, tmp_path: Path) -> None:
    first = registry.reservations.reserve("k", tmp_path / "a.mp4")
    draws = iter([first, first, StampId(b"another.")])
    second = registry.reservations.reserve("k", tmp_path / "b.mp4", draw=lambda: next(draws))
    assert second == StampId(b"another.")


def test_ids_that_are_always_taken_are_an_error(registry: Registry, tmp_path: Path) -> None:
    taken = registry.reservations.reserve("k", tmp_path / "a.mp4")
    with pytest.raises(RegistryError, match="random source"):
        registry.reservations.reserve("k", tmp_path / "b.mp4", draw=lambda: taken)


def test_a_record_needs_its_reservation(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="stamp it again"):
        registry.commit(record(StampId.new()), MANIFEST, None)


def test_the_tables_are_those_that_the_schema_says(registry: Registry) -> None:
    with registry.database.reading() as connection:
        context = MigrationContext.configure(connection)
        differences = [
            difference
            for difference in compare_metadata(context, schema.metadata)
            if not (difference[0] in ("remove_table",) and difference[1].name in SQLITE_OWN)
            and not (difference[0] == "remove_index" and difference[1].table.name in SQLITE_OWN)
        ]
    assert differences == []


# --- search


def test_search_finds_what_fits_everything_given(registry: Registry, tmp_path: Path) -> None:
    old = register(registry, tmp_path / "a.mp4", model_version="3.0", consents=("c-9",))
    new = register(registry, tmp_path / "b.mp4")
    assert {found.stamp_id for found in registry.search()} == {old.stamp_id, new.stamp_id}
    assert registry.search(model_version="3.0") == (old,)
    assert registry.search(consent="c-9") == (old,)
    assert registry.search(sha256=new.output_sha256) == (new,)
    assert registry.search(key_id="c0ffee00", model_version="3.2.1") == (new,)
    assert registry.search(since="2027-01-01") == ()
    assert len(registry.search(limit=1)) == 1


# --- withdrawal


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


BEFORE, SINCE = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)


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
        whose = "made from a clip whose consent" if past else "its consent"
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


# --- a registry of an older release


def test_a_registry_of_the_first_tables_is_brought_up_to_date(tmp_path: Path, url: str) -> None:
    """What it holds stays, and its log holds: a record without parents hashes as it did."""
    if "://" not in url:
        (tmp_path / "registry.db").touch()
    engine = sa.create_engine(parse_url(url))
    stamp_id = StampId.new()
    whole = record(stamp_id)
    fields = whole.as_json()
    del fields["parents"], fields["approvers"]
    hashed = {"record": fields, "manifest": hashlib.sha256(MANIFEST).hexdigest()}
    said = {"stamp_id": stamp_id.hex, "sha256": digest(hashed | {"fingerprint": None})}
    entry = {"kind": "stamp", "target": "00" * 8, "reason": "old"}
    at = stamp_time(SINCE)
    stamped = AuditRow.after(None, at, "stamp", said)
    log = [stamped, AuditRow.after(stamped, at, "withdraw", {**entry, "at": at})]
    with engine.connect() as connection, connection.begin():
        upgrade(connection, "0001")
        values = {
            **{name: fields[name] for name in fields if name not in ("model", "prompt_hash")},
            **{"state": "stamped", "model_name": "ExampleVideoModel", "model_version": "3.2.1"},
            **{"prompt_alg": "hmac-sha256", "prompt_hash": "ab" * 32, "prompt_key_id": "p1"},
        }
        del values["consents"]
        connection.execute(sa.insert(schema.stamp).values(values))
        for reference in whole.consents:
            consent = {"stamp_id": stamp_id.hex, "reference": reference}
            connection.execute(sa.insert(schema.consent).values(consent))
        store = {"stamp_id": stamp_id.hex, "store": MANIFEST}
        connection.execute(sa.insert(schema.manifest).values(store))
        connection.execute(sa.insert(schema.withdrawal).values(**entry, at=at))
        for row in log:
            connection.execute(sa.insert(schema.audit).values(dataclasses.asdict(row)))
    engine.dispose()
    with Registry(url) as registry:
        assert registry.find(stamp_id) == whole
        report = registry.check()
        assert (report.broken, report.rows) == (None, 2)
        new = register(registry, tmp_path / "new.mp4", parents=(stamp_id,))
        hit = registry.withdrawals.withdraw("stamp", stamp_id.hex, "recalled")
        assert registry.withdrawals.hitting(Facts.of(new)) == hit
        assert registry.check().broken is None


# --- the audit log


def test_the_log_of_an_untouched_registry_holds(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path / "a.mp4")
    made = register(registry, tmp_path / "b.mp4")
    registry.withdrawals.withdraw("stamp", made.stamp_id.hex, "a reason")
    report = registry.check()
    assert report.broken is None
    assert report.rows == 3
    assert report.head is not None
    assert report.head.event == "withdraw"


@pytest.mark.parametrize("statement", ["UPDATE audit SET details = '{}'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_the_log(
    statement: str, registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    with (
        pytest.raises(RegistryError, match="never changed"),
        registry.database.writing() as connection,
    ):
        connection.execute(sa.text(statement))
    assert registry.check().broken is None


def without_triggers(registry: Registry, *statements: str) -> None:
    """Change the database as somebody with full rights can, behind the program's back."""
    if registry.database.is_sqlite:
        first = ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"]
    else:
        first = ["ALTER TABLE audit DISABLE TRIGGER ALL"]
    with registry.database.writing() as connection:
        for statement in (*first, *statements):
            connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("statement", "row", "reason"),
    [
        ("UPDATE audit SET details = '{}' WHERE number = 2", 2, "changed after it was written"),
        ("UPDATE audit SET at = '2020' WHERE number = 1", 1, "changed after it was written"),
        ("DELETE FROM audit WHERE number = 2", 3, "row 2 is missing"),
        ("DELETE FROM audit WHERE number = 1", 2, "row 1 is missing"),
        ("UPDATE stamp SET model_version = '9' WHERE approval = 'two'", 2, "was changed since"),
        ("UPDATE manifest SET store = '\\x00'", 1, "was changed since"),
        ("DELETE FROM stamp WHERE approval = 'three'", 3, "is gone"),
        ("DELETE FROM consent", 1, "was changed since"),
        ("DELETE FROM parent", 2, "was changed since"),
        ("INSERT INTO parent SELECT stamp_id, 'aaaaaaaaaaaaaaaa' FROM stamp", 1, "was changed"),
        ("UPDATE withdrawal SET reason = 'nothing'", 4, "was changed"),
        ("UPDATE withdrawal SET ended_at = '2026'", 4, "is gone"),
        ("UPDATE withdrawal SET good_before = NULL", 5, "was changed"),
        ("UPDATE withdrawal SET good_before = '2026-01-01T00:00:00.000000Z'", 4, "was changed"),
    ],
)
def test_a_change_behind_its_back_is_named_by_the_first_row_it_breaks(
    statement: str, row: int, reason: str, registry: Registry, tmp_path: Path
) -> None:
    for name in ("one", "two", "three"):
        parents = (StampId(b"a parent"),) if name == "two" else ()
        made = register(registry, tmp_path / f"{name}.mp4", approval=name, parents=parents)
    registry.withdrawals.withdraw("stamp", made.stamp_id.hex, "a reason")
    registry.withdrawals.withdraw("key", "an old one", "stolen", good_before=BEFORE)
    without_triggers(registry, statement)
    broken = registry.check().broken
    assert broken is not None
    assert broken.number == row
    assert reason in broken.reason


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE stamp SET created_at = 'yesterday'", "record of stamp"),
        ("UPDATE parent SET parent_id = 'another'", "record of stamp"),
        ("UPDATE withdrawal SET at = 'yesterday'", "withdrawal of key a986830a"),
        ("UPDATE withdrawal SET good_before = '2026'", "withdrawal of key a986830a"),
    ],
)
def test_what_no_program_wrote_is_an_error_that_names_it(
    statement: str, named: str, registry: Registry, tmp_path: Path
) -> None:
    """And never a look-up that finds nothing withdrawn."""
    made = register(registry, tmp_path / "a.mp4", parents=(StampId(b"a parent"),))
    registry.withdrawals.withdraw("key", made.key_id, "stolen", good_before=BEFORE)
    with registry.database.writing() as connection:
        connection.execute(sa.text(statement))
    with pytest.raises(RegistryError, match=named):
        registry.check()
    with pytest.raises(RegistryError, match=named):
        registry.withdrawals.hitting(dataclasses.replace(Facts.of(made), parents=(made.stamp_id,)))


def test_a_record_that_was_slipped_in_is_found(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path / "a.mp4")
    without_triggers(
        registry,
        "INSERT INTO stamp (stamp_id, state, key_id, layout, created_at) "
        "SELECT 'ffffffffffffffff', state, key_id, layout, created_at FROM stamp",
        "INSERT INTO manifest (stamp_id, store) SELECT 'ffffffffffffffff', store FROM manifest",
    )
    broken = registry.check().broken
    assert broken is not None
    assert "has no row" in broken.reason


# --- stamps in the making

KILLED = """
import os, signal, sys
from pathlib import Path
from provenance.registry import Registry
from tests.registry.conftest import MANIFEST, record
with Registry(sys.argv[1]) as registry:
    stamp_id = registry.reservations.reserve("k", Path(sys.argv[2]))
    if sys.argv[3] != "reserved":
        import hashlib
        done = hashlib.sha256(stamp_id.raw).hexdigest()
        registry.commit(record(stamp_id, output_sha256=done), MANIFEST, None)
    if sys.argv[3] == "published":
        Path(sys.argv[2]).write_bytes(stamp_id.raw)
    print(stamp_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("moment", "outcome", "stays"),
    [
        ("reserved", "released", False),
        ("committed", "abandoned", False),
        ("published", "confirmed", True),
    ],
)
def test_a_sweep_settles_what_a_killed_run_left(  # noqa: PLR0917 - fixtures
    moment: str, outcome: str, stays: bool, registry: Registry, url: str, tmp_path: Path
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, url, tmp_path / "clip.mp4", moment],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    stamp_id = StampId.from_hex(killed.stdout.strip())
    report = registry.reservations.sweep()
    assert getattr(report, outcome) == (stamp_id,), (report, killed.stderr)
    assert (registry.find(stamp_id) is not None) == stays
    assert registry.check().broken is None
    assert registry.reservations.sweep().as_json()["pending"] == []


def test_a_sweep_leaves_a_running_stamp_alone(registry: Registry, tmp_path: Path) -> None:
    stamp_id = registry.reservations.reserve("k", tmp_path / "clip.mp4")
    assert registry.reservations.sweep().pending == (stamp_id,)
    assert registry.reservations.settle(stamp_id) == "released"


def test_a_published_file_may_be_taken_away_at_once(registry: Registry, tmp_path: Path) -> None:
    """A folder that is watched is emptied while the stamp is being settled."""
    stamp_id = registry.reservations.reserve("k", tmp_path / "gone.mp4")
    registry.commit(record(stamp_id), MANIFEST, None)
    assert registry.reservations.settle(stamp_id, published=True) == "confirmed"
    assert registry.find(stamp_id) is not None


def test_nobody_waits_while_a_sweep_reads_a_file(registry: Registry, tmp_path: Path) -> None:
    slow = tmp_path / "slow.mp4"
    os.mkfifo(slow)
    stamp_id = registry.reservations.reserve("k", slow)
    registry.commit(record(stamp_id), MANIFEST, None)
    with ThreadPoolExecutor(1) as aside:
        settled = aside.submit(registry.reservations.settle, stamp_id)
        with slow.open("wb"):  # opens once the other side reads
            register(registry, tmp_path / "quick.mp4")
            assert not settled.done()
        assert settled.result(60) == "abandoned"
    assert registry.check().broken is None


def _stamp_some(url: str, folder: Path, count: int) -> None:
    with Registry(url) as registry:
        for number in range(count):
            register(registry, folder / f"{multiprocessing.current_process().name}-{number}.mp4")


def test_ten_processes_at_once_lose_and_double_nothing(
    registry: Registry, url: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_stamp_some, args=(url, tmp_path, 5)) for _ in range(10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 10
    report = registry.check()
    assert report.broken is None
    assert report.rows == 50
    assert len(registry.search(limit=1000)) == 50


def test_a_server_whose_transactions_keep_their_first_view_breaks_no_chain(
    registry: Registry, url: str, tmp_path: Path
) -> None:
    if not registry.database.is_sqlite:
        with registry.database.writing() as connection:
            name = connection.execute(sa.text("SELECT current_database()")).scalar()
            setting = "SET default_transaction_isolation = 'repeatable read'"
            connection.execute(sa.text(f'ALTER DATABASE "{name}" {setting}'))
    with Registry(url) as first, Registry(url) as second:
        with ThreadPoolExecutor(1) as aside, first.database.writing() as connection:
            first.audit.append_with(connection, "sweep")
            waiting = aside.submit(second.audit.append, "sweep")
            time.sleep(0.3)
            assert not waiting.done()
            connection.commit()
            assert waiting.result(30).number == 2
        assert first.check().broken is None


# --- export and import


def test_an_export_is_taken_over_once(registry: Registry, tmp_path: Path) -> None:
    made = register(registry, tmp_path / "a.mp4", parents=(StampId(b"a parent"),))
    registry.withdrawals.withdraw("key", made.key_id, "stolen", good_before=SINCE)
    lines = [line for _, line in export_lines(registry)]
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        done = import_lines(other, lines, "export")
        assert (done.stamps, done.withdrawals, done.known) == (1, 1, 0)
        assert other.find(made.stamp_id) == made
        assert other.withdrawals.listed() == registry.withdrawals.listed()
        again = import_lines(other, lines, "export")
        assert (again.stamps, again.withdrawals, again.known) == (0, 0, 1)
        assert other.check().broken is None


def test_lines_of_a_release_before_parents_are_taken_over(
    registry: Registry, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    entry = registry.withdrawals.withdraw("key", made.key_id, "stolen")
    stamp, withdrawal = (json.loads(line) for _, line in export_lines(registry))
    del stamp["record"]["parents"], withdrawal["good_before"]
    lines = [json.dumps(line).encode() for line in (stamp, withdrawal)]
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        import_lines(other, lines, "export")
        assert other.find(made.stamp_id) == made
        assert other.withdrawals.listed() == (entry,)


def test_no_name_and_no_path_stays_in_a_registry(
    registry: Registry, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "Jane Doe"
    folder.mkdir()
    register(registry, folder / "holiday of Jane.mp4")
    everything = "".join(json.dumps(json.loads(line)) for _, line in export_lines(registry))
    with registry.database.reading() as connection:
        for table in schema.metadata.tables.values():
            everything += repr(connection.execute(sa.select(table)).all())
    assert "Jane" not in everything
    assert "holiday" not in everything


def test_lines_that_no_database_takes_are_told_in_a_sentence(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    _, line = next(export_lines(registry))
    for change in ({"consents": ["twice", "twice"]}, {"provider": "\ud800"}):
        data = json.loads(line)
        data["record"] |= {"stamp_id": StampId.new().hex, **change}
        with pytest.raises(ProvenanceError):
            import_lines(registry, [json.dumps(data).encode()], "export")
    assert registry.check().broken is None


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id INTEGER)")
    with pytest.raises(RegistryError, match="no registry"):
        Registry(str(path), create=True)
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("photos",)]


def test_two_registries_may_have_withdrawn_the_same(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path / "a.mp4")
    registry.withdrawals.withdraw("key", "a986830a", "stolen here")
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        other.withdrawals.withdraw("key", "a986830a", "stolen there")
        import_lines(registry, [line for _, line in export_lines(other)], "export")
        assert registry.check().broken is None
        other.withdrawals.reinstate("key", "a986830a", "found there")
        import_lines(registry, [line for _, line in export_lines(other)], "export")
    assert registry.check().broken is None
    still = registry.withdrawals.hitting(Facts(key_ids=("a986830a",)))
    assert still is not None
    assert still.reason == "stolen here"
    registry.withdrawals.reinstate("key", "a986830a", "found")
    assert registry.check().broken is None


@pytest.mark.parametrize("target", ["M", "{}", "[]", "[1]", '["a", "b"]', '["a","b","c"]', "[[["])
def test_a_withdrawal_of_no_model_is_not_taken_over(target: str, registry: Registry) -> None:
    """It would stop every list that is written later."""
    registry.withdrawals.withdraw("model", model_target("a", "b"), "a reason")
    line = json.loads(next(line for _, line in export_lines(registry))) | {"target": target}
    with pytest.raises(ProvenanceError, match="Line 1"):
        import_lines(registry, [json.dumps(line).encode()], "export")
    assert [entry.target for entry in registry.withdrawals.listed()] == ['["a","b"]']
