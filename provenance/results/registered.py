"""What a registry says of a stamp, and what was compared with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from provenance.results.payload import StampId
from provenance.results.times import iso_time

RegistryStatus = Literal["match", "no_match", "not_checked"]
PictureMatch = Literal["same", "areas", "differs", "bytes", "not_compared"]
SoundMatch = Literal["same", "differs", "silent", "missing", "added", "bytes", "not_compared"]
Order = Literal["kept", "reversed", "shuffled"]
Known = Literal["file", "manifest", "other"]


@dataclass(frozen=True, slots=True)
class DifferentArea:
    """A connected area of the picture that shows something else than what was stamped.

    ``share`` is its part of what could be compared; the sides, and the corners of its ``outline``,
    are fractions of the shown picture, from its upper left corner; ``start`` and ``end`` are
    seconds, None for a still or where it is there throughout.  ``copied``: the watermark lies over
    it all the same, which no caption or sticker does.
    """

    share: float
    left: float
    top: float
    right: float
    bottom: float
    start: float | None = None
    end: float | None = None
    copied: bool = False
    outline: tuple[tuple[float, float], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As ``registry.compared.areas`` shows it."""
        return {
            "share": round(self.share, 3),
            "box": [round(side, 3) for side in (self.left, self.top, self.right, self.bottom)],
            "outline": [[round(x, 3), round(y, 3)] for x, y in self.outline],
            "start": self.start,
            "end": self.end,
            "copied": self.copied,
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """What of a file was compared with what was stamped, and what came of it.

    ``picture``: "bytes" when a hash binds the whole file, "areas" when it is the same but for
    them; ``distance``, ``share`` (of the stamped picture, flat parts left out), ``in_view`` (of it,
    flat parts too) and ``frames`` say how finely.
    ``order`` and ``speed`` of play are None where they can't be told; ``seconds`` are the length
    stamped and the length seen.  What was not compared has its reason.
    """

    picture: PictureMatch = "not_compared"
    distance: float | None = None
    share: float | None = None
    frames: int = 0
    areas: tuple[DifferentArea, ...] = ()
    order: Order | None = None
    speed: float | None = None
    sound: SoundMatch = "not_compared"
    seconds: tuple[float, float] | None = None
    picture_reason: str | None = None
    sound_reason: str | None = None
    in_view: float | None = None

    @property
    def different(self) -> float:
        """Share of the compared picture that shows something else."""
        return sum(area.share for area in self.areas)

    def as_json(self) -> dict[str, Any]:
        """As ``registry.compared`` shows it."""
        return {
            "picture": self.picture,
            "share": None if self.share is None else round(self.share, 3),
            "in_view": None if self.in_view is None else round(self.in_view, 3),
            "frames": self.frames,
            "areas": [area.as_json() for area in self.areas],
            "order": self.order,
            "speed": None if self.speed is None else round(self.speed, 3),
            "sound": self.sound,
            "seconds": None if self.seconds is None else list(self.seconds),
            "picture_reason": self.picture_reason,
            "sound_reason": self.sound_reason,
        }


@dataclass(frozen=True, slots=True)
class RegistryReport:
    """What the registry says of the stamp id.  Until a registry is asked: ``not_checked``.

    ``strange`` are stretches, in seconds, that carry the mark and show other content than was
    stamped, while the rest of the clip shows it.  ``knows``: the registry knows these very bytes
    ("file"), or the file's very manifest; "other": it has another manifest of this stamp.
    ``differs`` names what an intact manifest says otherwise than the record, ``contradictions``
    what the record says otherwise than the signed manifest that the registry keeps with it.
    ``through`` is the withdrawn stamp that this clip was made from.  ``listed_at`` is the date of
    the signed list of withdrawals that was held against it, the oldest of several, ``bundled_at``
    that of the bundle that was asked instead of a registry.  ``failed``: a registry was to be
    asked, and could not be; what was withdrawn is not known then.
    """

    status: RegistryStatus = "not_checked"
    record: dict[str, Any] | None = None
    revocation: dict[str, Any] | None = None
    fingerprint_distance: float | None = None
    strange: tuple[tuple[float, float], ...] = ()
    compared: Compared = field(default_factory=Compared)
    knows: Known | None = None
    differs: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    through: StampId | None = None
    listed_at: datetime | None = None
    bundled_at: datetime | None = None
    failed: bool = False
    reason: str | None = "no registry was asked"

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "status": self.status,
            "record": self.record,
            "revocation": self.revocation,
            "through": None if self.through is None else self.through.hex,
            "listed_at": iso_time(self.listed_at),
            "bundled_at": iso_time(self.bundled_at),
            "knows": self.knows,
            "differs": list(self.differs),
            "contradictions": list(self.contradictions),
            "fingerprint_distance": self.fingerprint_distance,
            "compared": self.compared.as_json(),
            "reason": self.reason,
        }
