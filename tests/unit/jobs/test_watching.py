"""A watched folder: clips are taken once they are whole, with their job beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.batch.jobs import WatchedFolder
from provenance.batch.jobs.watching import SETTLED
from provenance.errors import UsageError

FIELDS = {"model_name": "M", "model_version": "1", "prompt": "secret"}


class Folder:
    """A folder, what was complained about, and time that passes when the test says so."""

    def __init__(self, path: Path) -> None:
        self.path, self.now = path, 0.0
        self.complaints: list[str] = []
        self.watched = WatchedFolder(path, {"preset": "fast"}, lambda: self.now)

    def put(self, name: str, text: str) -> None:
        (self.path / name).write_text(text, "utf-8")

    def look(self, seconds: float = SETTLED) -> list[str]:
        self.now += seconds
        return [job.output for job in self.watched.look(self.complaints.append)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_clip_is_taken_once_when_it_and_its_job_have_settled(folder: Folder) -> None:
    folder.put("a.mp4", "half")
    assert folder.look() == []
    folder.put("a.mp4.job.json", json.dumps(FIELDS))
    assert folder.look() == []
    folder.put("a.mp4", "half and the rest")
    assert folder.look() == []
    assert folder.look(SETTLED / 2) == []
    assert folder.look() == ["a.mp4"]
    assert folder.look() == []


def test_the_clip_and_its_name_are_the_input_and_the_output_unless_it_says_so(
    folder: Folder,
) -> None:
    folder.put("a.avi", "clip")
    folder.put("a.avi.job.json", json.dumps(FIELDS | {"crf": 20}))
    folder.look()
    folder.now += SETTLED
    (job,) = folder.watched.look(folder.complaints.append)
    assert (job.input, job.output) == (str(folder.path / "a.avi"), "a.mp4")
    assert (job.crf, job.preset, job.origin) == (20, "fast", "a.avi.job.json")


def test_what_is_wrong_is_told_once_and_a_better_file_is_taken(folder: Folder) -> None:
    folder.put("a.mp4", "clip")
    folder.put("b.mp4", "clip")
    folder.put("a.mp4.job.json", '{"prompt": "secret",')
    folder.put("b.mp4.job.json", json.dumps(FIELDS | {"colour": "secret"}))
    for _ in range(3):
        assert folder.look() == []
    assert len(folder.complaints) == 2
    assert "no JSON" in folder.complaints[0]
    assert "colour is no key" in folder.complaints[1]
    assert not any("secret" in text for text in folder.complaints)
    folder.put("a.mp4.job.json", json.dumps(FIELDS))
    folder.look()
    assert folder.look() == ["a.mp4"]


def test_two_clips_for_one_output_are_not_both_taken(folder: Folder) -> None:
    for name in ("a.mp4", "b.mp4"):
        folder.put(name, "clip")
        folder.put(f"{name}.job.json", json.dumps(FIELDS | {"output": "Same.mp4"}))
    folder.look()
    assert folder.look() == ["Same.mp4"]
    assert "names the output of" in folder.complaints[0]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        WatchedFolder(tmp_path / "none", {})
