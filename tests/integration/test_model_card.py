"""A clip stamped by its model card: what verifiers see of it, also on a restored copy."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from provenance import Keyring
from tests.clips import Spec, make_clip
from tests.conftest import Run
from tests.integration.test_stamp_and_verify import remux
from tests.studio import Studio

CARD = "---\nmodel_name: ExampleVideoModel\nversion: 1.10\n---\n# What it is\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "card.md").write_text(CARD)
    return tmp_path


def test_verifiers_see_the_cards_hash_also_after_restoring(
    folder: Path, keyring: Keyring, run: Run
) -> None:
    clip = make_clip(folder / "clip.mp4", Spec(size=(480, 360), frames=48))
    keys = ("--keys", keyring.folder, "--registry", "r.db")
    words = ("stamp", clip, "out.mp4", "--model-card", "card.md", "--prompt", "x", *keys)
    assert run(*words).code == 0
    said = {
        "name": "ExampleVideoModel",
        "version": "1.10",
        "card_sha256": hashlib.sha256(CARD.encode()).hexdigest(),
    }
    assert run("verify", "out.mp4", "--json", *keys).row["manifest"]["model"] == said
    assert f"1.10, card sha256 {said['card_sha256'][:16]}" in run("verify", "out.mp4", *keys).out
    remux(folder / "out.mp4", folder / "bare.mp4")
    assert run("registry", "restore", "bare.mp4", "back.mp4", *keys).code == 0
    restored = run("verify", "back.mp4", "--json", "--accept", "WATERMARK_MATCH", *keys).row
    assert restored["manifest"]["model"] == said


def test_a_card_that_says_otherwise_stamps_nothing(
    folder: Path, clip: Path, keyring: Keyring, run: Run
) -> None:
    words = ("stamp", clip, "out.mp4", "--model-card", "card.md", "--prompt", "x")
    ran = run(*words, "--model-version", "1.1", "--keys", keyring.folder, "--registry", "none")
    assert ran.code == 2
    assert "The model card card.md says another model version than was given" in ran.err
    assert not (folder / "out.mp4").exists()


def test_a_batch_takes_the_model_of_all_its_jobs_from_one_card(tmp_path: Path, run: Run) -> None:
    studio = Studio(tmp_path)
    studio.add("sea")
    row = {**studio.rows[0]}
    del row["model_name"], row["model_version"]
    studio.listing.write_text(json.dumps(row) + "\n")
    (tmp_path / "card.md").write_text(CARD)
    assert run(*studio.words, "--model-card", "card.md").code == 0
    verified = run("verify", studio.out / "sea.mp4", "--json", "--registry", "r.db").row
    assert verified["manifest"]["model"]["card_sha256"] == hashlib.sha256(CARD.encode()).hexdigest()
