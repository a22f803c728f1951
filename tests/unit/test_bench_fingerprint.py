"""The benchmark of fingerprints: its attacks exist, its search is timed on what it finds."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from bench import likeness, runner


def test_every_attack_of_the_usual_list_exists() -> None:
    chosen = runner.chosen_attacks(likeness.ATTACKS, (), False)
    assert {attack.name for attack in chosen} == set(likeness.ATTACKS)


def test_the_search_that_is_timed_finds_what_was_hidden() -> None:
    seconds, hits = likeness.searched(20_000, 5, seed=1)
    assert hits == 5
    assert seconds > 0.0


def test_the_search_is_timed_from_the_command_line() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "bench_fingerprint"), "--search", "5000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("16 frames among 5000: ")
    assert done.stdout.endswith("16 found\n")
