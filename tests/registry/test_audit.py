"""The audit log: whole until somebody changes something behind its back, which is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.errors import RegistryError
from provenance.registry import Facts, Registry
from provenance.results.payload import StampId
from tests.registry.conftest import BEFORE, register


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
