"""Object stores through fsspec, and what they say against a request as the program's own errors.

Credentials, regions and endpoints are found by each store's own library, in its own way.  Nothing
is cached: another machine may write into the same bucket.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from provenance.errors import ProvenanceError, StorageError, UnreadableFileError, UsageError, about
from provenance.system.storage.places import Place

PART: Final = 8 * 1024 * 1024
"""Bytes of a part of an upload; two are under way at once, so a worker's memory stays small."""

_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "s3": {
        "use_listings_cache": False,
        "config_kwargs": {
            "connect_timeout": 10,
            "read_timeout": 60,
            "retries": {"mode": "standard", "max_attempts": 1},  # s3fs itself tries again
        },
    },
    "gs": {"use_listings_cache": False},
}
_PUT: Final[dict[str, dict[str, Any]]] = {
    "s3": {"chunksize": PART, "max_concurrency": 2},
    "gs": {"chunksize": PART},
}
_TRANSIENT: Final = frozenset(
    (errno.EBUSY, errno.EREMOTEIO, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED)
)
for _library in ("fsspec", "gcsfs", "s3fs"):
    # What they warn of comes back as an error here; without a handler, logging would print it.
    logging.getLogger(_library).addHandler(logging.NullHandler())

_DENIED_CODES: Final = frozenset((401, 403))
_TRANSIENT_CODES: Final = frozenset((408, 429, 500, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Web:
    """What a store says of an object to whoever fetches it over the web.

    Attributes:
        content_type: its media type.
        max_age: seconds for which a cache on the way may give out what it has.
    """

    content_type: str
    max_age: int

    def options(self, scheme: str) -> dict[str, Any]:
        """As the store's library takes it."""
        caching = f"public, max-age={self.max_age}"
        if scheme == "s3":
            return {"ContentType": self.content_type, "CacheControl": caching}
        return {
            "content_type": self.content_type,
            "fixed_key_metadata": {"cache_control": caching},
        }


class Store:
    """What the copying needs of a store.  Every method may raise what :func:`told` explains."""

    def __init__(self, place: Place) -> None:
        extra = {"s3": "s3", "gs": "gs"}[place.scheme]
        import fsspec  # noqa: PLC0415 - and asyncio with it, where most paths are local

        try:
            self._fs: Any = fsspec.filesystem(place.scheme, **_OPTIONS[place.scheme])
        except ImportError as error:
            raise UsageError(
                f"{place.scheme}:// needs more software; pip install 'provenance-stamp[{extra}]'."
            ) from error
        if place.scheme == "s3":
            self._fs.retries = 2  # nested in s3fs; a caller that waits longer tries again itself
        self._place = place

    def size(self) -> int | None:
        """Bytes of the object; None when there is none."""
        self._fs.invalidate_cache()
        try:
            info = self._fs.info(self._place.remote)
        except FileNotFoundError:
            return None
        return int(info["size"]) if info["type"] == "file" else None

    def below(self) -> list[str]:
        """``bucket/key`` of every object whose name begins as this one's up to its last ``/``."""
        self._fs.invalidate_cache()
        folder = self._place.remote.rpartition("/")[0]
        return sorted(name for name in self._fs.find(folder) if name.startswith(f"{folder}/"))

    def blocks(self, length: int = PART) -> Iterator[bytes]:
        """The object's content; one that changes meanwhile is an error."""
        with self._fs.open(
            self._place.remote, "rb", block_size=length, cache_type="readahead"
        ) as handle:
            while block := handle.read(length):
                yield block

    def put(self, local: str, *, create: bool, web: Web | None = None) -> None:
        """Upload a file; it appears once it is whole.

        Args:
            local: path of the file.
            create: refuse, with ``FileExistsError``, when the object exists by then.
            web: what is said of it on the web.
        """
        scheme = self._place.scheme
        options = _PUT[scheme] | ({} if web is None else web.options(scheme))
        if not create:
            self._fs.put_file(local, self._place.remote, **options)
            return
        try:
            self._fs.put_file(local, self._place.remote, mode="create", **options)
        except OSError as error:
            if _says(error, "NotImplemented", "501"):  # a store that has no conditional writes
                self._fs.put_file(local, self._place.remote, **options)
            elif _says(error, "PreconditionFailed", "412"):
                raise FileExistsError(errno.EEXIST, "it exists") from error
            else:
                raise

    def remove(self) -> None:
        """Take the object away."""
        self._fs.rm_file(self._place.remote)


@contextmanager
def told(place: Place, doing: str) -> Iterator[None]:
    """Turn what a store's libraries raise into one clear sentence.

    Args:
        place: the object.
        doing: "read" or "written".

    Raises:
        UnreadableFileError: there is no such object to read.
        StorageError: anything else; its ``retryable`` says whether to try again.
    """
    with about(place, ProvenanceError):
        yield from _told(place, doing)


def _told(place: Place, doing: str) -> Iterator[None]:
    try:
        yield
    except ProvenanceError:
        raise
    except FileNotFoundError as error:
        if doing == "read":
            raise UnreadableFileError(f"{place} does not exist.") from error
        raise StorageError(
            f"{place} cannot be written: its bucket does not exist",
            advice="create it first",
        ) from error
    except _library_errors() as error:
        if _is_denied(error):
            raise StorageError(
                f"{place} may not be {doing}",
                advice="check the credentials and what they allow",
            ) from error
        if _is_transient(error):
            raise StorageError(
                f"{place} could not be {doing}: its store can't be reached or is too busy",
                advice="try again later",
                retryable=True,
            ) from error
        raise StorageError(
            f"{place} could not be {doing} ({type(error).__name__})",
            advice="look for the store's answer in the log",
            settings=("debug",),
        ) from error


def _library_errors() -> tuple[type[Exception], ...]:
    """What can come out of the libraries that are installed."""
    found: list[type[Exception]] = [OSError, ValueError]
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra

        found += [BotoCoreError, ClientError]
    except ImportError:
        pass
    try:
        from aiohttp import ClientError as HttpClientError  # noqa: PLC0415 - an extra
        from gcsfs.retry import HttpError  # noqa: PLC0415 - an extra
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra

        found += [HttpClientError, HttpError, GoogleAuthError]
    except ImportError:
        pass
    return tuple(found)


def _is_denied(error: Exception) -> bool:
    names = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError")
    return (
        isinstance(error, PermissionError)
        or type(error).__name__ in names
        or _code(error) in _DENIED_CODES
        or str(error).startswith("Forbidden: ")  # gcsfs's only sign of a 403
    )


def _is_transient(error: Exception) -> bool:
    if isinstance(error, OSError) and (
        isinstance(error, ConnectionError | TimeoutError) or error.errno in _TRANSIENT
    ):
        return True
    # Connections that fail, break, or take too long; botocore's and aiohttp's roots of those.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & _BROKEN) or _code(error) in _TRANSIENT_CODES


_BROKEN: Final = frozenset(
    (
        *("HTTPClientError", "ClientConnectionError", "ClientPayloadError", "TransportError"),
        *("ConnectionError", "Timeout", "IncompleteReadError", "ResponseStreamingError"),
    )
)


def _code(error: Exception) -> int | None:
    try:
        return int(getattr(error, "code", None) or 0)
    except (TypeError, ValueError):
        return None


def _says(error: OSError, word: str, code: str) -> bool:
    """Whether a store's answer behind a translated error was this one."""
    answer = getattr(error.__cause__, "response", None) or {}
    return answer.get("Error", {}).get("Code") in (word, code)
