"""How the C library of a worker keeps memory."""

from __future__ import annotations

import ctypes
import os
from typing import Final

_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""As in glibc's malloc.h."""


def give_memory_back() -> None:
    """Have the memory of freed frames go back to the system, in a process that does many jobs.

    glibc's malloc learns from the first frames to keep the next ones among its small pieces, where
    holes stay, and does so for each of several threads: a worker on 1080p clips held 200 MB more.
    Other C libraries have no such knobs, and need none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 2 * 1024 * 1024)
        mallopt(_ARENA_MAX, 2)
