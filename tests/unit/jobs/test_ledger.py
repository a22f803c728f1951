"""The ledger: what is done stays done, and no two runs ever do the same job."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.batch.jobs import Claim, Ledger
from provenance.batch.jobs.ledger import WORKER_DIED
from provenance.errors import LeaseLostError, LedgerError
from tests.conftest import ROOT
from tests.values import present


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with Ledger(tmp_path / "batch.ledger", clock) as opened:
        yield opened


def take(ledger: Ledger, owner: str = "me", **options: Any) -> Claim | None:
    return ledger.claim(owner, lease=60.0, max_attempts=3, **options)


def taken(ledger: Ledger, owner: str = "me", **options: Any) -> Claim:
    claim = take(ledger, owner, **options)
    assert claim is not None
    return claim


def test_jobs_are_claimed_in_order_and_each_once(ledger: Ledger) -> None:
    assert ledger.add([("k2", "b.mp4"), ("k1", "a.mp4")]) == 2
    assert ledger.add([("k1", "a.mp4"), ("k3", "c.mp4")]) == 1
    assert [taken(ledger).key for _ in range(3)] == ["k2", "k1", "k3"]
    assert take(ledger) is None
    assert ledger.counts() == {"pending": 0, "running": 3, "done": 0, "failed": 0}


def test_what_is_done_is_kept_for_the_next_run(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add([("k", "a.mp4")])
    claim = taken(ledger)
    ledger.done(claim, {"stamp_id": "6f04f406e5261859"})
    with Ledger(tmp_path / "batch.ledger") as again:
        assert again.add([("k", "a.mp4")]) == 0
        assert take(again) is None
        entry = again.get("k")
        assert again.wait() is None
    assert entry is not None
    assert (entry.state, entry.result) == ("done", {"stamp_id": "6f04f406e5261859"})
    assert (entry.owner, entry.attempts, entry.output) == (None, 1, "a.mp4")
    assert ledger.get("none") is None


def test_a_failure_that_may_pass_waits_and_one_that_may_not_stays(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.add([("k", "a.mp4")])
    ledger.failed(taken(ledger), "storage", "It is too busy.\x1b", retry_after=30.0)
    assert take(ledger) is None
    assert ledger.wait() == 30.0
    clock.now += 30
    claim = taken(ledger)
    assert claim.attempt == 2
    ledger.failed(claim, "unreadable_file", "It is no film.")
    clock.now += 1e6
    assert take(ledger) is None
    (entry,) = ledger.entries("failed")
    assert (entry.reason, entry.error) == ("unreadable_file", "It is no film.")


def test_a_lease_that_expired_is_taken_over_and_its_holder_told(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.add([("k", "a.mp4")])
    first = taken(ledger, "first")
    clock.now += 59
    ledger.renew(first, 60.0)
    clock.now += 59
    assert take(ledger, "second") is None
    clock.now += 2
    second = taken(ledger, "second")
    assert second.attempt == 2
    attempts: tuple[Callable[[], object], ...] = (
        lambda: ledger.renew(first, 60.0),
        lambda: ledger.done(first, {}),
        lambda: ledger.failed(first, "storage", "x"),
        lambda: ledger.release(first),
    )
    for attempt in attempts:
        with pytest.raises(LeaseLostError, match="another run"):
            attempt()
    ledger.done(second, {})
    with pytest.raises(LeaseLostError):
        ledger.done(second, {})


def test_the_same_owner_taking_a_job_again_is_told_from_its_earlier_self(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.add([("k", "a.mp4")])
    first = taken(ledger)
    ledger.release(first)
    second = taken(ledger)
    assert (second.owner, second.attempt) == (first.owner, first.attempt)
    with pytest.raises(LeaseLostError):
        ledger.done(first, {})
    ledger.done(second, {})


def test_what_was_about_to_be_published_is_known_to_the_next_attempt(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.add([("k", "a.mp4")])
    first = taken(ledger)
    assert first.earlier is None
    ledger.publishing(first, {"sha256": "ab"}, 60.0)
    clock.now += 61
    second = taken(ledger)
    assert second.earlier == {"sha256": "ab"}
    with pytest.raises(LeaseLostError):
        ledger.publishing(first, {"sha256": "cd"}, 60.0)
    ledger.failed(second, "storage", "x", retry_after=0.0)
    third = taken(ledger)
    assert third.earlier == {"sha256": "ab"}, "the second may have got through unnoticed"
    ledger.done(third, third.earlier)
    ledger.reopen(["k"])
    assert taken(ledger).earlier is None


def test_a_job_that_kills_its_worker_fails_in_the_end(ledger: Ledger, clock: Clock) -> None:
    ledger.add([("bad", "a.mp4"), ("good", "b.mp4")])
    for _ in range(3):
        assert taken(ledger, keys=["bad"]).key == "bad"
        clock.now += 61
    assert taken(ledger).key == "good"
    (entry,) = ledger.entries("failed")
    assert (entry.key, entry.reason, entry.attempts) == ("bad", WORKER_DIED, 3)


def test_jobs_are_opened_again_when_their_file_is_gone(ledger: Ledger) -> None:
    ledger.add([("a", "a.mp4"), ("b", "b.mp4"), ("c", "c.mp4")])
    ledger.done(taken(ledger), {"x": 1})
    ledger.failed(taken(ledger), "storage", "x")
    running = taken(ledger)
    assert ledger.reopen(["a", "b", "c", "none"]) == 2
    assert ledger.counts() == {"pending": 2, "running": 1, "done": 0, "failed": 0}
    assert taken(ledger).attempt == 1
    ledger.done(running, {})


def test_only_the_jobs_asked_for_are_claimed(ledger: Ledger) -> None:
    ledger.add([(f"k{n}", f"{n}.mp4") for n in range(5)])
    many = [f"other{n}" for n in range(50_000)]
    assert taken(ledger, keys=[*many, "k3"]).key == "k3"
    assert take(ledger, keys=many) is None
    assert take(ledger, keys=[]) is None


def _work(path: Path, jobs: int, queue: Any) -> None:
    """Open, add everything, and do jobs until none is left."""
    done = []
    with Ledger(path) as ledger:
        ledger.add([(f"k{n}", f"{n}.mp4") for n in range(jobs)])
        while claim := ledger.claim(str(os.getpid()), lease=60.0, max_attempts=3):
            ledger.renew(claim, 60.0)
            ledger.done(claim, {"by": claim.owner})
            done.append(claim.key)
    queue.put(done)


def test_many_processes_do_every_job_once(tmp_path: Path) -> None:
    """They even make the ledger at the same moment."""
    path, jobs = tmp_path / "batch.ledger", 120
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=_work, args=(path, jobs, queue)) for _ in range(4)]
    for worker in workers:
        worker.start()
    done = [key for _ in workers for key in queue.get(timeout=60)]
    for worker in workers:
        worker.join(10)
        assert worker.exitcode == 0
    assert sorted(done) == sorted(f"k{n}" for n in range(jobs))
    with Ledger(path) as ledger:
        assert ledger.counts()["done"] == jobs
        assert {entry.attempts for entry in ledger.entries()} == {1}


def test_killed_at_any_moment_it_is_whole_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "batch.ledger"
    code = (
        "import sys; from pathlib import Path; from provenance.batch.jobs import Ledger\n"
        "with Ledger(Path(sys.argv[1])) as ledger:\n"
        "    ledger.add([(f'k{n}', f'{n}.mp4') for n in range(2000)])\n"
        "    while claim := ledger.claim('run', lease=0.2, max_attempts=9):\n"
        "        ledger.done(claim, {})\n"
        "        print(claim.key, flush=True)\n"
    )
    told: list[str] = []
    for run in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        told += [child.stdout.readline().strip() for _ in range(15 + 7 * run)]
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split("\n")
        told += [line for line in rest[:-1] if line]
        child.wait()
    assert len(told) == len(set(told)), "no job was done twice"
    with Ledger(path) as ledger:
        done = {entry.key for entry in ledger.entries("done")}
        assert set(told) <= done
        assert len(done) - len(told) <= 4, "at most the one of each run that was cut off"
        assert sum(ledger.counts().values()) == 2000


def test_the_file_is_its_owners_and_holds_what_it_is_given_only(tmp_path: Path) -> None:
    path = tmp_path / "batch.ledger"
    with Ledger(path) as ledger:
        ledger.add([("k", "a.mp4")])
        ledger.done(taken(ledger), {"title": "ü"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    row = sqlite3.connect(path).execute("SELECT result FROM jobs").fetchone()
    assert json.loads(row[0]) == {"title": "ü"}


@pytest.mark.parametrize("content", [b"no database at all, but long enough" * 9, None, "other"])
def test_what_is_no_ledger_is_refused_and_left_as_it_was(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "batch.ledger"
    if content is None:
        path.mkdir()
    elif content == "other":
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE precious (x)")
    else:
        path.write_bytes(content)
    with pytest.raises(LedgerError):
        Ledger(path)
    if isinstance(content, bytes):
        assert path.read_bytes() == content
    if content == "other":
        assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with pytest.raises(LedgerError, match="can't be made"):
        Ledger(tmp_path / "none" / "batch.ledger")


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "batch.ledger"
    Ledger(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(LedgerError, match="no ledger of this release"):
        Ledger(path)


def test_the_jobs_of_owners_that_are_gone_can_be_claimed_at_once(ledger: Ledger) -> None:
    ledger.add([("k1", "a.mp4"), ("k2", "b.mp4"), ("k3", "c.mp4")])
    first, second = taken(ledger, "gone"), taken(ledger, "dead")
    taken(ledger, "alive")
    assert ledger.let_go(["gone"], counts=False) == 1
    assert ledger.let_go(["dead"], counts=True) == 1
    assert [(taken(ledger).key, n) for n in (1, 2)] == [("k1", 1), ("k2", 2)]
    assert [present(ledger.get(key)).attempts for key in ("k1", "k2")] == [1, 2]
    assert take(ledger) is None
    for late in (first, second):
        with pytest.raises(LeaseLostError):
            ledger.done(late, {})
