"""What the worker may do, and how it is held to it.

Taken away before the first byte of a file is read, as far as the system offers it:

* memory beyond :attr:`Limits.memory`, core dumps, a single byte written to a file, open files
  beyond :attr:`Limits.open_files` (``setrlimit``), on every POSIX system;
* more rights than its parent has, through set-user-id programs (``PR_SET_NO_NEW_PRIVS``);
* the network (a network namespace of its own without any interface; needs user namespaces);
* writing, making, renaming, removing and running files (Landlock, Linux 5.13), emptying them
  (Linux 6.2), TCP (6.7), and signals to other processes (6.12);
* changing modes, owners and times of files, starting processes, sockets (:mod:`.calls`; x86_64 and
  aarch64).

No decoder needs any of these: where a system lacks one, the worker runs without it being taken
away, and :func:`restrict` names it.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from dataclasses import dataclass

from provenance.system.processes import forbid_dumps
from provenance.verifying.isolation.calls import refuse_calls

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
_PR_SET_NO_NEW_PRIVS = 38
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
"""System call numbers, the same on every architecture."""
_LANDLOCK_VERSION = 1
"""Flag: tell the version instead of making a ruleset."""
_LANDLOCK_WRITES = 0b1_1111_1111_0011
"""Of Landlock's first version: execute, write, remove and make; not read file, not read folder."""
_LANDLOCK_TRUNCATE = 1 << 14
_LANDLOCK_TCP = 0b11
_LANDLOCK_OTHERS = 0b11
"""Abstract Unix sockets and signals of processes outside."""
_LINUX_ONLY = ("privileges", "network", "writing", "signals", "changing")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for one file.

    Attributes:
        seconds: wall clock; then the worker is killed.
        memory: bytes of address space, shared libraries and thread stacks included.
        open_files: file descriptors.

    Pixels, frames and tracks are limited wherever files are read (:mod:`provenance.video`).
    """

    seconds: float = 600.0
    memory: int = 6 * 1024**3
    open_files: int = 128


def restrict(limits: Limits) -> tuple[str, ...]:
    """Hold this process, which must have one thread only, to the limits.

    Returns:
        What could not be taken away here: of "memory", "privileges", "network", "writing",
        "signals", "changing" (modes, owners and times of files, and starting processes).
    """
    missing: list[str] = []
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover - Windows
        return ("memory", *_LINUX_ONLY)
    for what, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        try:
            _, hard = resource.getrlimit(what)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(what, (most, most))
        except (OSError, ValueError):
            missing.append("memory")
    if not forbid_dumps(programs=False):
        missing.append("memory")
    if sys.platform != "linux":
        return (*dict.fromkeys(missing), *_LINUX_ONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    apart = not (libc.unshare(_CLONE_NEWNET) and libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        missing.append("privileges")
    missing.extend(_landlock(libc))
    refused = refuse_calls(libc)
    if not refused:
        missing.append("changing")
    if not (apart or refused):
        missing.append("network")
    return tuple(dict.fromkeys(missing))


def _landlock(libc: ctypes.CDLL) -> tuple[str, ...]:
    """Take away what this kernel's Landlock can; what it can't, of "writing" and "signals".

    A ruleset without rules denies all that it handles.  Versions and structure:
    https://docs.kernel.org/userspace-api/landlock.html
    """
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return ("writing", "signals")
    handled = [_LANDLOCK_WRITES | (_LANDLOCK_TRUNCATE if version >= 3 else 0)]
    if version >= 4:
        handled.append(_LANDLOCK_TCP)
    if version >= 6:
        handled.append(_LANDLOCK_OTHERS)
    attributes = struct.pack(f"<{len(handled)}Q", *handled)
    size = ctypes.c_size_t(len(attributes))
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, size, 0)
    if ruleset < 0:
        return ("writing", "signals")
    try:
        if libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0):
            return ("writing", "signals")
    finally:
        os.close(ruleset)
    return (*(("writing",) if version < 3 else ()), *(("signals",) if version < 6 else ()))
