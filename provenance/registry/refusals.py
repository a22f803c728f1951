"""What a database refuses or fails at, as a sentence for a person: never its own words or SQL.

PostgreSQL says what happened by a code (SQLSTATE); the driver's text stays in the error's cause,
for ``--debug``.  Pure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from provenance.errors import RegistryError


class _Told(NamedTuple):
    """Two halves of a sentence; ``{name}`` is the registry, ``{role}`` who asked."""

    what: str
    advice: str
    retryable: bool = False


_BUSY: Final = _Told("The registry {name} was busy for too long", "try again later", True)
_CODES: Final = {
    "42501": _Told(
        "The role {role} may not do this in the registry {name}",
        "connect as one that may (`provenance registry roles` shows which)",
    ),
    "25006": _Told(
        "The registry {name} takes no changes right now (it is a standby, or read-only)",
        "try again later, or name the server that does",
        True,
    ),
    "40001": _BUSY,
    "40P01": _BUSY,
    "55P03": _BUSY,
    "57014": _Told(
        "The registry {name} stopped a request that took longer than its server allows",
        "have its statement_timeout raised for the role {role}",
    ),
    "53100": _Told("The disk of the registry {name} is full", "make room on its server"),
}
_AWAY: Final = _Told("The registry {name} can't be reached ({reason})", "try again later", True)
_OTHER: Final = _Told(
    "The registry {name} can't be used ({reason})", "check its address, its rights and its disk"
)
_PASSING: Final = ("starting up", "shutting down", "recovery", "too many", "remaining connection")
"""What a server says at the door that will pass."""


def explained(error: SQLAlchemyError, name: str, role: str | None) -> RegistryError:
    """The error to raise instead.

    Args:
        error: SQLAlchemy's.
        name: the registry, without a password.
        role: who asked; None where the address does not say.
    """
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    if code is None:
        told, reason = _without_code(error)
    elif is_away(error):
        told, reason = _AWAY, "the connection was lost"
    else:
        told, reason = _CODES.get(code, _OTHER), f"PostgreSQL's error {code}"
    words = {"name": name, "role": role or "that was used", "reason": reason}
    raised = RegistryError(told.what.format(**words), advice=told.advice.format(**words))
    raised.retryable = told.retryable
    return raised


def is_away(error: SQLAlchemyError) -> bool:
    """Whether the server is not there, or dropped the connection; it may come back."""
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or code[:2] == "08" or code[:4] == "57P0"


def _without_code(error: SQLAlchemyError) -> tuple[_Told, str]:
    """SQLite's errors, and those of a PostgreSQL that could not be connected to."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause).strip().splitlines() or [type(error).__name__]
    # What was said at the door stands behind how the driver came there.
    reason = lines[0].rpartition("FATAL: ")[2].rpartition(" failed: ")[2].strip().rstrip(".")[:200]
    reason = reason[:1].lower() + reason[1:]
    refused = "FATAL: " in lines[0] and not any(word in reason for word in _PASSING)
    door = "connection" in lines[0] and not refused
    return (_AWAY if is_away(error) or door else _OTHER), reason
