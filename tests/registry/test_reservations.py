"""Stamps in the making: killed, swept, and by many at once."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.registry import Registry
from provenance.results.payload import StampId
from tests.conftest import environment
from tests.registry.conftest import MANIFEST, record, register

KILLED = """
import os, signal, sys
from pathlib import Path
from provenance.registry import Registry
from tests.registry.conftest import MANIFEST, record
with Registry(sys.argv[1]) as registry:
    stamp_id = registry.reservations.reserve("k", Path(sys.argv[2]))
    if sys.argv[3] != "reserved":
        import hashlib
        done = hashlib.sha256(stamp_id.raw).hexdigest()
        registry.commit(record(stamp_id, output_sha256=done), MANIFEST, None)
    if sys.argv[3] == "published":
        Path(sys.argv[2]).write_bytes(stamp_id.raw)
    print(stamp_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("moment", "outcome", "stays"),
    [
        ("reserved", "released", False),
        ("committed", "abandoned", False),
        ("published", "confirmed", True),
    ],
)
def test_a_sweep_settles_what_a_killed_run_left(  # noqa: PLR0917 - fixtures
    moment: str, outcome: str, stays: bool, registry: Registry, url: str, tmp_path: Path
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, url, tmp_path / "clip.mp4", moment],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    stamp_id = StampId.from_hex(killed.stdout.strip())
    report = registry.reservations.sweep()
    assert getattr(report, outcome) == (stamp_id,), (report, killed.stderr)
    assert (registry.find(stamp_id) is not None) == stays
    assert registry.check().broken is None
    assert registry.reservations.sweep().as_json()["pending"] == []


def test_a_sweep_leaves_a_running_stamp_alone(registry: Registry, tmp_path: Path) -> None:
    stamp_id = registry.reservations.reserve("k", tmp_path / "clip.mp4")
    assert registry.reservations.sweep().pending == (stamp_id,)
    assert registry.reservations.settle(stamp_id) == "released"


def test_a_published_file_may_be_taken_away_at_once(registry: Registry, tmp_path: Path) -> None:
    """A folder that is watched is emptied while the stamp is being settled."""
    stamp_id = registry.reservations.reserve("k", tmp_path / "gone.mp4")
    registry.commit(record(stamp_id), MANIFEST, None)
    assert registry.reservations.settle(stamp_id, published=True) == "confirmed"
    assert registry.find(stamp_id) is not None


def test_nobody_waits_while_a_sweep_reads_a_file(registry: Registry, tmp_path: Path) -> None:
    slow = tmp_path / "slow.mp4"
    os.mkfifo(slow)
    stamp_id = registry.reservations.reserve("k", slow)
    registry.commit(record(stamp_id), MANIFEST, None)
    with ThreadPoolExecutor(1) as aside:
        settled = aside.submit(registry.reservations.settle, stamp_id)
        with slow.open("wb"):  # opens once the other side reads
            register(registry, tmp_path / "quick.mp4")
            assert not settled.done()
        assert settled.result(60) == "abandoned"
    assert registry.check().broken is None


def _stamp_some(url: str, folder: Path, count: int) -> None:
    with Registry(url) as registry:
        for number in range(count):
            register(registry, folder / f"{multiprocessing.current_process().name}-{number}.mp4")


def test_ten_processes_at_once_lose_and_double_nothing(
    registry: Registry, url: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_stamp_some, args=(url, tmp_path, 5)) for _ in range(10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 10
    report = registry.check()
    assert report.broken is None
    assert report.rows == 50
    assert len(registry.search(limit=1000)) == 50


def test_a_server_whose_transactions_keep_their_first_view_breaks_no_chain(
    registry: Registry, url: str, tmp_path: Path
) -> None:
    if not registry.database.is_sqlite:
        with registry.database.writing() as connection:
            name = connection.execute(sa.text("SELECT current_database()")).scalar()
            setting = "SET default_transaction_isolation = 'repeatable read'"
            connection.execute(sa.text(f'ALTER DATABASE "{name}" {setting}'))
    with Registry(url) as first, Registry(url) as second:
        with ThreadPoolExecutor(1) as aside, first.database.writing() as connection:
            first.audit.append_with(connection, "sweep")
            waiting = aside.submit(second.audit.append, "sweep")
            time.sleep(0.3)
            assert not waiting.done()
            connection.commit()
            assert waiting.result(30).number == 2
        assert first.check().broken is None
