"""What the tests share: a clean environment, one keyring, one clip, one stamped clip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance import Keyring, StampResult, Trust, hash_prompt, init_keyring, stamp
from tests.clips import Spec, make_clip
from tests.schemas import held
from tests.services import summary

ROOT = Path(__file__).parent.parent
CLIP = Spec(size=(480, 360), frames=36, audio=("eng",))
"""A second and a half of moving texture: small, and with room for a mark."""

MODEL = ("--model-name", "ExampleVideoModel", "--model-version", "3.2.1")


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No setting and no key of whoever runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith("PROVENANCE_"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name, last of all, what a missing server kept from running."""
    for line in summary(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line, red=True)


@dataclass(frozen=True)
class Ran:
    """What one run of the command did."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON objects on standard output, as published; nothing else may be there."""
        return [held(json.loads(line)) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        """The only JSON object on standard output."""
        (only,) = self.rows
        return only


Run = Callable[..., Ran]


def environment() -> dict[str, str]:
    """The environment for a command run from any folder."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``provenance`` as its own process, by default in the test's folder."""

    def command(*args: str | Path, cwd: Path = tmp_path, **options: Any) -> Ran:
        words = [sys.executable, "-m", "provenance", *map(str, args)]
        done = subprocess.run(
            words,
            cwd=cwd,
            capture_output=True,
            text=True,
            env=environment() | options.pop("env", {}),
            check=False,
            timeout=120,
            **options,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """The keys of Example Studio."""
    return init_keyring(tmp_path_factory.mktemp("studio") / "keys", "Example Studio")


@pytest.fixture(scope="session")
def trust(keyring: Keyring) -> Trust:
    """Whom Example Studio trusts: itself."""
    return keyring.trust


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unmarked clip."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", CLIP)


@pytest.fixture(scope="session")
def stamped(clip: Path, keyring: Keyring) -> StampResult:
    """The same clip, stamped by Example Studio; copy it before you change it."""
    target = clip.with_name("stamped.mp4")
    return stamp_clip(clip, target, keyring)


def stamp_clip(source: Path, target: Path, keyring: Keyring, **options: Any) -> StampResult:
    """Stamp with the facts that do not matter filled in."""
    options.setdefault("prompt_hash", hash_prompt("a walk through moss", keyring.prompt_key))
    return stamp(
        source,
        target,
        keyring=keyring,
        model_name="ExampleVideoModel",
        model_version="3.2.1",
        **options,
    )


def entries(folder: Path) -> list[str]:
    """Everything in a folder, hidden names too."""
    return sorted(entry.name for entry in folder.iterdir())
