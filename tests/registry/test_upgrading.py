"""A server's tables are brought up to date when somebody says so, while others stamp."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from provenance.errors import RegistryError
from provenance.registry import AuditRow, Registry, database, upgrading
from provenance.registry.address import parse_url
from provenance.registry.chain import digest
from provenance.registry.database import CHAIN_LOCK, VERSION, Database
from provenance.results.payload import StampId
from tests.conftest import Run
from tests.registry.conftest import MANIFEST, register

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@pytest.fixture
def old(url: str) -> Iterator[Engine]:
    """A database with the tables of the first revision, and a stamp in it."""
    engine = sa.create_engine(parse_url(url))
    with engine.connect() as connection, connection.begin():
        database.upgrade(connection, "0001")
    stamp_of_the_first_revision(engine)
    yield engine
    engine.dispose()


def stamp_of_the_first_revision(engine: Engine) -> StampId:
    """Stamp as a program of that time did: a reservation, a record with its row, the settling."""
    stamp_id = StampId.new()
    at = "2026-11-01T12:00:00.000000Z"
    with engine.begin() as connection:
        row = {"stamp_id": stamp_id.hex, "state": "reserved", "key_id": "k", "layout": 1}
        insert(connection, "stamp", row | {"created_at": at})
        note = {"stamp_id": stamp_id.hex, "host": "h", "process": "p", "path": "/a"}
        insert(connection, "reservation", note | {"expires_at": at})
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CHAIN_LOCK)))
        connection.execute(
            sa.text("UPDATE stamp SET state = 'stamped' WHERE stamp_id = :id"),
            {"id": stamp_id.hex},
        )
        insert(connection, "manifest", {"stamp_id": stamp_id.hex, "store": MANIFEST})
        newest = connection.execute(
            sa.text("SELECT * FROM audit ORDER BY number DESC LIMIT 1")
        ).first()
        head = None if newest is None else AuditRow(*newest)
        # What it says of the record is not what the record's hash is; see test_contract for that.
        said = {"stamp_id": stamp_id.hex, "sha256": digest(stamp_id.hex)}
        insert(connection, "audit", dataclasses.asdict(AuditRow.after(head, at, "stamp", said)))
    with engine.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM reservation WHERE stamp_id = :id"), {"id": stamp_id.hex}
        )
    return stamp_id


def insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in row]
    connection.execute(sa.insert(sa.table(table, *columns)).values(row))


def version(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar())


def test_a_newer_program_refuses_an_older_registry_and_names_the_command(
    url: str, old: Engine, run: Run
) -> None:
    with pytest.raises(RegistryError, match=r"tables 0001.*registry upgrade"):
        Registry(url)
    ran = run("registry", "search", env={"PROVENANCE_REGISTRY": url})
    assert ran.code == 4
    assert version(old) == "0001"


def test_a_dry_run_prints_sql_that_does_the_same_and_changes_nothing(
    url: str, old: Engine, run: Run, tmp_path: Path
) -> None:
    ran = run("registry", "upgrade", "--dry-run", env={"PROVENANCE_REGISTRY": url})
    assert (ran.code, ran.err) == (0, "")
    assert version(old) == "0001"
    assert "CREATE TABLE parent" in ran.out
    assert "CREATE TABLE stamp" not in ran.out
    with old.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.connection.cursor().execute(ran.out)
    with Registry(url) as registry:
        register(registry, tmp_path / "a.mp4")
        assert len(registry.search()) == 2
    again = run("registry", "upgrade", "--dry-run", env={"PROVENANCE_REGISTRY": url})
    assert (again.code, again.out) == (0, "")
    assert "nothing to do" in again.err


def test_an_upgrade_loses_nothing_of_who_stamps_meanwhile(url: str, old: Engine, run: Run) -> None:
    made, done = [], threading.Event()

    def stamping() -> None:
        while not done.is_set():
            made.append(stamp_of_the_first_revision(old))

    with ThreadPoolExecutor(3) as pool:
        stampers = [pool.submit(stamping) for _ in range(3)]
        try:
            while len(made) < 10:
                time.sleep(0.01)
            ran = run("registry", "upgrade", env={"PROVENANCE_REGISTRY": url})
            before = len(made)
            while len(made) < before + 10:
                time.sleep(0.01)
        finally:
            done.set()
        for one in stampers:
            one.result()
    assert ran.code == 0, ran.err
    assert "from tables 0001" in ran.out
    with Registry(url) as registry:
        assert version(old) == VERSION
        known = {stamp_id.hex for stamp_id in made}
        with registry.database.reading() as connection:
            rows = list(registry.audit.rows(connection))
            there = set(connection.execute(sa.text("SELECT stamp_id FROM stamp")).scalars())
        assert known < there
        assert [row.number for row in rows] == list(range(1, len(made) + 2))
        assert all(row.holds for row in rows)
        assert {json.loads(row.details)["stamp_id"] for row in rows} == there


def test_of_two_upgrades_at_once_the_second_waits_and_has_nothing_to_do(
    url: str, old: Engine
) -> None:
    def bring_up(_: int) -> int:
        with contextlib.closing(Database(url, create=False, upgrading=True)) as opened:
            return len(upgrading.bring_up(opened).steps)

    with ThreadPoolExecutor(4) as pool:
        done = sorted(pool.map(bring_up, range(4)))
    assert done == [0, 0, 0, int(VERSION) - 1]
    assert version(old) == VERSION


def test_an_upgrade_gives_up_rather_than_have_all_wait_behind_it(
    url: str, old: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.2)
    with old.connect() as reader, reader.begin():
        reader.execute(sa.text("SELECT * FROM withdrawal"))
        with contextlib.closing(Database(url, create=False, upgrading=True)) as opened:
            with pytest.raises(RegistryError, match="busy for too long") as caught:
                upgrading.bring_up(opened)
            assert caught.value.retryable
            assert upgrading.planned(opened).found == "0001"
    assert version(old) == "0001"


def test_an_upgrade_gives_the_roles_their_rights_to_new_tables(
    url: str, run: Run, tmp_path: Path
) -> None:
    """As an administrator's login does it, who is no superuser."""
    with contextlib.closing(Database(url, create=True)) as opened:
        name = str(opened.url.database)
        upgrading.give_roles(opened)
    engine = sa.create_engine(parse_url(url), isolation_level="AUTOCOMMIT")
    made = [f"{name}_{role}" for role in ("verifier", "stamper", "administrator")]
    try:
        with engine.connect() as connection:
            # As it was after the third revision.
            connection.exec_driver_sql("DROP TABLE delivery, place")
            connection.exec_driver_sql("DROP INDEX ix_audit_event")
            connection.exec_driver_sql("ALTER TABLE stamp DROP again")
            connection.exec_driver_sql("ALTER TABLE withdrawal DROP made_by, DROP ended_by")
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
            for group in made:
                connection.exec_driver_sql(f"CREATE ROLE {group}_1 LOGIN")
                connection.exec_driver_sql(f"GRANT {group} TO {group}_1")
        address = parse_url(url).render_as_string(hide_password=False)
        logins = [parse_url(address).set(username=f"{group}_1") for group in made]
        told = [{"PROVENANCE_REGISTRY": login.render_as_string(False)} for login in logins]
        refused = run("registry", "upgrade", env=told[1])
        assert refused.code == 4
        assert "may not do this" in refused.err
        planned = run("registry", "upgrade", "--dry-run", env=told[2])
        assert "GRANT SELECT, INSERT, UPDATE ON delivery" in planned.out
        ran = run("registry", "upgrade", env=told[2])
        assert ran.code == 0, ran.err
        with Registry(told[1]["PROVENANCE_REGISTRY"]) as stamper:
            register(stamper, tmp_path / "a.mp4")
            with stamper.deliveries.turn("webhook") as (turn, _):
                turn.told(1)
    finally:
        with engine.connect() as connection:
            for group in made:
                for role in (f"{group}_1", group):
                    connection.exec_driver_sql(f"REASSIGN OWNED BY {role} TO CURRENT_USER")
                    connection.exec_driver_sql(f"DROP OWNED BY {role}")
                    connection.exec_driver_sql(f"DROP ROLE {role}")
        engine.dispose()
