"""``/api/v1/uploads``: uploads that go on after a break, by the tus protocol 1.0.0 (tus.io).

Its core with the extensions *creation*, *expiration* and *termination*: what other people's clients
(tus-js-client, Uppy, tuspy) ask of a server.  Why by hand: docs/adr/0011.

1. The upload is an examination from its beginning, under the same id: its place is counted, and
   ``GET /api/v1/examinations/ID`` tells how far it is.
2. Bytes count once they are on disk and noted.  Whoever goes on starts there, also at another desk
   of the same queue, or after this one was killed.
3. Of two who write at once the later goes on: the earlier connection may be one that broke.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import os
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response

from provenance.service.access import BEARER, REFUSALS
from provenance.service.api import PROBLEM, Intake
from provenance.service.state import Claim
from provenance.service.uploads import Received, no_room, pieces, shown_name, too_large

ROOT: Final = "/api/v1/uploads"
_VERSION: Final = "1.0.0"
_ALWAYS: Final = {"Tus-Resumable": _VERSION, "Cache-Control": "no-store"}
_KIND: Final = "application/offset+octet-stream"
_NOTED: Final = 1024 * 1024
"""Bytes after which it is noted how far an upload is."""
_MOST_METADATA: Final = 4096


def _version(request: Request) -> None:
    if request.headers.get("tus-resumable") != _VERSION:
        raise HTTPException(
            412, f"This is the tus protocol {_VERSION} alone.", {"Tus-Version": _VERSION}
        )


def _answers(*codes: int, **said: str) -> dict[int | str, dict[str, Any]]:
    known = {
        400: "A header is missing, or can't be read.",
        404: "There is no such upload.",
        408: "The upload was too slow.",
        409: "It does not go on there; HEAD tells where.",
        412: "It is another version of the protocol.",
        413: "The file is too large.",
        415: "The body is said to be of another kind.",
        429: "Too many files, or too often; `Retry-After` says when again.",
        503: "The desk is closing.",
        507: "There is no room on the disk.",
    }
    return {code: {"description": known[code], **PROBLEM} for code in codes}


_ASKED: Final = Header(description=f"The version of the protocol: {_VERSION}.")


def router(intake: Intake) -> APIRouter:
    """The interface, for the desk of an intake."""
    desk, allowed = intake.desk, intake.desk.allowances
    made = APIRouter(prefix=ROOT, tags=["uploads"])
    checked = [Depends(_version)]

    def until() -> dict[str, str]:
        return {"Upload-Expires": formatdate(time() + allowed.resume_seconds, usegmt=True)}

    @made.options("", status_code=204)
    async def offered() -> Response:
        """What of the protocol there is."""
        extensions = {"Tus-Extension": "creation,expiration,termination"}
        most = {"Tus-Version": _VERSION, "Tus-Max-Size": str(allowed.most_bytes)}
        return Response(status_code=204, headers=_ALWAYS | most | extensions)

    @made.post(
        "",
        status_code=201,
        dependencies=[*checked, Depends(BEARER)],
        responses={code: one | PROBLEM for code, one in REFUSALS.items()}
        | _answers(400, 412, 413, 429, 503, 507),
    )
    async def begin(
        request: Request,
        tus_resumable: Annotated[str, _ASKED] = "",
        upload_length: Annotated[str, Header(description="Bytes of the file.")] = "",
        upload_metadata: Annotated[str, Header(description="`filename` in base64.")] = "",
    ) -> Response:
        """Begin an upload; its address is in `Location`."""
        async with intake.refusing(request):
            if not (upload_length.isascii() and upload_length.isdigit()) or not int(upload_length):
                raise HTTPException(400, "Upload-Length has to say how many bytes will come.")
            if len(upload_length) > 18 or int(upload_length) > allowed.most_bytes:
                raise too_large(allowed)
            claim = await desk.arrive(
                await intake.sender(request),
                allowed.resume_seconds,
                name=shown_name(_name(upload_metadata)),
                length=int(upload_length),
            )
        return Response(
            status_code=201, headers=_ALWAYS | until() | {"Location": f"{ROOT}/{claim.key}"}
        )

    @made.head("/{key}", status_code=200, dependencies=checked, responses=_answers(404, 412, 503))
    async def reached(key: str, tus_resumable: Annotated[str, _ASKED] = "") -> Response:
        """How far it is."""
        one = await asyncio.to_thread(desk.find, key, frames=False)
        if one.length is None:
            raise HTTPException(404, "There is no such upload.")
        # A whole one stays there as long as its examination: the last answer may have been lost.
        so_far = {"Upload-Offset": str(one.bytes), "Upload-Length": str(one.length)}
        return Response(headers=_ALWAYS | so_far | (until() if one.state == "arriving" else {}))

    @made.patch(
        "/{key}",
        status_code=204,
        dependencies=checked,
        responses=_answers(400, 404, 408, 409, 412, 413, 415, 503, 507),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {_KIND: {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def go_on(
        request: Request,
        key: str,
        tus_resumable: Annotated[str, _ASKED] = "",
        upload_offset: Annotated[str, Header(description="Where the body belongs.")] = "",
    ) -> Response:
        """Send more of it; with the last byte the file is handed in under the upload's id."""
        async with intake.refusing(request):
            if request.headers.get("content-type") != _KIND:
                raise HTTPException(415, f"The body has to be {_KIND}.")
            if not (upload_offset.isascii() and upload_offset.isdigit()):
                raise HTTPException(400, "Upload-Offset has to say where the body belongs.")
            claim = await desk.continued(key)
            if str(claim.bytes) != upload_offset.lstrip("0").rjust(1, "0"):
                raise HTTPException(409, f"The upload goes on at byte {claim.bytes}.")
            count = await _write(request, intake, claim)
            if count == claim.length:
                await desk.hand_in(claim, Received(claim.name, count))
                return Response(status_code=204, headers=_ALWAYS | {"Upload-Offset": str(count)})
        return Response(status_code=204, headers=_ALWAYS | until() | {"Upload-Offset": str(count)})

    @made.delete("/{key}", status_code=204, dependencies=checked, responses=_answers(404, 412, 503))
    async def give_up(key: str, tus_resumable: Annotated[str, _ASKED] = "") -> Response:
        """Give it up, whole or not, and forget what came of it."""
        await desk.drop(key)
        return Response(status_code=204, headers=_ALWAYS)

    return made


def _name(metadata: str) -> str:
    """What the file is called, as tus has it: words in base64, each behind its key."""
    for pair in metadata[:_MOST_METADATA].split(","):
        key, _, value = pair.strip().partition(" ")
        if key in ("filename", "name"):
            with contextlib.suppress(binascii.Error, ValueError):
                return base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
    return ""


async def _write(request: Request, intake: Intake, claim: Claim) -> int:
    """Write a body behind what is there; how far the upload is now.

    Raises:
        HTTPException: it is too slow (408), longer than was said (413), continued by another
            request (409), or there is no room (507); what came until then counts.
    """
    desk, count, noted = intake.desk, claim.bytes, claim.bytes

    async def note() -> None:
        if not await desk.reached(claim, count):
            raise HTTPException(409, "Another request goes on with this upload.")

    try:
        async with _opened(desk.uploads.path(claim.file), count) as file:
            try:
                async for piece in pieces(request, desk.allowances):
                    if count + len(piece) > (claim.length or 0):
                        raise HTTPException(413, "More came than the upload was to have.")
                    await asyncio.to_thread(_all_of, file, piece, count)
                    count += len(piece)
                    if count - noted >= _NOTED:
                        await note()
                        noted = count
            finally:
                await asyncio.shield(note())
    except OSError as error:
        raise no_room() from error
    return count


@contextlib.asynccontextmanager
async def _opened(path: Path, length: int) -> AsyncIterator[int]:
    """A file for writing, cut off where what counts ends."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.ftruncate(file, length)
        yield file
    finally:
        os.close(file)


def _all_of(file: int, piece: bytes, offset: int) -> None:
    while piece:
        done = os.pwrite(file, piece, offset)
        piece, offset = piece[done:], offset + done
