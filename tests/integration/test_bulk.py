"""``provenance verify`` of folders and lists: workers, rows, resume, stops."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import UsageError
from provenance.keyring import Keyring
from provenance.results import StampResult
from provenance.triage import Results, find
from tests.conftest import Run, environment


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


@pytest.fixture
def folder(tmp_path: Path, stamped: StampResult) -> Path:
    """Two stamped clips, a broken one and a text, at two depths; hidden and linked ones too."""
    inbox = tmp_path / "inbox"
    (inbox / "deeper").mkdir(parents=True)
    shutil.copy(stamped.output_path, inbox / "one.mp4")
    shutil.copy(stamped.output_path, inbox / "deeper" / "two.MP4")
    (inbox / "deeper" / "broken.mp4").write_bytes(b"no film at all" * 40)
    (inbox / "notes.txt").write_text("notes\n")
    (inbox / ".hidden.mp4").write_bytes(b"hidden")
    (inbox / "outside.mp4").symlink_to(stamped.output_path)
    (inbox / "around").symlink_to(inbox, target_is_directory=True)
    return inbox


def test_a_walk_takes_media_and_counts_the_rest(folder: Path) -> None:
    (folder / "inside.mp4").symlink_to(folder / "one.mp4")
    found = find([folder, folder / "one.mp4"])
    names = [path.relative_to(folder).as_posix() for path in found.files]
    assert names == ["inside.mp4", "one.mp4", "deeper/broken.mp4", "deeper/two.MP4"]
    assert (found.other, found.unreadable) == (1, ())


def test_a_folder_is_verified_and_a_second_run_skips_what_is_the_same(
    folder: Path, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "rows.jsonl"
    words = ("verify", "--keys", keyring.folder, folder, "--results", out)
    first = run(*words, "--workers", "2")
    assert first.code == 3  # the broken one
    assert {Path(row["file"]["path"]).name: row["verdict"] for row in rows(out)} == {
        "one.mp4": "CONFIRMED",
        "two.MP4": "CONFIRMED",
        "broken.mp4": "NOT_CHECKED",
    }
    assert "2  CONFIRMED" in first.out
    assert "1  could not be examined" in first.out
    assert "1 passed over" in first.out
    assert "(3 of 3)" in first.err

    # A crash cuts the last row off; one file changes.
    whole = out.read_bytes()
    last = Path(rows(out)[-1]["file"]["path"]).name
    out.write_bytes(whole[:-30])
    (folder / "deeper" / "broken.mp4").write_bytes(b"another" * 80)
    second = run(*words, "--json")
    assert {Path(row["file"]["path"]).name for row in second.rows} == {last, "broken.mp4"}
    assert len(rows(out)) == (3 if last == "broken.mp4" else 4)
    assert "of them verified before" in second.err
    # What was skipped still counts.
    third = run(*words, "--json", "--quiet")
    assert (third.code, third.out, third.err) == (3, "", "")


def test_a_list_may_come_from_standard_input(folder: Path, keyring: Keyring, run: Run) -> None:
    ran = run(
        "verify", "--keys", keyring.folder, "--list", "-", "-0", "--json", "-q",
        input="one.mp4\0gone\nfar.mp4\0", cwd=folder,
    )  # fmt: skip
    assert {row["file"]["path"]: row["verdict"] for row in ran.rows} == {
        "one.mp4": "CONFIRMED",
        "gone\nfar.mp4": "NOT_CHECKED",
    }
    assert ran.code == 3


def test_what_needs_a_person_is_named_first(folder: Path, keyring: Keyring, run: Run) -> None:
    changed = bytearray((folder / "one.mp4").read_bytes())
    changed[changed.rindex(b"mdat") + 4000] ^= 1
    (folder / "one.mp4").write_bytes(changed)
    (folder / "deeper" / "two.MP4").unlink()
    (folder / "deeper" / "broken.mp4").unlink()
    # With its root alone: no watermark is looked for.
    root = folder.parent / "root.pem"
    root.write_bytes(keyring.trust_anchors_pem)
    ran = run("verify", "--trust", root, folder)
    assert ran.code == 1
    assert "For a person first:\n  CREDENTIAL_INVALID" in ran.out


def test_another_file_is_never_taken_for_results(tmp_path: Path) -> None:
    for content in (b"notes\n", b"\0\0\0 ftypisom", b'{"schema": "other/1"}\n'):
        kept = tmp_path / "kept"
        kept.write_bytes(content)
        with pytest.raises(UsageError, match="no row of a verification"):
            Results(kept)
        assert kept.read_bytes() == content
    with Results(tmp_path / "rows"), pytest.raises(UsageError, match="Another run"):
        Results(tmp_path / "rows")


def test_ctrl_c_keeps_the_rows_and_the_next_run_goes_on(
    folder: Path, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    for number in range(9):
        shutil.copy(folder / "one.mp4", folder / f"more{number:02d}.mp4")
    out = tmp_path / "rows.jsonl"
    root = tmp_path / "root.pem"
    root.write_bytes(keyring.trust_anchors_pem)
    words = ["verify", "--keys", keyring.folder, folder, "--results", out, "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "provenance", *map(str, words)],
        cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not (out.exists() and out.stat().st_size) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    before = len(rows(out))
    assert 0 < before < 12
    again = run(*words, "-q")
    assert again.code == 3
    assert f"12 files, {before} of them verified before" in again.out
    assert len({row["file"]["path"] for row in rows(out)}) == len(rows(out)) == 12
