"""What proves that files are kept finds differences, names those on purpose, and can fail."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from bench import kept, kept_cases, kept_facts, kept_files, kept_run
from bench.kept_boxes import Span, movie_of
from bench.kept_facts import Part
from bench.kept_files import Recipe, Sound
from bench.kept_pair import Pair
from bench.kept_patches import Edit, edited
from bench.kept_reasons import NOT_KEPT, REASONS

from provenance.video import foresee

GUIDE = (ROOT / "docs" / "how-to-stamp.md").read_text(encoding="utf-8")
PLAIN = Recipe("plain", frames=12)


def pair(folder: Path, before: Recipe, after: Recipe) -> Pair:
    """Two files as if one were the other's copy."""
    first, second = (kept_files.make(one, folder) for one in (before, after))
    return Pair(before, kept_facts.read(first), kept_facts.read(second), foresee(first, "mp4"))


def found(folder: Path, change: Recipe) -> dict[str, str | None]:
    """What differs between the plain file and a changed one, with the reasons."""
    differing = kept.differences(pair(folder, PLAIN, replace(change, name="changed")))
    return {one.field: one.reason for one in differing}


def test_the_guide_has_the_reasons_in_the_same_words() -> None:
    section = GUIDE.split("\n## What comes out different\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.MULTILINE)
    assert rows[0] == ("what", "why")
    assert rows[1:] == [*REASONS.values()]


def test_every_recipe_has_a_name_of_its_own_and_those_refused_say_by_what() -> None:
    recipes = kept_cases.recipes()
    assert len({one.name for one in recipes}) == len(recipes) > 100
    assert all(bool(one.refused) == one.name.startswith("refused-") for one in recipes)


def test_a_file_is_its_own_copy(tmp_path: Path) -> None:
    assert found(tmp_path, PLAIN) == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (replace(PLAIN, frames=11), "frames"),
        (replace(PLAIN, rate=Fraction(25)), "rate"),
        (replace(PLAIN, hold=Fraction(1)), "length of the picture"),
        (replace(PLAIN, delay=Fraction(1, 4)), "start of the picture"),
        (replace(PLAIN, sar=Fraction(4, 3)), "sar"),
        (replace(PLAIN, title="Another"), "title of picture"),
        (replace(PLAIN, sounds=(Sound(),)), "tracks that go along"),
        (replace(PLAIN, chapters=True), "chapters"),
        (replace(PLAIN, size=(176, 120)), "size"),
        (replace(PLAIN, colour=(1, 1, 1, 1)), "primaries"),
    ],
)
def test_what_is_lost_is_found_and_is_not_on_purpose(
    tmp_path: Path, change: Recipe, field: str
) -> None:
    differing = found(tmp_path, change)
    assert field in differing
    assert differing[field] is None


def test_an_edit_list_is_read_as_it_is_played(tmp_path: Path) -> None:
    half = Fraction(1, 2)
    pieces = edited("video", Edit(half, half), Edit(half, Fraction(0)))
    path = kept_files.make(replace(PLAIN, frames=24, patches=(pieces,)), tmp_path)
    movie = movie_of(path)
    assert movie is not None
    assert [span.length for span in movie.tracks[0].spans] == [half, half]
    plain = kept_facts.read(kept_files.make(replace(PLAIN, name="whole", frames=24), tmp_path))
    cut = kept_facts.read(path)
    assert cut.shown == plain.shown
    assert (cut.frames[0] == plain.frames[12]).all()
    assert (cut.frames[12] == plain.frames[0]).all()


def test_a_sentence_has_to_name_what_is_due_and_no_library() -> None:
    recipe = replace(PLAIN, refused="track 1 .*opus")
    assert kept_run.refusal(recipe, "mov files cannot hold track 1 (opus).").wrong is None
    assert kept_run.refusal(recipe, "It cannot be written.").wrong is not None
    assert kept_run.refusal(recipe, "track 1 (opus): Invalid argument").wrong is not None
    assert kept_run.refusal(PLAIN, "track 1 (opus)").wrong == "it is not to be refused"


def test_a_line_says_why_or_that_it_is_not_on_purpose() -> None:
    differing = (
        kept.Difference("sar", "1", "2", None),
        kept.Difference("codec", "a", "b", "encoded"),
    )
    outcome = kept_run.Outcome("clip", differing)
    first, second = outcome.lines()
    assert first.endswith(NOT_KEPT)
    assert second.endswith(REASONS["encoded"][1])
    assert not outcome.holds
    assert kept_run.Outcome("clip", differing[1:]).holds
    assert list(kept_run.summary([outcome]))[-1].split() == ["1", "not", "on", "purpose"]


def test_plain_samples_are_cut_and_packets_are_not() -> None:
    spans = (Span(Fraction(1, 2), Fraction(1, 4)),)
    raw = [Part(Fraction(0), Fraction(1), bytes(range(8)))]
    (whole,) = kept_facts.played(raw, spans)
    (cut,) = kept_facts.played(raw, spans, plain=True)
    assert (whole.data, cut.data) == (bytes(range(8)), bytes(range(2, 6)))
    assert [cut.start, cut.end] == [0, Fraction(1, 2)]


NAMES = (
    *("mp4-sound-first", "mkv-sound-late-to-mkv", "ts-clock-wraps", "mov-ten-pieces-pcm"),
    *("mkv-interlaced-bottom-first", "mp4-two-pieces-with-sound", "mkv-at-60s-chapters-captions"),
    *("mp4-begins-at-minus-2-frames", "mkv-flac-to-mp4", "refused-opus-in-mov"),
)


def test_some_odd_files_come_out_as_they_should(tmp_path: Path) -> None:
    outcomes = list(kept_run.copied(tmp_path, kept_run.chosen(NAMES)))
    assert len(outcomes) == len(NAMES)
    assert [line for one in outcomes if not one.holds for line in one.lines()] == []
