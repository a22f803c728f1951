"""docs/release-pipeline.md: its commands do what it says, from an empty folder on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.clips import Spec, make_clip
from tests.conftest import ROOT, environment
from tests.unit.test_docs import blocks

PAGE = ROOT / "docs" / "release-pipeline.md"


def test_the_page_leads_from_an_empty_folder_to_verified_clips(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for number, name in enumerate(("sea", "sky", "draft")):
        clip = make_clip(tmp_path / "clips" / f"{name}.mp4", Spec(size=(240, 160)))
        clip.write_bytes(clip.read_bytes() + b"\0\0\0\x09free" + bytes([number]))
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "provenance"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m provenance "$@"\n', "utf-8")
    program.chmod(0o755)
    commands = "".join(blocks(PAGE.read_text(encoding="utf-8"), "sh"))
    variables = environment()
    done = subprocess.run(
        ["sh", "-e"],
        input=commands,
        cwd=tmp_path,
        env=variables | {"PATH": f"{programs}:{variables['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 jobs checked, 1 problem; nothing was stamped" in done.stdout
    assert "2 stamped, 0 done before, 1 failed" in done.stdout
    assert "1 stamped, 2 done before" in done.stdout
    assert done.stdout.count("CONFIRMED") == 3
    rows = (tmp_path / "stamped" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(row)["state"] for row in rows} == {"stamped", "skipped"}
