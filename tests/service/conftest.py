"""A registry with stamped clips, and the resolution interface over it, by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from provenance import Keyring, Verifier
from provenance.service.resolution import router
from tests.desk import Desk, opened
from tests.service.reception import Reception


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Iterator[Desk]:
    """Two stamped clips in a registry."""
    with opened(tmp_path_factory.mktemp("desk"), keyring) as made:
        yield made


@pytest.fixture(scope="session")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where files lie while they are examined."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="session")
def app(desk: Desk, uploads: Path) -> Iterator[FastAPI]:
    """The interface, and nothing else."""
    with Verifier.of(desk.keyring, registry=desk.registry, effort="quick", workers=1) as verifier:
        made = FastAPI(openapi_url="/openapi.json")
        made.include_router(
            router(desk.registry, Reception(verifier, uploads, most_bytes=2_000_000))
        )
        yield made


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    """Asks it."""
    return TestClient(app, raise_server_exceptions=False)
