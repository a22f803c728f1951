"""One registry a test: each test of the contract runs on SQLite and on a PostgreSQL server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from provenance.fingerprint import Fingerprint
from provenance.registry import Registry, StampRecord, roles, upgrading
from provenance.registry.address import parse_url
from provenance.results import PromptHash
from provenance.results.payload import StampId
from tests.services import missing

MANIFEST = b"a manifest store"
BEFORE, SINCE = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)


Login = Callable[[str], str]
"""The registry's address for a login of a role."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh database."""
    if request.param == "sqlite":
        yield str(tmp_path / "registry.db")
        return
    with fresh_database() as address:
        yield address


@contextmanager
def fresh_database() -> Iterator[str]:
    """An empty database on the PostgreSQL server, as its owner sees it."""
    server = os.environ.get("TEST_POSTGRES_URL")
    if not server:
        missing("a PostgreSQL server", "run scripts/test, or name one with TEST_POSTGRES_URL")
    name = f"test_{secrets.token_hex(8)}"
    engine = sa.create_engine(parse_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield parse_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


@contextmanager
def logins(url: str, registry: Registry) -> Iterator[Login]:
    """A login of each role, as a database team makes them."""
    server = parse_url(url)
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    word, made = secrets.token_hex(12), roles.role_names(str(server.database))
    with engine.connect() as connection:
        connection.exec_driver_sql(upgrading.roles_script(registry.database))
        for group in made.values():
            connection.exec_driver_sql(f"CREATE ROLE {group}_1 LOGIN PASSWORD '{word}'")
            connection.exec_driver_sql(f"GRANT {group} TO {group}_1")

    def address(role: str) -> str:
        named = server.set(username=f"{made[role]}_1", password=word)
        return named.render_as_string(hide_password=False)

    try:
        yield address
    finally:
        with engine.connect() as connection:
            for group in made.values():
                for role in (f"{group}_1", group):
                    connection.exec_driver_sql(f"REASSIGN OWNED BY {role} TO CURRENT_USER")
                    connection.exec_driver_sql(f"DROP OWNED BY {role}")
                    connection.exec_driver_sql(f"DROP ROLE {role}")
        engine.dispose()


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    """An empty registry."""
    with Registry(url, create=True) as opened:
        yield opened


def record(stamp_id: StampId, **changes: Any) -> StampRecord:
    """A record; name the fields that shall differ."""
    facts: dict[str, Any] = {
        "key_id": "a986830a",
        "layout": 1,
        "created_at": datetime(2026, 11, 22, 12, tzinfo=UTC),
        "provider": "Example Studio",
        "model_name": "ExampleVideoModel",
        "model_version": "3.2.1",
        "prompt_hash": PromptHash("hmac-sha256", "ab" * 32, "p1"),
        "profile": "standard",
        "signed_at": datetime(2026, 11, 22, 12, 0, 1, tzinfo=UTC),
        "input_sha256": "01" * 32,
        "output_sha256": "02" * 32,
        "signer": "Example Studio",
        "signer_id": "c0ffee00",
        "approval": "approval-7",
        "consents": ("consent-1", "consent-2"),
    }
    return StampRecord(stamp_id, **(facts | changes))


def register(
    registry: Registry,
    target: Path,
    fingerprint: Fingerprint | None = None,
    **changes: Any,
) -> StampRecord:
    """Take a stamp through all its steps, with a file that has the hash it says."""
    import hashlib  # noqa: PLC0415

    stamp_id = registry.reservations.reserve("a986830a", target)
    target.write_bytes(stamp_id.raw)
    made = record(stamp_id, output_sha256=hashlib.sha256(stamp_id.raw).hexdigest(), **changes)
    registry.commit(made, MANIFEST, None if fingerprint is None else fingerprint.to_bytes())
    assert registry.reservations.settle(stamp_id) == "confirmed"
    return made
