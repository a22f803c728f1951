"""A registry on a disk, or in a folder, that cannot be written."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.errors import RegistryError
from provenance.registry import Registry, database
from tests.registry.conftest import MANIFEST, record


def test_a_registry_that_cannot_be_written_is_read_without_files_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look-ups work, SQLite's log and index are not made, and a change is refused."""
    path = tmp_path / "a folder?" / "registry#1.db"
    with Registry(str(path), create=True) as registry:
        stamp_id = registry.reservations.reserve("k", tmp_path / "clip.mp4")
        registry.commit(record(stamp_id), MANIFEST, None)
    may = os.access
    # What the system says to others than root.
    monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK and may(place, mode))
    with Registry(str(path)) as registry:
        assert registry.manifest(stamp_id) == MANIFEST
        assert registry.check().broken is None
        assert [file.name for file in path.parent.iterdir()] == [path.name]
        with pytest.raises(RegistryError, match="readonly"):
            registry.reservations.reserve("k", tmp_path / "another.mp4")


def test_an_older_registry_that_cannot_be_written_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "registry.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection, connection.begin():
        database.upgrade(connection, "0001")
    engine.dispose()
    may = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK and may(place, mode))
    with pytest.raises(RegistryError, match=r"older release.*open it once where it may"):
        Registry(str(path))
