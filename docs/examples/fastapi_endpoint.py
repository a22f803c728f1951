"""A small service that hands out stamped clips: one that was uploaded, or one that it makes.

    pip install provenance-stamp fastapi uvicorn
    uvicorn --factory fastapi_endpoint:app
    curl --data-binary @clip.mp4 "localhost:8000/stamp?prompt=a+gallery" -o stamped.mp4
    curl -X POST "localhost:8000/generate?prompt=a+gallery" -o made.mp4

The work is done in a thread, since it computes for seconds.  A task of asyncio that is cancelled
leaves its thread running, so the thread is told by a `provenance.Cancel` when its client has gone.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response

import provenance

T = TypeVar("T")
SIZE, FPS = (640, 360), 24


async def in_thread(request: Request, work: Callable[[provenance.Cancel], T]) -> T:
    """Run `work` in a thread, and cancel it once the client has gone.

    Raises:
        provenance.CancelledError: it has gone; nothing was published.
    """
    cancel = provenance.Cancel()
    task = asyncio.create_task(asyncio.to_thread(work, cancel))
    try:
        while not task.done() and not await request.is_disconnected():
            await asyncio.wait({task}, timeout=0.2)
    finally:
        cancel.set()  # what is done by now stays done
        await asyncio.wait({task})
    return task.result()


def scratch() -> Iterator[Path]:
    """A folder that lives until the response was sent."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


Scratch = Annotated[Path, Depends(scratch)]


def noise(prompt: str) -> Iterable[np.ndarray]:
    """Stands for your model: 48 frames of (H, W, 3)."""
    random = np.random.default_rng(len(prompt))
    for _ in range(48):
        small = random.integers(60, 190, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
        yield small.repeat(8, axis=0).repeat(8, axis=1)


def service(
    stamper: provenance.Stamper, generate: Callable[[str], Iterable[object]] = noise
) -> FastAPI:
    """The application; one stamper serves every request."""
    app = FastAPI(title="Stamped clips")

    def claims(prompt: str) -> provenance.Claims:
        return provenance.Claims.of(
            stamper.keyring, model_name="ExampleVideoModel", model_version="3.2.1", prompt=prompt
        )

    @app.post("/stamp")
    async def stamp(request: Request, prompt: str, folder: Scratch) -> FileResponse:
        """Stamp the clip in the request's body."""
        source, target = folder / "clip", folder / "stamped.mp4"
        with source.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
        await in_thread(
            request, lambda cancel: stamper.stamp(source, target, claims(prompt), cancel=cancel)
        )
        return FileResponse(target, media_type="video/mp4")

    @app.post("/generate")
    async def make(request: Request, prompt: str, folder: Scratch) -> FileResponse:
        """Make a clip, and stamp it before it is ever encoded."""
        target = folder / "made.mp4"

        def work(cancel: provenance.Cancel) -> None:
            width, height = SIZE
            with stamper.open(
                target,
                width=width,
                height=height,
                fps=FPS,
                claims=claims(prompt),
                cancel=cancel,
            ) as clip:
                clip.write_all(generate(prompt))

        await in_thread(request, work)
        return FileResponse(target, media_type="video/mp4")

    @app.exception_handler(provenance.ProvenanceError)
    async def refused(_request: Request, error: provenance.ProvenanceError) -> Response:
        """Say why: the client's fault, or ours."""
        theirs = isinstance(error, provenance.InputError | provenance.UsageError)
        said = {"code": error.code, "error": str(error), "advice": error.advice}
        return JSONResponse(said, status_code=422 if theirs else 503)

    return app


def app() -> FastAPI:
    """The service with the keys in ./keys and a registry beside them."""
    registry = provenance.Registry("registry.db", create=True)
    return service(provenance.Stamper(provenance.Keyring.load("keys"), registry=registry))
