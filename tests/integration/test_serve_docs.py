"""docs/desk.md: from nothing to a running desk and a filed report, as it is written there."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from provenance import Keyring, StampResult
from tests.conftest import ROOT, environment
from tests.integration.test_serve import marked
from tests.services import optional
from tests.unit.test_docs import blocks

__all__ = ["marked"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_commands_of_the_page_run_as_they_stand(
    tmp_path: Path, keyring: Keyring, marked: StampResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("curl") is None:
        optional("curl", "apt-get install curl")
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "provenance"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m provenance "$@"\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PROVENANCE_KEYS", str(keyring.folder))
    monkeypatch.setenv(
        "PROVENANCE_REGISTRY", str(Path(marked.output_path).with_name("registry.db"))
    )
    shutil.copy(marked.output_path, tmp_path / "suspect.mp4")
    port = str(free_port())
    text = (ROOT / "docs" / "desk.md").read_text(encoding="utf-8")
    serve, ask, file = (block.replace("8720", port) for block in blocks(text, "sh"))
    desk = subprocess.Popen(["sh", "-c", f"exec {serve}"], cwd=tmp_path, env=environment())
    try:
        end = time.monotonic() + 60
        while not ready(port):
            assert time.monotonic() < end
            time.sleep(0.2)
        for commands in (ask, file):
            subprocess.run(
                ["bash", "-e", "-c", commands], cwd=tmp_path, env=environment(), check=True
            )
    finally:
        desk.terminate()
        assert desk.wait(30) == 0
    told = json.loads((tmp_path / "result.json").read_bytes())
    assert told["state"] == "done"
    assert told["result"]["verdict"] == "CONFIRMED"
    assert (tmp_path / "report.html").exists()


def ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
