"""The desk's queue on either database: each file to one desk at a time, none lost, none left."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance.errors import UsageError
from provenance.report.filed import Circumstances, Filed
from provenance.results import Detection, FileFacts, ManifestReport, Verdict, VerificationReport
from provenance.service.examinations import Found, State
from provenance.service.state import Claim, DeskDatabase, Full, Outcome, Queue, Tokens
from provenance.service.state.queue import LEASE, TRIES
from provenance.system.processes import owner_name
from tests.registry.conftest import fresh_database

LOOKS: tuple[State, ...] = ("quick", "normal")
HERE = owner_name(os.getpid())


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskDatabase]:
    with contextlib.ExitStack() as stack:
        url = str(tmp_path / "desk.db")
        if request.param == "postgresql":
            url = stack.enter_context(fresh_database())
        opened = DeskDatabase(url)
        stack.callback(opened.close)
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(database: DeskDatabase, clock: Clock) -> Queue:
    return Queue(database, HERE, clock)


def arrived(queue: Queue, sender: str = "a", *, places: int = 100, own: int = 100) -> Claim:
    return queue.arrive(sender, places=places, per_sender=own, until=1_800_000_900.0)


def handed_in(queue: Queue, sender: str = "a") -> Claim:
    claim = arrived(queue, sender)
    assert queue.hand_in(claim, f"{claim.file}.mp4", 7)
    return claim


def filed() -> Filed:
    report = VerificationReport(
        FileFacts("a.mp4", "0" * 64, 7, "video"),
        Verdict.NO_MARK_FOUND,
        "None of our marks was found.",
        Detection("absent"),
        ManifestReport("absent"),
    )
    return Filed.of(report, Circumstances((), ()), datetime(2026, 11, 28, tzinfo=UTC))


def ended_owner() -> str:
    """A process of this machine that is gone."""
    code = (
        "import os; from provenance.system.processes import owner_name as n; print(n(os.getpid()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_of_many_workers_each_file_goes_to_one(database: DeskDatabase) -> None:
    desks = [Queue(database, f"desk {number}") for number in range(4)]
    keys = {handed_in(desks[number % 4]).key for number in range(12)}

    def work(desk: Queue) -> list[str]:
        claims = iter(lambda: desk.claim(LOOKS), None)
        return [claim.key for claim in claims]

    with ThreadPoolExecutor(4) as pool:
        taken = [key for some in pool.map(work, desks) for key in some]
    assert sorted(taken) == sorted(keys)


def test_the_first_look_at_each_file_comes_before_the_second_at_any(queue: Queue) -> None:
    first, second = handed_in(queue), handed_in(queue)
    claim = queue.claim(LOOKS)
    assert claim is not None
    assert (claim.key, claim.look) == (first.key, 0)
    assert queue.seen(claim, "waiting", outcome=Outcome(Found(filed=filed()), "quick"))
    looks = []
    while (one := queue.claim(LOOKS)) is not None:
        looks.append((one.key, one.look))
    assert looks == [(second.key, 0), (first.key, 1)]
    found = queue.find(first.key)
    assert found is not None
    assert (found.state, found.effort) == ("normal", "quick")
    assert found.filed == filed()


def test_a_file_whose_lease_ran_out_waits_again_and_the_late_desk_changes_nothing(
    queue: Queue, database: DeskDatabase, clock: Clock
) -> None:
    handed_in(queue)
    elsewhere = Queue(database, "another machine", clock)
    lost = elsewhere.claim(LOOKS)
    assert lost is not None
    queue.sweep(3600, 100)
    assert queue.claim(LOOKS) is None
    clock.now += LEASE / 2
    assert elsewhere.renew([lost]) == []
    clock.now += LEASE + 1
    queue.sweep(3600, 100)
    again = queue.claim(LOOKS)
    assert again is not None
    assert again.key == lost.key
    assert elsewhere.renew([lost]) == [lost]
    assert not elsewhere.seen(lost, "done")
    assert queue.seen(again, "done")


def test_what_a_killed_desk_of_this_machine_examined_waits_again_at_once(
    queue: Queue, database: DeskDatabase
) -> None:
    gone = Queue(database, ended_owner())
    handed_in(queue)
    arriving = arrived(gone)
    assert gone.claim(LOOKS) is not None
    queue.sweep(3600, 100)
    assert queue.claim(LOOKS) is not None
    assert queue.find(arriving.key) is None


def test_a_file_with_which_desks_went_away_again_and_again_has_failed_and_says_so(
    queue: Queue, clock: Clock
) -> None:
    key = handed_in(queue).key
    for _ in range(TRIES):
        assert queue.claim(LOOKS) is not None
        clock.now += LEASE + 1
        queue.sweep(3600, 100)
    found = queue.find(key)
    assert found is not None
    assert found.state == "failed"
    assert "send the file again" in str(found.reason)
    assert queue.claim(LOOKS) is None
    assert queue.files() == frozenset()


def test_places_are_counted_over_all_desks_and_for_each_sender(database: DeskDatabase) -> None:
    one, two = Queue(database, "one"), Queue(database, "two")
    first = arrived(one, places=3, own=2)
    arrived(two, places=3, own=2)
    with pytest.raises(Full):
        arrived(one, places=3, own=2)
    arrived(one, "b", places=3, own=2)
    with pytest.raises(Full):
        arrived(two, "c", places=3, own=2)
    assert one.drop(first.key) == first.file
    arrived(two, "c", places=3, own=2)


def test_of_two_who_continue_an_upload_the_later_one_does(
    queue: Queue, database: DeskDatabase
) -> None:
    begun = queue.arrive("a", places=9, per_sender=9, until=1_800_000_600.0, length=100)
    first = queue.continued(begun.key)
    assert first is not None
    assert queue.reached(first, 40, 1_800_000_600.0)
    second = Queue(database, "another").continued(begun.key)
    assert second is not None
    assert (second.bytes, second.length) == (40, 100)
    assert not queue.reached(first, 60, 1_800_000_600.0)
    assert queue.hand_in(second, "a.mp4", 100)
    assert queue.continued(begun.key) is None


def test_uploads_that_stand_still_and_old_results_are_forgotten(queue: Queue, clock: Clock) -> None:
    begun = queue.arrive("a", places=9, per_sender=9, until=clock.now + 600, length=100)
    ended = [handed_in(queue).key for _ in range(3)]
    for _ in ended:
        claim = queue.claim(LOOKS)
        assert claim is not None
        clock.now += 1
        assert queue.seen(claim, "done", outcome=Outcome(Found(filed=filed()), "normal"))
    queue.sweep(3600, 2)
    assert [queue.find(key) is None for key in ended] == [True, False, False]
    assert queue.files() == {begun.file}
    clock.now += 601
    queue.sweep(3600, 2)
    assert queue.find(begun.key) is None
    clock.now += 3600
    queue.sweep(3600, 2)
    assert queue.counts() == {}


def test_nothing_says_who_sent_a_file_once_its_examination_has_ended(
    queue: Queue, database: DeskDatabase
) -> None:
    handed_in(queue, "198.51.100.7")
    claim = queue.claim(LOOKS)
    assert claim is not None
    assert queue.seen(claim, "done")
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM examination").all()
    assert len(rows) == 1
    assert "198.51.100.7" not in str(rows)


def test_desks_with_different_folders_share_no_database(queue: Queue) -> None:
    queue.check_home("a" * 32)
    queue.check_home("a" * 32)
    with pytest.raises(UsageError, match="in another folder"):
        queue.check_home("b" * 32)


def test_of_a_token_only_a_sum_is_kept_and_once_revoked_it_is_good_for_nothing(
    database: DeskDatabase,
) -> None:
    tokens = Tokens(database)
    made, written = tokens.make("newsroom", ["resolve", "verify"], 7)
    assert made.scopes == ("verify", "resolve")
    assert tokens.find(written) == made
    other = written[:-1] + ("A" if written[-1] != "A" else "B")
    assert [tokens.find(one) for one in ("", "pst_", other, f"{written} ")] == [None] * 4
    with database.reading() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM token").all())
    assert written.split("_", 2)[2] not in kept
    assert tokens.revoke(made.id).revoked_at is not None
    assert tokens.find(written) is None
    assert tokens.revoke(made.id) == tokens.all()[0]
    with pytest.raises(UsageError, match="There is no token"):
        tokens.revoke("none")
