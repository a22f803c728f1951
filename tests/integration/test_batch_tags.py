"""A batch sorts tags as ``stamp`` does, says so in dry run and results, and tells no prompt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance import hash_prompt, trace_prompt
from provenance.batch import Task
from provenance.batch.jobs import Prompt, read_jobs
from provenance.batch.work import do
from provenance.manifest import PromptKey
from provenance.registry import Registry
from tests.clips import make_clip
from tests.conftest import Run
from tests.studio import SPEC, Studio
from tests.tagged import GRAPH, MDTA, PROMPT, SECRETS

TAGS = {"prompt": GRAPH, "title": "A clip", "artist": "Anna Example"}


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = Studio(tmp_path)
    spec = replace(SPEC, tags=TAGS, muxer=MDTA)
    made.base = make_clip(tmp_path / "tagged.mp4", spec).read_bytes()
    return made


def without_prompt(studio: Studio, **fields: Any) -> None:
    """Have every row take its prompt from the tags."""
    rows = [{k: v for k, v in row.items() if k != "prompt"} | fields for row in studio.rows]
    studio.listing.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_a_dry_run_and_the_results_name_what_is_left_out(studio: Studio, run: Run) -> None:
    studio.add("a", keep_tags=["Artist"])
    dry = run(*studio.words, "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert dry.row == {
        "schema": "provenance.job_tags/1",
        "job": dry.row["job"],
        "tags": {
            "kept": dry.row["tags"]["kept"],
            "left_out": [{"place": "container", "name": "prompt"}],
        },
    }
    told = run(*studio.words, "--dry-run")
    assert "a.mp4 (jobs.jsonl, line 1): leaves out prompt" in told.err
    assert "1 job checked, 0 problems" in told.out
    ran = run(*studio.words)
    assert ran.code == 0, ran.err
    assert "a.mp4 stamped (1 of 1); left out prompt" in ran.err
    assert studio.results()["a.mp4"]["stamp"]["tags"] == dry.row["tags"]
    said = (
        dry.out
        + told.out
        + told.err
        + ran.out
        + ran.err
        + (studio.out / "results.jsonl").read_text()
    )
    assert not any(secret in said for secret in SECRETS)


def test_flags_and_settings_name_tags_to_keep_for_every_job(studio: Studio, run: Run) -> None:
    studio.add("a")
    assert run(*studio.words, "--dry-run", "--json", "--keep-tags", "artist,prompt").rows == []
    environ = {"PROVENANCE_KEEP_TAGS": "ARTIST"}
    row = run(*studio.words, "--dry-run", "--json", env=environ).row
    assert [one["name"] for one in row["tags"]["left_out"]] == ["prompt"]


def test_the_prompt_is_taken_from_the_tags_and_hashed_like_any_other(
    studio: Studio, run: Run
) -> None:
    studio.add("a")
    without_prompt(studio, prompt_from_tags=True)
    assert run(*studio.words, "--dry-run").code == 0
    ran = run(*studio.words)
    assert ran.code == 0, ran.err
    with Registry(str(studio.folder / "r.db")) as registry:
        (record,) = registry.search()
    assert record.prompt_hash == hash_prompt(PROMPT, studio.keyring.prompt_key)
    assert run(*studio.words, "--json").row["state"] == "skipped"


def test_a_job_that_would_publish_its_prompt_fails_and_nothing_says_it(
    studio: Studio, run: Run
) -> None:
    studio.add("kept", keep_tags=["prompt"])
    studio.add("titled", title=f"Take 2: {PROMPT}")
    studio.add("a_cat_on_a_skateboard_in_0001")
    without_prompt(studio, prompt_from_tags=True)
    for words in (("--dry-run", "--json"), ("--json",)):
        ran = run(*studio.words, *words)
        assert ran.code == 3
        reasons = [row["reason"] for row in ran.rows if row["schema"] != "provenance.job_tags/1"]
        assert sorted(reasons) == ["prompt_exposed", "usage", "usage"]
        errors = [row["error"] for row in ran.rows if row.get("error")]
        assert not any("golden" in error or "skateboard" in error for error in errors)
    assert studio.files == []


def test_a_worker_is_told_what_to_look_for_and_not_the_prompt(studio: Studio) -> None:
    studio.add("a", keep_tags=["prompt"], prompt=PROMPT)
    (job,) = read_jobs(studio.listing)
    key = studio.keyring.prompt_key
    task = Task(replace(job, prompt=Prompt()), job.prompt.forms([key]))
    assert not any(secret in repr(task) for secret in SECRETS)
    with Registry(str(studio.folder / "r.db"), create=True):
        studio.settings().spool.mkdir(parents=True)
    attempt = do(task, studio.settings())
    assert (attempt.state, attempt.reason, attempt.fault) == ("failed", "prompt_exposed", "job")
    strange = trace_prompt(PROMPT, PromptKey("another", b"k" * 32))
    forms = replace(job.prompt.forms([key]), trace=strange)
    attempt = do(replace(task, prompt=forms), studio.settings())
    assert (attempt.state, attempt.reason) == ("failed", "keyring")


def test_a_clip_without_a_prompt_in_its_tags_fails_by_name(studio: Studio, run: Run) -> None:
    studio.base = make_clip(studio.folder / "bare.mp4", SPEC).read_bytes()
    studio.add("a")
    without_prompt(studio)
    ran = run(*studio.words, "--prompt-from-tags", "--json")
    assert (ran.code, ran.row["reason"]) == (3, "prompt_tags")
    assert "a.mp4 holds no prompt in its tags" in ran.row["error"]
