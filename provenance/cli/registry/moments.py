"""Moments, as somebody types them."""

from __future__ import annotations

from datetime import UTC, datetime

from provenance.errors import UsageError


def moment_of(text: str) -> datetime:
    """A day, which begins in UTC, or a time with its zone.

    Raises:
        UsageError: it is neither.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    day = moment is not None and len(text.strip()) == len("2026-11-22")
    if moment is None or (moment.tzinfo is None and not day):
        raise UsageError(
            f"{text!r} is no moment; give a day, as 2026-11-22, or a time with its zone, as "
            "2026-11-22T14:30:00+01:00."
        )
    return moment.replace(tzinfo=UTC) if day else moment.astimezone(UTC)
