"""Processes: names that outlive them, whether one still runs, their share of cores, no dumps."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from pathlib import Path

_PR_SET_DUMPABLE = 4
_share = 0


def this_host() -> str:
    """This machine since its last start, as far as its processes see each other.

    A name may be used twice, a boot id is not; containers may share both, and have other processes.
    """
    parts = [socket.gethostname()]
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        parts += [boot, str(os.stat("/proc/self/ns/pid").st_ino)]
    except OSError:
        pass
    return " ".join(parts)


def usable_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_of(processes: int) -> int:
    """Threads for each of some processes that work side by side; 0, as many as it likes, for one.

    More would only wait for one another.
    """
    return max(1, usable_cores() // processes) if processes > 1 else 0


def keep_to(threads: int) -> None:
    """Note that this process is one of several, with its :func:`share_of` the cores."""
    global _share  # noqa: PLW0603 - of the process, as its other limits are
    _share = threads


def own_share() -> int:
    """Threads that a library may start here, 0 for as many as it likes."""
    return _share


def process_name(pid: int) -> str:
    """A process and, where the system tells, when it started: numbers are used again."""
    fields = _status(pid)
    return str(pid) if fields is None else f"{pid} {fields[19]}"


def is_running(process: str) -> bool:
    """Whether the process of that name, on this machine, still does anything."""
    pid = int(process.partition(" ")[0])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    fields = _status(pid)
    if fields is not None and fields[0] in ("Z", "X"):  # dead, and nobody has asked how it ended
        return False
    return process_name(pid) == process


def owner_name(pid: int, part: str = "") -> str:
    """A process of this machine, told apart from every other one anywhere.

    ``part`` names something, perhaps on another machine, that ends when the process does.
    """
    name = f"{this_host()}/{process_name(pid)}"
    return f"{name}#{part}" if part else name


def is_gone(owner: str) -> bool:
    """Whether an owner is a process of this machine that has ended; False for other machines."""
    host, _, process = owner.rpartition("/")
    process = process.partition("#")[0]
    return host == this_host() and process[:1].isdigit() and not is_running(process)


def forbid_dumps(*, programs: bool = True) -> bool:
    """Let no crash write the memory of this process, with its keys, anywhere.

    No core file is written, here and in processes that this one starts.  On Linux a core may also
    be handed to a program, which takes the limit as a wish: with ``programs`` neither that one nor
    a debugger of the same user (gdb, py-spy) gets at this process, but processes that it starts
    have to ask for that themselves.

    Returns:
        Whether the system has such a limit, and took it.
    """
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover - Windows
        return False
    try:
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    except (OSError, ValueError):  # pragma: no cover - refused by a sandbox
        return False
    if programs and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return True


def _status(pid: int) -> list[str] | None:
    """What /proc says of a process, from its state on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
