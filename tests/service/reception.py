"""An intake for the resolution API alone, in the desk's place: a body is written down, examined by
a worker, and deleted."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from provenance.results import VerificationReport
from provenance.system.text import size
from provenance.verifying.verifier import Verifier

MOST_BYTES: Final = 512 * 1024**2
LONGEST_SECONDS: Final = 900.0


class Reception:
    """Takes in what is to be examined, a few files at a time.

    Args:
        verifier: examines; quick effort is enough to recover a manifest.
        folder: where files lie meanwhile, private and under names of our own.
        most_bytes: largest file.
        longest_seconds: longest upload.
        places: files that arrive, wait or are examined at a time; default: four a worker.
    """

    def __init__(
        self,
        verifier: Verifier,
        folder: Path,
        *,
        most_bytes: int = MOST_BYTES,
        longest_seconds: float = LONGEST_SECONDS,
        places: int | None = None,
    ) -> None:
        self._verifier, self._folder = verifier, folder
        self._most_bytes, self._longest_seconds = most_bytes, longest_seconds
        self._free = 4 * verifier.workers if places is None else places

    async def __call__(self, request: Request) -> VerificationReport:
        """Examine the body of a request.

        Raises:
            HTTPException: there is none (400), it is too slow (408) or too large (413), or there
                are too many (429).
            InputError: it can't be examined.
            ServiceError: no worker can be started.
        """
        if self._free < 1:
            raise HTTPException(429, "Too many files; try again later.", {"Retry-After": "10"})
        self._free -= 1
        try:
            with tempfile.TemporaryDirectory(prefix="resolve-", dir=self._folder) as private:
                path = Path(private, "asset")
                await self._receive(request, path)
                return await run_in_threadpool(self._verifier.verify, path)
        finally:
            self._free += 1

    async def _receive(self, request: Request, path: Path) -> None:
        declared, count = request.headers.get("content-length", ""), 0
        if declared.isdecimal() and int(declared[:20]) > self._most_bytes:
            raise self._too_large()
        try:
            with path.open("xb") as file:
                async with asyncio.timeout(self._longest_seconds):
                    async for piece in request.stream():
                        count += len(piece)
                        if count > self._most_bytes:
                            raise self._too_large()
                        await run_in_threadpool(file.write, piece)
        except TimeoutError as error:
            raise HTTPException(408, "The upload was too slow, and was given up.") from error
        except ClientDisconnect as error:
            raise HTTPException(400, "The upload was broken off.") from error
        if not count:
            raise HTTPException(400, "There is no file; send it as the body of the request.")

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The file is larger than {size(self._most_bytes)}.")
