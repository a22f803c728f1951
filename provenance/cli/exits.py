"""The exit code of every ending, in one table; library callers go by classes and results."""

from __future__ import annotations

from typing import Final

from provenance.errors import InputError, ProvenanceError, ServiceError, UsageError

DONE: Final = 0
NOT_ACCEPTED: Final = 1
"""``verify``: some verdict is no accepted one; ``registry audit``: something does not hold."""
WRONG_USAGE: Final = 2
NO_FILE: Final = 3
"""A file could not be examined or stamped."""
FAILED: Final = 4
"""Something that the tool itself needs failed."""

BRANCHES: Final[dict[type[ProvenanceError], int]] = {
    UsageError: WRONG_USAGE,
    InputError: NO_FILE,
    ServiceError: FAILED,
}


def exit_code(error: ProvenanceError) -> int:
    """The code that a command ends with when this error ends it."""
    return next((code for branch, code in BRANCHES.items() if isinstance(error, branch)), FAILED)
