"""Processes by name: one that has ended is told from one that runs, whoever has its number."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from provenance.processes import is_gone, is_running, owner_name, process_name, this_host


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
