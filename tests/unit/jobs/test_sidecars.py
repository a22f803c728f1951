"""Facts of a job out of a JSON file beside its clip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.batch.jobs import Job, find_jobs, read_jobs
from provenance.errors import JobListError
from tests.conftest import MODEL, Run

FACTS: dict[str, Any] = {
    "generation": {"prompt": "a secret prompt", "takes": [{"a/b~c": "another"}]},
    "model": {"name": "ExampleVideoModel", "version": "3.2.1", "number": 4, "on": True},
}
DEFAULTS = {
    "sidecar": "{stem}.json",
    "prompt_at": "/generation/prompt",
    "model_name_at": "/model/name",
    "model_version_at": "/model/version",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clips, each with its facts beside it."""
    for name in ("sea", "{name}"):
        (tmp_path / f"{name}.mp4").write_bytes(b"clip")
        facts = FACTS | {"model": FACTS["model"] | {"name": f"Model of {name}"}}
        (tmp_path / f"{name}.json").write_text(json.dumps(facts))
    return tmp_path


def listed(folder: Path, defaults: dict[str, Any] | None = None, **row: Any) -> Job:
    lines = json.dumps({"input": "sea.mp4", "output": "out.mp4"} | row) + "\n"
    (folder / "jobs.jsonl").write_text(lines)
    (job,) = read_jobs(folder / "jobs.jsonl", DEFAULTS if defaults is None else defaults)
    return job


def test_every_clip_of_a_folder_has_its_own_facts(folder: Path) -> None:
    sea, odd = find_jobs(folder, "*.mp4", DEFAULTS)
    assert (odd.model_name, sea.model_name) == ("Model of {name}", "Model of sea")
    assert sea.model_version == "3.2.1"
    assert sea.prompt.text == "a secret prompt"
    assert "secret" not in repr(sea)


@pytest.mark.parametrize("sidecar", ["{stem}.json", "{name}.json", "sea.json", "./{name}.json"])
def test_a_sidecar_is_named_by_the_clip_or_is_one_for_all(folder: Path, sidecar: str) -> None:
    assert listed(folder, sidecar=sidecar).model_name == "Model of sea"


def test_what_a_row_says_itself_comes_first(folder: Path) -> None:
    job = listed(folder, model_name="Mine", prompt="mine")
    assert (job.model_name, job.model_version, job.prompt.text) == ("Mine", "3.2.1", "mine")
    pointed = listed(folder, {"prompt": "for all", "model_name": "M", "model_version": "1"},
                     sidecar="{stem}.json", prompt_at="/generation/takes/0/a~1b~0c")  # fmt: skip
    assert (pointed.prompt.text, pointed.model_name) == ("another", "M")
    assert listed(folder, model_version_at="/model/number").model_version == "4"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"sidecar": "none.json"}, "sidecar does not exist"),
        ({"sidecar": "sea.mp4"}, "sidecar is no JSON"),
        ({"sidecar": "s3://bucket/{name}.json"}, "should be a path on this machine"),
        ({"sidecar": 7}, "sidecar is no path"),
        ({"sidecar": "{stem}.txt"}, "sidecar sea.txt does not exist"),
        ({"prompt_at": "/generation/none"}, "prompt_at leads to nothing"),
        ({"prompt_at": "generation"}, "prompt_at leads to nothing"),
        ({"prompt_at": "/generation/takes/7"}, "prompt_at leads to nothing"),
        ({"prompt_at": "/generation"}, "prompt_at leads to something else than a text"),
        ({"model_version_at": "/model/on"}, "model_version_at leads to something else"),
        ({"prompt_at": "/generation/prompt", "prompt": "x"}, "excludes"),
    ],
)
def test_what_is_wrong_is_told_by_its_key_and_never_by_its_value(
    folder: Path, row: dict[str, Any], said: str
) -> None:
    with pytest.raises(JobListError) as raised:
        listed(folder, **row)
    assert said in str(raised.value.problems)
    assert "secret" not in str(raised.value.problems)


def test_a_pointer_needs_a_sidecar(folder: Path) -> None:
    with pytest.raises(JobListError, match="prompt_at needs a sidecar"):
        listed(folder, {"model_name": "M", "model_version": "1"}, prompt_at="/prompt")


def test_a_row_that_says_everything_itself_needs_no_sidecar(folder: Path) -> None:
    (folder / "sea.json").unlink()
    job = listed(folder, prompt="mine", model_name="M", model_version="1")
    assert (job.model_name, job.model_version, job.prompt.text) == ("M", "1", "mine")


def test_a_folder_makes_a_list_of_the_same_jobs_without_what_the_files_hold(
    folder: Path, run: Run
) -> None:
    words = ("batch", "--from", folder, "--out", "out")
    asked = (*words, "--sidecar", "{stem}.json", "--prompt-at", "/generation/prompt", *MODEL)
    listing = run(*asked, "--list-jobs")
    assert (listing.code, "secret" in listing.out) == (0, False)
    (folder / "made.jsonl").write_text(listing.out)
    fields = {"sidecar": "{stem}.json", "prompt_at": "/generation/prompt"}
    fields |= {"model_name": "ExampleVideoModel", "model_version": "3.2.1"}
    assert read_jobs(folder / "made.jsonl") == find_jobs(folder, "*.mp4", fields)
    assert run("batch", "made.jsonl", "--out", "out", "--list-jobs").code == 2
