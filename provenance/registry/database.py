"""One database, opened: an SQLite file or a PostgreSQL server, through the same few calls.

It is a registry's, or that of others who keep tables of their own in one (:class:`Tables`).

A transaction that writes takes its turn from its first statement (``BEGIN IMMEDIATE``; on
PostgreSQL an advisory lock around the audit chain), so that none has to be tried again for the sake
of another.  A server may go away, though, and come back or be taken over from: pooled connections
that lay idle are tried before they are used, new ones are waited for, and what was cut off is done
again (:func:`retried`).  Cut off at its very commit, the transaction's number tells whether it was
kept.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, ParamSpec, TypeVar
from urllib.parse import quote
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Dialect, Engine, RootTransaction
from sqlalchemy.exc import (
    DisconnectionError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from provenance.errors import RegistryError, RegistryLostError, UsageError, about
from provenance.registry import refusals
from provenance.registry.address import parse_url, shown_address

if TYPE_CHECKING:
    from alembic.config import Config

VERSION: Final = "0006"
"""The newest version of the tables; a test holds it to Alembic's."""

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

BUSY_SECONDS: Final = 60.0
"""How long a transaction waits for its turn; how long its server lets it hold it and do nothing."""
AWAY_SECONDS: Final = 60.0
"""How long a server that was there before is waited for."""
_LIVELY: Final = {
    "application_name": "provenance",
    "connect_timeout": 10,
    # A machine that is gone does not say so: noticed within half a minute.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Of connections to a server, in libpq's words; the address's own word counts more."""
IDLE_SECONDS: Final = 1.0
"""How long a pooled connection may have lain idle to be used untried: the round trip of trying it
would cost a busy stamper as much as some of its statements."""
LOCK_SECONDS: Final = 10.0
"""How long an upgrade of a server's tables waits for one that somebody reads or writes."""
CHAIN_LOCK: Final = 0x70726F76
"""PostgreSQL's advisory lock for whoever appends to the audit chain or changes the tables."""
_WRITES: Final = "provenance_writes"
_IDLE: Final = "provenance_idle_since"


@dataclass(frozen=True, slots=True)
class Tables:
    """Whose tables are in a database.

    Attributes:
        noun: what messages call it.
        version: the newest version of the tables, here.
        versions: the folder of Alembic's versions.
        noted: the table that says which version is there; two sorts of tables may share a server's
            database.
    """

    noun: str
    version: str
    versions: Path
    noted: str


REGISTRY: Final = Tables(
    "registry",
    VERSION,
    Path(__file__).parent / "migrations" / "versions",
    "alembic_version",
)


class Database:
    """An open registry's database; usable from several threads, never across a ``fork``.

    Args:
        url: a path of an SQLite file, or any SQLAlchemy URL for SQLite or PostgreSQL.
        create: make the SQLite file when it is not there.
        upgrading: take its tables as they are: it is opened to bring them up to date.

    Raises:
        UsageError: a URL that names no such database.
        RegistryError: it is not there, can't be reached, or belongs to a newer release; or to an
            older one, on a server that others use as well.
    """

    tables: ClassVar[Tables] = REGISTRY

    def __init__(self, url: str, *, create: bool, upgrading: bool = False) -> None:
        self.url = parse_url(url, self.tables.noun)
        self.name = shown_address(self.url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        with self.explained():
            if self.is_sqlite and not Path(self.name).exists():
                if not create:
                    raise RegistryError(
                        f"There is no {self.tables.noun} {self.name}",
                        advice="name the right one",
                        settings=("registry",),
                    )
                _make_file(Path(self.name), self.tables)
            self._engine = _engine(self.url)
            self._was_there = False
            self._holders: WeakSet[RootTransaction] = WeakSet()
            if not upgrading:
                self._migrate()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees one state throughout."""
        with self.explained(), self._connected() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write; committed at the end of the block, to the disk.

        Raises:
            RegistryLostError: the server went away, and nothing was kept; see :func:`retried`.
        """
        number, at_end = None, False
        try:
            with (
                self.explained(),
                self._connected() as connection,
                self._writer(connection) as writer,
            ):
                number = None if self.is_sqlite else _begun(writer)
                yield writer
                at_end = True
        except RegistryLostError:
            if number is None or not at_end or not self._was_kept(number):
                raise

    def _was_kept(self, number: str) -> bool:
        """Whether a transaction was committed, whose connection was lost while it was."""
        query = sa.text("SELECT pg_xact_status(CAST(:number AS xid8))")
        until = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                with self.reading() as connection:
                    status = connection.execute(query, {"number": number}).scalar()
            except RegistryLostError:  # again; not to know would have it done twice
                if time.monotonic() > until:
                    raise
                continue
            if status != "in progress" or time.monotonic() > until:
                return status == "committed"
            time.sleep(0.1)

    def _connected(self) -> Connection:
        """A connection; to a server that was there before also when it comes back in a while."""
        until, pause = time.monotonic() + AWAY_SECONDS, 0.1
        while True:
            try:
                connection = self._engine.connect()
            except OperationalError as error:
                passing = self._was_there and refusals.is_away(error)
                if not passing or time.monotonic() + pause > until:
                    raise
            else:
                self._was_there = not self.is_sqlite
                return connection
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    @contextlib.contextmanager
    def _writer(self, connection: Connection) -> Iterator[Connection]:
        writer = connection.execution_options(**{_WRITES: True})
        if not self.is_sqlite:
            # Whatever the server's default is: each statement sees what was committed before it,
            # so that whoever waited for the chain's lock reads the head as it is now.
            writer = writer.execution_options(isolation_level="READ COMMITTED")
        with writer.begin():
            yield writer

    def lock_chain(self, connection: Connection) -> None:
        """Wait until no other transaction appends to the audit chain; held to the commit."""
        transaction = connection.get_transaction()
        if self.is_sqlite or transaction in self._holders:
            return
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CHAIN_LOCK)))
        if transaction is not None:
            self._holders.add(transaction)

    def lock_input(self, connection: Connection, sha256: str) -> None:
        """Wait until no other transaction reserves a stamp of this input; held to the commit."""
        if not self.is_sqlite:
            part = int(sha256[:8], 16) - 2**31
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CHAIN_LOCK, part)))

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what the database says into a clear sentence about it, without secrets.

        Raises:
            RegistryError: whatever SQLAlchemy raised, and a text that no database takes.
        """
        with about(self.name, RegistryError):
            try:
                yield
            except UnicodeEncodeError as error:
                raise RegistryError(
                    f"The {self.tables.noun} {self.name} can't take a text that is no Unicode",
                    advice="correct it",
                ) from error
            except SQLAlchemyError as error:
                raise refusals.explained(
                    error, self.name, self.url.username, self.tables.noun
                ) from error

    def _migrate(self) -> None:
        with self._engine.connect() as connection, connection.begin():
            found = _version(connection, self.tables)
        if found == self.tables.version:
            return
        if found is not None and found < self.tables.version:
            self._refuse_older(found)
        with self.upgrading() as (writer, found):
            if found != self.tables.version:
                upgrade(writer, tables=self.tables)

    def _refuse_older(self, found: str) -> None:
        """Files are brought up to date when they are opened; a server's others use meanwhile."""
        whose = f"The {self.tables.noun} {self.name} belongs to an older release"
        if not self.is_sqlite:
            raise RegistryError(
                f"{whose} (tables {found}, here {self.tables.version})",
                advice="have its administrator run `provenance registry upgrade`",
            )
        if not os.access(self.name, os.W_OK):
            raise RegistryError(
                f"{whose}, and can't be brought up to date where it may not be written",
                advice="open it once where it may",
            )

    def version(self) -> str | None:
        """Which tables are there now; None of an empty database."""
        with self.reading() as connection:
            return _version(connection, self.tables)

    @contextlib.contextmanager
    def upgrading(self) -> Iterator[tuple[Connection, str | None]]:
        """A transaction that may change the tables, whose version it tells.

        Of two at once the second waits for the first, and finds its work done.

        Raises:
            RegistryError: it belongs to a newer release or another program, or somebody read or
                wrote for so long that others would have had to wait.
        """
        with self.writing() as writer:
            if not self.is_sqlite:
                # Whoever waits for a table is in the way of all who come later.
                writer.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS:g}s'")
            self.lock_chain(writer)
            found = _version(writer, self.tables)
            if found is not None and found > self.tables.version:
                raise RegistryError(
                    f"The {self.tables.noun} {self.name} belongs to a newer release (tables "
                    f"{found}, here {self.tables.version})",
                    advice="update this program",
                )
            if found is None and self.is_sqlite and sa.inspect(writer).get_table_names():
                raise RegistryError(
                    f"{self.name} is a database, but no {self.tables.noun}",
                    advice="name another file",
                )
            yield writer, found


def retried(method: Callable[_Arguments, _Answer]) -> Callable[_Arguments, _Answer]:
    """Have a method of one transaction do it again when the server went away in the middle."""

    @functools.wraps(method)
    def tried(*args: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        until = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                return method(*args, **named)
            except RegistryLostError:
                if time.monotonic() > until:
                    raise

    return tried


def is_taken(error: RegistryError) -> bool:
    """Whether the database refused a row because one like it is there already."""
    return isinstance(error.__cause__, IntegrityError)


def upgrade(
    connection: Connection, version: str | None = None, *, tables: Tables = REGISTRY
) -> None:
    """Bring the tables to a version, or the newest, on a connection with an open transaction."""
    from alembic import command  # noqa: PLC0415 - slow to import, and rarely needed

    settings = alembic_settings(tables)
    settings.attributes["connection"] = connection
    command.upgrade(settings, version or tables.version)


def alembic_settings(tables: Tables = REGISTRY) -> Config:
    """Where Alembic finds the versions of the tables."""
    from alembic.config import Config  # noqa: PLC0415 - slow to import, and rarely needed

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.set_main_option("version_locations", str(tables.versions))
    settings.set_main_option("path_separator", "newline")
    settings.attributes["noted"] = tables.noted
    return settings


def _version(connection: Connection, tables: Tables) -> str | None:
    if not sa.inspect(connection).has_table(tables.noted):
        return None
    query = sa.select(sa.table(tables.noted, sa.column("version_num")).c.version_num)
    found = connection.execute(query).scalar()
    return None if found is None else str(found)


def _begun(connection: Connection) -> str:
    """Set a transaction's limits; its number."""
    limits = [
        sa.func.set_config(name, f"{BUSY_SECONDS:g}s", True)
        for name in ("lock_timeout", "idle_in_transaction_session_timeout")
    ]
    number = sa.cast(sa.func.pg_current_xact_id(), sa.Text)
    return str(connection.execute(sa.select(number, *limits)).scalar_one())


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            chosen = {name: word for name, word in _LIVELY.items() if name not in url.query}
            engine = sa.create_engine(url, connect_args=chosen)
            sa.event.listen(engine, "checkin", _laid_aside)
            sa.event.listen(engine, "checkout", functools.partial(_taken_up, engine.dialect))
            return engine
        engine = sa.create_engine(_openable(url), connect_args={"timeout": BUSY_SECONDS})
    except NoSuchModuleError as error:  # pragma: no cover - parse_url names the driver
        raise UsageError(f"There is no database driver for {url.drivername}.") from error
    except ImportError as error:
        raise UsageError(
            "PostgreSQL needs its driver: pip install 'provenance-stamp[postgres]'."
        ) from error
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _laid_aside(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_IDLE] = time.monotonic()


def _taken_up(
    dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Try a connection that lay idle.

    Raises:
        DisconnectionError: it is gone; the pool then makes another.
    """
    if time.monotonic() - record.info.get(_IDLE, time.monotonic()) < IDLE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _openable(url: URL) -> URL:
    """The URL; of a file that nobody can change here, one that asks for no files beside it.

    A log that is still there has to be read, and so SQLite is left to say that it can't be.
    """
    path = Path(url.database or "")
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return url
    log = path.with_name(path.name + "-wal")
    if not path.exists() or (log.exists() and log.stat().st_size):
        return url
    fixed = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    return URL.create("sqlite", database=fixed, query={"uri": "true"})


def _set_up(connection: Any, _record: object) -> None:
    # The driver's own transactions begin too late and as readers; SQLAlchemy's begin here.
    connection.isolation_level = None
    for pragma in ("foreign_keys=ON", "synchronous=FULL", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make_file(path: Path, tables: Tables) -> None:
    """Make an empty database that is there whole or not at all, for this user alone.

    Raises:
        RegistryError: when it can't be written.
    """
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with contextlib.closing(sqlite3.connect(draft)) as plain:
                plain.execute("PRAGMA journal_mode=WAL")
            engine = _engine(URL.create("sqlite", database=str(draft)))
            try:
                with engine.connect() as connection, connection.begin():
                    upgrade(connection, tables=tables)
            finally:
                engine.dispose()
            # A link never replaces what is there: of two at once, the second uses the first's.
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            except OSError:  # a file system without hard links
                os.rename(draft, path)
        finally:
            for leftover in (draft, *(draft.with_name(draft.name + s) for s in ("-wal", "-shm"))):
                leftover.unlink(missing_ok=True)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        reason = getattr(error, "strerror", None) or str(getattr(error, "orig", error))
        raise RegistryError(
            f"The {tables.noun} {path} can't be made ({reason.lower()})",
            advice="name another",
            settings=("registry",),
        ) from error
