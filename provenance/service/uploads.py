"""Strangers' files on disk: in a folder of the desk's own, for as long as they are examined.

Whose they are is in the desk's database (:mod:`.state`), and what nobody has in there is removed;
desks that share a database share the folder.  Names are made up.  A body is written as it comes,
raw or as the file of a form, and counted while it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from provenance.service.allowances import Allowances
from provenance.system.text import printable, size
from provenance.system.workspace import explained

_ID: Final = "id"
_NAME: Final = re.compile("[0-9a-f]{32}")
_MOST_FIELD: Final = 4096
"""Bytes of all form fields beside the file."""
_MOST_FRAME: Final = 64 * 1024
"""Bytes that a form may have around its file."""


class Uploads:
    """The folder of files, made for this user alone where it is not there.

    Raises:
        OutputError: it can't be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with explained(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.id = _id_of(folder / _ID)

    @property
    def database(self) -> Path:
        """Where the desk's own database lies, beside the files."""
        return self._folder / "desk.db"

    def path(self, file: str) -> Path:
        """Where a file lies."""
        return self._folder / file

    def names(self) -> frozenset[str]:
        """The files that are there."""
        return frozenset(one.name for one in self._folder.iterdir() if _NAME.fullmatch(one.name))

    def remove(self, files: Iterable[str]) -> None:
        """Remove files, where they are still there."""
        for file in files:
            with contextlib.suppress(OSError):  # the next sweep tries again
                self.path(file).unlink(missing_ok=True)


def _id_of(path: Path) -> str:
    """What tells a folder from others, wherever it is mounted; whoever comes first says it."""
    draft = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
    if not path.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(16))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text("ascii")[:32]


@dataclass(slots=True)
class Received:
    """What came with a file: what its sender calls it, and the fields of the form."""

    name: str = ""
    bytes: int = 0
    fields: dict[str, str] = field(default_factory=dict)


async def receive(request: Request, path: Path, allowed: Allowances) -> Received:
    """Write a request's file to ``path``, private, as it comes.

    Raises:
        HTTPException: it is too large (413), too slow (408), no file (400), or the disk is full
            (507).  ``path`` may be there then, and is the caller's to remove.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > allowed.most_bytes + _MOST_FRAME:
        raise too_large(allowed)
    kind, options = parse_options_header(request.headers.get("content-type"))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if kind == b"multipart/form-data":
                form = _Form(options.get(b"boundary", b""))
                async for piece in pieces(request, allowed):
                    for part in form.feed(piece):
                        await asyncio.to_thread(file.write, part)
                    if form.received.bytes > allowed.most_bytes:
                        raise too_large(allowed)
                received = form.finished()
            else:
                received = Received(name=request.query_params.get("name", ""))
                async for piece in pieces(request, allowed):
                    received.bytes += len(piece)
                    if received.bytes > allowed.most_bytes:
                        raise too_large(allowed)
                    await asyncio.to_thread(file.write, piece)
    except OSError as error:
        raise no_room() from error
    if not received.bytes:
        raise HTTPException(400, "There is no file in the request, or it is empty.")
    received.name = shown_name(received.name)
    return received


def shown_name(name: str) -> str:
    """What a file is called is shown, never used; a path in it says more than its sender meant."""
    return printable(name.replace("\\", "/").rpartition("/")[2], 120) or "file"


async def receive_form(request: Request) -> dict[str, str]:
    """The fields of a small form without a file.

    Raises:
        HTTPException: it is larger than such a form is, or none (400).
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_FIELD:
            raise _no_form()
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def too_large(allowed: Allowances) -> HTTPException:
    """What is answered of a file that is."""
    return HTTPException(413, f"The file is too large; the limit is {size(allowed.most_bytes)}.")


def no_room() -> HTTPException:
    """What is answered where the disk is full."""
    return HTTPException(507, "There is no room for the file now; try again later.")


async def pieces(request: Request, allowed: Allowances) -> AsyncIterator[bytes]:
    """A request's body, unless it comes too slowly.

    Raises:
        HTTPException: it does (408), or was broken off (400).
    """
    late = HTTPException(408, "The upload was too slow, and was given up.", {"Connection": "close"})
    body = request.stream().__aiter__()
    until = asyncio.get_running_loop().time() + allowed.upload_seconds
    while True:
        left = until - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(allowed.idle_seconds, left)):
                piece = await anext(body)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise late from error
        except ClientDisconnect as error:
            raise HTTPException(400, "The upload was broken off.") from error
        if piece:
            yield piece


class _Form:
    """A form that is read as it comes: the bytes of its file are handed on, fields are kept."""

    def __init__(self, boundary: bytes) -> None:
        self.received = Received()
        self._header = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        self._is_file = self._had_file = self._ended = False
        self._text = bytearray()
        self._parts: list[bytes] = []
        self._kept = 0
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._whole,
                },
            )
        except FormParserError as error:
            raise _no_form() from error

    def feed(self, piece: bytes) -> list[bytes]:
        """The parts of the file in the next piece of the body."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _no_form() from error
        parts, self._parts = self._parts, []
        self.received.bytes += sum(map(len, parts))
        return parts

    def finished(self) -> Received:
        """What came, once all has."""
        if not self._ended:
            raise _no_form()
        return self.received

    def _begin(self) -> None:
        self._headers, self._field, self._is_file = {}, None, False
        self._text.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            return
        if self._had_file:
            raise HTTPException(400, "The form has several files; send one at a time.")
        self._is_file = self._had_file = True
        self.received.name = options[b"filename"].decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._parts.append(data[start:end])
            return
        self._kept += end - start
        if self._kept > _MOST_FIELD:
            raise _no_form()
        self._text += data[start:end]

    def _end(self) -> None:
        if self._field and not self._is_file:
            self.received.fields[self._field] = self._text.decode("utf-8", "replace")

    def _whole(self) -> None:
        self._ended = True


def _no_form() -> HTTPException:
    return HTTPException(400, "The form can't be read; send the file as the body of the request.")
