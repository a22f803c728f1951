"""A file from an address that a stranger named: from known hosts, over https, from nowhere private.

1. The host is on a list, by its whole name; so is that of every redirect, and each speaks https.
2. Its name is looked up once, and the connection made to what was found there: a name that leads
   elsewhere the second time gains nothing.
3. Whatever it leads to is an address of the public internet.
4. Size and time have limits, and what comes goes to the disk as it does.

What an address has behind its host is often a secret: no sentence shows it.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from urllib.parse import urljoin, urlsplit

from provenance.errors import StorageError, UsageError
from provenance.system.text import printable, size
from provenance.system.web import AGENT, refused

_REDIRECTS: Final = 5
_BLOCK: Final = 256 * 1024
_LONGEST: Final = 2048
_PORT: Final = 443
_MOVED: Final = frozenset((301, 302, 303, 307, 308))
_TUNNELS: Final = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "2002::/16", "2001::/32")))
"""Addresses that a gateway may turn into any other."""


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet, and of one machine."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in tunnel for tunnel in _TUNNELS):
            return False
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True)
class Guarded:
    """Fetches files from some hosts.

    Attributes:
        hosts: names, ``videos.example.org``, each with its port where that is not 443.
        most: bytes of a file.
        seconds: of a file altogether.
        idle: seconds without a byte.
        public: whether an address may be connected to.
        context: whose certificates are good; default: what the system trusts.
    """

    hosts: Collection[str]
    most: int
    seconds: float
    idle: float
    public: Callable[[str], bool] = is_public
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def check(self, url: str) -> None:
        """Hold an address to the list.

        Raises:
            UsageError: it is none, not of https, or its host is not on the list.
        """
        self._parts(url)

    def fetch(self, url: str, file: BinaryIO, stop: threading.Event) -> int:
        """Write what lies at an address into a file; its bytes.

        Args:
            url: it begins with https://.
            file: opened for writing.
            stop: ends it early once it is set.

        Raises:
            UsageError: as of :meth:`check`, also where it leads to.
            StorageError: it was not given, is too large or too slow.
        """
        until = time.monotonic() + self.seconds
        for _ in range(_REDIRECTS + 1):
            host, port, target = self._parts(url)
            connection = _Pinned(host, port, self, until)
            try:
                connection.request("GET", target, headers={**AGENT, "Accept-Encoding": "identity"})
                answer = connection.getresponse()
                if answer.status not in _MOVED:
                    return self._written(url, answer, file, stop, until)
                url = urljoin(url, answer.headers.get("location", ""))
            except ssl.SSLError as error:
                raise refused(url, "its certificate is not good", retryable=False) from error
            except TimeoutError as error:
                raise refused(url, "it is too slow", retryable=True) from error
            except (OSError, http.client.HTTPException, ValueError) as error:
                said = getattr(error, "strerror", None) or "no answer"
                raise refused(url, printable(said, 100).lower(), retryable=True) from error
            finally:
                connection.close()
        raise refused(url, "it leads on and on", retryable=False)

    def _parts(self, url: str) -> tuple[str, int, str]:
        """Host, port, and what is asked for there (1)."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port or _PORT
        except ValueError:
            host = ""
        plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= _LONGEST
        if not host or not plain:
            raise UsageError("The address can't be read; give one like https://host/video.mp4.")
        if parts.scheme != "https" or parts.username is not None:
            raise UsageError("Files are fetched over https, without user or password.")
        if (host if port == _PORT else f"{host}:{port}") not in self.hosts:
            raise UsageError("Files are not fetched from this host.")
        query = f"?{parts.query}" if parts.query else ""
        return host, port, f"{parts.path or '/'}{query}"

    def _written(
        self,
        url: str,
        answer: http.client.HTTPResponse,
        file: BinaryIO,
        stop: threading.Event,
        until: float,
    ) -> int:
        if answer.status != 200:
            raise refused(url, f"it answered {answer.status}", retryable=answer.status >= 500)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise refused(url, "it comes packed", retryable=False)
        expected, count = answer.length, 0
        while True:
            if (expected or 0) > self.most or count > self.most:
                raise refused(url, f"it has more than {size(self.most)}", retryable=False)
            if stop.is_set():
                raise refused(url, "it was cancelled", retryable=True)
            if time.monotonic() > until:
                raise TimeoutError
            piece = answer.read1(_BLOCK)
            if not piece:
                break
            file.write(piece)
            count += len(piece)
        if expected is not None and expected != count:
            raise refused(url, "it came in short", retryable=True)
        if not count:
            raise refused(url, "it is empty", retryable=False)
        return count


class _Pinned(http.client.HTTPSConnection):
    """A connection to an address that was looked at (2, 3)."""

    def __init__(self, host: str, port: int, rules: Guarded, until: float) -> None:
        super().__init__(host, port, timeout=rules.idle, context=rules.context)
        self._rules, self._until = rules, until

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not all(map(self._rules.public, addresses)):
            raise StorageError("The host leads to an address that is not public.")
        for address in addresses:
            left = min(self._rules.idle, self._until - time.monotonic())
            if left <= 0.0:
                raise TimeoutError
            try:
                plain = socket.create_connection((address, self.port), left)
            except OSError:
                if address == addresses[-1]:
                    raise
                continue
            self.sock = self._rules.context.wrap_socket(plain, server_hostname=self.host)
            return
