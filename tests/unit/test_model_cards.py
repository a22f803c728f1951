"""Model cards: which model they name, in which words, and what is wrong with them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from provenance import Claims, Keyring
from provenance.batch.jobs import Job, job_key, read_jobs
from provenance.errors import JobListError, UsageError
from provenance.manifest import hash_prompt
from provenance.stamping.cards import ModelCard, parse_card, read_card

HUGGING_FACE = """---
license: apache-2.0
tags: [text-to-video]
base_model: somebody/else
model_name: ExampleVideoModel
version: 1.10
---
# Example Video Model

---
Words below count for nothing: `version: 7`.
"""
TOOLKIT = {"model_details": {"name": "ExampleVideoModel", "version": {"name": "3.2.1"}}}
CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "version": 1,
    "metadata": {"component": {"name": "ExampleVideoModel", "version": "3.2.1"}},
}


def card(text: str, suffix: str = ".md") -> ModelCard:
    found = parse_card(text.encode(), suffix)
    assert isinstance(found, ModelCard), found
    return found


@pytest.mark.parametrize(
    ("text", "suffix", "version"),
    [
        (HUGGING_FACE, ".md", "1.10"),
        (HUGGING_FACE.replace("\n", "\r\n"), ".md", "1.10"),
        ("model-index:\n- name: ExampleVideoModel\nmodel_version: 3.2.1\n", ".yaml", "3.2.1"),
        ('{"name": "ExampleVideoModel", "version": 4.10}', ".json", "4.10"),
        (json.dumps(TOOLKIT), ".json", "3.2.1"),
        (json.dumps(CYCLONEDX), ".json", "3.2.1"),
    ],
)
def test_a_card_names_its_model_in_the_words_that_stand_there(
    text: str, suffix: str, version: str
) -> None:
    found = card(text, suffix)
    assert (found.name, found.version) == ("ExampleVideoModel", version)
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "suffix", "said"),
    [
        ("# A model\n", ".md", "has no YAML between two lines of ---"),
        ("---\nname: [\n---\n", ".md", "has front matter that is no YAML"),
        ("---\n- one\n---\n", ".md", "has front matter without keys"),
        ("---\na: !!python/object/apply:os.system [id]\n---\n", ".md", "does not say"),
        ("[" * 100_000, ".json", "is no JSON"),
        ("[1]", ".json", "should be one JSON object"),
        ('{"name": 7, "version": ["a"]}', ".json", "does not say the model's version"),
        (json.dumps(TOOLKIT | {"name": "x", "model_details": {}}), ".json", "does not say"),
    ],
)
def test_what_names_no_model_is_told(text: str, suffix: str, said: str) -> None:
    found = parse_card(text.encode(), suffix)
    told = found if isinstance(found, str) else found.model(None, None)
    assert isinstance(told, str)
    assert said in told


def test_what_the_card_leaves_out_is_given_besides_and_what_it_says_can_not_be_overruled() -> None:
    found = card("---\nversion: 3.2.1\n---\n")
    assert found.model("ExampleVideoModel", None) == ("ExampleVideoModel", "3.2.1")
    assert found.model("ExampleVideoModel", "3.2.1") == ("ExampleVideoModel", "3.2.1")
    assert "another model version" in str(found.model("ExampleVideoModel", "3.2"))
    assert "does not say the model's name" in str(found.model(None, "3.2.1"))


def test_a_card_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    assert read_card(tmp_path / "none.md") == "does not exist"
    assert "no regular file" in str(read_card(tmp_path))
    (tmp_path / "latin.md").write_bytes(b"---\nname: M\xfcller\n---\n")
    assert "UTF-8" in str(read_card(tmp_path / "latin.md"))


def test_claims_take_the_model_from_its_card(keyring: Keyring, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(HUGGING_FACE)
    claims = Claims.of(keyring, prompt="x", model_card=tmp_path / "README.md")
    assert (claims.model_name, claims.model_version) == ("ExampleVideoModel", "1.10")
    assert claims.model_card_sha256 == hashlib.sha256(HUGGING_FACE.encode()).hexdigest()
    with pytest.raises(UsageError, match="another model name"):
        Claims.of(keyring, prompt="x", model_card=tmp_path / "README.md", model_name="Another")
    with pytest.raises(UsageError, match="name and version are needed"):
        Claims.of(keyring, prompt="x", model_name="Another")


def listed(folder: Path, **row: Any) -> Job:
    row = {"input": "a.mp4", "output": "a.mp4", "prompt": "x", "model_card": "card.md"} | row
    (folder / "jobs.jsonl").write_text(json.dumps(row) + "\n")
    (job,) = read_jobs(folder / "jobs.jsonl")
    return job


def test_a_job_takes_the_model_from_its_card_and_stays_the_same_when_words_are_mended(
    keyring: Keyring, tmp_path: Path
) -> None:
    (tmp_path / "card.md").write_text(HUGGING_FACE)
    job = listed(tmp_path)
    assert (job.model_name, job.model_version) == ("ExampleVideoModel", "1.10")
    (tmp_path / "card.md").write_text(HUGGING_FACE + "More words.\n")
    mended = listed(tmp_path)
    assert mended.model_card_sha256 != job.model_card_sha256
    prompt = hash_prompt("x", keyring.prompt_key)
    assert job_key(mended, "01" * 32, prompt) == job_key(job, "01" * 32, prompt)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"model_card": "none.md"}, "model_card does not exist"),
        ({"model_card": 7}, "model_card should be a path on this machine"),
        ({"model_card": "https://example.com/card.md"}, "model_card should be a path"),
        ({"model_name": "Another"}, "model_card says another model name"),
    ],
)
def test_what_is_wrong_with_a_jobs_card_is_told_by_its_line(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    (tmp_path / "card.md").write_text(HUGGING_FACE)
    with pytest.raises(JobListError, match=f"line 1: {said}"):
        listed(tmp_path, **row)
