"""What stands before every request: names of the host, origins, headers, how often one may ask."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guards:
    """Middleware: a wrong name for the host and other sites' requests are refused, and every
    answer says what a browser may do with it.

    Args:
        app: what it stands before.
        hosts: names that the desk has; none: any.  A desk on a loopback address has only those of
            that address, or else a page anywhere could have its own name lead here.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, frozenset(name.lower() for name in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        await (self._app if refusal is None else refusal)(scope, receive, guarded)

    def _refusal(self, method: str, headers: Headers) -> ASGIApp | None:
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return PlainTextResponse("This desk has another name.\n", 421)
        if method in _SAFE:
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        foreign = site is not None and site not in ("same-origin", "none")
        if foreign or (origin is not None and urlsplit(origin).netloc != host):
            return PlainTextResponse("Requests from other sites are not taken.\n", 403)
        return None


def _name(host: str) -> str:
    """A host's name without its port."""
    return (urlsplit(f"//{host}").hostname or "").lower() if "@" not in host else ""


class Pace:
    """How many files a sender may hand in within a minute, at this desk."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check(self, sender: str, per_minute: int | None = None) -> None:
        """Count a file.

        Args:
            sender: whose it is.
            per_minute: how many of theirs, where that is not as everybody's.

        Raises:
            HTTPException: it is one too many (429), with the seconds to wait.
        """
        item = RateLimitItemPerMinute(per_minute or self._per_minute)
        if self._limiter.hit(item, sender):
            return
        free_at = self._limiter.get_window_stats(item, sender).reset_time
        wait = max(1, math.ceil(free_at - time.time()))
        raise HTTPException(
            429, f"That is too often; try again in {wait} s.", {"Retry-After": str(wait)}
        )


def address_of(request: Request) -> str:
    """Whom a request is counted for: an address, of IPv6 the network that one household has."""
    text = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return text
