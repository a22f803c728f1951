"""The desk's tables, the same on SQLite and PostgreSQL; times are seconds since 1970.

What is in them goes with the examinations that it is about; tokens are kept as sums alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from provenance.registry.database import Database, Tables
from provenance.registry.schema import ROW_NUMBER

metadata: Final = MetaData()

examination: Final = Table(
    "examination",
    metadata,
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("key", String(32), nullable=False, unique=True),
    Column("file", String(32), nullable=False),
    Column("sender", Text),
    Column("name", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("length", BigInteger),
    Column("state", String(9), nullable=False),
    Column("look", Integer, nullable=False),
    Column("owner", Text),
    Column("expires", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("reason", Text),
    Column("effort", String(10)),
    Column("took", Float),
    Column("found", Text),
    Column("frames", Text),
    Index("ix_examination_state", "state", "look", "number"),
)
"""One row a file: ``file`` is its made-up name on disk, ``sender`` whom its place is counted for
until it has ended, ``length`` what an upload that goes on after a break is going to have.

``owner`` is the desk that has it in hand, until ``expires``; ``claims`` tells its turns apart."""

token: Final = Table(
    "token",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("per_minute", Integer),
    Column("made_at", Float, nullable=False),
    Column("revoked_at", Float),
)
"""Tokens of programs, by the SHA-256 of their secrets."""

home: Final = Table("home", metadata, Column("uploads", String(32), primary_key=True))
"""Which folder of uploads the rows are about: desks that share a database have to share it."""


class DeskDatabase(Database):
    """A desk's database, opened; made where it is not there, on a server too."""

    tables: ClassVar = Tables(
        "desk database", "0001", Path(__file__).parent / "versions", "desk_version"
    )

    def __init__(self, url: str) -> None:
        super().__init__(url, create=True)

    def _refuse_older(self, found: str) -> None:
        """Nothing in it lasts: the first desk of a newer release brings it up to date."""
