"""The page for people: a form, and what was found; usable without JavaScript.

A function from a request and the desk to a page.  Forms carry a token that their browser has in a
cookie as well, beside the check of origins (:mod:`.guards`).
"""

from __future__ import annotations

import functools
import hmac
import secrets
from importlib import resources
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from provenance.results import Verdict
from provenance.service import api, shown
from provenance.service.api import Intake, Known
from provenance.service.reports import Reports
from provenance.service.texts import Texts, accepted, catalogue, chosen
from provenance.service.uploads import receive_form
from provenance.system.text import size
from provenance.system.tongue import retold, speaking
from provenance.system.version import software_version

_LANGUAGE: Final = "language"
_FORM: Final = "form"
_REFRESH_SECONDS: Final = 2


@functools.cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("provenance.service", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["retold"] = retold
    made.filters["points"] = lambda corners: " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return made


def _texts(request: Request) -> Texts:
    asked = (request.query_params.get("lang"), request.cookies.get(_LANGUAGE))
    spoken = accepted(request.headers.get("accept-language", ""))
    return chosen([*(code for code in asked if code), *spoken])


def page(
    request: Request, template: str, status: int = 200, *, fragment: bool = False, **values: Any
) -> Response:
    """One of the templates as an answer, in the language asked for."""
    texts = _texts(request)
    token = request.cookies.get(_FORM) or secrets.token_urlsafe(18)
    with speaking(texts.tongue):
        text = (
            _templates()
            .get_template(template)
            .render(
                t=texts,
                languages=[(code, one["language"]) for code, one in catalogue().items()],
                token=token,
                api=api.ROOT,
                fragment=fragment,
                version=software_version(),
                path=request.url.path,
                **values,
            )
        )
    answer = HTMLResponse(text, status, {"Content-Language": texts.language})
    cookie: dict[str, Any] = {"httponly": True, "samesite": "strict", "path": "/"}
    cookie["secure"] = request.url.scheme == "https"
    answer.set_cookie(_FORM, token, **cookie)
    if "lang" in request.query_params:
        answer.set_cookie(_LANGUAGE, texts.language, max_age=365 * 86400, **cookie)
    return answer


def troubled(request: Request, error: HTTPException) -> Response:
    """The page of what went wrong."""
    answer = page(request, "trouble.html", error.status_code, said=error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _check(request: Request, token: str) -> None:
    kept = request.cookies.get(_FORM, "")
    if not kept or not hmac.compare_digest(kept.encode(), token.encode()):
        raise HTTPException(403, _texts(request)["trouble.form"])


def router(intake: Intake, reports: Reports) -> APIRouter:
    """The pages."""
    made, desk = APIRouter(include_in_schema=False), intake.desk

    @made.get("/")
    async def start(request: Request) -> Response:
        most = desk.allowances.most_bytes
        return page(
            request,
            "start.html",
            most=size(most),
            most_bytes=most,
            verdicts={one: _texts(request)[f"verdict.{one}"] for one in Verdict},
        )

    @made.post("/examine")
    async def examine(request: Request) -> Response:
        examination, received = await intake.take(request)
        try:
            _check(request, received.fields.get("token", ""))
        except HTTPException:
            await desk.drop(examination.id)
            raise
        return RedirectResponse(f"/examinations/{examination.id}", 303)

    @made.get("/examinations/{key}")
    async def result(request: Request, examination: Known, part: bool = False) -> Response:
        return page(
            request,
            "result.html",
            fragment=part,
            one=examination,
            ahead=examination.ahead,
            found=shown.finding(examination, _texts(request)),
            reports=reports.forms(examination),
            refresh=_REFRESH_SECONDS,
            bytes=size(examination.bytes),
        )

    @made.post("/examinations/{key}/remove")
    async def remove(request: Request, key: str) -> Response:
        _check(request, (await receive_form(request)).get("token", ""))
        await desk.drop(key)
        return RedirectResponse("/", 303)

    return made


def static() -> StaticFiles:
    """The style and the module that pages load."""
    return StaticFiles(directory=str(resources.files("provenance.service").joinpath("static")))
