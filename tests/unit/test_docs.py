"""The documentation keeps up with the program: commands, options, scripts, samples, links."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import click
import pytest

import provenance
from provenance.cli import config
from provenance.results import (
    Detection,
    FileFacts,
    Ingredient,
    ManifestReport,
    PromptHash,
    Segment,
    SoftBinding,
    StampResult,
    Tag,
    Transform,
    Verdict,
    VerificationReport,
)
from provenance.results.payload import StampId
from provenance.verifying.many import Outcome
from provenance.verifying.rows import Row
from provenance.verifying.steps import NEXT_STEPS
from provenance.verifying.summary import NOT_SHOWN
from tests.commands import every_command, find_command, options_of
from tests.conftest import ROOT

PAGES = sorted(
    [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")]
    + [*(ROOT / "docs").rglob("*.md"), ROOT / "keys" / "README.md"]
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(text: str, *languages: str) -> Iterator[str]:
    """Fenced blocks in one of these languages."""
    for match in FENCE.finditer(text):
        if match[1] in languages:
            yield match[2]


def shell_lines(text: str) -> Iterator[str]:
    """Whole commands: in fenced shell blocks, after a prompt, or indented by four."""
    for block in blocks(text, "sh", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(("$ ", "provenance ", "scripts/")):
                yield line.removeprefix("$ ")
    for line in FENCE.sub("", text).splitlines():
        if line.startswith(("    provenance ", "    scripts/")):
            yield line.strip()


def every_option() -> set[str]:
    """Options of every command, of the scripts in their own words, and of tools that are named."""
    found = {"-m"}
    for _, command in every_command():
        found |= options_of(command)
    for script in (ROOT / "scripts").iterdir():
        if script.is_file():
            found |= set(re.findall(r"--?[a-z][a-z-]*", script.read_text(encoding="utf-8")))
    return found


def test_every_page_is_looked_at() -> None:
    assert {"README.md", "docs/concepts.md", "docs/watermark.md"} <= {named(p) for p in PAGES}
    assert sum(1 for page in PAGES for _ in shell_lines(page.read_text(encoding="utf-8"))) > 8


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_is_shown_would_be_understood(page: Path) -> None:
    for line in shell_lines(page.read_text(encoding="utf-8")):
        words = shlex.split(re.split(r"\s[>|#&]", line)[0])
        if words[0] != "provenance":
            continue
        command, arguments = find_command(words[1:])
        command.make_context("provenance", arguments)


@pytest.mark.parametrize(
    ("path", "command"), [*every_command()], ids=[path for path, _ in every_command()]
)
def test_the_help_of_every_command_has_examples_of_it_that_would_be_understood(
    path: str, command: click.Command
) -> None:
    context = click.Context(command, info_name=path, max_content_width=100)
    _, _, shown = command.get_help(context).partition("Examples:\n")
    lines = [line.strip() for line in shown.replace("\\\n", " ").splitlines() if line.strip()]
    assert lines
    for line in lines:
        words = shlex.split(line.split("| ")[-1])
        assert " ".join(words).startswith(path)
        called, arguments = find_command(words[1:])
        assert not isinstance(called, click.Group)
        called.make_context("provenance", arguments)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_and_option_that_is_mentioned_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = every_option()
    for code in INLINE.findall(FENCE.sub("", text)):
        words = code.split()
        if words[0] == "provenance" and len(words) > 1:
            command, arguments = find_command(words[1:])
            allowed = options_of(command)
        else:
            arguments, allowed = words, known
        for word in arguments:
            if word.startswith("-") and len(word) > 1:
                assert word.split("=")[0] in allowed, f"{word} in `{code}`"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_script_that_is_named_exists_and_can_be_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in set(re.findall(r"\bscripts/[a-z_]+\b|\.ci/run\b", text)):
        assert os.access(ROOT / name, os.X_OK), name


def test_the_readme_begins_with_the_two_commands() -> None:
    lines = [line.split("#")[0].strip() for line in next(blocks(README, "sh")).splitlines()]
    assert lines == ["scripts/demo", "scripts/test"]
    assert README.index("scripts/demo") < 100


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in heads}


def promises(page: str, heading: str) -> list[str]:
    """The first list below a line of a page that ends or begins so."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = text[text.index(heading) + len(heading) :].strip().splitlines()
    return list(takewhile(lambda line: line.startswith("- "), lines))


def test_every_line_of_the_threat_model_names_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| wants |")]
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    known = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.M)}
    assert len(rows) > 40
    for row in rows:
        named = re.search(r"\| `(test_\w+)` \|$", row)
        assert named is not None, row
        assert named[1] in known, named[1]


def test_the_security_page_promises_what_the_threat_model_does() -> None:
    promised = promises("docs/threat-model.md", "## What is promised")
    assert len(promised) == 4
    assert promises("SECURITY.md", "What is promised of verdicts:") == promised


def full_report() -> VerificationReport:
    """A report in which every part is there."""
    stamp_id = StampId(bytes(8))
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return VerificationReport(
        FileFacts("clip.mp4", "00", 1, "video"),
        Verdict.CONFIRMED,
        "",
        Detection(
            "found",
            stamp_id,
            transform=Transform(1.0, 0.0, False, 1.0),
            segments=(Segment(0.0, 1.0, "marked", 1.0),),
        ),
        ManifestReport(
            "trusted",
            signed_at=moment,
            prompt_hash=PromptHash("sha256", "00"),
            soft_binding=SoftBinding("alg", stamp_id),
            ingredients=(Ingredient("title", "valid"),),
        ),
    )


def full_result() -> StampResult:
    return StampResult(
        *(
            "in.mp4",
            "00",
            "out.mp4",
            "00",
            StampId(bytes(8)),
            "k",
            "standard",
            45.0,
            9.0,
            5.0,
            1.0,
            1,
        ),
        *("trusted", None, datetime(2026, 1, 1, tzinfo=UTC), 1.0),
        (Tag("container", "title"),),
        (Tag("container", "comment"),),
    )


def same_keys(sample: Any, produced: Any, where: str = "") -> None:
    """Every object in the sample has exactly the keys, in the order, that the program prints."""
    if isinstance(sample, dict) and isinstance(produced, dict):
        assert list(sample) == list(produced), where
        for key in sample:
            same_keys(sample[key], produced[key], f"{where}.{key}")
    elif isinstance(sample, list) and isinstance(produced, list):
        for item in sample:
            same_keys(item, produced[0] if produced else None, f"{where}[]")
    elif sample is not None and produced is not None:
        assert isinstance(sample, dict | list) == isinstance(produced, dict | list), where


@pytest.mark.parametrize("kind", ["stamp", "verify"])
def test_the_json_samples_have_the_keys_that_the_program_prints(kind: str) -> None:
    report = full_report()
    line = Outcome(Row.of(report), report).as_json()
    produced = full_result().as_json() if kind == "stamp" else line
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    samples = re.findall(rf"<!-- sample: {kind} -->\n```json\n(.*?)^```", text, re.S | re.M)
    assert samples
    for sample in samples:
        same_keys(json.loads(sample), produced)


def test_no_json_sample_escapes_the_check() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("```json") == len(re.findall(r"<!-- sample: \w+ -->\n```json", text))


@pytest.mark.parametrize("page", ["README.md", "docs/concepts.md"])
def test_the_verdicts_are_all_listed_in_their_order(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z_]{5,}) \|", text, re.MULTILINE)
    assert rows == [verdict.value for verdict in Verdict]
    assert set(NEXT_STEPS) == set(Verdict)


def test_the_changelog_has_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(PROJECT['version'])}\]", text, re.MULTILINE)


def test_the_settings_in_the_readme_load_and_all_of_them_are_named(tmp_path: Path) -> None:
    sample, brands = blocks(README, "toml")
    (tmp_path / "provenance.toml").write_text(sample, encoding="utf-8")
    loaded = config.load({}, {}, tmp_path)
    assert loaded.codec == "source"
    (tmp_path / "provenance.toml").write_text(f"{sample}\n{brands}", encoding="utf-8")
    beta = config.load({"brand": "beta"}, {}, tmp_path)
    assert (beta.keys, beta.codec) == (tmp_path / "keys/beta", "source")
    section = README[README.index("## Settings") :].split("\n## ")[0]
    assert all(re.search(rf"\b{name}\b", section) for name in config.NAMES)
    for variable in re.findall(r"PROVENANCE_(\w+)", section):
        assert variable in ("BRAND", "CONFIG") or variable.lower() in config.NAMES


def code_of(text: str) -> list[str]:
    """Lines of code without indentation of the whole, comments and blank lines."""
    lines = [re.sub(r"\s+#.*$", "", line) for line in text.splitlines() if line.strip()]
    return [line.removeprefix("    ") for line in lines]


def test_the_python_example_of_the_readme_is_the_packages_own() -> None:
    (sample,) = blocks(README, "python")
    own = (provenance.__doc__ or "").split("::\n")[1].split("\n\nWithout")[0]
    assert [line.strip() for line in code_of(sample)] == [line.strip() for line in code_of(own)]


def test_the_python_example_of_the_readme_works(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    (sample,) = blocks(README, "python")
    exec(compile(sample, "README.md", "exec"), {})  # noqa: S102 - our own page
    assert (tmp_path / "stamped.mp4").is_file()
    assert (tmp_path / "made.mp4").is_file()


def help_texts() -> Iterator[str]:
    for path, command in every_command():
        yield command.get_help(click.Context(command, info_name=path))


def test_no_page_and_no_help_says_of_a_video_what_nobody_can_know() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES] + [*help_texts()]
    for text in texts:
        plain = " ".join(text.split()).replace(NOT_SHOWN, "")
        words = re.findall(r"\b(?:real|fake|authentic|genuine|deepfake)\b", plain, re.IGNORECASE)
        # "real clips" of a measurement, "real values" of a transform: said of data, not a verdict.
        assert [w for w in words if w.lower() != "real"] == []
        assert not re.search(r"\b(?:is|are|was|as|not|looks) real\b", plain, re.IGNORECASE)


def test_no_committed_page_or_script_names_this_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout: nothing to tell committed files by")
    pattern = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/[a-z]")
    for name in filter(None, listed.stdout.split("\0")):
        file = ROOT / name
        if file.suffix in (".mp4", ".mkv", ".webm", ".png") or file == Path(__file__):
            continue
        if not file.is_file():
            continue
        assert not pattern.search(file.read_text(encoding="utf-8", errors="replace")), name


def test_the_page_on_the_watermark_names_every_module_and_every_step() -> None:
    """Rooms and modules are those there are; the steps are numbered as in the detector."""
    page = (ROOT / "docs" / "watermark.md").read_text(encoding="utf-8")
    package = ROOT / "provenance" / "watermark"
    rooms = page.split("## The rooms")[1].split("\n## ")[0]
    rows = [line.split("|")[1:4] for line in rooms.splitlines() if line.startswith("| ")][1:]
    told = {
        f"{room.strip(' `')}{name}"
        for room, _, modules in rows
        for name in re.findall(r"`([a-z_]+)`", modules)
    }
    files = [f.relative_to(package) for f in package.rglob("*.py") if f.name != "__init__.py"]
    assert told == {str(file.with_suffix("")) for file in files}
    steps = re.findall(r"^(\d+)\. \*\*", page, re.MULTILINE)
    source = (package / "detector.py").read_text(encoding="utf-8")
    assert steps == re.findall(r"^(\d+)\. ", source, re.MULTILINE) == [*map(str, range(1, 14))]
