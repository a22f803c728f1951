"""The file of a ledger: its table, how it is made and opened, and one way to word what goes wrong.

It is SQLite in write-ahead mode; transactions that write take the lock at once, so that none finds
in its middle that another one was faster.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from provenance.errors import LedgerError
from provenance.system.text import printable

_APPLICATION: Final = 0x70726F6A
_VERSION: Final = 1
_BUSY_SECONDS: Final = 60.0

JOBS: Final = sa.Table(
    "jobs",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("output", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("claims", sa.Integer, nullable=False, default=0),
    sa.Column("owner", sa.Text),
    sa.Column("expires", sa.Float, nullable=False, default=0.0),
    sa.Column("not_before", sa.Float, nullable=False, default=0.0),
    sa.Column("reason", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("result", sa.Text),
    sa.Column("changed", sa.Float, nullable=False),
    sa.Index("jobs_by_state", "state", "number"),
)


class LedgerFile:
    """An open file; usable from several threads, never across a ``fork``.

    Args:
        path: the file; it is made, private, when it is not there.

    Raises:
        LedgerError: it can't be made or read, or is no ledger of this release.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        url = URL.create("sqlite", database=str(path))
        self._engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
        sa.event.listen(self._engine, "connect", _set_up)
        sa.event.listen(self._engine, "begin", _begin)
        with self._explained():
            self._make()

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads."""
        with self._explained(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes."""
        with self._explained(), self._engine.connect() as connection:
            writer = connection.execution_options(writes=True)
            with writer.begin():
                yield writer

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or type(error).__name__)
            raise LedgerError(
                f"The ledger {self._path} can't be used ({printable(cause, 200)})",
                advice="check its folder and its disk",
            ) from error

    def _make(self) -> None:
        try:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            reason = (error.strerror or "input/output error").lower()
            raise LedgerError(f"The ledger {self._path} can't be made: {reason}.") from error
        with self.writing() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            owner = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
            if not version and not owner and not sa.inspect(connection).get_table_names():
                JOBS.create(connection)
                connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION}")
                connection.exec_driver_sql(f"PRAGMA user_version = {_VERSION}")
            elif (owner, version) != (_APPLICATION, _VERSION):
                raise LedgerError(
                    f"{self._path} is no ledger of this release",
                    advice="name another file for it",
                )
        with contextlib.closing(self._engine.raw_connection()) as raw:
            _journal(raw)


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin, not the driver's
    for pragma in ("synchronous=FULL", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _journal(connection: Any) -> None:
    """Have readers and writers not wait for each other; it stays so in the file."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.driver_connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:  # others use it: SQLite does not wait here
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise LedgerError(f"The ledger can't be used ({error}).") from error
            time.sleep(0.01)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
