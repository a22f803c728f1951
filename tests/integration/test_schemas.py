"""What the commands print is what docs/schemas publishes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provenance import Keyring, StampResult, VerificationReport
from tests import schemas
from tests.conftest import MODEL, ROOT, Run

PROMPT = ("--prompt", "a cat on a skateboard")
FILES = sorted(path.stem for path in schemas.FOLDER.glob("*.json"))


def test_the_published_schemas_are_those_of_the_program() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "draw_schemas", "--check"], cwd=ROOT, check=False
    )
    assert done.returncode == 0, "run scripts/draw_schemas"


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every schema of an object in a schema."""
    if isinstance(schema, list):
        return [one for item in schema for one in objects(item)]
    if not isinstance(schema, dict):
        return []
    inner = [one for item in schema.values() for one in objects(item)]
    return [schema, *inner] if "properties" in schema else inner


@pytest.mark.parametrize("name", FILES)
def test_a_schema_describes_every_key_and_lets_keys_be_added(name: str) -> None:
    for schema in objects(schemas.validator(name).schema):
        assert schema["additionalProperties"] is True
        assert schema["required"] == list(schema["properties"])
        for key, said in schema["properties"].items():
            assert said.get("description", "").endswith((".", ";")), key


def reports_are_as_published(run: Run, folder: Path) -> None:
    """What ``verify --report`` files, and what ``report check`` says of it."""
    filed = ("verify", "out.mp4", "--quiet", "--report", "out.json", "--json")
    assert run(*filed).row["verdict"] == "CONFIRMED"
    report = json.loads((folder / "out.json").read_text())
    assert report.pop("signature")
    schemas.held(report)
    assert run("report", "check", "out.json", "--json").row["holds"]


def keys_and_tokens_are_as_published(run: Run) -> None:
    assert run("keys", "list", "--json").rows
    token = ("tokens", "create", "a.token", "--name", "a", "--uploads", "desk", "--json")
    assert run(*token).row["id"]
    assert run("approve", "--new-key", "anna.pem").code == 0


def test_every_line_that_a_command_prints_is_as_published(
    run: Run, clip: Path, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command once; ``rows`` holds every line against its schema."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PROVENANCE_KEYS", str(keyring.folder))
    schemas.SEEN.clear()
    shutil.copy(clip, tmp_path / "clip.mp4")
    stamp = run("stamp", "clip.mp4", "out.mp4", *MODEL, *PROMPT, "--consent", "c-1", "--json").row
    assert StampResult.from_json(stamp).as_json() == stamp
    verified = run("verify", "out.mp4", "clip.mp4", "--results", "rows.jsonl", "--json").rows
    assert [row["verdict"] for row in verified] == ["CONFIRMED", "NO_MARK_FOUND"]
    for row in verified:
        assert VerificationReport.from_json(row).as_json().items() <= row.items()
    reports_are_as_published(run, tmp_path)
    kept = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [schemas.held(row) for row in kept] == verified
    stamp_id = stamp["stamp_id"]
    assert run("registry", "show", stamp_id, "--json").row["revocation"] is None
    assert run("registry", "search", "--consent", "c-1", "--json").row["stamp_id"] == stamp_id
    assert run("registry", "search", "--like", "out.mp4", "--json").row["record"]
    withdrawn = ("registry", "revoke", "--stamp", stamp_id, "--reason", "too early", "--json")
    assert run(*withdrawn).row["stamps"] == 1
    assert run("registry", "show", stamp_id, "--json").row["revocation"]["reason"] == "too early"
    again = run("verify", "out.mp4", "--json").row
    assert (again["verdict"], again["cause"]) == ("REVOKED", "withdrawn")
    assert run("registry", "audit", "--json").row["whole"]
    assert run("registry", "sweep", "--json").row["released"] == []
    keys_and_tokens_are_as_published(run)
    approve = ("approve", "--key", "anna.pem", "--approver", "anna", "--json", "clip.mp4")
    assert run(*approve).row["job"] is None
    assert run(*approve, "--out", "bound", *MODEL, "--prompt-hash", "ab" * 32).row["job"]
    job = {"input": "clip.mp4", "output": "a.mp4", "model_name": "M", "model_version": "1"}
    lines = [job | {"prompt": "x"}, job | {"prompt": "x", "input": "none.mp4", "output": "b.mp4"}]
    (tmp_path / "jobs.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    # The clip was stamped before, and that stamp withdrawn.
    other = ("batch", "jobs.jsonl", "--allow-unapproved", "--json", "--out", "other")
    batch = (*other[:-1], "done", "--again", "the first one was too early")
    assert run(*batch, "--dry-run").row["job"]["output"] == "b.mp4"
    rows = {row["job"]["output"]: row for row in run(*batch).rows}
    assert {name: row["state"] for name, row in rows.items()} == {
        "a.mp4": "stamped",
        "b.mp4": "failed",
    }
    schemas.held(rows["a.mp4"]["stamp"])
    assert run("registry", "withdrawals", "--json").row["stamps"] == 1
    assert run("registry", "recall", "--consent", "c-1", "--json").row["withdrawn"]
    assert run("registry", "deliver", "--hook", "cat", "--from-now", "--json").row["told"] == 0
    made = rows["a.mp4"]["stamp"]["stamp_id"]
    assert run("registry", "moved", made, "https://cdn.example/a.mp4", "--json").row["place"]
    assert run("registry", "locate", made, "--json").row["place"] == "https://cdn.example/a.mp4"
    assert run("registry", "reinstate", "--stamp", stamp_id, "--reason", "a mistake").code == 0
    told = run(*other, "--dry-run").rows
    assert {row["schema"] for row in told} >= {"provenance.job_elsewhere/1"}
    rows = {row["job"]["output"]: row for row in run(*other).rows}
    assert rows["a.mp4"]["state"] == "done_elsewhere"
    # test_batch_tags and test_deliveries hold these
    assert {*FILES} - schemas.SEEN <= {"batch-tags", "registry-notice"}
