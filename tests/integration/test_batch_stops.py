"""A batch goes on after kills and stops, and costs no clip a second stamp."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
from pathlib import Path

import pytest

from provenance.batch import STATE
from provenance.batch.jobs import Ledger
from provenance.batch.runner import tidy
from provenance.batch.work import do
from tests.conftest import Run
from tests.studio import (
    Studio,
    killed_at,
    start,
    task_of,
    wait_for_work,
    workers_of,
)


def test_an_output_is_found_without_a_ledger_kept_when_changed_and_made_again_when_asked(
    studio: Studio, run: Run
) -> None:
    studio.add("a")
    assert run(*studio.words).code == 0
    for path in (studio.out / STATE).glob("ledger*"):
        path.unlink()
    assert run(*studio.words, "--json").row["state"] == "skipped"
    assert set(studio.records().values()) == {1}
    (studio.out / "a.mp4").write_bytes(b"something else")
    changed = run(*studio.words, "--json")
    assert (changed.code, changed.row["reason"]) == (3, "usage")
    assert (studio.out / "a.mp4").read_bytes() == b"something else"
    assert "say why the clip has to be stamped again" in changed.row["error"]
    (studio.out / "a.mp4").unlink()
    assert run(*studio.words, "--json").row["state"] == "done_elsewhere"
    assert run(*studio.words, "--again", "disk lost", "--json").row["state"] == "stamped"


@pytest.mark.parametrize("moment", ["stamped", "publishing", "published"])
def test_a_kill_between_two_steps_costs_no_second_stamp(
    studio: Studio, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.add("a")
    job, settings = killed_at(studio, moment, monkeypatch), studio.settings()
    before = studio.records()
    with Ledger(settings.ledger) as ledger:
        assert do(task_of(job, studio.keyring), settings, ledger=ledger).state == "busy"
        tidy(settings, ledger, None, [job])
        attempt = do(task_of(job, studio.keyring), settings, ledger=ledger)
        assert ledger.counts()["done"] == 1
    assert attempt.state == ("skipped" if moment == "published" else "stamped")
    assert attempt.stamp is not None
    assert studio.records() == before
    assert len(before) == 1
    there = hashlib.sha256((studio.out / "a.mp4").read_bytes()).hexdigest()
    assert attempt.stamp["output"]["sha256"] == there
    assert studio.leftovers() == []


def test_a_stop_gives_running_jobs_back_and_the_same_command_goes_on(
    studio: Studio, run: Run
) -> None:
    for name in "abc":
        studio.add(name)
    process = start(studio)
    wait_for_work(studio, process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert studio.leftovers() == []
    with Ledger(studio.out / STATE / "ledger") as ledger:
        assert ledger.counts()["running"] == 0
    assert run(*studio.words).code == 0
    assert studio.files == ["a.mp4", "b.mp4", "c.mp4"]
    assert set(studio.records().values()) == {1}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_dies_or_hangs_costs_its_job_one_attempt_and_leaves_no_core_file(
    studio: Studio, number: signal.Signals
) -> None:
    studio.add("a")
    process = start(studio, "--json", *(("--stall", "5") if number == signal.SIGSTOP else ()))
    wait_for_work(studio, process)
    workers = workers_of(process)
    assert workers
    for one in (process.pid, *workers):
        limits = Path(f"/proc/{one}/limits").read_text()
        assert re.search(r"^Max core file size +0 ", limits, re.M), limits  # they hold keys
    for worker in workers:
        os.kill(worker, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "worker of a.mp4 died" in err
    row = json.loads(out)
    assert (row["state"], row["attempts"]) == ("stamped", 2)
    assert set(studio.records().values()) == {1}
    assert studio.leftovers() == []
