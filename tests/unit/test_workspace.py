"""Atomic publication: whole or not at all, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provenance.errors import BusyError, OutputError, UsageError
from provenance.system.workspace import (
    PREFIX,
    Workspace,
    check_distinct,
    check_target,
    explained,
    sweep,
)

HOLDER = """
import sys, time
from pathlib import Path
from provenance.system.workspace import Workspace
with Workspace(Path(sys.argv[1])) as workspace:
    workspace.path("half.mp4").write_bytes(b"half")
    print("ready", flush=True)
    time.sleep(60)
"""


def leftovers(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def hold(target: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_what_is_published_appears_under_its_name_and_nothing_else_stays(tmp_path: Path) -> None:
    with Workspace(tmp_path / "out.mp4") as workspace:
        draft = workspace.path("draft.mp4")
        draft.write_bytes(b"film")
        assert not (tmp_path / "out.mp4").exists()
        workspace.publish(draft)
    assert leftovers(tmp_path) == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"film"
    assert (tmp_path / "out.mp4").stat().st_nlink == 1


def test_a_failure_inside_leaves_nothing(tmp_path: Path) -> None:
    def stopped() -> None:
        with Workspace(tmp_path / "out.mp4") as workspace:
            workspace.path("draft.mp4").write_bytes(b"film")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert leftovers(tmp_path) == []


def test_a_killed_run_is_swept_by_the_next_and_a_live_one_is_not(tmp_path: Path) -> None:
    killed, alive = hold(tmp_path / "a.mp4"), hold(tmp_path / "b.mp4")
    try:
        assert len(leftovers(tmp_path)) == 2
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with Workspace(tmp_path / "c.mp4") as workspace:
            assert len(leftovers(tmp_path)) == 2
            own = workspace.path("x").parent.name
        (left,) = leftovers(tmp_path)
        assert left.startswith(PREFIX)
        assert left != own
        assert (tmp_path / left / "half.mp4").exists()
    finally:
        alive.kill()
        alive.wait()
    assert sweep(tmp_path) == 1
    assert leftovers(tmp_path) == []


def test_the_hidden_folder_is_private_and_its_name_tells_nothing(tmp_path: Path) -> None:
    with Workspace(tmp_path / "secret-project.mp4") as workspace:
        folder = workspace.path("x").parent
        assert folder.stat().st_mode & 0o077 == 0
        assert "secret" not in folder.name


def test_the_sidecar_is_there_before_the_media_is(tmp_path: Path) -> None:
    target, final = tmp_path / "out.mkv", tmp_path / "out.mkv.c2pa"
    with Workspace(target) as workspace:
        media, sidecar = workspace.path("m.mkv"), workspace.path("m.mkv.c2pa")
        media.write_bytes(b"film")
        sidecar.write_bytes(b"store")
        workspace.publish(media, (sidecar, final))
    assert leftovers(tmp_path) == ["out.mkv", "out.mkv.c2pa"]


def test_a_sidecar_does_not_stay_when_the_media_cannot_follow(tmp_path: Path) -> None:
    target, final = tmp_path / "out.mkv", tmp_path / "out.mkv.c2pa"
    with Workspace(target) as workspace:
        media, sidecar = workspace.path("m.mkv"), workspace.path("m.mkv.c2pa")
        media.write_bytes(b"film")
        sidecar.write_bytes(b"store")
        target.write_bytes(b"somebody else's")
        with pytest.raises(UsageError):
            workspace.publish(media, (sidecar, final))
    assert leftovers(tmp_path) == ["out.mkv"]
    assert target.read_bytes() == b"somebody else's"


KILLED_BETWEEN = """
import os, sys, signal
from pathlib import Path
from provenance.system.workspace import Workspace
class Killed(Workspace):
    def _rename(self, finished, final):
        if sys.argv[2] == "after":
            super()._rename(finished, final)
        os.kill(os.getpid(), signal.SIGKILL)
target = Path(sys.argv[1])
with Killed(target) as workspace:
    media, sidecar = workspace.path("m.mkv"), workspace.path("m.mkv.c2pa")
    media.write_bytes(b"film")
    sidecar.write_bytes(b"store")
    workspace.publish(media, (sidecar, target.with_name("out.mkv.c2pa")))
"""


@pytest.mark.parametrize(
    ("moment", "left"), [("before", []), ("after", ["out.mkv", "out.mkv.c2pa"])]
)
def test_killed_between_sidecar_and_media_only_an_orphan_is_swept(
    tmp_path: Path, moment: str, left: list[str]
) -> None:
    command = [sys.executable, "-c", KILLED_BETWEEN, str(tmp_path / "out.mkv"), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert sweep(tmp_path) == 1
    assert leftovers(tmp_path) == left


def test_an_orphans_note_cannot_point_at_another_file(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    precious = tmp_path / "precious.txt"
    precious.write_bytes(b"x")
    leftover = folder / f"{PREFIX}00"
    leftover.mkdir()
    (leftover / "lock").touch()
    note = f"../precious.txt\n{precious.stat().st_ino}\nnone.mkv\n0\n"
    (leftover / "sidecar-of").write_text(note, encoding="utf-8")
    assert sweep(folder) == 1
    assert precious.exists()


def test_an_existing_target_is_kept_unless_overwriting_is_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    with pytest.raises(UsageError, match="have it replaced"):
        check_target(target, overwrite=False)
    with Workspace(target, overwrite=True) as workspace:
        draft = workspace.path("draft.mp4")
        draft.write_bytes(b"new")
        workspace.publish(draft)
    assert target.read_bytes() == b"new"


def test_a_target_that_comes_into_being_meanwhile_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with Workspace(target) as workspace:
        draft = workspace.path("draft.mp4")
        draft.write_bytes(b"new")
        target.write_bytes(b"theirs")
        with pytest.raises(UsageError, match="exists already"):
            workspace.publish(draft)
    assert target.read_bytes() == b"theirs"


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "is a folder"), ("none/out.mp4", "does not exist"), ("pipe", "no regular file")],
)
def test_an_impossible_target_is_refused_before_any_work(
    tmp_path: Path, name: str, words: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=words):
        check_target(tmp_path / name, overwrite=True)


def test_the_input_is_recognised_under_any_name(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(b"film")
    (tmp_path / "soft.mp4").symlink_to(source)
    (tmp_path / "hard.mp4").hardlink_to(source)
    for name in ("in.mp4", "soft.mp4", "hard.mp4", "../" + tmp_path.name + "/in.mp4"):
        with pytest.raises(UsageError, match="the input itself"):
            check_distinct(source, tmp_path / name)
    check_distinct(source, tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("number", "words"),
    [(28, "disk is full"), (27, "disk is full"), (30, "may not be written"), (5, "input/output")],
)
def test_what_the_system_says_becomes_a_clear_sentence(
    tmp_path: Path, number: int, words: str
) -> None:
    with pytest.raises(OutputError, match=words), explained(tmp_path / "out.mp4"):
        raise OSError(number, os.strerror(number))


def test_a_second_writer_of_a_name_is_told_at_once_and_other_names_are_free(
    tmp_path: Path,
) -> None:
    target = tmp_path / "out.mp4"
    (tmp_path / "link").symlink_to(tmp_path)
    holder = hold(target)
    try:
        for overwrite in (False, True):
            with pytest.raises(BusyError, match="another process"):
                Workspace(target, overwrite=overwrite).__enter__()
        with pytest.raises(BusyError):
            Workspace(tmp_path / "link" / "out.mp4").__enter__()
        with Workspace(tmp_path / "other.mp4"):
            pass
    finally:
        holder.kill()
        holder.wait()
    with Workspace(target) as workspace:  # a process that was killed claims nothing
        assert not workspace.path("half.mp4").exists()
        with pytest.raises(BusyError):  # nor does another thread get it
            Workspace(target).__enter__()
    assert leftovers(tmp_path) == ["link"]


def test_of_many_writers_of_one_name_one_gets_it(tmp_path: Path) -> None:
    """Also while what a killed one left is still there, and swept by all of them."""
    target = tmp_path / "out.mp4"
    holder = hold(target)
    holder.kill()
    holder.wait()
    start, leave = threading.Barrier(8), threading.Barrier(8)

    def claim(_: int) -> bool:
        start.wait()
        try:
            with Workspace(target):
                leave.wait()
                return True
        except BusyError:
            leave.wait()
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1
    assert leftovers(tmp_path) == []
