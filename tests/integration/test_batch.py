"""A batch does every job once: through bad rows, missing approvals, kills, and stops."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance import Keyring, init_keyring
from provenance.batch import STATE, UNAPPROVED, Attempt, Settings, Task
from provenance.batch.approvals import (
    FOLDER,
    add_approval,
    approval_path,
    approve,
    load_reviewer_key,
    new_reviewer_key,
)
from provenance.batch.jobs import Claim, Job, Ledger, Prompt, read_jobs
from provenance.batch.runner import tidy
from provenance.batch.work import do
from provenance.manifest.prompt import PromptKey
from provenance.registry import Registry
from provenance.results.payload import StampId
from provenance.system.processes import owner_name
from provenance.system.workspace import PREFIX
from tests.clips import Spec, make_clip
from tests.conftest import Run, environment
from tests.stores import Bucket, lead_to, running_s3
from tests.stores import environment as s3_environment

KEY = PromptKey("01234567", b"k" * 32)
SPEC = Spec(size=(240, 160), frames=24)
FIELDS = {"model_name": "Model", "model_version": "1", "preset": "ultrafast"}


class Killed(BaseException):
    """What a test stops a job with, where a kill would."""


class Studio:
    """A release team's folder: keys, a reviewer, clips, a list, a registry."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        (folder / "in").mkdir()
        self.out.mkdir()
        self.keyring = init_keyring(folder / "keys", "Example Studio")
        (folder / "keys" / FOLDER).mkdir()
        public = new_reviewer_key(folder / "anna.pem")
        public.rename(folder / "keys" / FOLDER / "anna.pub")
        self.base = make_clip(folder / "base.mp4", SPEC).read_bytes()
        self.rows: list[dict[str, Any]] = []

    def add(self, name: str, *, approved: bool = True, **fields: Any) -> Path:
        """A clip, and its row."""
        clip = self.folder / "in" / f"{name}.mp4"
        clip.write_bytes(self.base + b"\0\0\0\x0cfree" + len(self.rows).to_bytes(4, "big"))
        if approved:
            digest = hashlib.sha256(clip.read_bytes()).hexdigest()
            key = load_reviewer_key(self.folder / "anna.pem")
            add_approval(approval_path(clip), *approve(digest, key, "anna"))
        row = {"input": f"in/{name}.mp4", "output": f"{name}.mp4", "prompt": f"secret {name}"}
        self.rows.append(row | FIELDS | fields)
        self.listing.write_text("".join(json.dumps(one) + "\n" for one in self.rows), "utf-8")
        return clip

    @property
    def listing(self) -> Path:
        return self.folder / "jobs.jsonl"

    @property
    def words(self) -> tuple[str, ...]:
        """The command, one worker."""
        words = ("batch", self.listing, "--out", self.out, "--workers", "1", "--registry", "r.db")
        return tuple(map(str, words))

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.out.glob("*.m*"))

    def results(self) -> dict[str, dict[str, Any]]:
        lines = (self.out / "results.jsonl").read_text("utf-8").splitlines()
        return {row["job"]["output"]: row for row in map(json.loads, lines)}

    def settings(self, **options: Any) -> Settings:
        return Settings(
            keys=self.folder / "keys",
            out=str(self.out),
            state=self.out / STATE,
            registry=str(self.folder / "r.db"),
            reviewers=(self.folder / "keys" / FOLDER,),
            **options,
        )

    def records(self) -> Counter[str | None]:
        """How many records each input has; the audit log is whole."""
        with Registry(str(self.folder / "r.db")) as registry:
            assert registry.check().broken is None
            return Counter(record.input_sha256 for record in registry.search())

    def leftovers(self) -> list[Path]:
        spool = self.out / STATE / "spool"
        hidden = list(self.folder.rglob(f"{PREFIX}*"))
        return hidden + list(spool.iterdir())


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def task_of(job: Job, keyring: Keyring) -> Task:
    return Task(replace(job, prompt=Prompt()), job.prompt.forms(keyring.prompt_keys))


def test_an_output_in_the_batch_s_own_folder_is_refused_by_the_dry_run_as_by_the_real_one(
    studio: Studio, run: Run
) -> None:
    """By its name, in other letters, and by a link; what only looks alike is stamped."""
    studio.out.mkdir(exist_ok=True)
    (studio.out / "by-link").symlink_to(STATE, target_is_directory=True)
    refused = [f"{STATE}/a.mp4", f"{STATE}/spool/b.mp4", f"{STATE.upper()}/c.mp4", "by-link/d.mp4"]
    for number, output in enumerate([*refused, f"{STATE}-not/e.mp4"]):
        studio.add(f"clip{number}", output=output)
    dry = run(*studio.words, "--dry-run", "--json")
    assert (dry.code, [row["job"]["output"] for row in dry.rows]) == (3, refused)
    assert all("keeps its own files" in row["error"] for row in dry.rows)
    real = run(*studio.words, "--json")
    failed = {row["job"]["output"]: row["error"] for row in real.rows if row["state"] == "failed"}
    assert real.code == 3
    assert failed == {row["job"]["output"]: row["error"] for row in dry.rows}
    assert (studio.out / f"{STATE}-not" / "e.mp4").is_file()
    assert studio.leftovers() == []


def test_outputs_below_a_named_state_folder_are_refused_only_where_its_files_lie(
    studio: Studio, run: Run
) -> None:
    studio.add("plain")
    studio.add("in-spool", output="spool/in-spool.mp4")
    words = (*studio.words, "--state", studio.out, "--dry-run", "--json")
    assert [row["job"]["output"] for row in run(*words).rows] == ["spool/in-spool.mp4"]


def test_approved_jobs_are_stamped_once_and_the_others_named(studio: Studio, run: Run) -> None:
    studio.add("good")
    studio.add("sidecar", output="below/sidecar.mkv")
    studio.add("unapproved", approved=False)
    studio.add("text").write_text("no clip")
    studio.add("missing").unlink()
    studio.add("strong", profile="strong")
    two = ("--two-approvals-for", "strong")
    dry = run(*studio.words, *two, "--dry-run", "--json")
    assert dry.code == 3
    problems = [(row["job"]["output"], row["reason"]) for row in dry.rows]
    assert problems == [
        ("unapproved.mp4", "approval_no_approval"),
        ("text.mp4", "approval_other_clip"),
        ("text.mp4", "unreadable_file"),
        ("missing.mp4", "unreadable_file"),
        ("strong.mp4", "approval_one_of_two"),
    ]
    assert studio.files == []
    first = run(*studio.words, *two, "--json", "--metrics", "m.prom", "--json-logs")
    assert first.code == 3
    states = {row["job"]["output"]: (row["state"], row["reason"]) for row in first.rows}
    assert states == {
        "good.mp4": ("stamped", None),
        "below/sidecar.mkv": ("stamped", None),
        "unapproved.mp4": ("failed", "approval_no_approval"),
        "text.mp4": ("failed", "approval_other_clip"),
        "missing.mp4": ("failed", "unreadable_file"),
        "strong.mp4": ("failed", "approval_one_of_two"),
    }
    assert studio.results() == {row["job"]["output"]: row for row in first.rows}
    assert (studio.out / "below" / "sidecar.mkv.c2pa").is_file()
    logged = [json.loads(line) for line in first.err.splitlines()]
    jobs = {line["output"]: line for line in logged if line["message"].startswith("job ")}
    assert len(jobs) == 6
    for row in first.rows:
        line = jobs[row["job"]["output"]]
        assert (line["input"], line["key"], line["sentence"]) == (
            row["job"]["input"],
            row["key"],
            row["error"],
        )
        assert line["stamp_id"] == (row["stamp"] and row["stamp"]["stamp_id"])
    assert (logged[-1]["message"], logged[-1]["stamped"]) == ("batch ended", 2)
    assert 'provenance_jobs_total{state="stamped"} 2.0' in (studio.folder / "m.prom").read_text()
    again = run(*studio.words, *two)
    assert (again.code, again.out.splitlines()[0].split(" in ")[0]) == (
        3,
        "0 stamped, 2 done before, 4 failed,",
    )
    stamp = studio.results()["good.mp4"]["stamp"]
    there = hashlib.sha256((studio.out / "good.mp4").read_bytes()).hexdigest()
    assert stamp["output"] == {"path": str(studio.out / "good.mp4"), "sha256": there}
    report = run("verify", studio.out / "good.mp4", "--registry", "r.db", "--json").row
    assert (report["verdict"], report["watermark"]["stamp_id"]) == ("CONFIRMED", stamp["stamp_id"])
    assert set(studio.records().values()) == {1}
    assert len(studio.records()) == 2
    assert studio.leftovers() == []
    for path in (studio.out / "results.jsonl", studio.out / STATE / "ledger"):
        assert b"secret" not in path.read_bytes()
    assert "secret" not in first.err + again.err


def test_a_run_that_logs_for_machines_writes_no_other_text(studio: Studio, run: Run) -> None:
    studio.add("a")
    studio.add("b", approved=False)
    (studio.folder / "provenance.toml").write_text('profile = "standard"\n')
    logs = (*studio.words, "--json-logs")
    dry, done, again = (run(*logs, *more) for more in (("--dry-run",), (), ("--metrics-port", "0")))
    wrong = run(*logs, "--glob", "*.mov")
    unknown = run(*logs, "--reviewers", "none")
    assert [one.code for one in (dry, done, again, wrong, unknown)] == [3, 3, 3, 2, 4]
    for one in (dry, done, again, wrong, unknown):
        lines = [json.loads(line) for line in one.err.splitlines()]
        assert one.out == ""
        assert "using the settings" in lines[0]["message"]
        assert all(line["level"] in ("info", "warning", "error") for line in lines)
    assert json.loads(wrong.err.splitlines()[-1])["level"] == "error"


def test_what_is_stamped_without_an_approval_says_so(studio: Studio, run: Run) -> None:
    studio.add("a", approved=False)
    refused = run(*studio.words, "--allow-unapprove")
    assert refused.code == 2
    done = run(*studio.words, "--allow-unapproved", "--json")
    assert done.code == 0
    assert "without an approval" in done.err
    stamp_id = StampId.from_hex(done.row["stamp"]["stamp_id"])
    with Registry(str(studio.folder / "r.db")) as registry:
        record = registry.find(stamp_id)
        manifest = registry.manifest(stamp_id)
    assert record is not None
    assert record.approval == UNAPPROVED
    assert manifest is not None
    assert UNAPPROVED.encode() in manifest


def test_nobody_to_approve_is_an_error_before_anything_starts(studio: Studio, run: Run) -> None:
    studio.add("a")
    (studio.folder / "keys" / FOLDER / "anna.pub").unlink()
    done = run(*studio.words)
    assert done.code == 2
    assert "--reviewers" in done.err
    assert list(studio.out.iterdir()) == []


def test_a_withdrawn_consent_keeps_its_clips_from_being_stamped(studio: Studio, run: Run) -> None:
    studio.add("a", consents=["actor-7"])
    with Registry(str(studio.folder / "r.db"), create=True):
        pass
    revoked = run(
        *("registry", "revoke", "--consent", "actor-7", "--reason", "asked for it"),
        *("--registry", "r.db", "--even-if-none"),
    )
    assert revoked.code == 0, revoked.err
    assert run(*studio.words, "--dry-run", "--json").row["reason"] == "withdrawn"
    assert run(*studio.words, "--json").row["reason"] == "withdrawn"
    assert studio.files == []


def killed_at(studio: Studio, moment: str, monkeypatch: pytest.MonkeyPatch) -> Job:
    """The only job, begun by a process that is gone since that moment."""
    with Registry(str(studio.folder / "r.db"), create=True):
        pass
    (job,) = read_jobs(studio.listing)
    settings = studio.settings()
    settings.spool.mkdir(parents=True)

    class Killing(Ledger):
        """Ends the job where a kill might."""

        def publishing(self, claim: Claim, result: Mapping[str, Any], lease: float) -> None:
            if moment == "stamped":
                raise Killed
            super().publishing(claim, result, lease)
            if moment == "publishing":
                raise Killed

        def done(self, claim: Claim, result: Mapping[str, Any]) -> None:
            raise Killed

    gone = subprocess.Popen([sys.executable, "-c", ""])
    with monkeypatch.context() as patched, Killing(settings.ledger) as ledger:
        name = owner_name(gone.pid)
        patched.setattr("provenance.batch.work.owner_name", lambda _pid: name)
        with pytest.raises(Killed):
            do(task_of(job, studio.keyring), settings, ledger=ledger)
    gone.wait()
    return job


def tidy_up(studio: Studio, job: Job) -> None:
    """What the next run does first."""
    with Ledger(studio.settings().ledger) as ledger:
        tidy(studio.settings(), ledger, None, [job])


def revoke(studio: Studio, consent: str = "actor-7") -> None:
    with Registry(str(studio.folder / "r.db"), create=True) as registry:
        registry.withdrawals.withdraw("consent", consent, "asked for it")


def test_what_was_withdrawn_since_it_was_done_is_not_skipped_in_silence(
    studio: Studio, run: Run
) -> None:
    """The run names it, fails, and leaves it to people; with and without the ledger."""
    studio.add("a", consents=["actor-7"])
    studio.add("b")
    assert run(*studio.words).code == 0
    revoke(studio)
    for path in (None, *(studio.out / STATE).glob("ledger*")):
        if path is not None:
            path.unlink()
        again = run(*studio.words, "--json")
        states = {row["job"]["output"]: row["state"] for row in again.rows}
        assert (again.code, states) == (3, {"a.mp4": "withdrawn", "b.mp4": "skipped"})
        (row,) = (row for row in again.rows if row["state"] == "withdrawn")
        assert (row["reason"], row["stamp"]["output"]["path"]) == (
            "withdrawn",
            str(studio.out / "a.mp4"),
        )
        assert "its consent was withdrawn" in row["error"]
        assert "take it out of circulation" in row["error"]
    told = run(*studio.words)
    assert "Withdrawn: a.mp4" in told.err
    assert "1 done before, 1 withdrawn since" in told.out
    dry = run(*studio.words, "--dry-run", "--json")
    assert (dry.code, [row["reason"] for row in dry.rows]) == (3, ["withdrawn"])
    # Gone from there, it is not made again.
    (studio.out / "a.mp4").unlink()
    last = run(*studio.words, "--json")
    assert {row["job"]["output"]: row["state"] for row in last.rows}["a.mp4"] == "withdrawn"
    assert studio.files == ["b.mp4"]


def test_a_clip_that_was_made_from_a_withdrawn_one_is_named_too(studio: Studio, run: Run) -> None:
    studio.add("a", consents=["actor-7"])
    assert run(*studio.words).code == 0
    (studio.folder / "in" / "made.mp4").write_bytes((studio.out / "a.mp4").read_bytes())
    made, later = ({"input": "in/made.mp4", "output": f"{name}.mp4"} for name in ("m1", "m2"))
    studio.rows = [made | FIELDS | {"prompt": "a second prompt"}]
    studio.listing.write_text("".join(json.dumps(one) + "\n" for one in studio.rows), "utf-8")
    words = (*studio.words, "--allow-unapproved", "--restamp", "--json")
    assert run(*words).row["state"] == "stamped"
    revoke(studio)
    again = run(*words)
    assert (again.code, again.row["state"]) == (3, "withdrawn")
    assert "the consent of a clip that it was made from was withdrawn" in again.row["error"]
    studio.rows = [later | FIELDS | {"prompt": "a third prompt"}]
    studio.listing.write_text("".join(json.dumps(one) + "\n" for one in studio.rows), "utf-8")
    assert "it was made from a clip whose consent" in run(*words, "--dry-run").row["error"]
    refused = run(*words)
    assert (refused.code, refused.row["reason"]) == (3, "withdrawn")
    assert studio.files == ["a.mp4", "m1.mp4"]


@pytest.mark.parametrize("moment", ["stamped", "publishing", "published"])
def test_a_withdrawal_after_a_kill_stops_the_clip_or_names_it(
    studio: Studio, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip that waits in the spool is not published; one that is out is named."""
    studio.add("a", consents=["actor-7"])
    job = killed_at(studio, moment, monkeypatch)
    revoke(studio)
    with Ledger(studio.settings().ledger) as ledger:
        tidy(studio.settings(), ledger, None, [job])
        attempt = do(task_of(job, studio.keyring), studio.settings(), ledger=ledger)
        again = do(task_of(job, studio.keyring), studio.settings(), ledger=ledger)
    out = moment == "published"
    state = "withdrawn" if out else "failed"
    assert [(one.state, one.reason, one.fault) for one in (attempt, again)] == [
        (state, "withdrawn", "job"),
        (state, "withdrawn", "job"),
    ]
    assert studio.files == (["a.mp4"] if out else [])
    assert studio.leftovers() == []
    assert set(studio.records().values()) == {1}  # the stamp stays on record, withdrawn


@pytest.mark.parametrize("allow_unapproved", [False, True])
def test_a_clip_that_waits_is_removed_when_its_reviewer_is_withdrawn(
    studio: Studio, allow_unapproved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the run could do without the approval that the waiting stamp rests on."""
    studio.add("a")
    job = killed_at(studio, "stamped", monkeypatch)
    settings = studio.settings(allow_unapproved=allow_unapproved)
    with Registry(str(studio.folder / "r.db")) as registry:
        (record,) = registry.search()
        (anna,) = record.approvers
        registry.withdrawals.withdraw("reviewer", anna, "laptop stolen")
    with Ledger(settings.ledger) as ledger:
        tidy(settings, ledger, None, [job])
        attempt = do(task_of(job, studio.keyring), settings, ledger=ledger)
    assert (attempt.state, attempt.reason, attempt.fault) == ("failed", "withdrawn", "job")
    assert "its reviewer was withdrawn" in (attempt.error or "")
    assert (studio.files, studio.leftovers()) == ([], [])


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


def start(studio: Studio, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "provenance", *studio.words, *more],
        cwd=studio.folder,
        env=environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_work(studio: Studio, process: subprocess.Popen[str]) -> None:
    """Until a clip is being stamped; what lay in the spool before does not count."""
    spool = studio.out / STATE / "spool"
    before = set(spool.glob("*"))
    deadline = time.monotonic() + 60
    while not set(spool.glob("*")) - before:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


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


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [
        child
        for child in map(int, children)
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


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


def test_a_watched_folder_is_stamped_as_clips_come_in(studio: Studio) -> None:
    clip = studio.add("a")
    words = ["batch", "--watch", "in", "--out", "out", "--workers", "1", "--registry", "r.db"]
    process = subprocess.Popen(
        [sys.executable, "-m", "provenance", *words],
        cwd=studio.folder,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    job = FIELDS | {"prompt": "secret"}
    clip.with_name("a.mp4.job.json").write_text(json.dumps(job), "utf-8")
    deadline = time.monotonic() + 60
    while not (studio.out / "a.mp4").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143, err
    assert studio.files == ["a.mp4"]


def test_a_bucket_gets_whole_files_and_a_store_that_is_down_is_tried_again(
    studio: Studio, run: Run
) -> None:
    clip = studio.add("a")
    words = ["batch", "jobs.jsonl", "--out", "s3://studio/stamped", "--workers", "1", "--json"]
    words += ["--registry", "r.db", "--state", "state"]
    with running_s3() as port:
        bucket = Bucket("studio", port)
        with pytest.MonkeyPatch.context() as patch:
            lead_to(patch, port)
            place = {"LocationConstraint": "eu-west-1"}
            bucket.client.create_bucket(Bucket="studio", CreateBucketConfiguration=place)
            bucket.put("in/a.mp4", clip.read_bytes())
            bucket.put("in/a.mp4.approval.json", approval_path(clip).read_bytes())
            studio.rows[0]["input"] = "s3://studio/in/a.mp4"
            studio.listing.write_text(json.dumps(studio.rows[0]) + "\n", "utf-8")
            states = [run(*words, env=s3_environment(port)).row["state"] for _ in range(2)]
            stamped = bucket.get("stamped/a.mp4")
    assert states == ["stamped", "skipped"]
    assert set(studio.records().values()) == {1}
    with Registry(str(studio.folder / "r.db")) as registry:
        assert registry.search(sha256=hashlib.sha256(stamped).hexdigest())
    down = run(*words, "--attempts", "2", env=s3_environment(port))
    assert (down.code, down.row["reason"], down.row["attempts"]) == (4, "storage", 2)
    assert list((studio.folder / "state" / "spool").iterdir()) == []


def test_an_attempt_tells_no_prompt() -> None:
    task = Task(Job("a", "b.mp4", "M", "1", Prompt("secret")), Prompt("secret").forms([KEY]))
    assert "secret" not in repr(task) + repr(Attempt("busy"))
