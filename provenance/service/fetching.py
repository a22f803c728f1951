"""Files by address: the desk fetches them itself, from hosts that it was told of, and no others."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from provenance.errors import StorageError, UsageError
from provenance.service import api
from provenance.service.access import BEARER, REFUSALS
from provenance.service.api import PROBLEM, TAKEN, Intake
from provenance.service.state import Claim
from provenance.service.uploads import Received, shown_name
from provenance.system.guarded import Guarded

ROOT: Final = "/api/v1/fetched"
_AT_A_TIME: Final = 4
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    422: {"description": "The address can't be used, or its host is not one of the desk's."}
}


class Address(BaseModel):
    """Where a file lies."""

    url: str = Field(max_length=2048, description="It begins with https://.")


class Fetcher:
    """Fetches files into the desk's queue.

    Args:
        intake: takes them.
        guarded: says from where, and how much.
    """

    def __init__(self, intake: Intake, guarded: Guarded) -> None:
        self._intake, self._guarded = intake, guarded
        # Of its own: hosts may be slow, and nothing else is to wait for them.
        self._pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="fetch")
        self._running: set[asyncio.Task[None]] = set()
        self._stop = threading.Event()

    async def begin(self, request: Request, url: str) -> str:
        """Have a file fetched and examined; the examination's id.

        Raises:
            HTTPException: it is not, and why.
        """
        desk = self._intake.desk
        try:
            self._guarded.check(url)
        except UsageError as error:
            raise HTTPException(422, str(error)) from error
        sender = await self._intake.sender(request)
        name = shown_name(unquote(urlsplit(url).path))
        claim = await desk.arrive(sender, desk.allowances.upload_seconds, name=name)
        task = asyncio.create_task(self._fetch(claim, url))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return claim.key

    async def _fetch(self, claim: Claim, url: str) -> None:
        desk, loop = self._intake.desk, asyncio.get_running_loop()
        try:
            count = await loop.run_in_executor(self._pool, self._written, claim, url)
            await desk.hand_in(claim, Received(claim.name, count))
        except (UsageError, StorageError) as error:
            await desk.refuse(claim, str(error))
        except OSError:
            await desk.refuse(claim, "There is no room for the file now; try again later.")
        except HTTPException as error:
            await desk.refuse(claim, str(error.detail))

    def _written(self, claim: Claim, url: str) -> int:
        path = self._intake.desk.uploads.path(claim.file)
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "wb") as file:
            return self._guarded.fetch(url, file, self._stop)

    async def close(self) -> None:
        """Give up what is being fetched."""
        self._stop.set()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)


def router(intake: Intake, fetcher: Fetcher) -> APIRouter:
    """The interface; it is there only where hosts were named."""
    made = APIRouter(prefix=ROOT, tags=["examinations"])
    refused = {code: one | PROBLEM for code, one in (REFUSALS | _REFUSED).items()}

    @made.post("", status_code=202, responses=TAKEN | refused, dependencies=[Depends(BEARER)])
    async def hand_in(request: Request, address: Address) -> Response:
        """Have the file at an address fetched and examined."""
        async with intake.refusing(request):
            key = await fetcher.begin(request, address.url)
            one = await asyncio.to_thread(intake.desk.find, key, frames=False)
        where = {"Location": f"{api.ROOT}/{key}"}
        return JSONResponse(one.progress.as_json(), 202, where)

    return made
