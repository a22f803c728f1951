"""A recall from end to end: what it concerns, who took it back, and who was told."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import pytest

from provenance.registry import Registry
from tests import receiver, schemas
from tests.conftest import Run
from tests.registry.conftest import register

NAME = ("--model-name", "ExampleVideoModel")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with two clips of a model, one made from the first, and one of another model."""
    path = tmp_path / "r.db"
    monkeypatch.setenv("PROVENANCE_REGISTRY", str(path))
    with Registry(str(path), create=True) as registry:
        first = register(registry, tmp_path / "a.mp4")
        register(registry, tmp_path / "b.mp4", model_version="4", consents=("=1+1",))
        register(
            registry,
            tmp_path / "c.mp4",
            model_name="Other",
            consents=("consent-9",),
            parents=(first.stamp_id,),
        )
    return path


def test_a_recall_lists_every_output_and_what_was_made_from_it(
    run: Run, database: Path, tmp_path: Path
) -> None:
    with Registry(str(database)) as registry:
        first, made = registry.search(consent="consent-1")[0], registry.search(consent="consent-9")
    asked = ("registry", "recall", *NAME, "--model-version", "3.2.1")
    rows = {row["stamp_id"]: row for row in run(*asked, "--json").rows}
    assert set(rows) == {first.stamp_id.hex, made[0].stamp_id.hex}
    assert rows[first.stamp_id.hex]["through"] == []
    assert rows[made[0].stamp_id.hex]["through"] == [first.stamp_id.hex]
    assert all(row["withdrawn"] is None for row in rows.values())
    shown = run(*asked).out
    assert "2 stamps concerned, 1 through what they were made from; 0 withdrawn." in shown
    assert run("registry", "revoke", *NAME, "--reason", "recalled").code == 0
    assert "3 stamps concerned, 1 through" in run("registry", "recall", *NAME).out
    assert run("registry", "recall", *NAME, "--out", "recall.jsonl").out == (
        "recall.jsonl: 3 stamps concerned\n"
    )
    lines = [json.loads(line) for line in (tmp_path / "recall.jsonl").read_text().splitlines()]
    assert [schemas.held(line)["withdrawn"]["reason"] for line in lines] == ["recalled"] * 3
    assert run("registry", "recall", *NAME, "--out", "recall.csv").code == 0
    with (tmp_path / "recall.csv").open(encoding="utf-8-sig", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert {row["output_sha256"] for row in table} == {row["output_sha256"] for row in lines}
    assert "'=1+1" in {row["consents"] for row in table}, "no spreadsheet calculates it"
    assert run("registry", "recall", *NAME, "--out", "recall.csv").code == 2
    assert run("registry", "recall", *NAME, "--out", "recall.pdf").code == 2
    typo = run("registry", "recall", "--model-name", "Exampel")
    assert (typo.code, "no stamp of model Exampel" in typo.err) == (2, True)


def test_a_recall_says_where_each_output_is_as_the_registry_was_told(
    run: Run, database: Path, tmp_path: Path
) -> None:
    with Registry(str(database)) as registry:
        stamp_id = registry.search(consent="consent-1")[0].stamp_id.hex
    places = ["https://cdn.example.com/old cut/a.mp4", "s3://studio/a.mp4"]
    for place in places:
        assert run("registry", "moved", stamp_id, place).code == 0
    asked = ("registry", "recall", "--stamp", stamp_id)
    assert {tuple(row["places"]) for row in run(*asked, "--json").rows} == {tuple(places[::-1]), ()}
    assert "s3://studio/a.mp4" in run(*asked).out
    assert run(*asked, "--out", "recall.csv").code == 0
    with (tmp_path / "recall.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert {row["place"] for row in csv.DictReader(stream)} == {places[-1], ""}
    shown = run("registry", "show", stamp_id)
    assert all(place in shown.out for place in places)
    assert run("registry", "show", stamp_id, "--json").row["places"] == places[::-1]


def test_a_place_that_opens_itself_to_its_readers_is_not_kept(run: Run, database: Path) -> None:
    with Registry(str(database)) as registry:
        stamp_id = registry.search(consent="consent-1")[0].stamp_id.hex
    for query in ("X-Amz-Signature=1f", "a=1&sig=x", "token=x", "X-Goog-Credential=y"):
        refused = run("registry", "moved", stamp_id, f"https://b.example.com/a.mp4?{query}")
        assert (refused.code, "leave out what stands behind" in refused.err) == (2, True)
    assert run("registry", "moved", stamp_id, "https://b.example.com/a.mp4?signed=no&v=2").code == 0


def test_a_dry_withdrawal_names_what_it_would_hit_to_programs_too(run: Run, database: Path) -> None:
    asked = ("registry", "revoke", *NAME, "--reason", "recalled", "--json")
    dry = run(*asked, "--dry-run").row
    assert (dry["done"], len(dry["stamp_ids"]), dry["stamps"]) == (False, 3, 3)
    assert run(*asked).row["stamp_ids"] == dry["stamp_ids"]
    twice = run(*asked)
    assert "The model ExampleVideoModel is withdrawn already" in twice.err


def test_withdrawals_are_listed_with_who_made_them_and_what_they_hit(
    run: Run, database: Path
) -> None:
    assert "Nothing is withdrawn" in run("registry", "withdrawals").out
    revoke = ("registry", "revoke", "--consent", "consent-9", "--reason", "asked to")
    assert run(*revoke, "--by", "legal-2").code == 0
    assert run("registry", "revoke", *NAME, "--reason", "recalled").code == 0
    one, other = run("registry", "withdrawals", "--json").rows
    assert (one["kind"], one["by"], one["stamps"]) == ("consent", "legal-2", 1)
    assert (other["kind"], other["by"], other["stamps"]) == ("model", None, 3)
    back = ("registry", "reinstate", *NAME, "--reason", "a mistake", "--by", "legal-3")
    assert run(*back).code == 0
    assert len(run("registry", "withdrawals", "--json").rows) == 1
    assert run("registry", "withdrawals", "--all", "--json").rows[1]["ended_by"] == "legal-3"
    shown = run("registry", "withdrawals", "--all").out
    assert "legal-2" in shown
    assert "a mistake, by legal-3" in " ".join(shown.split())
    assert run("registry", "audit").code == 0
    with sqlite3.connect(database) as plain:
        plain.execute("UPDATE withdrawal SET made_by = 'somebody else' WHERE kind = 'consent'")
    audit = run("registry", "audit")
    assert (audit.code, "was changed" in audit.out) == (1, True)


def test_who_withdrew_is_in_no_list_for_others(run: Run, database: Path, tmp_path: Path) -> None:
    assert run("keys", "init", "--keys", "keys", "--org", "Example Studio").code == 0
    run("registry", "revoke", *NAME, "--reason", "recalled", "--by", "legal-2")
    assert run("registry", "export", "--revocations", "w.list").code == 0
    assert run("registry", "export", "copy.jsonl").code == 0
    run("registry", "import", "copy.jsonl", "--registry", "other.db")
    assert b"legal-2" not in (tmp_path / "copy.jsonl").read_bytes()
    assert run("registry", "withdrawals", "--registry", "other.db", "--json").row["by"] is None


def test_receivers_are_told_by_the_command_and_its_exit_code_says_whether_of_all(
    run: Run, database: Path, tmp_path: Path
) -> None:
    assert run("keys", "webhook-secret", "webhook.secret").code == 0
    assert run("keys", "webhook-secret", "webhook.secret").code == 2
    secret = tmp_path / "webhook.secret"
    assert secret.stat().st_mode & 0o077 == 0
    deliver = ("registry", "deliver")
    assert run(*deliver).code == 2
    with receiver.running(secret) as web:
        env = {"PROVENANCE_WEBHOOK": web.url}
        signed = (*deliver, "--webhook-secret", secret, "--json")
        first = run(*signed, env=env).row
        assert (first["receiver"], first["told"], first["row"]) == ("webhook", 3, 3)
        run("registry", "revoke", *NAME, "--reason", "recalled")
        web.answers = [403]
        refused = run(*signed, env=env)
        assert (refused.code, refused.row["told"]) == (4, 0)
        assert "answered 403" in refused.err
        assert "secret-path" not in refused.err + refused.out
        assert run(*signed, env=env).row["told"] == 1
        assert [one["event"] for one in web.taken] == ["stamp", "stamp", "stamp", "withdraw"]
        both = (*signed, "--hook", "cat", "--name", "x")
        assert run(*both, env=env).code == 2
        secret.chmod(0o644)
        assert "chmod 600" in run(*signed, env=env).err
    named = run(*deliver, "--hook", "cat", "--name", "takedown", "--from-now")
    assert named.out == "takedown: told 0 notices, up to row 4\n"
    assert run(*deliver, "--webhook", "http://example.com/x").code == 2
    assert run(*deliver, "--hook", "cat", "--name", "a b").code == 2
