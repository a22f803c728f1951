"""The interface's addresses: what is asked is checked, what is answered is described.

Only what was published is given out: manifest stores, as they were in the stamped files.  Nothing
is fetched from anywhere, and nothing is taken in: this registry gets its stamps from ``stamp``,
which has read the mark back, and a manifest that a stranger binds to an id would vouch for nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from provenance.errors import InputError, RegistryError, ServiceError
from provenance.manifest import active_alone
from provenance.registry import Registry
from provenance.results import VerificationReport
from provenance.service.resolution.models import (
    MOST_VALUE,
    Algorithms,
    Binding,
    BindingQuery,
    Capabilities,
    ContentQuery,
    Discovery,
    FetchQuery,
    Limited,
    Match,
    Matches,
    Problem,
    Status,
    parameters,
)
from provenance.service.resolution.resolver import Resolver, stamps_in

ROOT: Final = "/v1"
WELL_KNOWN: Final = "/.well-known/c2pa-soft-binding-resolution"
MANIFEST_STORE: Final = "application/c2pa"
_MOST_BODY: Final = 64 * 1024
_LONGEST_ID: Final = 512
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_NOT_PERMITTED: Final = (
    (
        "/manifests",
        ("POST",),
        "This registry takes manifests from `provenance stamp` only, which has read the mark back.",
    ),
    (
        "/manifests/{activeManifestId}",
        ("DELETE",),
        "Nothing is deleted from this registry; `provenance registry revoke` withdraws a stamp.",
    ),
    (
        "/bindings",
        ("POST", "PUT"),
        "A soft binding of this registry is the stamp's own id, and can't be given to another.",
    ),
    (
        "/matches/byReference",
        ("POST",),
        "This service fetches nothing from elsewhere; send the file to /matches/byContent.",
    ),
)
_MANIFEST_ID: Final = {
    "name": "activeManifestId",
    "in": "path",
    "required": True,
    "description": "Identifier of an active manifest: `urn:c2pa:...`.",
    "schema": {"type": "string"},
}
Examine = Callable[[Request], Awaitable[VerificationReport]]
"""Has the body of a request examined; may refuse with an ``HTTPException``."""
_Answer = TypeVar("_Answer")
_Query = TypeVar("_Query", bound=BaseModel)


def router(registry: Registry, examine: Examine | None = None) -> APIRouter:
    """The interface, of a registry.

    Args:
        registry: whose manifests are given out; a withdrawn stamp's are not.
        examine: has files examined that are sent to be matched; with none there is no such address.
    """
    made, resolver = APIRouter(tags=["soft binding resolution"]), Resolver(registry)

    @made.get(
        f"{ROOT}/matches/byBinding",
        response_model=Matches,
        responses=_problems(400, 414, 500),
        openapi_extra={"parameters": parameters(BindingQuery)},
    )
    async def by_binding(request: Request) -> Matches:
        """The manifest of a soft binding."""
        if len(request.query_params.get("value", "")) > MOST_VALUE:
            raise HTTPException(414, "The value is too long for an address; use POST instead.")
        query = _query(BindingQuery, request)
        return _matches(await _asked(resolver.manifest_ids, [query.stamp_id]), query)

    @made.post(
        f"{ROOT}/matches/byBinding",
        response_model=Matches,
        responses=_problems(400, 413, 500),
        openapi_extra={
            "parameters": parameters(Limited),
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": Binding.model_json_schema()}},
            },
        },
    )
    async def by_large_binding(request: Request) -> Matches:
        """The same, of a soft binding in the body."""
        limit = _query(Limited, request)
        try:
            binding = Binding.model_validate_json(await _body(request))
        except ValidationError as error:
            raise _wrong(error) from error
        return _matches(await _asked(resolver.manifest_ids, [binding.stamp_id]), limit)

    if examine is not None:

        @made.post(
            f"{ROOT}/matches/byContent",
            response_model=Matches,
            responses=_problems(400, 408, 413, 415, 429, 500, 503, 507),
            openapi_extra={
                "parameters": parameters(ContentQuery),
                "requestBody": {
                    "required": True,
                    "content": dict.fromkeys(("video/*", "image/*", "application/*"), _BINARY),
                },
            },
        )
        async def by_content(request: Request) -> Matches:
            """The manifests of a file, by the watermarks in its picture."""
            query = _query(ContentQuery, request)
            try:
                report = await examine(request)
            except InputError as error:
                raise HTTPException(415, str(error)) from error
            except ServiceError as error:
                raise HTTPException(500, "The file can't be examined now.") from error
            if report.registry.failed:
                raise _unasked()
            return _matches(await _asked(resolver.manifest_ids, stamps_in(report)), query)

    @made.get(
        f"{ROOT}/manifests/{{activeManifestId}}",
        response_class=Response,
        responses={
            200: {"description": "The manifest store.", "content": {MANIFEST_STORE: _BINARY}},
            **_problems(400, 404, 500),
        },
        openapi_extra={"parameters": [_MANIFEST_ID, *parameters(FetchQuery)]},
    )
    async def manifest(request: Request) -> Response:
        """A manifest store; with `returnActiveManifest` without what it was made from."""
        query, store = _query(FetchQuery, request), None
        wanted = request.path_params["activeManifestId"]
        if wanted.isprintable() and len(wanted) <= _LONGEST_ID:
            store = await _asked(resolver.store, wanted)
        if store is None:
            raise HTTPException(404, "There is no such manifest.")
        return Response(
            active_alone(store) if query.returnActiveManifest else store, media_type=MANIFEST_STORE
        )

    for path, methods, why in _NOT_PERMITTED:
        _refuse(made, path, methods, why)

    @made.get(f"{ROOT}/services/supportedAlgorithms")
    async def algorithms() -> Algorithms:
        """Algorithms that are looked up."""
        return Algorithms()

    @made.get(f"{ROOT}/services/status")
    async def status() -> Status:
        """Whether the registry answers."""
        try:
            await run_in_threadpool(resolver.check)
        except RegistryError:
            return Status(status="down", timestamp=_now())
        return Status(status="ok", timestamp=_now())

    @made.get(f"{ROOT}/services/capabilities")
    async def capabilities() -> Capabilities:
        """Optional parts that there are."""
        return Capabilities(supportedCapabilities=[] if examine is None else ["queryByContent"])

    @made.get(WELL_KNOWN)
    async def discovery(request: Request) -> Discovery:
        """Where the interface is."""
        root = str(request.base_url).rstrip("/") + ROOT
        return Discovery(
            apiEndpoint=root,
            capabilitiesEndpoint=f"{root}/services/capabilities",
            statusEndpoint=f"{root}/services/status",
        )

    return made


def _refuse(made: APIRouter, path: str, methods: tuple[str, ...], why: str) -> None:
    """Say of an address that nothing is done there, and why."""

    async def not_permitted() -> Response:
        raise HTTPException(403, why)

    for method in methods:
        made.add_api_route(
            ROOT + path,
            not_permitted,
            methods=[method],
            name=f"not permitted: {method} {path}",
            description=why,
            status_code=403,
            response_model=Problem,
            openapi_extra={"parameters": [_MANIFEST_ID] if "{" in path else []},
        )


def _query(model: type[_Query], request: Request) -> _Query:
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise _wrong(error) from error


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BODY:
            raise HTTPException(413, "The body is too large for a soft binding.")
    return bytes(body)


async def _asked(ask: Callable[[Any], _Answer], what: Any) -> _Answer:
    try:
        return await run_in_threadpool(ask, what)
    except RegistryError as error:
        raise _unasked() from error


def _matches(found: list[str], limit: Limited) -> Matches:
    return Matches(matches=[Match(manifestId=one) for one in found[: limit.maxResults]])


def _wrong(error: ValidationError) -> HTTPException:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "The body"
    return HTTPException(400, f"{name}: {first['msg'].removeprefix('Value error, ')}.")


def _unasked() -> HTTPException:
    """Without the registry's own words, which name servers and folders."""
    return HTTPException(500, "The registry can't be asked now; try again later.")


def _problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": Problem, "description": HTTPStatus(code).phrase} for code in codes}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
