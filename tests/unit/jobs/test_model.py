"""Jobs: what makes two of them the same, where outputs may go, what is kept of a prompt."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.batch import Settings
from provenance.batch.jobs import Job, Prompt, find_jobs, job_key, output_path, terms_of
from provenance.errors import JobListError, UsageError
from provenance.manifest import given_prompt_hash, hash_prompt, trace_prompt
from provenance.manifest.prompt import PromptKey

KEY = PromptKey("01234567", b"k" * 32)
JOB = Job("in/a.mp4", "a.mp4", "Model", "1", Prompt("a secret walk"), consents=("x", "y"))
FIELDS = {"model_name": "Model", "model_version": "1", "prompt": "a secret walk"}


def key(job: Job, sha256: str = "0" * 64) -> str:
    return job_key(job, sha256, job.prompt.hashed(KEY))


@pytest.mark.parametrize(
    "same",
    [
        replace(JOB, input="s3://bucket/other.mp4"),
        replace(JOB, origin="jobs.csv, line 9"),
        replace(JOB, approval="a.approval.json"),
        replace(JOB, consents=("y", "x", "x")),
        replace(JOB, prompt=Prompt(" a secret walk\r\n")),
    ],
)
def test_a_job_is_known_by_its_input_and_its_settings(same: Job) -> None:
    assert len(key(JOB)) == 64
    assert key(same) == key(JOB)


@pytest.mark.parametrize(
    "other",
    [
        replace(JOB, output="b.mp4"),
        replace(JOB, model_name="Other"),
        replace(JOB, model_version="2"),
        replace(JOB, prompt=Prompt("another")),
        replace(JOB, consents=("x",)),
        replace(JOB, profile="strong"),
        replace(JOB, codec="hevc"),
        replace(JOB, crf=20.0),
        replace(JOB, bitrate="2M"),
        replace(JOB, preset="slow"),
        replace(JOB, title="T"),
    ],
)
def test_any_other_setting_makes_another_job(other: Job) -> None:
    assert key(other) != key(JOB)
    assert key(JOB, "1" * 64) != key(JOB)


def test_jobs_keep_the_names_that_ledgers_of_0_1_0_know_them_by() -> None:
    """Values that 0.1.0 made; a setting that came since changes them only where it is set."""
    full = replace(JOB, profile="strong", codec="hevc", crf=20.0, preset="slow", title="T")
    full = replace(full, approval="x", keep_tags=("artist",))
    given = replace(JOB, prompt=Prompt(digest="ab" * 32))
    assert [key(job) for job in (JOB, full, given)] == [
        "b30bc55e33ef1028269c12cbdcbde8c8029c67684c75b75ba887e19e82a48482",
        "098bde69aacdbf259969dd90cff9746c9ebe85fde4f91613ebb684af478240f2",
        "3ce3491f7d7349122f0aa94affdcbad982aef7b3dc805cd6d1036562af90e940",
    ]
    run = Settings(keys=Path("k"), out="o", state=Path("s"))
    film = replace(run, provider="P", encoder_options=(("tune", "film"),))
    hashes = (JOB.prompt.hashed(KEY),)
    assert run.keys_of(JOB, "0" * 64, hashes) == (key(JOB),)
    assert film.keys_of(full, "0" * 64, hashes) == (
        "2dc6590096beaed5a5bc13dde079a519b5fd795391ed32e9806f03c1ff4fa86f",
    )


def test_a_new_prompt_key_changes_no_job_s_name_and_older_names_are_known() -> None:
    """The name is made with the oldest key; what 0.1.0 named with a later one is found too."""
    run = Settings(keys=Path("k"), out="o", state=Path("s"))
    later = [PromptKey(f"{number:08}", bytes([number]) * 32) for number in (2, 1)]
    before = run.keys_of(JOB, "0" * 64, JOB.prompt.forms([KEY]).hashes)
    after = run.keys_of(JOB, "0" * 64, JOB.prompt.forms([*later, KEY]).hashes)
    assert after[0] == before[0] == key(JOB)
    assert set(after) == {job_key(JOB, "0" * 64, JOB.prompt.hashed(one)) for one in (*later, KEY)}


def test_a_key_cannot_be_used_to_guess_the_prompt() -> None:
    """Who knows all else still needs the prompt key to test a guess."""
    other = PromptKey("89abcdef", b"o" * 32)
    assert job_key(JOB, "0" * 64, JOB.prompt.hashed(other)) != key(JOB)


def test_the_prompt_is_not_shown_and_goes_to_another_process() -> None:
    assert "secret" not in repr(JOB)
    assert pickle.loads(pickle.dumps(JOB)) == JOB  # noqa: S301 - our own


def test_a_prompt_given_three_ways_is_one_prompt(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_bytes(b"\xef\xbb\xbfa secret walk\n")
    assert Prompt(file=str(file)).hashed(KEY) == JOB.prompt.hashed(KEY)
    plain = JOB.prompt.hashed(None)
    assert Prompt(digest=plain.value.upper()).hashed(KEY) == plain


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "cannot be read"),
        (b"secret \xff", "not UTF-8"),
        (b" \n", "empty"),
        (b"x" * 10_000_001, "larger than 10 MB"),
    ],
)
def test_a_prompt_file_that_cannot_be_used_is_refused_without_its_text(
    tmp_path: Path, raw: bytes | None, words: str
) -> None:
    file = tmp_path / "prompt.txt"
    if raw is not None:
        file.write_bytes(raw)
    with pytest.raises(UsageError, match=words) as caught:
        Prompt(file=str(file)).hashed(KEY)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None or "secret" not in str(caught.value.__cause__)


def test_a_prompt_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(UsageError, match="no regular file"):
            Prompt(file=str(name)).hashed(KEY)


def test_an_output_that_leaves_by_a_link_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "inner").mkdir(parents=True)
    assert output_path(out, replace(JOB, output="inner/a.mp4")) == out / "inner/a.mp4"
    (out / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="by a link"):
        output_path(out, replace(JOB, output="link/a.mp4"))


def test_a_folder_becomes_jobs_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.avi", ".hidden.mp4", "sub/c.mov", ".git/d.mp4", "note.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"")
    (tmp_path / "outside.mp4").write_bytes(b"")
    (tmp_path / "in/link.mp4").symlink_to(tmp_path / "outside.mp4")
    jobs = find_jobs(tmp_path / "in", "**/*.[ma][po4v]*", FIELDS)
    assert [job.output for job in jobs] == ["a.mp4", "b.mp4", "sub/c.mov"]
    assert jobs[0].input == str(tmp_path / "in/a.avi")
    assert {job.model_name for job in jobs} == {"Model"}


@pytest.mark.parametrize("pattern", ["", "/etc/*", "../*.mp4", "*.mkv"])
def test_a_pattern_that_leads_out_or_to_nothing_is_wrong_usage(
    tmp_path: Path, pattern: str
) -> None:
    with pytest.raises(UsageError):
        find_jobs(tmp_path, pattern, FIELDS)


def test_two_clips_of_a_folder_with_one_output_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.avi").write_bytes(b"")
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(JobListError, match=r"a\.mp4 has the same output as a\.avi"):
        find_jobs(tmp_path, "*", FIELDS)
    with pytest.raises(JobListError, match="crf should be"):
        find_jobs(tmp_path, "*.avi", FIELDS | {"crf": "x"})


def test_all_that_is_made_of_a_prompt_file_is_made_of_one_text(tmp_path: Path) -> None:
    """Else what is approved and what is published could be two prompts, one after the other."""
    file = tmp_path / "prompt.txt"
    file.write_text("a cat\n", "utf-8")
    loaded = Prompt(file=str(file)).loaded()
    file.write_text("something else\n", "utf-8")
    assert loaded.hashed(KEY) == hash_prompt("a cat", KEY)
    assert loaded.bound([KEY]) == (hash_prompt("a cat", KEY),)
    assert loaded.traced(KEY) == trace_prompt("a cat", KEY)
    assert "cat" not in repr(loaded)


def test_a_prompt_is_bound_under_every_key_and_a_given_hash_as_it_is() -> None:
    other = PromptKey("89abcdef", b"o" * 32)
    assert Prompt("a cat").bound([KEY, other]) == (
        hash_prompt("a cat", KEY),
        hash_prompt("a cat", other),
    )
    assert Prompt(digest="ab" * 32).bound([KEY]) == (given_prompt_hash("ab" * 32),)


def test_terms_are_those_that_a_stamp_of_the_job_shows() -> None:
    terms = terms_of(JOB, JOB.prompt.bound([KEY]))
    assert (terms.title, terms.profile, terms.consents) == ("a.mp4", "standard", ("x", "y"))
    assert (terms.digital_source_type, terms.provider) == ("trainedAlgorithmicMedia", None)
    run = {"provider": "P", "digital_source_type": "algorithmicMedia"}
    named = terms_of(replace(JOB, title="T"), (), **run)
    shown = (named.title, named.provider, named.digital_source_type)
    assert shown == ("T", "P", "algorithmicMedia")
    assert terms_of(replace(JOB, crf=20.0, codec="hevc"), terms.prompts) == terms
