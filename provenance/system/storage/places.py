"""Where a file lies: a local path, ``file://``, ``s3://BUCKET/KEY`` or ``gs://BUCKET/KEY``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import unquote_to_bytes

from provenance.errors import UsageError
from provenance.system.text import printable

Scheme = Literal["file", "s3", "gs"]
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_MAX_KEY: Final = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A file, local or in a bucket; ``str`` gives it back as people write it."""

    scheme: Scheme
    bucket: str
    name: str
    """A local path, or an object's key."""

    @classmethod
    def of(cls, text: str | Path) -> Self:
        """Read a path or URL.

        Raises:
            UsageError: a URL of another kind, or without a bucket or a key.
        """
        match = None if isinstance(text, Path) else _SCHEME.match(text)
        if match is None:
            return cls("file", "", str(text))
        scheme, rest = match[1].lower(), str(text)[match.end() :]
        shown = printable(text, 120)
        if scheme == "file":
            host, slash, path = rest.partition("/")
            raw = unquote_to_bytes(path)
            if host not in ("", "localhost") or not slash or not raw or b"\0" in raw:
                raise UsageError(f"{shown!r} is no local file; write it as file:///path/to/file.")
            return cls("file", "", os.fsdecode(b"/" + raw))
        if scheme not in ("s3", "gs"):
            raise UsageError(f"{shown!r} can't be used; give a path, file://, s3:// or gs://.")
        bucket, _, key = rest.partition("/")
        if not _BUCKET.fullmatch(bucket):
            raise UsageError(f"{shown!r} names no bucket; write it as {scheme}://bucket/key.")
        parts_of_key = key.split("/")
        if not key or not key.isprintable() or len(key.encode()) > _MAX_KEY or "" in parts_of_key:
            raise UsageError(f"{shown!r} names no object; write it as {scheme}://bucket/key.")
        if "." in parts_of_key or ".." in parts_of_key:
            raise UsageError(f"{shown!r} climbs with . or ..; name the object by its plain key.")
        return cls("s3" if scheme == "s3" else "gs", bucket, key)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return self.scheme == "file"

    @property
    def path(self) -> Path:
        """The local path."""
        return Path(self.name)

    @property
    def file_name(self) -> str:
        """The last part of its name."""
        return self.path.name if self.is_local else self.name.rpartition("/")[2]

    @property
    def remote(self) -> str:
        """``bucket/key``, as fsspec takes it."""
        return f"{self.bucket}/{self.name}"

    def beside(self, suffix: str) -> Place:
        """The same name with something behind it, as a sidecar has."""
        return Place(self.scheme, self.bucket, self.name + suffix)

    def __str__(self) -> str:
        return self.name if self.is_local else f"{self.scheme}://{self.remote}"


def is_url(text: str) -> bool:
    """Say whether a text is a URL, not a path."""
    return _SCHEME.match(text) is not None


def place_in(folder: str, output: str) -> Place:
    """Where ``output``, a checked path with ``/`` between its parts, lies in a folder or a prefix.

    Raises:
        UsageError: the folder is a URL that can't be used.
    """
    return Place.of(f"{folder.rstrip('/')}/{output}" if is_url(folder) else Path(folder) / output)
