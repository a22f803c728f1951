"""Job lists: every good one is read, every bad one is refused with all its faults."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.batch.jobs import KEYS, Job, Prompt, job_key, read_defaults, read_jobs
from provenance.batch.jobs.reading import MAX_LINE, MAX_PROBLEMS
from provenance.errors import JobListError, UsageError
from provenance.results import PromptHash

HASH = PromptHash("sha256", "0" * 64)
ROW: dict[str, Any] = {
    "input": "a.mp4",
    "output": "a.mp4",
    "model_name": "Model",
    "model_version": "1",
    "prompt": "a secret walk",
}


def listed(folder: Path, *rows: Any, name: str = "jobs.jsonl") -> Path:
    """Rows as a list; text is taken as it is."""
    path = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def faults(path: Path, **defaults: Any) -> tuple[str, ...]:
    with pytest.raises(JobListError) as caught:
        read_jobs(path, defaults)
    assert "secret" not in str(caught.value)
    assert not any("secret" in problem for problem in caught.value.problems)
    return caught.value.problems


def test_every_key_of_the_contract_is_read_from_json_lines_and_from_csv(tmp_path: Path) -> None:
    whole = ROW | {
        "approval": "s3://approvals/a.json",
        "consents": ["actor-1", "actor-2"],
        "profile": "strong",
        "codec": "hevc",
        "crf": 20,
        "preset": "fast",
        "title": "A, clip",
    }
    expected = Job(
        input=str(tmp_path / "a.mp4"),
        output="a.mp4",
        model_name="Model",
        model_version="1",
        prompt=Prompt("a secret walk"),
        approval="s3://approvals/a.json",
        consents=("actor-1", "actor-2"),
        profile="strong",
        codec="hevc",
        crf=20.0,
        preset="fast",
        title="A, clip",
    )
    (job,) = read_jobs(listed(tmp_path, whole))
    assert job == expected
    assert job.origin == "jobs.jsonl, line 1"
    header = ",".join(whole)
    cells = "a.mp4,a.mp4,Model,1,a secret walk,s3://approvals/a.json,actor-1;actor-2,strong,hevc,20"
    (job,) = read_jobs(listed(tmp_path, header, f'{cells},fast,"A, clip"', name="jobs.csv"))
    assert job == expected
    assert job.origin == "jobs.csv, line 2"


def test_the_keys_are_those_of_the_contract() -> None:
    assert set(KEYS) == {
        *("input", "output", "model_name", "model_version", "prompt", "prompt_file"),
        *("prompt_hash", "approval", "consents", "profile", "codec", "crf", "bitrate"),
        *("preset", "title", "prompt_from_tags", "keep_tags"),
        *("sidecar", "prompt_at", "model_name_at", "model_version_at", "model_card"),
    }


def test_a_prompt_may_be_said_to_be_in_the_tags_and_tags_to_be_kept(tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if key != "prompt"}
    row |= {"prompt_from_tags": True, "keep_tags": [" Artist", "comment", "ARTIST"]}
    (job,) = read_jobs(listed(tmp_path, row))
    header = "input,output,model_name,model_version,prompt_from_tags,keep_tags"
    text = "a.mp4,a.mp4,Model,1,true,Artist; comment;artist"
    (other,) = read_jobs(listed(tmp_path, header, text, name="jobs.csv"))
    assert job.prompt == other.prompt == Prompt(from_tags=True)
    assert job.keep_tags == other.keep_tags == ("artist", "comment")
    assert job_key(job, "0" * 64, HASH) != job_key(replace(job, keep_tags=()), "0" * 64, HASH)


def test_a_row_with_a_prompt_sets_the_tags_of_the_defaults_aside(tmp_path: Path) -> None:
    (job,) = read_jobs(listed(tmp_path, ROW), {"prompt_from_tags": True})
    assert job.prompt == Prompt("a secret walk")


def test_defaults_fill_in_and_a_row_sets_them_aside(tmp_path: Path) -> None:
    file = tmp_path / "defaults.toml"
    file.write_text('model_name = "M"\nmodel_version = "2"\nprompt = "x"\ncrf = 21\n', "utf-8")
    rows = listed(
        tmp_path,
        {"input": "a.mp4", "output": "a.mp4"},
        {"input": "b.mp4", "output": "b.mp4", "prompt_hash": "AB" * 32, "bitrate": "2M"},
        {"input": "c.mp4", "output": "c.mp4", "crf": None, "model_version": "3"},
    )
    a, b, c = read_jobs(rows, read_defaults(file))
    assert (a.model_name, a.prompt, a.crf) == ("M", Prompt("x"), 21.0)
    assert (b.prompt, b.crf, b.bitrate) == (Prompt(digest="ab" * 32), None, "2M")
    assert (c.crf, c.model_version) == (21.0, "3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1\n", "colour is no key of a job"),
        ('output = "a.mp4"\n', "output is a job's own"),
        ("crf = \n", "not valid TOML"),
    ],
)
def test_defaults_that_cannot_be_are_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "defaults.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=words):
        read_defaults(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "colour is no key of a job"),
        ({"a secret prompt": 1}, "a key is none of a job's"),
        ({"model_name": None}, "model_name is missing"),
        ({"model_name": ""}, "model_name needs printable text"),
        ({"model_version": 3}, "model_version should be text"),
        ({"title": "a\nb"}, "title needs printable text"),
        ({"title": "t" * 1001}, "title is longer than 1000 characters"),
        ({"prompt": None}, "there is no prompt"),
        ({"prompt_from_tags": True}, "prompt_from_tags excludes prompt"),
        ({"prompt": None, "prompt_from_tags": False}, "prompt_from_tags should be true"),
        ({"prompt": None, "prompt_from_tags": "a secret"}, "prompt_from_tags should be true"),
        ({"keep_tags": "a secret"}, "keep_tags should be a list of texts"),
        ({"keep_tags": [""]}, "keep_tags should be names of tags"),
        ({"prompt": "  "}, "prompt is empty"),
        ({"prompt": ["a secret"]}, "prompt should be text"),
        ({"prompt_file": "secret.txt"}, "prompt_file excludes prompt"),
        ({"prompt": None, "prompt_hash": "secret"}, "prompt_hash should be the 64 hex"),
        ({"profile": "a secret"}, "profile should be one of faint, standard, strong"),
        ({"codec": "secret"}, "codec should be one of h264, hevc, av1, vp9, prores, source"),
        ({"crf": "18"}, "crf should be a number"),
        ({"crf": True}, "crf should be a number"),
        ({"crf": 99}, "crf should be a number from 0 to 63"),
        ({"crf": 18, "bitrate": "2M"}, "bitrate excludes crf"),
        ({"bitrate": "secret"}, "bitrate should be a bit rate"),
        ({"bitrate": [1]}, "bitrate should be text or a whole number"),
        ({"consents": "actor-1"}, "consents should be a list of texts"),
        ({"consents": [1]}, "consents should be text"),
        ({"consents": [" secret "]}, "consents should be references"),
        ({"input": "a\0b"}, "input is no path and no URL"),
        ({"input": "http://secret/a.mp4"}, "input should be a path, file://, s3://"),
        ({"prompt": None, "prompt_file": "s3://bucket/secret"}, "prompt_file should be a path on"),
        ({"output": "/etc/a.mp4"}, "output is absolute"),
        ({"output": "C:\\a.mp4"}, "output is absolute"),
        ({"output": "s3://bucket/a.mp4"}, "output is absolute"),
        ({"output": "../a.mp4"}, "output climbs with .."),
        ({"output": "b/../../a.mp4"}, "output climbs with .."),
        ({"output": "b/"}, "output names no file"),
        ({"output": "a\x1b[2J.mp4"}, "output holds a character"),
        ({"output": "a\ud800.mp4"}, "output holds a character"),
        ({"output": "a.avi"}, "output should end in .mp4"),
        ({"output": ".provenance-stamp-1/a.mp4"}, "output is a name kept"),
    ],
)
def test_a_fault_is_told_by_file_line_and_key_and_never_by_its_value(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = listed(tmp_path, ROW | {"output": "good.mp4"}, ROW | change)
    (problem,) = faults(path)
    assert problem.startswith(f"{path}, line 2: {said}")
    assert problem.endswith(".")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{a secret", "line 1: it is no JSON at column 2"),
        ('["a secret"]', "line 1: it should be one JSON object"),
        ('{"crf": NaN}', "line 1: it is no JSON that"),
        ('{"title": "a", "title": "b"}', "line 1: title stands there twice"),
        ('{"a secret": 1, "a secret": 2}', "line 1: a key stands twice"),
        ("[" * 100_000, "line 1: it is no JSON"),
        ('{"crf": ' + "9" * 5000 + "}", "line 1: it is no JSON that"),
        ("", "it holds no jobs"),
    ],
)
def test_what_is_no_json_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert said in faults(listed(tmp_path, text))[0]


def test_every_fault_of_a_list_is_told_up_to_twenty(tmp_path: Path) -> None:
    rows = [ROW | {"output": f"{n}.mp4", "crf": "a secret", "codec": "x"} for n in range(6)]
    problems = faults(listed(tmp_path, *rows, "{"))
    assert len(problems) == 13
    assert "line 7" in problems[-1]
    assert len(faults(listed(tmp_path, *rows, *rows, *rows))) == MAX_PROBLEMS


def test_outputs_that_would_overwrite_each_other_are_refused(tmp_path: Path) -> None:
    outputs = ("a/b.mp4", "A/./B.mp4", "caf\u00e9.mp4", "cafe\u0301.mp4", "a/b.mp4/c.mp4")
    problems = faults(listed(tmp_path, *(ROW | {"output": one} for one in outputs)))
    assert [problem.partition(": ")[2] for problem in problems] == [
        "jobs.jsonl, line 2 has the same output as jobs.jsonl, line 1.",
        "jobs.jsonl, line 4 has the same output as jobs.jsonl, line 3.",
        "the output of jobs.jsonl, line 1 is a folder in that of jobs.jsonl, line 5.",
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_bytes(
        b"\xef\xbb\xbfinput,output,model_name,model_version,prompt\r\n" + b"a.mp4," * 2
    )
    path.write_bytes(path.read_bytes() + b'M,1,"a, b\r\nc"\r\n')
    assert read_jobs(path)[0].prompt.text == "a, b\r\nc"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\xff\xfei\0n\0", "line 1: it is UTF-16"),
        (b"input,output\na,\xe9\n", "line 2: byte 3 is not UTF-8"),
        (b"", "it holds no jobs"),
        (b"input,output,secret prompt\n", "line 1: a key is none of a job's"),
        (b"a secret,walk\n", "line 1: it should name the columns"),
        (b"input,input,output\n", "line 1: input is the name of two columns"),
        (b"input,output\na,b,a secret\n", "line 2: it has 3 values for 2 columns"),
        (b"input,output\na,b.mp4\n", "line 2: there is no prompt"),
        (b'input,output\n"a secret\n' + b"x" * 200_000, "line 2: a value is longer than 128 KB"),
        (b'input,output\n"a"secret,b\n', "line 2: its quotes are wrong"),
        (b"input,output,crf\na,b.mp4,high\n", "line 2: crf should be a number"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "jobs.csv"
    path.write_bytes(raw)
    assert said in faults(path)[0]


def test_a_column_may_be_missing_when_there_is_a_default(tmp_path: Path) -> None:
    path = listed(tmp_path, "input,output", "a.mp4,a.mp4", name="jobs.csv")
    assert [problem.rpartition(": ")[2] for problem in faults(path)] == [
        "there is no prompt; give prompt, prompt_file, prompt_hash, prompt_from_tags or prompt_at.",
        "model_name is missing.",
        "model_version is missing.",
    ]
    jobs = read_jobs(path, {"model_name": "M", "model_version": "1", "prompt": "p"})
    assert jobs[0].model_name == "M"


@pytest.mark.parametrize("name", ["jobs.jsonl", "jobs.csv"])
def test_a_line_of_a_gigabyte_is_refused_after_its_first_megabyte(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    with path.open("wb") as handle:
        handle.truncate(1_000_000_000)
    assert "line 1: it is longer than 1 MB" in faults(path)[0]
    path.unlink()
    path.write_bytes(b'{"prompt": "' + b"x" * MAX_LINE + b'"}')
    assert "longer than 1 MB" in faults(path)[0]


@pytest.mark.parametrize("name", ["none.csv", "jobs.xlsx", "folder.csv"])
def test_a_list_that_is_not_there_is_wrong_usage(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError):
        read_jobs(tmp_path / name)
