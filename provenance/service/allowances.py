"""How much the desk takes on, and for how long.  Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowances:
    """Bounds on what strangers may ask for.

    Attributes:
        most_bytes: largest file.
        places: files that arrive, wait or are examined at a time; half of them for one address.
        per_minute: files that one address may hand in within a minute.
        idle_seconds: longest wait for the next piece of an upload.
        upload_seconds: longest upload altogether.
        resume_seconds: longest break of an upload that may go on after one.
        keep_seconds: how long results can be fetched after the examination.
        most_kept: how many results are kept; the oldest go first.
    """

    most_bytes: int = 512 * 1024**2
    places: int = 64
    per_minute: int = 30
    idle_seconds: float = 20.0
    upload_seconds: float = 900.0
    resume_seconds: float = 600.0
    keep_seconds: float = 3600.0
    most_kept: int = 300

    @property
    def per_address(self) -> int:
        """Places that one address may hold, so that nobody keeps all others out."""
        return max(1, self.places // 2)
