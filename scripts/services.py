#!/usr/bin/env python3
"""Start the servers that some tests and benchmarks talk to, and stop them again.

    python scripts/services.py COMMAND...       run COMMAND with the servers' addresses set

PostgreSQL: the server named by ``TEST_POSTGRES_URL``; else one that is installed; else one from
Debian's packages, where this user may install them.  It gets a folder of its own, listens on a
socket in it and nowhere else, and is gone afterwards.  ``TEST_POSTGRES_URL`` tells COMMAND where.

What can't be had is said on standard error; COMMAND runs all the same, and has to say what it
left out.  The exit code is COMMAND's.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

POSTGRES = "TEST_POSTGRES_URL"
PORT = 54399
"""Only the socket file's name: nothing listens on the network."""
_SOFTHSM = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/local/lib/softhsm")


class Missing(Exception):
    """A service can't be had on this machine; the text says why."""


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server's URL, for as long as the block runs.

    Raises:
        Missing: none is there, and none can be installed or started.
    """
    given = os.environ.get(POSTGRES)
    if given:
        yield given
        return
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="provenance-postgres-"))
    # The server refuses to run as root.
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {}
    if user is not None:
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
    data = folder / "data"

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            **as_user,
        )
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise Missing(f"PostgreSQL did not start: {lines[-1]}")

    try:
        run(binaries / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "-N")
        options = f"-k {folder} -p {PORT} -c listen_addresses='' -c max_connections=200"
        run(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options, "start")
        try:
            yield f"postgresql://tester@/postgres?host={folder}&port={PORT}"
        finally:
            with contextlib.suppress(Missing):
                run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """The folder of PostgreSQL's programs, installed if need be."""
    found = _find_binaries()
    if found is None:
        install("postgresql")
        found = _find_binaries()
    if found is None:
        raise Missing("PostgreSQL is installed, but its programs were not found")
    return found


def _find_binaries() -> Path | None:
    places = [Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in (*versions, *places):
        if (place / "initdb").is_file() and (place / "pg_ctl").is_file():
            return place
    return None


def softhsm() -> Path:
    """SoftHSM's PKCS #11 module, installed if need be.

    Raises:
        Missing: it is not there and can't be installed.
    """
    for turn in range(2):
        for place in _SOFTHSM:
            module = Path(place) / "libsofthsm2.so"
            if module.is_file():
                return module
        if turn == 0:
            install("softhsm2")
    raise Missing("SoftHSM is installed, but its module was not found")


def redis() -> Path:
    """A Redis server's program, installed if need be; the tests start it for themselves.

    Raises:
        Missing: it is not there and can't be installed.
    """
    for turn in range(2):
        for program in ("redis-server", "valkey-server"):
            found = shutil.which(program)
            if found is not None:
                return Path(found)
        if turn == 0:
            install("redis-server")
    raise Missing("Redis is installed, but its program was not found")


def install(package: str) -> None:
    """Install a package of Debian's.

    Raises:
        Missing: this is no Debian, this user may not, or the packages can't be reached.
    """
    if shutil.which("apt-get") is None:
        raise Missing(f"{package} is not installed, and this system has no apt-get to install it")
    if os.geteuid() != 0:
        raise Missing(f"{package} is not installed; run `sudo apt-get install {package}`")
    print(f"services: installing {package} from Debian's packages", file=sys.stderr)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", package]):
        done = subprocess.run(
            ["apt-get", *command], capture_output=True, text=True, check=False, env=environment
        )
        if done.returncode and command[0] == "install":
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise Missing(f"{package} could not be installed: {lines[-1]}")


def main(command: Sequence[str]) -> int:
    """Run ``command`` with every service that can be had."""
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    with contextlib.ExitStack() as stack:
        try:
            os.environ[POSTGRES] = stack.enter_context(postgres())
        except Missing as error:
            print(f"services: no PostgreSQL: {error}", file=sys.stderr)
        try:
            softhsm()
        except Missing as error:
            print(f"services: no SoftHSM: {error}", file=sys.stderr)
        try:
            redis()
        except Missing as error:
            print(f"services: no Redis: {error}", file=sys.stderr)
        # Ctrl-C reaches the command by itself; the servers outlive it by a moment.
        process = subprocess.Popen(list(command))
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
