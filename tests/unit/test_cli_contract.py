"""The command line's surface: help, usage errors, streams, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from provenance import Keyring, StampResult
from provenance.cli import main
from provenance.results import Verdict
from provenance.verifying.steps import NEXT_STEPS
from tests.conftest import MODEL, Run, environment

COMMANDS = [
    ["approve"],
    ["keys"],
    *(["keys", name] for name in ("csr", "import-chain", "init", "issue", "list", "rotate")),
    ["stamp"],
    ["verify"],
]

FIELDS = {
    "stamp": (
        *("--model-name", "--model-version", "--model-card", "--prompt", "--prompt-file"),
        *("--prompt-hash", "--keys", "--profile", "--json", "--codec", "--crf"),
        *("--bitrate", "--preset"),
    ),
    "verify": ("--keys", "--trust", "--json", "--accept"),
}


def invoke(*args: str | Path, **options: Any) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in args], **options)
    assert "Traceback" not in result.output
    return result


def verifying(keyring: Keyring, stamped: StampResult, *flags: str) -> list[str]:
    words = [sys.executable, "-m", "provenance", "verify", "-q", *flags]
    return [*words, "--keys", str(keyring.folder), stamped.output_path]


@pytest.mark.parametrize("command", [[], *COMMANDS])
def test_every_command_explains_itself(command: list[str]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: provenance")
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


@pytest.mark.parametrize(("command", "options"), FIELDS.items())
def test_the_options_of_the_contract_are_there(command: str, options: tuple[str, ...]) -> None:
    text = invoke(command, "--help").stdout
    assert all(re.search(rf"(^|\s){option}\b", text) for option in options)


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], ["keys", "--help"], ["bogus"]])
def test_what_runs_no_command_does_not_wait_for_the_heavy_libraries(words: list[str]) -> None:
    heavy = "{'av', 'c2pa', 'cryptography', 'cv2', 'numpy', 'ray', 'sqlalchemy'}"
    code = (
        "import sys\n"
        "from provenance.cli import main\n"
        f"try: main({words})\n"
        "except SystemExit: pass\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_command_that_runs_leaves_the_others_unloaded() -> None:
    code = (
        "import sys\n"
        "from provenance.cli import main\n"
        "try: main(['keys', 'list', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*sorted(m for m in sys.modules if m.startswith('provenance.cli.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    loaded = {name.removeprefix("provenance.cli.") for name in done.stdout.split()}
    assert "keys.own" in loaded
    assert loaded & {"approve", "batch", "registry", "stamp", "verify", "keys.elsewhere"} == set()


def test_version_names_the_command() -> None:
    assert re.match(r"provenance \d", invoke("--version").stdout)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["stamp"], "Missing argument 'INPUT'"),
        (["stamp", "a.mp4", "b.mp4"], "Say which model made it"),
        (["stamp", "a.mp4", "b.mp4", *MODEL], "Give the prompt one way"),
        (["stamp", "a.mp4", "b.mp4", *MODEL, "--prompt", "x", "--prompt-hash", "0"], "one way"),
        (["stamp", "a", "b", *MODEL, "--prompt", "x", "--crf", "high"], "'--crf'"),
        (["stamp", "a", "b", *MODEL, "--prompt", "x", "--crf", "9", "--bitrate", "2M"], "exclude"),
        (["stamp", "a", "b", *MODEL, "--prompt", "x", "--encoder-option", "tune"], "KEY=VALUE"),
        (
            ["stamp", "a", "b", *MODEL, "--prompt-hash", "0" * 64, "--plain-prompt-hash"],
            "goes with",
        ),
        (["verify"], "Missing argument 'PATH...'"),
        (["verify", "a.mp4", "--accept", "REAL"], "'REAL' is no verdict"),
        (["verify", "a.mp4", "--trust", "none.pem"], "cannot be read"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    args: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*args)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_without_any_keys_verify_says_how_to_get_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("verify", "a.mp4")
    assert result.exit_code == 4
    assert "provenance keys init" in result.stderr


def test_keys_are_made_once_and_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert invoke("keys", "init", "--keys", folder, "--org", "Studio").exit_code == 0
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    again = invoke("keys", "init", "--keys", folder)
    assert again.exit_code == 4
    assert len(again.stderr.splitlines()) == 1
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_keys_default_to_the_working_folder_and_then_to_the_users_own(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(keyring.folder.parent)
    result = invoke("verify", "none.mp4")
    assert "using the keys of Example Studio in keys" in result.stderr
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert invoke("keys", "init").exit_code == 0
    assert "using the keys of My organisation" in invoke("verify", "none.mp4").stderr


def test_keys_that_others_may_read_are_warned_of(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    invoke("keys", "init", "--keys", folder)
    folder.chmod(0o755)
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    result = invoke("verify", "--keys", folder, "none.mp4")
    assert result.stderr.startswith("Warning: ")
    assert result.exit_code == 3


def test_a_file_that_cannot_be_examined_still_gets_its_json_row(keyring: Keyring) -> None:
    result = invoke("verify", "--json", "--keys", keyring.folder, "none.mp4", "nor-this.mp4")
    assert result.exit_code == 3
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["file"]["path"] for row in rows] == ["none.mp4", "nor-this.mp4"]
    assert {row["verdict"] for row in rows} == {"NOT_CHECKED"}
    assert all("does not exist" in row["watermark"]["reason"] for row in rows)
    assert "does not exist" in result.stderr


def test_a_hostile_file_name_cannot_steer_the_terminal(keyring: Keyring, tmp_path: Path) -> None:
    name = tmp_path / "[red]a\x1b[2J\nb\u202e.mp4"
    name.write_bytes(b"no film")
    for flags in ([], ["--json"]):
        result = invoke("verify", "--keys", keyring.folder, *flags, name)
        assert result.exit_code == 3
        assert "\x1b" not in result.output
        assert "\u202e" not in result.output
        assert "[red]a" in result.stderr


def test_a_file_name_that_is_no_unicode_is_examined_like_any_other(
    run: Run, keyring: Keyring, tmp_path: Path
) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    (tmp_path / name).write_bytes(b"no film")
    ran = run("verify", "--json", "--keys", keyring.folder, name)
    assert ran.code == 3
    assert ran.row["verdict"] == "NOT_CHECKED"


def test_an_unforeseen_error_is_one_sentence_with_a_way_to_learn_more(
    keyring: Keyring, stamped: StampResult
) -> None:
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run(
            verifying(keyring, stamped, "--json"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert "--debug" in done.stderr


def test_a_reader_that_goes_away_is_no_error(keyring: Keyring, stamped: StampResult) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        verifying(keyring, stamped),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        check=False,
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 141


def test_every_verdict_has_its_next_step() -> None:
    assert set(NEXT_STEPS) == set(Verdict)
