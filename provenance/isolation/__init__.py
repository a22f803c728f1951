"""Decode a stranger's file in another process, which can do little and may be killed.

A decoder is a million lines of C that parse whatever a stranger wrote.  So one worker process opens
the file, with limits on memory, time, open files and written bytes, without network and without
the right to write where the system offers that (:mod:`.limits`); the answer comes back as JSON that
is checked field by field (:mod:`.wire`), since a worker that was taken over might send anything.

    with Examiner() as examiner:
        findings = examiner.gather(path, keys, trust)
"""

from provenance.isolation.examiner import Examiner, shared
from provenance.isolation.limits import Limits

__all__ = ["Examiner", "Limits", "shared"]
"""The worker's own module is run, never imported: ``python -m provenance.isolation.worker``."""
