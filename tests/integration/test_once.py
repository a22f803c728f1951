"""Each approved clip is stamped once: through rotations, moves, other places and crowds."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provenance import Claims, Stamper
from provenance.batch import STATE, Task
from provenance.batch.jobs import Ledger, job_key, read_jobs
from provenance.batch.tools import tools_for
from provenance.batch.work import do
from provenance.errors import BusyError
from provenance.keyring import rotate
from provenance.keyring.rotating import KINDS
from provenance.registry import Registry
from provenance.results.payload import StampId
from provenance.system.workspace import Workspace
from tests.conftest import MODEL, Run, environment
from tests.studio import Studio, killed_at, tidy_up

PROMPT = ("--prompt", "a walk through moss")


def states(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["job"]["output"]: row["state"] for row in rows}


def forget(studio: Studio) -> None:
    """Lose the ledger."""
    for path in (studio.out / STATE).glob("ledger*"):
        path.unlink()


def test_no_rotation_of_keys_makes_a_job_that_is_done_another_job(studio: Studio, run: Run) -> None:
    """Each kind of key, then all of them once more; with the ledger, and found by the registry."""
    studio.add("a")
    first = run(*studio.words, "--json").row
    assert first["state"] == "stamped"
    for kinds in (*((one,) for one in KINDS), KINDS):
        rotate(studio.folder / "keys", kinds)
        again = run(*studio.words, "--json").row
        assert (again["state"], again["key"]) == ("skipped", first["key"]), kinds
    forget(studio)
    lost = run(*studio.words, "--json").row
    assert (lost["state"], lost["key"]) == ("skipped", first["key"])
    assert set(studio.records().values()) == {1}


def test_a_ledger_of_0_1_0_is_good_after_a_rotation_whichever_key_was_current_then(
    studio: Studio, run: Run
) -> None:
    """It named jobs with the current prompt key, and after a rotation failed them by another."""
    clip = studio.add("a")
    rotate(studio.folder / "keys", ("prompt",))
    row = run(*studio.words, "--json").row
    (job,) = read_jobs(studio.listing)
    keys = tools_for(studio.settings(), None).keyring.prompt_keys
    digest = row["stamp"]["input"]["sha256"]
    old, new = (job_key(job, digest, job.prompt.hashed(key)) for key in (keys[1], keys[0]))
    assert row["key"] == old
    with sqlite3.connect(studio.out / STATE / "ledger") as ledger:
        ledger.execute("UPDATE jobs SET key = ?", (new,))
        failed = "INSERT INTO jobs (key, output, state, attempts, claims, expires, not_before, "
        failed += "reason, error, changed) VALUES (?, 'a.mp4', 'failed', 1, 1, 0, 0, 'usage', ?, 0)"
        ledger.execute(failed, (old, "a.mp4 exists already"))
    ledger.close()
    again = run(*studio.words, "--json").row
    assert (again["state"], again["key"]) == ("skipped", new)
    assert clip.exists()
    assert set(studio.records().values()) == {1}


def test_outputs_that_were_moved_away_are_done_elsewhere_wherever_the_next_run_writes(
    studio: Studio, run: Run
) -> None:
    for name in ("a", "b"):
        studio.add(name)
    rows = {row["job"]["output"]: row for row in run(*studio.words, "--json").rows}
    stamp_id = rows["a.mp4"]["stamp"]["stamp_id"]
    for name in ("a", "b"):
        (studio.out / f"{name}.mp4").rename(studio.folder / f"{name}-moved.mp4")
    place = "https://cdn.example.com/v/a.mp4"
    words = ("--registry", "r.db")
    assert run("registry", "locate", stamp_id, *words).code == 3
    assert run("registry", "moved", stamp_id, place, *words).code == 0
    assert run("registry", "locate", stamp_id, *words).out == f"{place}\n"
    assert run("registry", "locate", stamp_id, *words, "--json").row["place"] == place
    dry = run(*studio.words, "--dry-run", "--json")
    assert [row["place"] for row in dry.rows] == [place, None]
    assert dry.rows[0]["stamp_id"] == stamp_id
    elsewhere = [*studio.words]
    elsewhere[elsewhere.index(str(studio.out))] = str(studio.folder / "second")
    for again in (studio.words, elsewhere):
        done = run(*again, "--json")
        assert (done.code, set(states(done.rows).values())) == (0, {"done_elsewhere"})
        (row,) = (row for row in done.rows if row["job"]["output"] == "a.mp4")
        assert (row["stamp"]["stamp_id"], row["place"]) == (stamp_id, place)
        told = run(*again)
        assert "0 stamped, 0 done before, 2 done elsewhere" in told.out
        assert f"a.mp4 done elsewhere (1 of 2); stamp {stamp_id}, at {place}" in told.err
    assert studio.files == []
    once_more = run(*elsewhere, "--again", "the bucket was lost", "--json")
    assert set(states(once_more.rows).values()) == {"stamped"}
    assert set(studio.records().values()) == {2}
    second = next(row for row in once_more.rows if row["job"]["output"] == "a.mp4")
    shown = run("registry", "show", second["stamp"]["stamp_id"], *words, "--json").row
    assert shown["again"] == "the bucket was lost"
    with Registry(str(studio.folder / "r.db")) as registry:
        registry.withdrawals.withdraw("stamp", stamp_id, "published too early")
    taken = run(*studio.words, "--json")
    (row,) = (row for row in taken.rows if row["job"]["output"] == "a.mp4")
    assert (taken.code, row["state"], row["place"]) == (3, "withdrawn", place)
    assert place in row["error"]


def test_a_clip_that_was_held_back_and_never_published_is_stamped_when_it_may_be(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first stamp stays on record, and is nowhere: that is not done elsewhere."""
    studio.add("a", consents=["actor-7"])
    job = killed_at(studio, "stamped", monkeypatch)
    settings = studio.settings()
    forms = job.prompt.forms(studio.keyring.prompt_keys)
    with Registry(str(studio.folder / "r.db")) as registry:
        registry.withdrawals.withdraw("consent", "actor-7", "asked for it")
        tidy_up(studio, job)
        assert do(Task(job, forms), settings).state == "failed"
        registry.withdrawals.reinstate("consent", "actor-7", "a mistake")
    assert do(Task(job, forms), settings).state == "stamped"
    assert studio.files == ["a.mp4"]


@pytest.mark.parametrize("moment", ["stamped", "publishing"])
def test_a_clip_whose_machine_was_lost_before_it_was_published_is_stamped_again(
    studio: Studio, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record says that it was stamped, and no file of it is anywhere."""
    studio.add("a")
    job, settings = killed_at(studio, moment, monkeypatch), studio.settings()
    for path in settings.spool.iterdir():
        path.unlink()
    with Ledger(settings.ledger) as ledger:
        (entry,) = ledger.entries("running")
        ledger.let_go([entry.owner or ""], counts=True)
    attempt = do(Task(job, job.prompt.forms(studio.keyring.prompt_keys)), settings)
    assert (attempt.state, studio.files) == ("stamped", ["a.mp4"])
    assert attempt.stamp is not None
    with Registry(str(studio.folder / "r.db")) as registry:
        record = registry.find(StampId.from_hex(attempt.stamp["stamp_id"]))
    assert record is not None
    assert record.again == "an earlier stamp of this job was never published"


def test_a_command_that_is_run_twice_stamps_once_and_says_where_it_is(
    run: Run, clip: Path, keyring: Any, tmp_path: Path
) -> None:
    words = ("--keys", keyring.folder, "--registry", "r.db", "--json")
    first = run("stamp", clip, "a.mp4", *MODEL, *PROMPT, *words)
    assert first.code == 0, first.err
    again = run("stamp", clip, "b.mp4", *MODEL, *PROMPT, *words)
    assert (again.code, again.out) == (5, "")
    assert f"stamped before, as {first.row['stamp_id']}" in again.err
    assert "(--again)" in again.err
    assert not (tmp_path / "b.mp4").exists()
    plain = run("stamp", clip, "b.mp4", *MODEL, *PROMPT, *words, "--plain-prompt-hash")
    assert plain.code == 5
    asked = run("stamp", clip, "b.mp4", *MODEL, *PROMPT, *words, "--again", "disk lost")
    assert asked.code == 0, asked.err
    shown = run("registry", "show", asked.row["stamp_id"], "--registry", "r.db")
    assert "disk lost" in shown.out
    assert run("stamp", clip, "c.mp4", *MODEL, *PROMPT, *words, "--again", " ").code == 2
    assert run("registry", "audit", "--registry", "r.db").code == 0


def test_of_two_commands_at_once_one_stamps_the_clip_and_the_other_is_told_before_the_work(
    run: Run, clip: Path, keyring: Any, tmp_path: Path
) -> None:
    def begun(target: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "provenance", "stamp", str(clip), target, *MODEL, *PROMPT]
        words += ["--keys", str(keyring.folder), "--registry", "r.db", "--json"]
        return subprocess.Popen(
            words,
            cwd=tmp_path,
            env=environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    with Registry(str(tmp_path / "r.db"), create=True):
        pass
    ended = []
    for process in [begun("a.mp4"), begun("b.mp4")]:
        _, err = process.communicate(timeout=300)
        ended.append((process.returncode, err))
    codes = sorted(code for code, _ in ended)
    assert codes[0] == 0, ended
    assert codes[1] in (4, 5), ended
    (said,) = (err for code, err in ended if code)
    assert "being stamped by another process" in said or "was stamped before" in said
    with Registry(str(tmp_path / "r.db")) as registry:
        assert len(registry.search()) == 1
        assert registry.reservations.sweep().as_json()["pending"] == []
    assert len(list(tmp_path.glob("*.mp4"))) == 1


def test_a_job_waits_while_another_process_writes_its_output(studio: Studio) -> None:
    """It is told before the work, gives the job back, and does it once the name is free."""
    studio.add("a")
    with Registry(str(studio.folder / "r.db"), create=True):
        pass
    settings = studio.settings()
    settings.spool.mkdir(parents=True)
    (job,) = read_jobs(studio.listing)
    forms = job.prompt.forms(studio.keyring.prompt_keys)
    stages: list[str] = []
    with Workspace(studio.out / "a.mp4"):
        busy = do(Task(job, forms), settings, progress=lambda stage, *_: stages.append(stage))
    assert (busy.state, stages) == ("busy", [])
    assert "being written by another process" in (busy.error or "")
    done = do(Task(job, forms), settings)
    assert done.state == "stamped"
    assert studio.leftovers() == []


def test_all_that_is_wrong_with_a_clip_is_told_at_once(
    run: Run, keyring: Any, tmp_path: Path
) -> None:
    (tmp_path / "text.mp4").write_text("no clip", "utf-8")
    (tmp_path / "out.mp4").write_bytes(b"there")
    words = ("--profile", "loud", "--keys", keyring.folder, "--min-margin", "nan")
    ran = run("stamp", "text.mp4", "out.mp4", *MODEL, *PROMPT, *words)
    assert ran.code == 2
    said = [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    assert len(said) == 3
    assert "loud" in said[0]
    assert "text.mp4" in said[1]
    assert "exists already" in said[2]


def test_a_dry_run_names_all_that_is_wrong_with_each_clip(studio: Studio, run: Run) -> None:
    studio.add("a", approved=False, codec="prores", consents=["actor-7"])
    with Registry(str(studio.folder / "r.db"), create=True) as registry:
        registry.withdrawals.withdraw("consent", "actor-7", "asked for it")
    (studio.out / "a.mp4").write_bytes(b"something else")
    dry = run(*studio.words, "--dry-run", "--json")
    reasons = [row["reason"] for row in dry.rows]
    wanted = ["approval_no_approval", "usage", "usage", "withdrawn"]
    assert (dry.code, sorted(reasons)) == (3, wanted)
    assert json.dumps(dry.rows).count("prores") == 1


def test_a_name_that_is_being_written_is_refused_before_the_work_to_files_and_to_frames(
    clip: Path, keyring: Any, tmp_path: Path
) -> None:
    claims = Claims.of(keyring, model_name="M", model_version="1", prompt="moss")
    stamper, target = Stamper(keyring), tmp_path / "out.mp4"
    frames: dict[str, Any] = {"width": 320, "height": 240, "fps": 24, "claims": claims}
    stages: list[str] = []
    with Workspace(target):
        with pytest.raises(BusyError):
            stamper.stamp(clip, target, claims, progress=lambda stage, *_: stages.append(stage))
        with pytest.raises(BusyError), stamper.open(target, **frames):
            pass
    assert stages == []
    first = stamper.open(target, **frames).__enter__()
    with pytest.raises(BusyError):
        stamper.open(target, **frames).__enter__()
    first.__exit__(ValueError, None, None)
    assert list(tmp_path.iterdir()) == []
