"""A server that drops connections, or is away for a while: work goes on, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from provenance.errors import RegistryError, RegistryLostError
from provenance.registry import Registry, database, schema
from provenance.registry.address import parse_url
from provenance.registry.database import retried
from provenance.registry.values import stamp_time
from tests.registry.conftest import SINCE, register

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)

TERMINATE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = '{}' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def server(url: str) -> Iterator[Engine]:
    """The same server, in another database."""
    engine = sa.create_engine(parse_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


def terminate(server: Engine, url: str) -> int:
    """End every backend of the registry's database."""
    with server.connect() as connection:
        asked = TERMINATE.format(parse_url(url).database)
        return int(connection.exec_driver_sql(asked).scalar_one())


def test_stamping_goes_on_while_backends_are_killed(
    registry: Registry, url: str, server: Engine, tmp_path: Path
) -> None:
    """Each stamp is there once, with its row, whenever its connection was cut."""
    done, killed = threading.Event(), 0

    def stamping(worker: int) -> list[str]:
        made = (register(registry, tmp_path / f"{worker}-{n}.mp4") for n in range(40))
        return [one.stamp_id.hex for one in made]

    with ThreadPoolExecutor(3) as pool:
        stampers = [pool.submit(stamping, worker) for worker in range(2)]
        for one in stampers:
            one.add_done_callback(lambda _: done.set() if all(s.done() for s in stampers) else None)
        while not done.is_set():
            killed += terminate(server, url)
            time.sleep(0.25)
        made = {stamp_id for one in stampers for stamp_id in one.result()}
    assert killed > 3
    assert {one.stamp_id.hex for one in registry.search(limit=1000)} == made
    report = registry.check()
    assert (report.rows, report.broken) == (80, None)
    # A reservation that was kept is known to be, so none is left behind by its double.
    with registry.database.reading() as connection:
        assert (
            connection.execute(sa.select(sa.func.count()).select_from(schema.stamp)).scalar() == 80
        )


def test_what_was_cut_off_at_its_commit_is_known_to_be_kept_or_not(
    registry: Registry, url: str, server: Engine
) -> None:
    table = schema.withdrawal
    row = {"kind": "stamp", "target": "00" * 8, "reason": "x", "at": stamp_time(SINCE)}

    def cut_off() -> None:
        with registry.database.writing() as connection:
            connection.execute(sa.insert(table).values(row))
            terminate(server, url)

    with pytest.raises(RegistryLostError):
        cut_off()
    with registry.database.writing() as connection:
        connection.execute(sa.insert(table).values(row))
        number = connection.execute(
            sa.select(sa.cast(sa.func.pg_current_xact_id(), sa.Text))
        ).scalar_one()
    assert registry.database._was_kept(number)
    assert len(registry.withdrawals.of("stamp", ["00" * 8])) == 1


def test_a_server_that_refuses_connections_for_a_while_is_waited_for(
    registry: Registry, url: str, server: Engine, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    name = parse_url(url).database

    def allow(word: str) -> None:
        with server.connect() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {name} CONNECTION LIMIT {word}")

    with ThreadPoolExecutor(1) as pool:
        allow("0")
        terminate(server, url)
        asked = pool.submit(registry.find, made.stamp_id)
        time.sleep(0.5)
        allow("-1")
        assert asked.result(timeout=30) == made


def test_a_server_that_keeps_dropping_it_is_an_error_in_the_end(
    registry: Registry, url: str, server: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "AWAY_SECONDS", 0.5)
    tried = []

    @retried
    def work() -> None:
        with registry.database.writing() as connection:
            tried.append(terminate(server, url))
            connection.execute(sa.select(1))

    with pytest.raises(RegistryLostError, match="the connection was lost") as caught:
        work()
    assert len(tried) > 1
    assert caught.value.retryable


def test_who_waits_too_long_is_told_and_who_sleeps_on_the_chain_is_cut_off(
    registry: Registry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Registry(url) as other:

        def sleeping() -> None:
            with other.database.writing() as sleeper:
                other.database.lock_chain(sleeper)
                with monkeypatch.context() as shorter:
                    shorter.setattr(database, "BUSY_SECONDS", 0.3)
                    with pytest.raises(RegistryError, match="busy for too long") as caught:
                        registry.withdrawals.withdraw("stamp", "00" * 8, "x")
                    assert caught.value.retryable
                time.sleep(1.5)

        monkeypatch.setattr(database, "BUSY_SECONDS", 1.0)
        with pytest.raises(RegistryLostError):
            sleeping()
        registry.withdrawals.withdraw("stamp", "00" * 8, "x")
