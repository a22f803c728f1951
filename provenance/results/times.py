"""How a result writes a moment."""

from __future__ import annotations

from datetime import datetime


def iso_time(moment: datetime | None) -> str | None:
    """ISO 8601; UTC as ``Z``."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
