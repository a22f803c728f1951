"""The desk as an application: its pages, its interface, its health and its metrics."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException as AnyHTTPException

from provenance.errors import RegistryError
from provenance.manifest import Signer
from provenance.registry import Registry
from provenance.service import api, fetching, page, resolution, resumable
from provenance.service.access import BEARER, REFUSALS, Access
from provenance.service.desk import Desk
from provenance.service.examinations import ENDED
from provenance.service.guards import Guards, Pace
from provenance.service.metrics import CONTENT_TYPE
from provenance.service.reports import Reports
from provenance.system.guarded import Guarded
from provenance.system.version import software_version

_LOG = logging.getLogger(__name__)
_PROGRAMS = ("/api/", f"{resolution.ROOT}/", resolution.WELL_KNOWN)
"""Where programs ask, who want no page."""
_ABOUT = (
    "What `provenance verify` says of a video or a still image: hand it in, follow its "
    "examination, fetch the result. Files are deleted once they are examined."
)


def application(
    desk: Desk,
    access: Access,
    *,
    hosts: Collection[str] = (),
    registry: Registry | None = None,
    guarded: Guarded | None = None,
    signer: Signer | None = None,
) -> FastAPI:
    """The desk's application; it opens the desk when it starts and closes it when it stops.

    Args:
        desk: not opened yet.
        access: who may do what.
        hosts: names that it may be called by; none: any.
        registry: whose manifests are given out by the C2PA Soft Binding Resolution API; with none
            there is no such interface.
        guarded: fetches files by address; with none there is no such interface.
        signer: who signs reports; with none there are none.
    """

    intake = api.Intake(desk, access, Pace(desk.allowances.per_minute), desk.metrics)
    fetcher = None if guarded is None else fetching.Fetcher(intake, guarded)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with desk:
            yield
            if fetcher is not None:
                await fetcher.close()

    app = FastAPI(
        title="provenance desk",
        version=software_version(),
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page would load a program from elsewhere
        redoc_url=None,
    )
    app.state.desk = desk
    reports = Reports(signer)
    app.include_router(api.router(intake, reports))
    app.include_router(resumable.router(intake))
    if fetcher is not None:
        app.include_router(fetching.router(intake, fetcher))
    if registry is not None:
        app.include_router(
            resolution.router(registry, intake.examined),
            dependencies=[Depends(BEARER), Depends(access.needs("resolve"))],
            responses={code: one | api.PROBLEM for code, one in REFUSALS.items()},
        )
    app.include_router(page.router(intake, reports))
    app.mount("/static", page.static())
    app.add_middleware(Guards, hosts=hosts)

    @app.exception_handler(AnyHTTPException)
    async def troubled(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith(_PROGRAMS):
            return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
        return page.troubled(request, error)

    @app.exception_handler(RegistryError)
    async def unanswered(request: Request, error: RegistryError) -> Response:
        _LOG.error("the desk's database failed (%s)", type(error.__cause__).__name__)
        said = "The desk's database can't be asked now; try again later."
        return await troubled(request, HTTPException(503, said))

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        return PlainTextResponse(*(("closing\n", 503) if desk.closing else ("ok\n", 200)))

    @app.get("/metrics", include_in_schema=False, dependencies=[Depends(access.inside)])
    def measured() -> Response:
        counts = desk.counts()
        taken = sum(count for state, count in counts.items() if state not in ENDED)
        return Response(desk.metrics.page(taken), media_type=CONTENT_TYPE)

    return app
