"""What any registry does, whatever database it is in: records, ids, search, tables."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from provenance.errors import RegistryError
from provenance.registry import AuditRow, Facts, Registry, schema, upgrading
from provenance.registry.address import parse_url
from provenance.registry.chain import digest
from provenance.registry.database import Database, upgrade
from provenance.registry.values import stamp_time
from provenance.results.payload import StampId
from tests.registry.conftest import MANIFEST, SINCE, record, register

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


def test_a_registry_of_the_first_tables_is_brought_up_to_date(tmp_path: Path, url: str) -> None:
    """What it holds stays, and its log holds: a record without parents hashes as it did."""
    if "://" not in url:
        (tmp_path / "registry.db").touch()
    engine = sa.create_engine(parse_url(url))
    stamp_id = StampId.new()
    whole = record(stamp_id)
    fields = whole.as_json()
    del fields["parents"], fields["approvers"], fields["again"]
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
    if "://" in url:  # a server's is upgraded when somebody says so
        with contextlib.closing(Database(url, create=False, upgrading=True)) as database:
            upgrading.bring_up(database)
    with Registry(url) as registry:
        assert registry.find(stamp_id) == whole
        report = registry.check()
        assert (report.broken, report.rows) == (None, 2)
        new = register(registry, tmp_path / "new.mp4", parents=(stamp_id,))
        hit = registry.withdrawals.withdraw("stamp", stamp_id.hex, "recalled")
        assert registry.withdrawals.hitting(Facts.of(new)) == hit
        assert registry.check().broken is None


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id INTEGER)")
    with pytest.raises(RegistryError, match="no registry"):
        Registry(str(path), create=True)
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("photos",)]


def test_manifests_are_read_in_the_order_of_the_log_and_each_once(
    registry: Registry, tmp_path: Path
) -> None:
    assert registry.manifests_since(0) == (0, {})
    first = register(registry, tmp_path / "a.mp4").stamp_id
    last, stores = registry.manifests_since(0)
    assert stores == {first: MANIFEST}
    registry.withdrawals.withdraw("stamp", first.hex, "a mistake")
    assert registry.manifests_since(last) == (last, {})
    second = register(registry, tmp_path / "b.mp4").stamp_id
    later, stores = registry.manifests_since(last)
    assert stores == {second: MANIFEST}
    assert later > last
    assert set(registry.manifests_since(0)[1]) == {first, second}
