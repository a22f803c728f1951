"""Ray clusters of several nodes on this machine, for tests and scripts."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_MARK = "CLUSTER_NODE"
"""A variable that every process of a node carries, so that each can be found."""
TRIES = 3
"""Starts of a node: a busy machine may be too slow for one."""
_STARTED = re.compile(r"ray start --address='([^']+)'")


class RayCluster:
    """A head node and others; use it in a ``with`` block, which ends all of them.

    Each keeps its files in a folder of its own under a short path (Ray makes sockets there), takes
    free ports, and asks for a token.

    Args:
        cpus: of each node.
        own: further variables of its nodes.
    """

    def __init__(self, *, cpus: int = 2, own: Mapping[str, str] | None = None) -> None:
        self._cpus, self._own = cpus, dict(own or {})
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))
        self.environment = {
            "RAY_TMPDIR": str(self.folder),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self._nodes: list[str] = []
        self.address = ""

    def __enter__(self) -> RayCluster:
        try:
            said = self._start("--head", "--port", "0", "--include-dashboard", "false")
            found = _STARTED.search(said)
            assert found is not None, said
            self.address = found[1]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        while self._nodes:
            self.lose()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self) -> None:
        """Start one more node."""
        self._start("--address", self.address)

    def lose(self) -> None:
        """Kill every process of the node that came last, as a machine that loses its power."""
        end(_MARK, self._nodes.pop())

    def _start(self, *words: str) -> str:
        """Start a node; anew when it was too slow for Ray, which waits for 30 seconds only."""
        for left in reversed(range(TRIES)):
            done = self._tried(*words)
            if done.returncode == 0:
                break
            self.lose()
            slow = "timed out during startup" in done.stderr
            assert slow and left, done.stdout + done.stderr  # noqa: PT018 - one question
        return done.stdout + done.stderr

    def _tried(self, *words: str) -> subprocess.CompletedProcess[str]:
        name = secrets.token_hex(8)
        self._nodes.append(name)
        options = ("--num-cpus", str(self._cpus), "--object-store-memory", "100000000")
        return subprocess.run(
            [str(Path(sys.executable).with_name("ray")), "start", *words, *options],
            env=os.environ | self.environment | self._own | {_MARK: name, "PYTHONPATH": str(ROOT)},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def end(variable: str, value: str) -> None:
    """Kill every process that has a variable with this value, and wait until they are gone."""
    deadline = time.monotonic() + 20
    while (found := _carriers(f"{variable}={value}".encode())) and time.monotonic() < deadline:
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def _carriers(entry: bytes) -> set[int]:
    """Processes with this entry in their environment, and theirs: Ray's titles overwrite it."""
    found: set[int] = set()
    children: dict[int, set[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if state == "Z":
                    continue
                children.setdefault(int(parent), set()).add(int(folder.name))
                if entry in (folder / "environ").read_bytes().split(b"\0"):
                    found.add(int(folder.name))
    waiting = list(found)
    while waiting:
        below = children.get(waiting.pop(), set())
        waiting += below - found
        found |= below
    return found
