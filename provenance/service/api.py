"""``/api/v1/examinations``: hand a file in, follow it, fetch what was found, take it back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.requests import ClientDisconnect

from provenance.documents.filed import Form
from provenance.results import VerificationReport
from provenance.results.schema import schema
from provenance.service.access import BEARER, REFUSALS, Access
from provenance.service.desk import Desk
from provenance.service.examinations import Examination, Progress
from provenance.service.guards import Pace
from provenance.service.metrics import DeskMetrics
from provenance.service.reports import MEDIA_TYPES, Reports
from provenance.service.state.tokens import Scope
from provenance.service.uploads import Received, receive

ROOT: Final = "/api/v1/examinations"
_LINGER_SECONDS: Final = 5.0
_LINGER_BYTES: Final = 64 * 1024**2


def _described(status: str, **more: Any) -> dict[str, Any]:
    return {"description": status, **more}


_SHAPE: Final = {"$id": "urn:provenance:examination:1", **schema(Progress, lambda *_: None)}
_PROGRESS: Final = {"content": {"application/json": {"schema": _SHAPE}}}
PROBLEM: Final = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["detail"],
                "properties": {"detail": {"type": "string"}},
            }
        }
    }
}
_NONE: Final[dict[int | str, Any]] = {404: _described("There is no such examination.", **PROBLEM)}
TAKEN: Final[dict[int | str, Any]] = {
    202: _described("The file is here and waits.", **_PROGRESS),
    400: _described("There is no file in the request.", **PROBLEM),
    408: _described("The upload was too slow.", **PROBLEM),
    413: _described("The file is too large.", **PROBLEM),
    **{code: one | PROBLEM for code, one in REFUSALS.items()},
    429: _described("Too many files, or too often; `Retry-After` says when again.", **PROBLEM),
    503: _described("The desk is closing.", **PROBLEM),
    507: _described("There is no room on the disk.", **PROBLEM),
}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "A video or a still image; what it is called or said to be does not count.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


class Intake:
    """Takes files in, for the interface and for the page alike."""

    def __init__(self, desk: Desk, access: Access, pace: Pace, metrics: DeskMetrics) -> None:
        self.desk, self._access, self._pace, self._metrics = desk, access, pace, metrics

    async def sender(self, request: Request, scope: Scope = "verify") -> str:
        """Whom a file is counted for that is about to come.

        Raises:
            HTTPException: they may not hand it in, or do so too often.
        """
        sender = await self._access.admit(request, scope)
        self._pace.check(sender.name, sender.per_minute)
        return sender.name

    @contextlib.asynccontextmanager
    async def refusing(self, request: Request) -> AsyncIterator[None]:
        """Count what is refused in the block, and have its sender see why."""
        try:
            yield
        except HTTPException as error:
            self._metrics.refusals.labels(str(error.status_code)).inc()
            if error.status_code != 408:
                await _linger(request)
            raise

    async def take(self, request: Request, scope: Scope = "verify") -> tuple[Examination, Received]:
        """Have a request's file examined.

        Raises:
            HTTPException: it is not taken, and why.
        """
        async with self.refusing(request):
            sender = await self.sender(request, scope)
            async with self.desk.place(sender) as (claim, path):
                received = await receive(request, path, self.desk.allowances)
                return await self.desk.hand_in(claim, received), received

    async def examined(self, request: Request) -> VerificationReport:
        """What a request's file says, once the last look was taken; then it is forgotten.

        Raises:
            HTTPException: it is not taken, can't be examined (415), or was given up (503).
        """
        one, _ = await self.take(request, "resolve")
        async for now in self.desk.changes(one.id):
            one = now
        if one.state != "cancelled":
            with contextlib.suppress(HTTPException):
                await self.desk.drop(one.id)
        if one.state == "refused":
            raise HTTPException(415, one.reason)
        if one.state != "done" or one.report is None:
            raise HTTPException(503, one.reason or "The examination was cancelled.")
        return one.report


async def _linger(request: Request) -> None:
    """Read on for a moment: who is still sending sees a closed connection, not the answer."""
    dropped = 0
    with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(_LINGER_SECONDS):
            async for piece in request.stream():
                dropped += len(piece)
                if dropped > _LINGER_BYTES:
                    return


def _known(key: str, request: Request) -> Examination:
    desk: Desk = request.app.state.desk
    return desk.find(key)


Known = Annotated[Examination, Depends(_known)]
"""The examination that a request's path names."""


def router(intake: Intake, reports: Reports) -> APIRouter:
    """The interface for programs."""
    made, desk = APIRouter(prefix=ROOT, tags=["examinations"]), intake.desk
    named = [Depends(BEARER)]

    @made.post("", status_code=202, responses=TAKEN, openapi_extra=_BODY, dependencies=named)
    async def hand_in(
        request: Request,
        name: Annotated[str, Query(max_length=255, description="What the file is called.")] = "",
    ) -> Response:
        """Have a file examined: a quick look first, then a normal one."""
        examination, _ = await intake.take(request)
        where = {"Location": f"{ROOT}/{examination.id}"}
        return JSONResponse(examination.progress.as_json(), 202, where)

    @made.get("/{key}", responses={200: _described("How it stands.", **_PROGRESS), **_NONE})
    async def look(examination: Known) -> Response:
        """How an examination stands, and what was found so far."""
        return JSONResponse(examination.progress.as_json())

    @made.get("/{key}/events", response_class=EventSourceResponse, responses=_NONE)
    async def follow(examination: Known) -> AsyncIterator[ServerSentEvent]:
        """The same, as server-sent events `progress`, whenever something changes."""
        async for one in desk.changes(examination.id):
            yield ServerSentEvent(event="progress", data=one.progress.as_json())

    @made.get(
        "/{key}/frames/{number}",
        responses={
            200: _described("A frame, small.", content={"image/jpeg": {}}),
            404: _described("There is no such examination, or no such frame.", **PROBLEM),
        },
    )
    async def frame(
        examination: Known,
        number: int,
        as_stamped: Annotated[
            bool, Query(description="The stamped picture, laid as it was, where it lies otherwise.")
        ] = False,
    ) -> Response:
        """One of a few frames of the file, counted from 0."""
        there = 0 <= number < len(examination.frames)
        shown = examination.frames[number] if there else None
        jpeg = shown and (shown.as_stamped if as_stamped else shown.jpeg)
        if jpeg is None:
            raise HTTPException(404, "There is no such frame of it.")
        return Response(jpeg, media_type="image/jpeg")

    @made.get(
        "/{key}/report.{form}",
        responses={
            200: _described(
                "The report.", content={kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}
            ),
            404: _described("There is no such examination, or no such report yet.", **PROBLEM),
            503: _described("It could not be signed.", **PROBLEM),
        },
    )
    async def report(examination: Known, form: Form) -> Response:
        """A report for outsiders, signed by this desk, once the examination is done.

        `provenance report check` tells who signed it, and whether it was changed."""
        return await reports.of(examination, form)

    @made.delete("/{key}", status_code=204, responses=_NONE)
    async def drop(key: str) -> Response:
        """Cancel an examination, and forget its file and what was found."""
        await desk.drop(key)
        return Response(status_code=204)

    return made
