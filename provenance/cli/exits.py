"""The exit code of every ending, in one table; library callers go by classes and results."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from provenance.errors import (
    AlreadyStampedError,
    InputError,
    ProvenanceError,
    ServiceError,
    UsageError,
)

DONE: Final = 0
NOT_ACCEPTED: Final = 1
"""``verify``: some verdict is no accepted one; ``registry audit``: something does not hold."""
WRONG_USAGE: Final = 2
NO_FILE: Final = 3
"""A file could not be examined or stamped."""
FAILED: Final = 4
"""Something that the tool itself needs failed."""
STAMPED_BEFORE: Final = 5
"""``stamp``: the registry has the clip as stamped already, as the same."""

BRANCHES: Final[dict[type[ProvenanceError], int]] = {
    UsageError: WRONG_USAGE,
    AlreadyStampedError: STAMPED_BEFORE,
    InputError: NO_FILE,
    ServiceError: FAILED,
}


def exit_code(error: ProvenanceError) -> int:
    """The code that a command ends with when this error ends it: of the first kind that fits."""
    return next((code for branch, code in BRANCHES.items() if isinstance(error, branch)), FAILED)


def batch_exit_code(faults: Collection[str], unfinished: int = 0) -> int:
    """That of the worst that happened; a batch that is not done, or has withdrawn jobs, failed.

    Args:
        faults: where each failure came from: "job" or "service".
        unfinished: how many jobs were not begun, or given back.
    """
    if "service" in faults:
        return FAILED
    return NO_FILE if faults or unfinished else DONE
