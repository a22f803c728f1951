"""A registry with stamped clips, and the resolution interface over it: in a desk, and by itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.concurrency import run_in_threadpool

from provenance import Keyring, VerificationReport, Verifier
from provenance.service import desk as service
from provenance.service.access import Access
from provenance.service.allowances import Allowances
from provenance.service.app import application
from provenance.service.metrics import DeskMetrics
from provenance.service.resolution import router
from provenance.service.state import DeskDatabase, Queue, Tokens
from provenance.service.uploads import Uploads
from provenance.system.guarded import Guarded
from provenance.system.processes import owner_name
from tests.desk import Desk, opened


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
def app(desk: Desk) -> Iterator[FastAPI]:
    """The interface, and nothing else; whoever mounts it says who examines files."""
    with Verifier.of(desk.keyring, registry=desk.registry, effort="quick", workers=1) as verifier:

        async def examined(request: Request) -> VerificationReport:
            return await run_in_threadpool(verifier.verify, await request.body())

        made = FastAPI(openapi_url="/openapi.json")
        made.include_router(router(desk.registry, examined))
        yield made


@pytest.fixture(scope="session")
def client(desk: Desk, uploads: Path) -> Iterator[TestClient]:
    """Asks a desk that has it."""
    with serving(desk, uploads, Allowances(most_bytes=2_000_000, per_minute=1000)) as made:
        yield made


@contextmanager
def serving(
    desk: Desk, uploads: Path, allowances: Allowances, guarded: Guarded | None = None
) -> Iterator[TestClient]:
    """Asks a desk that takes on so much."""
    verifier = Verifier.of(desk.keyring, registry=desk.registry, workers=1)
    taken = Uploads(uploads)
    with contextlib.closing(DeskDatabase(str(taken.database))) as database:
        metrics, queue = DeskMetrics(allowances.places), Queue(database, owner_name(os.getpid()))
        own = service.Desk(verifier, taken, queue, allowances, metrics)
        access = Access(Tokens(database))
        asked = application(own, access, registry=desk.registry, guarded=guarded)
        with TestClient(asked, raise_server_exceptions=False) as client:
            yield client
