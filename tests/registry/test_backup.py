"""A backup that was taken by the database's own means is whole, as the audit of it says."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.registry import Registry, upgrading
from provenance.registry.address import parse_url
from tests.conftest import Run
from tests.registry.conftest import register
from tests.services import missing


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_dump_restores_to_a_registry_that_the_audit_holds(
    registry: Registry, url: str, run: Run, tmp_path: Path
) -> None:
    """Taken while the registry is open; of one with roles, into one without."""
    made = register(registry, tmp_path / "a.mp4")
    registry.withdrawals.withdraw("consent", "consent-1", "asked to")
    upgrading.give_roles(registry.database)
    if shutil.which("pg_dump") is None or shutil.which("pg_restore") is None:
        missing("pg_dump", "install PostgreSQL's programs")
    plain = parse_url(url).set(drivername="postgresql")
    restored = plain.set(database=f"{plain.database}_r")
    engine = sa.create_engine(parse_url(url), isolation_level="AUTOCOMMIT")
    dump = tmp_path / "stamps.dump"
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {restored.database}")
        command("pg_dump", "-Fc", "-f", dump, "-d", plain.render_as_string(False))
        command(
            *("pg_restore", "-d", restored.render_as_string(False), "--no-owner"),
            *("--no-privileges", "--exit-on-error", dump),
        )
        audited(run, restored.render_as_string(False))
        with Registry(restored.render_as_string(False)) as copy:
            assert copy.find(made.stamp_id) == made
            register(copy, tmp_path / "b.mp4", consents=())
            assert copy.check().broken is None
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {restored.database} WITH (FORCE)")
            for role in ("verifier", "stamper", "administrator"):
                name = f"{plain.database}_{role}"
                connection.exec_driver_sql(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
                connection.exec_driver_sql(f"DROP OWNED BY {name}")
                connection.exec_driver_sql(f"DROP ROLE {name}")
        engine.dispose()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_backup_of_a_file_that_is_open_is_whole(
    registry: Registry, url: str, run: Run, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    registry.withdrawals.withdraw("consent", "consent-1", "asked to")
    copy = tmp_path / "stamps.backup.db"
    # What the command line's .backup calls.
    with closing(sqlite3.connect(url)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    audited(run, str(copy))
    with Registry(str(copy)) as restored:
        assert restored.find(made.stamp_id) == made


def command(*words: str | Path) -> None:
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def audited(run: Run, address: str) -> None:
    ran = run("registry", "audit", "--json", env={"PROVENANCE_REGISTRY": address})
    assert ran.code == 0, ran.err
    assert ran.row["rows"] == 2
