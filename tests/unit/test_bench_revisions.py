"""Two revisions of the program, compared on the same files."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from bench import revisions
from bench.attack import HOSTILE
from bench.runner import BenchError

READ = revisions.Reading("0123456789abcdef", 5000.0, "CONFIRMED")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(READ, score=5004.9), True),
        (replace(READ, score=5005.1), False),
        (replace(READ, score=None), False),
        (replace(READ, stamp_id=None), False),
        (replace(READ, verdict="PARTIAL"), False),
    ],
)
def test_readings_are_the_same_by_id_verdict_and_score_to_a_thousandth(
    other: revisions.Reading, same: bool
) -> None:
    assert READ.same(other) is same


def test_forty_attacks_are_forty_different_ones_of_many_kinds_and_mean_no_harm() -> None:
    chosen = revisions.spread(40)
    assert len({attack.name for attack in chosen}) == 40
    assert len({attack.group for attack in chosen}) >= 8
    assert HOSTILE not in {attack.group for attack in chosen}


def test_a_revision_that_git_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no-such-revision"):
        revisions.unpacked("no-such-revision", tmp_path / "older")
    assert not (tmp_path / "older").exists()
