"""Processes by name, told from others that have their number; shares of the cores; no dumps."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from provenance.system.processes import (
    is_gone,
    is_running,
    keep_to,
    owner_name,
    process_name,
    share_of,
    this_host,
    usable_cores,
)
from provenance.video import read_luma
from tests.clips import make_clip
from tests.conftest import environment


def test_a_running_process_is_there_and_an_ended_one_is_gone() -> None:
    assert not is_gone(owner_name(os.getpid()))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner, name = owner_name(child.pid), process_name(child.pid)
    assert is_running(name)
    child.communicate()
    assert is_gone(owner)
    assert not is_running(name)


def test_a_dead_process_that_nobody_asked_about_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    owner = owner_name(child.pid)
    deadline = time.monotonic() + 10
    while not is_gone(owner) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_gone(owner)
    child.wait()


def test_a_number_that_was_given_to_another_process_is_not_the_old_one() -> None:
    number, started = process_name(os.getpid()).split()
    assert is_gone(f"{this_host()}/{number} {int(started) - 1}")


def test_other_machines_are_not_judged() -> None:
    assert not is_gone("elsewhere 1234/99999999 1")
    assert not is_gone("test")


def test_one_process_has_all_cores_and_several_share_them_out() -> None:
    assert share_of(1) == 0
    assert share_of(usable_cores() + 1) == share_of(max(2, usable_cores())) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
@pytest.mark.parametrize(("share", "more"), [(1, 0), (3, 3)])
def test_a_decoder_starts_no_more_threads_than_its_processs_share(
    share: int, more: int, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    before = len(os.listdir("/proc/self/task"))
    keep_to(share)
    try:
        frames = read_luma(clip)
        next(frames)
        assert len(os.listdir("/proc/self/task")) - before == more
        frames.close()
    finally:
        keep_to(0)


def after(code: str) -> dict[str, Any]:
    """What a process that began with no limit on core files says after running ``code``."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("core files are forbidden here already, so nothing can be seen to change")
    told = (
        f"{code}\n"
        "import ctypes, json, resource, subprocess, sys\n"
        "said = 'import resource; print(*resource.getrlimit(resource.RLIMIT_CORE))'\n"
        "child = subprocess.run([sys.executable, '-c', said], capture_output=True, check=True)\n"
        "print(json.dumps({'limit': resource.getrlimit(resource.RLIMIT_CORE),\n"
        "    'child': [int(word) for word in child.stdout.split()],\n"
        "    'dumpable': ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", told],
        capture_output=True,
        check=True,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_the_command_line_and_what_it_starts_can_write_no_core_file() -> None:
    command = (
        "import contextlib, io\n"
        "from provenance.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['keys', 'list', '--help'])\n"
    )
    before = after("pass")
    assert before["dumpable"] == 1
    assert before["limit"][0] != 0
    now = after(command)
    assert (now["limit"][0], now["child"][0], now["dumpable"]) == (0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_program_that_others_watch_writes_no_core_file_and_stays_open_to_them() -> None:
    code = "from provenance.system.processes import forbid_dumps\nforbid_dumps(programs=False)\n"
    now = after(code)
    assert (now["limit"][0], now["child"][0], now["dumpable"]) == (0, 0, 1)


def test_the_library_by_itself_leaves_the_limits_of_its_process_alone() -> None:
    """A program that uses it decides; `verify`'s worker and the command line do for themselves."""
    code = "import provenance\nprovenance.stamp, provenance.verify, provenance.Keyring\n"
    assert after(code)["limit"] == after("pass")["limit"]
