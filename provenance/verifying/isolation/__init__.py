"""Decode a stranger's file in another process, which can do little and may be killed.

A decoder is a million lines of C that parse whatever a stranger wrote.  So one worker process opens
the file, with limits on memory, time, open files and written bytes, without network and without
the right to write where the system offers that (:mod:`.limits`); the answer comes back as JSON that
is checked field by field (:mod:`.wire`), since a worker that was taken over might send anything.

    with Examiner() as examiner:
        findings = examiner.gather(path, keys, trust)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provenance.verifying.isolation.examiner import Examiner, Unpacked, shared
    from provenance.verifying.isolation.limits import Limits

__all__ = ["Examiner", "Limits", "Unpacked", "shared"]

_HOMES = {"Examiner": "examiner", "Limits": "limits", "Unpacked": "examiner", "shared": "examiner"}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used.

    The worker comes by here too, and libraries may start threads as they load: what is taken away
    from a process (:mod:`.limits`) is not taken away from a thread it already has.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
