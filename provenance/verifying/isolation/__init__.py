"""Decode a stranger's file in another process, which can do little and may be killed.

A decoder is a million lines of C that parse whatever a stranger wrote.  So one worker process opens
the file, with limits on memory, time, open files and written bytes, without network and without
the right to write where the system offers that (:mod:`.limits`); the answer comes back as JSON that
is checked field by field (:mod:`.wire`), since a worker that was taken over might send anything.

    with Examiner() as examiner:
        findings = examiner.gather(path, keys, trust)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.system.lazy import lazily

if TYPE_CHECKING:
    from provenance.verifying.isolation.examiner import Examiner, Unpacked, shared
    from provenance.verifying.isolation.limits import Limits

__all__ = ["Examiner", "Limits", "Unpacked", "shared"]

# The worker comes by here too, and libraries may start threads as they load: what is taken away
# from a process (:mod:`.limits`) is not taken away from a thread it already has.
__getattr__ = lazily(
    __name__, {"examiner": ("Examiner", "Unpacked", "shared"), "limits": ("Limits",)}
)
