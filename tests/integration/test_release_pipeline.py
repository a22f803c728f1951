"""docs/release-pipeline.md, in-production.md: their commands do what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.clips import Spec, make_clip
from tests.conftest import ROOT, environment
from tests.registry.conftest import fresh_database
from tests.unit.test_docs import blocks

DOCS = ROOT / "docs"


def followed(page: Path, folder: Path, **variables: str) -> str:
    """What a page's commands print, run in a folder that has clips of these names."""
    (folder / "clips").mkdir()
    for number, name in enumerate(("sea", "sky", "draft")):
        if f"clips/{name}.mp4" in page.read_text(encoding="utf-8"):
            clip = make_clip(folder / "clips" / f"{name}.mp4", Spec(size=(240, 160)))
            clip.write_bytes(clip.read_bytes() + b"\0\0\0\x09free" + bytes([number]))
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "provenance"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m provenance "$@"\n', "utf-8")
    program.chmod(0o755)
    commands = "".join(blocks(page.read_text(encoding="utf-8"), "sh"))
    own = environment() | variables
    done = subprocess.run(
        ["sh", "-e"],
        input=commands,
        cwd=folder,
        env=own | {"PATH": f"{programs}:{own['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_leads_from_an_empty_folder_to_verified_clips(tmp_path: Path) -> None:
    said = followed(DOCS / "release-pipeline.md", tmp_path)
    assert "3 jobs checked, 1 problem; nothing was stamped" in said
    assert "2 stamped, 0 done before, 1 failed" in said
    assert "1 stamped, 2 done before" in said
    assert said.count("CONFIRMED") == 3
    rows = (tmp_path / "stamped" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(row)["state"] for row in rows} == {"stamped", "skipped"}


def test_a_month_in_production_is_as_its_page_says(tmp_path: Path) -> None:
    with fresh_database() as address:
        said = followed(
            DOCS / "in-production.md",
            tmp_path,
            STAMPS=address,
            XDG_DATA_HOME=str(tmp_path / "data"),
        )
    rows = (tmp_path / "stamped" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    states = sorted(json.loads(row)["state"] for row in rows)
    assert states == ["done_elsewhere", "skipped"], "of the last run, after the rotation"
    assert said.count("2 stamped") == 1
    before, told_so, after = said.partition("Withdrawn: consent actor-31")
    assert (before.count("CONFIRMED"), before.count("REVOKED"), bool(told_so)) == (2, 0, True)
    assert "REVOKED" in after
    told = [json.loads(line) for line in (tmp_path / "told.jsonl").read_text().split("\n") if line]
    assert [notice["event"] for notice in told] == ["stamp", "stamp", "withdraw"]
    assert "are in archives." in said
