"""The page of all sentences is the program's own, and random findings never say too much."""

from __future__ import annotations

import sys

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from bench.combinations import tally
from bench.sentences import page, told

from provenance.results import Verdict


def test_the_page_of_sentences_is_what_the_program_says() -> None:
    assert (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8") == page()


def test_the_page_shows_every_verdict() -> None:
    assert {verdict for _, verdict, _ in told()} == set(Verdict.__members__)


def test_random_findings_never_say_more_than_was_compared() -> None:
    """No difference between content and record, or between signer and record, is CONFIRMED."""
    counts, broken = tally(5000, 7)
    assert broken == []
    assert set(counts) == set(Verdict.__members__)
