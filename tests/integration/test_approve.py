"""``provenance approve``: from a new key to a clip with two approvals."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from provenance import Keyring
from provenance.batch.approvals import (
    ApprovalPolicy,
    check_approvals,
    load_reviewers,
    read_approvals,
)
from provenance.errors import ApprovalError
from provenance.manifest.signer import public_key_of
from provenance.verifying.findings import sha256_of
from tests.conftest import Run


def test_two_reviewers_approve_a_clip_and_a_change_voids_it(
    run: Run, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    mine = Path(shutil.copy(clip, tmp_path / "clip.mp4"))
    for who in ("anna", "ben"):
        made = run("approve", "--new-key", f"{who}.pem")
        assert made.code == 0
        assert "Keep" in made.out
        assert "PRIVATE" not in made.out + made.err
        ran = run("approve", "--key", f"{who}.pem", "--approver", who, "--json", "clip.mp4")
        assert ran.code == 0, ran.err
        assert ran.row["schema"] == "provenance.approval/1"
        assert ran.row["approval"] == "clip.mp4.approval.json"
    reviewers = load_reviewers([tmp_path / "anna.pem.pub", tmp_path / "ben.pem.pub"])
    stamping = public_key_of(keyring.signer.chain_pem)
    envelopes = read_approvals(tmp_path / "clip.mp4.approval.json")
    two = ApprovalPolicy(needed=2)
    given = (reviewers, stamping, two)
    assert len(check_approvals(envelopes, sha256_of(mine), *given, terms=None)) == 2
    with mine.open("ab") as handle:
        handle.write(b"\0")
    with pytest.raises(ApprovalError, match="this one changed since"):
        check_approvals(envelopes, sha256_of(mine), *given, terms=None)


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ([], 2, "Name the clips"),
        (["clip.mp4", "--approver", "anna"], 2, "Name the clips"),
        (["a", "b", "--key", "k", "--approver", "x", "--out", "o"], 2, "one clip's approval"),
        (["a", "--new-key", "k"], 2, "give it alone"),
        (["a", "--key", "none.pem", "--approver", "x"], 4, "cannot be read"),
    ],
)
def test_wrong_use_is_one_sentence(run: Run, args: list[str], code: int, words: str) -> None:
    ran = run("approve", *args)
    assert ran.code == code
    assert words in ran.err
    assert len(ran.err.splitlines()) == 1
    assert ran.out == ""
