"""Tokens of programs: words that say who asks and what for.  Only their sums are kept.

A token is ``pst_ID_SECRET``: the id is known to everybody who keeps the desk, and finds the row; of
the secret, 256 random bits, there is a SHA-256 and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Row

from provenance.errors import UsageError
from provenance.registry.database import retried
from provenance.results import Document
from provenance.service.state.tables import DeskDatabase, token

Scope = Literal["verify", "resolve", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
_WRITTEN: Final = re.compile(r"pst_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_HAS: Final = token.c


@dataclass(frozen=True, slots=True)
class Token(Document):
    """What is known of a token; never the token itself."""

    SCHEMA: ClassVar = "provenance.token/1"

    id: str
    """By which it is revoked; it begins the token."""
    name: str
    """Whose it is, for people."""
    scopes: tuple[Scope, ...]
    """What it is good for: ``verify`` (hand files in), ``resolve`` (ask the C2PA Soft Binding
    Resolution API), ``admin`` (metrics)."""
    per_minute: int | None
    """Files that may be handed in with it within a minute; null for what the desk allows."""
    made_at: datetime
    """When it was made."""
    revoked_at: datetime | None
    """Since when it is good for nothing."""


class Tokens:
    """The tokens in a desk's database."""

    def __init__(self, database: DeskDatabase) -> None:
        self._database = database

    @retried
    def make(
        self, name: str, scopes: Iterable[Scope], per_minute: int | None = None
    ) -> tuple[Token, str]:
        """A new token: what is kept of it, and itself, which nobody can tell again."""
        made = Token(
            secrets.token_hex(6),
            name,
            tuple(one for one in SCOPES if one in set(scopes)),
            per_minute,
            datetime.now(UTC).replace(microsecond=0),
            None,
        )
        secret = secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            connection.execute(
                sa.insert(token).values(
                    id=made.id,
                    name=name,
                    hash=_sum(secret),
                    scopes=" ".join(made.scopes),
                    per_minute=per_minute,
                    made_at=made.made_at.timestamp(),
                )
            )
        return made, f"pst_{made.id}_{secret}"

    @retried
    def find(self, written: str) -> Token | None:
        """The token that this is; None where it is none, or was revoked."""
        match = _WRITTEN.fullmatch(written)
        if match is None:
            return None
        with self._database.reading() as connection:
            row = connection.execute(sa.select(token).where(_HAS.id == match[1])).first()
        if row is None or row.revoked_at is not None:
            return None
        return _token(row) if hmac.compare_digest(row.hash, _sum(match[2])) else None

    @retried
    def all(self) -> tuple[Token, ...]:
        """Every token, the oldest first."""
        query = sa.select(token).order_by(_HAS.made_at, _HAS.id)
        with self._database.reading() as connection:
            return tuple(map(_token, connection.execute(query)))

    @retried
    def revoke(self, key: str) -> Token:
        """Have a token be good for nothing from now on; once revoked it stays so.

        Raises:
            UsageError: there is none of this id.
        """
        now = datetime.now(UTC).replace(microsecond=0).timestamp()
        with self._database.writing() as connection:
            change = sa.update(token).where(_HAS.id == key).returning(token)
            since = sa.func.coalesce(_HAS.revoked_at, now)
            row = connection.execute(change.values(revoked_at=since)).first()
        if row is None:
            raise UsageError(f"There is no token {key!r}; `provenance tokens list` shows them.")
        return _token(row)


def _sum(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _token(row: Row[Any]) -> Token:
    scopes = set(row.scopes.split())
    return Token(
        row.id,
        row.name,
        tuple(one for one in SCOPES if one in scopes),
        row.per_minute,
        datetime.fromtimestamp(row.made_at, UTC),
        None if row.revoked_at is None else datetime.fromtimestamp(row.revoked_at, UTC),
    )
