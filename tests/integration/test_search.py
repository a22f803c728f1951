"""The search for all marks of a file: what it looks at, and what it is charged with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from provenance.results import Effort
from provenance.verifying.search import Search
from provenance.video import probe
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.read.evidence import SEARCH_WORDS
from tests.clips import grey_clip, picture

KEY = WatermarkKey("k", b"s" * 32, b"p" * 32)


@pytest.fixture(scope="module")
def panelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four unmarked pictures in a grid."""
    frames = []
    for index in range(24):
        quarters = [picture(320, 180, index, seed) for seed in (1, 2, 3, 4)]
        frames.append(np.vstack([np.hstack(quarters[:2]), np.hstack(quarters[2:])]))
    return grey_clip(frames, tmp_path_factory.mktemp("panels") / "grid.mp4")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half minutes of an unmarked picture, one frame a second."""
    frames = [picture(320, 180, index) for index in range(150)]
    return grey_clip(frames, tmp_path_factory.mktemp("long") / "long.mp4", rate=1)


@pytest.mark.parametrize("effort", ["quick", "normal"])
@pytest.mark.parametrize("name", ["panelled", "long"])
def test_a_search_compares_no_more_words_than_it_is_charged_with(
    name: str, effort: Effort, request: pytest.FixtureRequest
) -> None:
    """So the chance that is stated holds for all that was tried, panels and pieces included."""
    path = request.getfixturevalue(name)
    search = Search(path, probe(path), [KEY], effort)
    found = search.find()
    assert found.stamp_id is None
    reader = search._detector.reader
    assert 0 < reader.words <= reader._charged * SEARCH_WORDS


def test_a_long_clip_is_heard_every_few_seconds(long: Path) -> None:
    search = Search(long, probe(long), [KEY])
    search.find()
    coverage = search.coverage
    assert coverage is not None
    assert coverage.longest_gap_s <= 3.0
    assert coverage.share > 0.9


def test_a_quick_look_says_that_it_was_one(panelled: Path) -> None:
    search = Search(panelled, probe(panelled), [KEY], "quick")
    search.find()
    assert search.coverage is not None
    assert search.coverage.effort == "quick"
    assert search.coverage.frames <= 40
