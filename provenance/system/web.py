"""A file from a web address, over https alone, whole and of limited size.

What an address has behind its host is often a secret: no sentence shows it.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import urlsplit

from provenance.errors import StorageError, UsageError
from provenance.system.text import printable, size
from provenance.system.version import software_version

TIMEOUT: Final = 30.0
AGENT: Final = {"user-agent": f"provenance-stamp/{software_version()}"}
"""What every request says of who asks."""
_PASSES: Final = frozenset((408, 425, 429))
"""Refusals of a client that another try may not meet; those of a server may all pass."""


def may_pass(status: int) -> bool:
    """Whether an answer that is none may be another the next time."""
    return status >= 500 or status in _PASSES


def is_web(text: str) -> bool:
    """Whether it is the address of something on the web, safe or not."""
    return text.lower().startswith(("https://", "http://"))


def shown(url: str) -> str:
    """An address without what may be a secret."""
    return f"https://{urlsplit(url).netloc}/…"


class _OverHttps(urllib.request.HTTPRedirectHandler):
    """Goes on to https only."""

    def redirect_request(  # noqa: PLR0917 - the library's own
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if not newurl.lower().startswith("https://"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def downloaded(url: str, *, most: int) -> bytes:
    """What lies at an address.

    Args:
        url: it begins with https://, and has no user or password in it.
        most: bytes; what is larger is refused.

    Raises:
        UsageError: no such address.
        StorageError: it was not given; ``retryable`` when that may pass.
    """
    try:
        parts = urlsplit(url)
        given, _ = parts.hostname, parts.port
    except ValueError:
        given = None
    if not given or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError("The address of a list can't be read; give one like https://host/list.")
    if parts.scheme.lower() != "https":
        raise UsageError(f"A list is fetched over https only; http://{parts.hostname}/… is not.")
    if parts.username is not None or parts.password is not None:
        raise UsageError("The address of a list takes no user and password; it is signed anyway.")
    request = urllib.request.Request(  # noqa: S310 - https alone, see above
        url, headers=AGENT
    )
    try:
        opener = urllib.request.build_opener(_OverHttps)
        with opener.open(request, timeout=TIMEOUT) as answer:
            content = bytes(answer.read(most + 1))
            expected = answer.headers.get("content-length")
    except urllib.error.HTTPError as error:
        error.close()
        again = may_pass(error.code)
        raise refused(url, f"it answered {error.code}", retryable=again) from None
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLError):
            raise refused(url, "its certificate is not good", retryable=False) from None
        said = getattr(cause, "strerror", None) or "no answer"  # the rest may name the address
        raise refused(url, printable(said, 100).lower(), retryable=True) from None
    if len(content) > most:
        raise refused(url, f"it has more than {size(most)}", retryable=False)
    if expected is not None and expected.isdigit() and int(expected) != len(content):
        raise refused(url, "it came in short", retryable=True)
    return content


def refused(url: str, why: str, *, retryable: bool) -> StorageError:
    """What to raise of an address that does not give what it should."""
    return StorageError(
        f"{shown(url)} could not be fetched: {why}",
        retryable=retryable,
        advice="check the address and the network",
    )
