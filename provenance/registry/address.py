"""Where a registry is: a path, or an SQLAlchemy URL."""

from __future__ import annotations

import os

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from provenance.errors import UsageError


def parse_url(text: str, noun: str = "registry") -> URL:
    """A database URL; a plain path is an SQLite file, PostgreSQL is reached by psycopg.

    Raises:
        UsageError: when it is none, or of another kind of database.
    """
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=text)
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            f"The {noun}'s address can't be read; give a path, or a URL like "
            "postgresql://user@host/name."
        ) from error
    kind = url.get_backend_name()
    if kind in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise UsageError(
            f"A {noun} lives in SQLite or PostgreSQL, not in {kind!r}; give a path, or a URL "
            "like postgresql://user@host/name.",
            path=shown_address(url),
        )
    if not url.database:
        raise UsageError(f"The {noun}'s address names no file; give a path, like registry.db.")
    return url


def shown_address(url: URL) -> str:
    """The address as messages show it: a path, or a URL without any password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    secret = [name for name in url.query if "password" in name]
    shown = url.set(drivername=url.get_backend_name()).difference_update_query(secret)
    return shown.render_as_string(hide_password=True)


def has_password(text: str) -> bool:
    """Whether an address carries a password, in whichever place."""
    try:
        url = parse_url(text)
    except UsageError:
        return False
    return url.password is not None or any("password" in name for name in url.query)


def portable_address(text: str) -> str | None:
    """The same address for processes elsewhere; None when it carries a password.

    Raises:
        UsageError: when it is none.
    """
    if has_password(text):
        return None
    url = parse_url(text)
    if url.get_backend_name() == "sqlite":
        url = url.set(database=os.path.abspath(url.database or ""))
    return url.render_as_string(hide_password=False)
