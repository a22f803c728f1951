"""A batch does every job once: through bad rows and missing approvals, from folders and buckets."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time

import pytest

from provenance.batch import STATE, UNAPPROVED, Attempt, Task
from provenance.batch.approvals import (
    FOLDER,
    approval_path,
)
from provenance.batch.jobs import Job, Prompt
from provenance.registry import Registry
from provenance.results.payload import StampId
from tests.conftest import Run, environment
from tests.stores import Bucket, lead_to, running_s3
from tests.stores import environment as s3_environment
from tests.studio import (
    FIELDS,
    KEY,
    Studio,
)


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
    problem, end = (json.loads(line) for line in dry.err.splitlines()[-2:])
    assert (problem["reason"], problem["job"]["output"]) == ("approval_no_approval", "b.mp4")
    assert (end["jobs"], end["problems"]) == (2, 1)
    (line,) = run(*logs, "--gob", "*.mov").err.splitlines()
    assert "No such option '--gob'" in json.loads(line)["message"]


def test_a_list_is_told_of_all_its_faults_at_once(studio: Studio, run: Run) -> None:
    studio.listing.write_text('{"input": "a.mp4"}\n{"input": "b.mp4", "colour": 1}\n', "utf-8")
    told = run(*studio.words)
    assert told.code == 2
    lines = told.err.splitlines()
    assert all("jobs.jsonl, line" in line for line in lines)
    assert {"line 1" in line for line in lines} == {True, False}


def test_advice_names_the_flag_that_it_takes(studio: Studio, run: Run) -> None:
    studio.add("a")
    assert run(*studio.words).code == 0
    (studio.folder / "in" / "made.mp4").write_bytes((studio.out / "a.mp4").read_bytes())
    row = {"input": "in/made.mp4", "output": "made.mp4"} | FIELDS | {"prompt": "a second prompt"}
    studio.listing.write_text(json.dumps(row), "utf-8")
    for words in (("--allow-unapproved",), ("--allow-unapproved", "--dry-run")):
        assert "stamped all the same (--restamp)." in run(*studio.words, *words).err


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
