"""The desk on a port: uvicorn, with patience that ends, and a stop that loses nobody's file."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, ClassVar, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from provenance.errors import UsageError

_CONNECTIONS: Final = 512
_OF_ONE_ADDRESS: Final = 64
_STOP_SECONDS: Final = 10
_SIGNS: Final = 16 * 1024
"""Bytes of a request's head."""


class _Patient(H11Protocol):
    """HTTP for strangers: a connection that asks for nothing is closed, and so are too many."""

    crowd: ClassVar[Counter[str]] = Counter()
    alone = True
    """Whether an address is one sender; that of a proxy is not."""
    patience = 20.0
    """Seconds for the head of a request, from the opening of the connection or its first byte."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._from = self.client[0] if self.client else ""
        self.crowd[self._from] += 1
        self._waiting: asyncio.TimerHandle | None = None
        if self.alone and self.crowd[self._from] > _OF_ONE_ADDRESS:
            transport.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waited()
        self.crowd[self._from] -= 1
        if not self.crowd[self._from]:
            del self.crowd[self._from]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._idle() and self._waiting is None:
            self._wait()
        super().data_received(data)
        if not self._idle():
            self._waited()

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self.patience, self._give_up)

    def _waited(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self._idle():
            self.transport.abort()


class _Server(uvicorn.Server):
    """Stops on the first signal and says so to those who follow; ends well then."""

    def __init__(
        self, config: uvicorn.Config, *, opened: Callable[[], None], closing: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._opened, self._closing = opened, closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._opened()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not kept for later, as uvicorn does: a stop that was asked for is no failure."""
        self.force_exit, self.should_exit = self.should_exit, True


def listen(host: str, port: int) -> socket.socket:
    """A socket for the desk.

    Raises:
        UsageError: the address or port can't be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        made.close()
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(
            f"The desk can't be at {host}, port {port}: {reason}",
            advice="choose another",
            settings=("port",),
        ) from error
    return made


def address_of(bound: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def run(
    app: FastAPI,
    bound: socket.socket,
    *,
    patience: float,
    proxy: str | None,
    opened: Callable[[], None],
    closing: Callable[[], None],
) -> None:
    """Serve until a signal asks for the end.

    Args:
        app: the desk.
        bound: from :func:`listen`; it is closed.
        patience: seconds for the head of a request.
        proxy: the address of a proxy whose word on the sender's address is taken.
        opened: called once requests are answered.
        closing: called before open connections are waited for.
    """
    own = {"crowd": Counter[str](), "alone": proxy is None, "patience": patience}
    protocol: Any = type("_Protocol", (_Patient,), own)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_config=None,
        log_level="error",  # strangers' nonsense is no news
        access_log=False,
        server_header=False,
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_STOP_SECONDS,
        h11_max_incomplete_event_size=_SIGNS,
    )
    with contextlib.closing(bound):
        _Server(config, opened=opened, closing=closing).run([bound])
