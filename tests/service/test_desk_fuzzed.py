"""Whatever is asked of the desk's own interface: no fault of ours, nothing it does not describe."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from provenance import Verifier
from provenance.service.access import Access
from provenance.service.allowances import Allowances
from provenance.service.app import application
from provenance.service.desk import Desk
from provenance.service.metrics import DeskMetrics
from provenance.service.state import DeskDatabase, Queue, Tokens
from provenance.service.uploads import Uploads
from provenance.system.guarded import Guarded
from tests.service.test_resolution_fuzzed import CHECKS


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    """A desk that takes files, looks at none, and fetches them from a host that is not there."""
    allowances = Allowances(most_bytes=1000, places=8, per_minute=60)
    uploads = Uploads(tmp_path)
    with (
        Verifier(workers=1) as verifier,
        contextlib.closing(DeskDatabase(str(uploads.database))) as database,
    ):
        metrics, queue = DeskMetrics(allowances.places), Queue(database, "desk")
        desk = Desk(verifier, uploads, queue, allowances, metrics)
        guarded = Guarded(["known.invalid"], 1000, 1.0, 1.0)
        made = application(desk, Access(Tokens(database)), guarded=guarded)
        made.router.lifespan_context = _unopened
        yield made


@contextlib.asynccontextmanager
async def _unopened(_: FastAPI) -> AsyncIterator[None]:
    """Whoever asks starts and stops the application again and again; a desk opens once."""
    yield


@schemathesis.serializer("application/offset+octet-stream")
def raw(_: Any, value: Any) -> Any:
    """As it is."""
    return value


def test_no_question_finds_a_fault_or_an_answer_that_is_not_described(app: FastAPI) -> None:
    asked = 0
    for found in schemathesis.openapi.from_asgi("/api/v1/openapi.json", app).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @settings(
            max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def ask(case: schemathesis.Case[Any]) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(checks=CHECKS)

        ask()
    assert asked > 20
