"""How the C library keeps the memory of frames that were freed, and how it gives it back.

glibc's malloc learns from the first frames to keep the next ones among its small pieces, where
holes stay, and does so for each of several threads.  Other C libraries have no such knobs, and need
none.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""As in glibc's malloc.h."""


def give_memory_back() -> None:
    """Have the memory of freed frames go back to the system, in a process that does many jobs.

    For a process of our own: it holds for all that the process does from then on.  Without it a
    worker on 1080p clips held 200 MB more.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 2 * 1024 * 1024)
        mallopt(_ARENA_MAX, 2)


def trim() -> None:
    """Give back what is free just now, holes included; changes nothing else in the process.

    Some milliseconds, so once in many frames.
    """
    malloc_trim = _of_glibc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _of_glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None
