"""Errors of the registry name the one that they are about, and no password."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.errors import InputError, ProvenanceError, RegistryError, UsageError
from provenance.registry import Registry, schema
from provenance.registry.address import parse_url, shown_address
from provenance.registry.transfer import import_lines
from tests.registry.conftest import register

NOBODY = "postgresql://reader:hunter2@127.0.0.1:9/stamps?password=swordfish&connect_timeout=5"
"""An address at which nobody answers, with a password in both places that may hold one."""


def test_a_registry_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError) as caught:
        Registry(str(tmp_path / "none.db"))
    assert caught.value.path == str(tmp_path / "none.db")


def test_a_file_that_is_no_registry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(RegistryError) as caught:
        Registry(str(path))
    assert caught.value.path == str(path)


def test_a_registry_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file" / "registry.db"
    with pytest.raises(RegistryError) as caught:
        Registry(str(path), create=True)
    assert caught.value.path == str(path)


def test_a_server_that_does_not_answer_is_named_without_a_password() -> None:
    with pytest.raises(RegistryError) as caught:
        Registry(NOBODY)
    assert caught.value.path == "postgresql://reader:***@127.0.0.1:9/stamps?connect_timeout=5"
    assert not secrets_in(caught.value)


def test_a_database_of_another_kind_is_named_without_a_password() -> None:
    with pytest.raises(UsageError, match="not in 'mysql'") as caught:
        Registry(NOBODY.replace("postgresql", "mysql"))
    assert (caught.value.path or "").startswith("mysql://reader:***@")
    assert not secrets_in(caught.value)


def test_a_record_that_was_changed_behind_our_back_is_an_error_about_its_registry(
    registry: Registry, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "clip.mp4")
    with registry.database.writing() as connection:
        connection.execute(sa.update(schema.stamp).values(created_at="yesterday"))
    with pytest.raises(RegistryError, match="changed behind") as caught:
        registry.find(made.stamp_id)
    assert caught.value.path == registry.name == shown_address(registry.database.url)


def test_a_line_that_is_no_export_is_an_error_about_its_file(registry: Registry) -> None:
    with pytest.raises(InputError, match=r"^Line 1 of all\.jsonl") as caught:
        import_lines(registry, [b"{}\n"], "all.jsonl")
    assert caught.value.path == "all.jsonl"


def test_an_address_is_shown_whole_but_for_its_passwords() -> None:
    assert shown_address(parse_url("a folder/r.db")) == "a folder/r.db"
    shown = shown_address(parse_url("postgresql://a@b/c?sslpassword=x&sslmode=require"))
    assert shown == "postgresql://a@b/c?sslmode=require"


def secrets_in(error: ProvenanceError) -> list[str]:
    told = f"{error} {error.path} {error.advice}"
    return [word for word in ("hunter2", "swordfish") if word in told]
