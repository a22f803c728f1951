"""What a database refuses or fails at, as a sentence for a person: never its own words or SQL.

PostgreSQL says what happened by a code (SQLSTATE); the driver's text stays in the error's cause,
for ``--debug``.  Pure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from provenance.errors import RegistryError, RegistryLostError


class _Told(NamedTuple):
    """Two halves of a sentence; ``{noun} {name}`` is the registry, ``{role}`` who asked."""

    what: str
    advice: str
    retryable: bool = False


_BUSY: Final = _Told("The {noun} {name} was busy for too long", "try again later", True)
_CODES: Final = {
    "42501": _Told(
        "The role {role} may not do this in the {noun} {name}",
        "connect as one that may (`provenance registry roles` shows which)",
    ),
    "25006": _Told(
        "The {noun} {name} takes no changes right now (it is a standby, or read-only)",
        "try again later, or name the server that does",
        True,
    ),
    "40001": _BUSY,
    "40P01": _BUSY,
    "55P03": _BUSY,
    "57014": _Told(
        "The {noun} {name} stopped a request that took longer than its server allows",
        "have its statement_timeout raised for the role {role}",
    ),
    "P0001": _Told(
        "Rows of the audit log of the {noun} {name} are never changed", "leave them as they are"
    ),
    "53100": _Told("The disk of the {noun} {name} is full", "make room on its server"),
}
_AWAY: Final = _Told("The {noun} {name} can't be reached ({reason})", "try again later", True)
_OTHER: Final = _Told(
    "The {noun} {name} can't be used ({reason})", "check its address, its rights and its disk"
)
_PASSING: Final = ("starting up", "shutting down", "recovery", "too many", "remaining connection")
"""What a server says at the door that will pass."""


def explained(
    error: SQLAlchemyError, name: str, role: str | None, noun: str = "registry"
) -> RegistryError:
    """The error to raise instead.

    Args:
        error: SQLAlchemy's.
        name: the registry, without a password.
        role: who asked; None where the address does not say.
        noun: what it is, if no registry.
    """
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    kind = RegistryLostError if is_lost(error) else RegistryError
    if kind is RegistryLostError:
        told, reason = _AWAY, "the connection was lost"
    elif code is not None:
        told, reason = _CODES.get(code, _OTHER), f"PostgreSQL's error {code}"
    else:
        told, reason = _AWAY if is_away(error) else _OTHER, _said(error)[0]
    words = {"noun": noun, "name": name, "role": role or "that was used", "reason": reason}
    raised = kind(told.what.format(**words), advice=told.advice.format(**words))
    raised.retryable = told.retryable
    return raised


def is_lost(error: SQLAlchemyError) -> bool:
    """Whether a server dropped the connection in the middle of something."""
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or code[:2] == "08" or code[:4] == "57P0"


def is_away(error: SQLAlchemyError) -> bool:
    """Whether a server could not be connected to, or lets nobody in right now: that may pass."""
    reason, at_door = _said(error)
    if at_door:
        return any(word in reason for word in _PASSING)
    return reason.startswith("connection") or "timeout" in reason


def _said(error: SQLAlchemyError) -> tuple[str, bool]:
    """What SQLite said, or the way to a server, or that server at its door."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    line = (str(cause).strip().splitlines() or [type(error).__name__])[0]
    # What was said at the door stands behind how the driver came there.
    reason = line.rpartition("FATAL: ")[2].rpartition(" failed: ")[2].strip().rstrip(".")[:200]
    return reason[:1].lower() + reason[1:], "FATAL: " in line
