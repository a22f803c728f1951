"""``provenance verify`` of folders and lists: workers, rows, resume, stops."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import UnreadableFileError, UsageError
from provenance.keyring import Keyring
from provenance.registry import Registry
from provenance.results import StampResult
from provenance.system.storage import Place
from provenance.verifying.rows import Results
from provenance.verifying.sources import at_hand, find
from tests.conftest import Run, environment
from tests.stores import Bucket, Proxy, lead_to, running_s3
from tests.stores import environment as s3_environment


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


def test_a_folder_without_a_file_is_said_to_be_one(
    keyring: Keyring, tmp_path: Path, run: Run
) -> None:
    """There is no use in naming files of it."""
    inbox = tmp_path / "empty"
    inbox.mkdir()
    done = run("verify", "--keys", keyring.folder, inbox)
    assert done.code == 3
    assert f"{inbox} is a folder with no file in it" in done.err


def test_a_walk_takes_media_and_counts_the_rest(folder: Path) -> None:
    (folder / "inside.mp4").symlink_to(folder / "one.mp4")
    found = find([folder, folder / "one.mp4"])
    names = [place.path.relative_to(folder).as_posix() for place in found.files]
    assert names == ["inside.mp4", "one.mp4", "deeper/broken.mp4", "deeper/two.MP4"]
    assert (found.other, found.unreadable) == (1, ())


def test_a_folder_is_verified_and_a_second_run_skips_what_is_the_same(
    folder: Path, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "rows.jsonl"
    table = tmp_path / "table.csv"
    words = ("verify", "--keys", keyring.folder, folder, "--results", out, "--table", table)
    first = run(*words, "--workers", "2")
    tabled = table.read_text(encoding="utf-8-sig")
    assert first.code == 3  # the broken one
    assert {Path(row["file"]["path"]).name: row["verdict"] for row in rows(out)} == {
        "one.mp4": "CONFIRMED",
        "two.MP4": "CONFIRMED",
        "broken.mp4": "NOT_CHECKED",
    }
    assert "2  CONFIRMED" in first.out
    assert "1  could not be examined" in first.out
    assert "1 passed over (not a video or image by name): .txt 1\n" in first.out
    assert "(3 of 3)" in first.err
    looked_at = first.out[first.out.index("For a person first:") :]
    assert "NOT_CHECKED" in looked_at
    assert "broken.mp4 is not a video or image file" in looked_at
    cells = {Path(row["path"]).name: row for row in csv.DictReader(io.StringIO(tabled))}
    assert list(cells) == ["broken.mp4", "two.MP4", "one.mp4"]
    (one,) = (row for row in rows(out) if row["file"]["path"].endswith("one.mp4"))
    assert cells["one.mp4"]["stamp_ids"] == one["finds"][0]["stamp_id"]
    assert float(cells["one.mp4"]["plays_s"]) == one["file"]["seconds"] == 1.5
    assert float(cells["one.mp4"]["examined_s"]) == one["seconds"] > 0
    assert cells["one.mp4"]["to_do"] == one["to_do"] != ""

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
    before = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig")))
    third = run(*words, "--json", "--quiet")
    assert [*csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig")))] == [*before]
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
    table = tmp_path / "table.html"
    words = ["verify", "--keys", keyring.folder, folder, "--results", out, "--workers", "2"]
    words += ["--table", table]
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
    stopped = table.read_text(encoding="utf-8")
    assert 0 < stopped.count('<td class="path">') <= before
    assert "of 12 files; the run was stopped before the others" in stopped
    again = run(*words, "-q")
    assert again.code == 3
    assert f"12 files, {before} of them verified before" in again.out
    whole = table.read_text(encoding="utf-8")
    assert (whole.count('<td class="path">'), "was stopped" in whole) == (12, False)
    assert len({row["file"]["path"] for row in rows(out)}) == len(rows(out)) == 12


def test_rows_say_what_was_refused_and_files_of_rows_that_do_not_are_examined_again(
    folder: Path, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    """A row's sentences are never looked at, also those of an old row, without the keys."""
    out = tmp_path / "rows.jsonl"
    words = ("verify", "--keys", keyring.folder, folder, "--results", out)
    assert run(*words, "-q").code == 3
    made = rows(out)
    refused = {Path(row["file"]["path"]).name: (row["refused"], row["failed"]) for row in made}
    assert refused == {
        "one.mp4": (False, False),
        "two.MP4": (False, False),
        "broken.mp4": (True, False),
    }
    other = [row | {"summary": "Other words."} for row in made]
    old = [{k: v for k, v in row.items() if k not in ("refused", "failed")} for row in made]
    for kept, known in ((other, True), (old, False)):
        out.write_text("".join(json.dumps(row) + "\n" for row in kept))
        again = run(*words)
        assert (again.code, "3 of them verified before" in again.out) == (3, known)
        assert "1  could not be examined" in again.out
        assert len(rows(out)) == (3 if known else 6)
    out.write_text(json.dumps(made[0] | {"refused": "no"}) + "\n")
    assert run(*words).code == 2


@pytest.mark.parametrize("many", [False, True])
def test_a_registry_that_cannot_be_asked_is_a_failure_and_asked_again(
    many: bool, stamped: StampResult, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    """Of one file as of many; rows made without its answer count for nothing once it is back."""
    database, rows_file = tmp_path / "r.db", tmp_path / "rows.jsonl"
    Registry(str(database), create=True).close()
    words = ["verify", "--keys", keyring.folder, "--registry", database, stamped.output_path]
    words += ["--results", rows_file] if many else []
    for table, other in (("stamp", "away"), ("away", "stamp")):
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute(f"ALTER TABLE {table} RENAME TO {other}")
        ran = run(*words, "--json")
        assert ran.row["verdict"] == "CONFIRMED"
        assert (ran.row["refused"], ran.row["failed"]) == (False, table == "stamp")
        if table == "stamp":
            assert ran.code == 4
            assert ran.row["summary"].endswith("the registry can't be asked.")
    assert ran.code == 0
    assert ran.row["registry"]["status"] == "no_match"


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with running_s3() as port:
        yield port


@pytest.fixture
def bucket(server: int, monkeypatch: pytest.MonkeyPatch, stamped: StampResult) -> Iterator[Bucket]:
    """A bucket with a stamped clip, a broken one, a text, and one in another folder."""
    lead_to(monkeypatch, server)
    bucket = Bucket("inbox", server)
    place = {"LocationConstraint": "eu-west-1"}
    bucket.client.create_bucket(Bucket="inbox", CreateBucketConfiguration=place)
    content = Path(stamped.output_path).read_bytes()
    bucket.put("new/one.mp4", content)
    bucket.put("new/deeper/broken.mp4", b"no film at all" * 40)
    bucket.put("new/notes.txt", b"notes")
    bucket.put("new/.hidden.mp4", content)
    bucket.put("newer/two.mp4", content)
    yield bucket
    for key in bucket.keys():  # noqa: SIM118 - no dictionary
        bucket.client.delete_object(Bucket="inbox", Key=key)
    bucket.client.delete_bucket(Bucket="inbox")


def test_a_url_is_verified_like_a_file_and_leaves_nothing_here(
    bucket: Bucket, stamped: StampResult, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    """The row names the URL; what was fetched lay in a private folder and is gone."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    around = s3_environment(bucket.port) | {"TMPDIR": str(temporary)}
    words = ("verify", "--keys", keyring.folder, "--json")
    one = run(*words, "s3://inbox/new/one.mp4", env=around)
    assert (one.code, one.row["verdict"]) == (0, "CONFIRMED")
    size = Path(stamped.output_path).stat().st_size
    assert one.row["file"] == {
        "path": "s3://inbox/new/one.mp4",
        "sha256": stamped.output_sha256,
        "bytes": size,
        "kind": "video",
        "seconds": 1.5,
    }
    broken = run(*words, "s3://inbox/new/deeper/broken.mp4", env=around)
    assert (broken.code, broken.row["verdict"]) == (3, "NOT_CHECKED")
    assert str(temporary) not in broken.out + broken.err
    missing = run(*words, "s3://inbox/none.mp4", env=around)
    assert missing.code == 3
    assert "s3://inbox/none.mp4 does not exist." in missing.err
    assert run(*words, "https://example.com/a.mp4", env=around).code == 2
    local = run(*words, Path(stamped.output_path).as_uri(), env=around)
    assert (local.code, local.row["file"]["path"]) == (0, stamped.output_path)
    assert list(temporary.iterdir()) == []


def test_a_url_that_ends_as_a_folder_does_is_verified_in_bulk_and_resumed(
    bucket: Bucket, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    out, around = tmp_path / "rows.jsonl", s3_environment(bucket.port)
    words = ("verify", "--keys", keyring.folder, "s3://inbox/new/", "--results", out, "--json")
    first = run(*words, env=around)
    assert first.code == 3
    assert {row["file"]["path"]: row["verdict"] for row in rows(out)} == {
        "s3://inbox/new/one.mp4": "CONFIRMED",
        "s3://inbox/new/deeper/broken.mp4": "NOT_CHECKED",
    }
    assert "1 passed over" in first.err
    bucket.put("new/deeper/broken.mp4", b"another" * 80)
    second = run(*words, env=around)
    assert [row["file"]["path"] for row in second.rows] == ["s3://inbox/new/deeper/broken.mp4"]
    empty = run("verify", "--keys", keyring.folder, "s3://inbox/none/", env=around)
    assert empty.code == 3


def test_a_store_that_is_down_is_a_failure_of_each_file_and_tried_again(
    bucket: Bucket, keyring: Keyring, run: Run, folder: Path, tmp_path: Path
) -> None:
    names = tmp_path / "names"
    names.write_text(f"s3://inbox/new/one.mp4\n{folder / 'one.mp4'}\n")
    out = tmp_path / "rows.jsonl"
    words = ("verify", "--keys", keyring.folder, "--list", names, "--results", out, "--json")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = int(taken.getsockname()[1])
    down = run(*words, env=s3_environment(closed))
    assert down.code == 4
    assert {(row["verdict"], row["refused"], row["failed"]) for row in down.rows} == {
        ("CONFIRMED", False, False),
        ("NOT_CHECKED", True, True),
    }
    again = run(*words, env=s3_environment(bucket.port))
    assert (again.code, again.row["file"]["path"]) == (0, "s3://inbox/new/one.mp4")


def test_a_manifest_beside_an_object_is_fetched_with_it_and_a_large_object_is_not(
    bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("new/one.mp4.c2pa", b"a manifest")
    place = Place.of("s3://inbox/new/one.mp4")
    with at_hand(place, tmp_path) as path:
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.with_name("one.mp4.c2pa").read_bytes() == b"a manifest"
    assert not list(tmp_path.iterdir())
    with (
        pytest.raises(UnreadableFileError, match="allowed"),
        at_hand(place, tmp_path, max_bytes=1000),
    ):
        pass


def test_ctrl_c_ends_a_transfer_also_when_the_store_hangs(
    bucket: Bucket, keyring: Keyring, tmp_path: Path
) -> None:
    """The part that came is removed."""
    bucket.put("new/long.mp4", bytes(40 * 1024 * 1024))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with Proxy(bucket.port, 20 * 1024 * 1024, upstream=False, cut=False) as proxy:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "provenance", "verify", "s3://inbox/new/long.mp4"),
                *("--keys", keyring.folder),
            ],
            env=environment() | s3_environment(proxy.port) | {"TMPDIR": str(temporary)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert proxy.reached.wait(60)
        assert len(list(temporary.iterdir())) == 1
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert list(temporary.iterdir()) == []
