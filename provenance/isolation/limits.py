"""What the worker may do, and how it is held to it.

Taken away before the first byte of a file is read, as far as the system offers it:

* memory beyond :attr:`Limits.memory`, core dumps, open files beyond :attr:`Limits.open_files`
  (``setrlimit``), on every POSIX system;
* more rights than its parent has, through set-user-id programs (``PR_SET_NO_NEW_PRIVS``);
* the network (a network namespace of its own without any interface; needs user namespaces);
* writing, making, renaming and removing files, and running programs (Landlock, Linux 5.13).

The two last are more than a file's decoder should ever need the want of: where a system lacks them,
the worker runs without, and :func:`restrict` says so.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from dataclasses import dataclass

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
_PR_SET_NO_NEW_PRIVS = 38
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
"""System call numbers, the same on every architecture."""
_LANDLOCK_WRITES = 0b1_1111_1111_0011
"""Of Landlock's first version: execute, write, remove and make; not read file, not read folder."""


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
        What could not be taken away here: of "memory", "privileges", "network", "writing".
    """
    missing = []
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover - Windows
        return ("memory", "privileges", "network", "writing")
    for what, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        try:
            _, hard = resource.getrlimit(what)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(what, (most, most))
        except (OSError, ValueError):
            missing.append("memory")
    if sys.platform != "linux":
        return (*dict.fromkeys(missing), "privileges", "network", "writing")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) and libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
        missing.append("network")
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        missing.append("privileges")
    if not _landlocked(libc):
        missing.append("writing")
    return tuple(dict.fromkeys(missing))


def _landlocked(libc: ctypes.CDLL) -> bool:
    """Whether writing could be taken away.  A ruleset without rules denies all that it handles."""
    attributes = ctypes.create_string_buffer(struct.pack("<Q", _LANDLOCK_WRITES))
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(8), 0)
    if ruleset < 0:
        return False
    try:
        return bool(libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)
