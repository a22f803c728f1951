"""Who asks: a stranger, counted by address, or a program, counted by its token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import HTTPException, Request
from fastapi.security import HTTPBearer

from provenance.service.guards import address_of
from provenance.service.state import Tokens
from provenance.service.state.tokens import Scope

BEARER: Final = HTTPBearer(auto_error=False, description="A token of `provenance tokens create`.")
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"description": "A token is needed, or this is none."},
    403: {"description": "The token is not for this, or the request came from another site."},
}
_ASK: Final = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom a request is counted for; ``per_minute`` where it is not the desk's own figure."""

    name: str
    per_minute: int | None = None


class Access:
    """Says who may do what.

    Args:
        tokens: those of programs.
        closed: strangers may do nothing.
    """

    def __init__(self, tokens: Tokens, *, closed: bool = False) -> None:
        self._tokens, self._closed = tokens, closed

    async def admit(self, request: Request, scope: Scope) -> Sender:
        """Whoever asks, if they may.

        Raises:
            HTTPException: they need a token (401), or another one (403).
        """
        kind, _, word = request.headers.get("authorization", "").partition(" ")
        if not kind:
            if self._closed:
                raise HTTPException(401, "This needs a token.", _ASK)
            return Sender(address_of(request))
        token = None
        if kind.lower() == "bearer":
            token = await asyncio.to_thread(self._tokens.find, word.strip())
        if token is None:
            raise HTTPException(401, "The token is none of this desk's, or was revoked.", _ASK)
        if scope not in token.scopes:
            raise HTTPException(403, f"The token is not for this; it lacks the scope {scope}.")
        return Sender(f"token {token.id}", token.per_minute)

    async def inside(self, request: Request) -> None:
        """Hold what is for those who keep the desk to them, where strangers may do nothing; else
        it is a proxy's to keep.

        Raises:
            HTTPException: as of :meth:`admit`.
        """
        if self._closed:
            await self.admit(request, "admin")

    def needs(self, scope: Scope) -> Callable[[Request], Awaitable[Sender]]:
        """A dependency that holds requests to a scope."""

        async def admitted(request: Request) -> Sender:
            return await self.admit(request, scope)

        return admitted
