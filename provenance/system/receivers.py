"""Whoever is told of something: a web address, or a program.

A web address gets a POST after https://www.standardwebhooks.com: ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, an HMAC-SHA256 over the three parts of the message,
so that the receivers' libraries check it.  What an address has behind its host is often a secret,
and is in no sentence.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import http.client
import os
import re
import secrets
import shlex
import ssl
import stat
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol
from urllib.parse import urlsplit

from provenance.errors import DeliveryError, KeyringError, UsageError
from provenance.system.text import printable
from provenance.system.web import AGENT, may_pass

_SECRET: Final = re.compile(r"whsec_([A-Za-z0-9+/]+={0,2})\s*")
_SECRET_BYTES: Final = range(24, 65)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_TAIL: Final = 2000
"""Bytes of a program's complaints that are looked at."""
_AT_HOME: Final = ("localhost", "127.0.0.1", "::1")


class Receiver(Protocol):
    """Takes messages, one after the other."""

    @property
    def name(self) -> str:
        """By which it is known."""

    def tell(self, message_id: str, body: bytes) -> None:
        """Hand one over.

        Raises:
            DeliveryError: it was not taken.
        """


def new_secret() -> str:
    """A secret for signing webhooks, in the form that the receivers' libraries take."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def read_secret(path: Path) -> bytes:
    """The secret in a file that nobody else may read.

    Raises:
        KeyringError: it can't be read, is none, or others may read it.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(1024).decode("ascii", "replace")
            mode = os.fstat(stream.fileno()).st_mode
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise KeyringError(f"The secret {path} can't be read: {reason}.") from error
    if os.name == "posix" and mode & _OTHERS:
        raise KeyringError(f"Other users may read the secret {path}", advice="run chmod 600 on it")
    found, secret = _SECRET.fullmatch(text), b""
    with contextlib.suppress(binascii.Error):
        secret = b"" if found is None else base64.b64decode(found[1], validate=True)
    if len(secret) not in _SECRET_BYTES:
        raise KeyringError(
            f"{path} holds no webhook secret",
            advice="make one with `provenance keys webhook-secret FILE`",
        )
    return secret


def signature(secret: bytes, message_id: str, moment: int, body: bytes) -> str:
    """What stands in ``webhook-signature``."""
    signed = b"%b.%d.%b" % (message_id.encode("ascii"), moment, body)
    made = hmac.new(secret, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode("ascii")


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the message to a place that nobody named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A web address.

    Attributes:
        name: in sentences.
        url: https; http on this machine only.
        secret: signs every message; None: they go unsigned.
        timeout: seconds for each.
    """

    name: str
    url: str
    secret: bytes | None
    timeout: float

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        at_home = host in _AT_HOME and parts.scheme == "http"
        if not host or port == 0 or not self.url.isascii() or not self.url.isprintable():
            raise UsageError(
                "The webhook's address can't be read; give one like https://host/path."
            )
        if parts.scheme != "https" and not at_home:
            raise UsageError("A webhook's address begins with https:// (http:// on this machine).")
        if parts.username is not None or parts.password is not None:
            raise UsageError("A webhook's address takes no user and password; sign with a secret.")

    def tell(self, message_id: str, body: bytes) -> None:
        """Post it; any 2xx is an answer."""
        moment = int(time.time())
        headers = AGENT | {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(moment),
        }
        if self.secret is not None:
            headers["webhook-signature"] = signature(self.secret, message_id, moment, body)
        request = urllib.request.Request(self.url, body, headers)  # noqa: S310 - checked above
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=self.timeout) as answer:
                answer.read(1024)
        except urllib.error.HTTPError as error:
            error.close()
            again = may_pass(error.code)
            raise self._refused(f"it answered {error.code}", retryable=again) from None
        except (OSError, http.client.HTTPException) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            wrong = isinstance(cause, ssl.SSLCertVerificationError)
            said = getattr(cause, "strerror", None) or getattr(cause, "reason", None) or "no answer"
            # What the library says may name the address.
            raise self._refused(printable(said, 100).lower(), retryable=not wrong) from None

    def _refused(self, why: str, *, retryable: bool) -> DeliveryError:
        host = urlsplit(self.url).netloc
        return DeliveryError(f"{self.name} at {host} did not take it: {why}", retryable=retryable,
                             advice="what is left is told by the next run")  # fmt: skip


def _last_line(stream: IO[bytes]) -> str:
    """What a program complained of last, to go behind how it ended."""
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
    lines = stream.read().decode("utf-8", "replace").strip().splitlines()
    return f" ({printable(lines[-1], 200)})" if lines else ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is run for each message, which it reads from its standard input.

    Attributes:
        name: in sentences.
        command: as a shell would split it; no shell is run.
        timeout: seconds for each.
    """

    name: str
    command: str
    timeout: float

    def __post_init__(self) -> None:
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise UsageError("The hook's command can't be read: a quote is not closed.") from error
        if not words:
            raise UsageError("The hook's command is empty; name a program.")

    def tell(self, message_id: str, body: bytes) -> None:
        """Run it; it has taken the message when it ends with 0."""
        words = shlex.split(self.command)
        try:
            with tempfile.TemporaryFile() as complaints:
                done = subprocess.run(  # noqa: S603 - it is the user's own program
                    words,
                    input=body + b"\n",  # a line, for programs that read lines
                    stdout=subprocess.DEVNULL,
                    stderr=complaints,
                    timeout=self.timeout,
                    check=False,
                )
                said = _last_line(complaints)
        except subprocess.TimeoutExpired:
            raise self._failed(f"took longer than {self.timeout:g} s", retryable=True) from None
        except OSError as error:
            why = f"can't be run ({(error.strerror or 'an error').lower()})"
            raise self._failed(why, retryable=False) from error
        if done.returncode:
            raise self._failed(f"ended with {done.returncode}{said}", retryable=True)

    def _failed(self, why: str, *, retryable: bool) -> DeliveryError:
        program = printable(Path(shlex.split(self.command)[0]).name, 80)
        return DeliveryError(f"{self.name}'s program {program} {why}", retryable=retryable,
                             advice="what is left is told by the next run")  # fmt: skip
