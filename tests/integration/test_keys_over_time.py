"""Clips outlive keys: what was stamped before a rotation is confirmed after it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from provenance import Keyring, StampResult, verify
from provenance.keyring import KINDS, rotate
from provenance.results import Detection, Verdict, VerificationReport
from provenance.verifying.concluding import conclude
from provenance.verifying.findings import Findings
from tests.conftest import Run, stamp_clip


@pytest.fixture
def keys(keyring: Keyring, tmp_path: Path) -> Path:
    """A copy of Example Studio's keys that a test may rotate."""
    shutil.copytree(keyring.folder, tmp_path / "keys", copy_function=shutil.copy2)
    return tmp_path / "keys"


def check(path: str, ring: Keyring) -> VerificationReport:
    trust = ring.trust
    return verify(Path(path), watermark_keys=ring.watermark_keys, trust=trust)


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_stamped_before_a_rotation_is_confirmed_after_it(
    stamped: StampResult, keys: Path, kind: str
) -> None:
    report = check(stamped.output_path, rotate(keys, {kind}))
    assert report.verdict is Verdict.CONFIRMED
    assert report.watermark.key_id == stamped.key_id


def test_stamping_after_a_rotation_uses_the_new_keys_and_says_so(
    clip: Path, keyring: Keyring, keys: Path, tmp_path: Path
) -> None:
    ring = rotate(keys, KINDS)
    result = stamp_clip(clip, tmp_path / "new.mp4", ring)
    assert result.key_id == ring.watermark_key.key_id != keyring.watermark_key.key_id
    report = check(result.output_path, ring)
    assert report.verdict is Verdict.CONFIRMED
    assert report.manifest.watermark_key_id == ring.watermark_key.key_id
    assert report.manifest.prompt_hash is not None
    assert report.manifest.prompt_hash.key_id == ring.prompt_key.key_id
    assert report.manifest.prompt_hash.key_id != keyring.prompt_key.key_id
    # Under the former authority alone, and without the new key, it is a stranger's file: all that
    # shows of the mark is the pilot, which the organisation's keys share.
    findings = Findings(report.file, Detection("weak"), replace(report.manifest, status="valid"))
    held = {key.key_id for key in keyring.watermark_keys}
    before = conclude(findings, held, trust=keyring.trust)
    assert before.verdict is Verdict.SIGNER_UNTRUSTED
    assert ring.watermark_key.key_id in (before.watermark.reason or "")


def test_the_command_line_rotates_lists_and_verifies(
    run: Run, stamped: StampResult, keys: Path
) -> None:
    assert run("keys", "rotate", "--all", "--keys", keys).code == 0
    rows = run("keys", "list", "--json", "--keys", keys).rows
    retired = [row["id"] for row in rows if (row["kind"], row["state"]) == ("watermark", "retired")]
    verified = run("verify", "--json", "--keys", keys, stamped.output_path)
    assert (verified.code, verified.row["verdict"]) == (0, "CONFIRMED")
    assert [verified.row["watermark"]["key_id"]] == retired
