"""What a registry says of a stamp, and what was compared with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from provenance.results.payload import StampId
from provenance.results.serial import At, Digits, Document, Share

RegistryStatus = Literal["match", "no_match", "not_checked"]
PictureMatch = Literal["same", "areas", "differs", "bytes", "not_compared"]
SoundMatch = Literal["same", "differs", "silent", "missing", "added", "bytes", "not_compared"]
Order = Literal["kept", "reversed", "shuffled"]
Known = Literal["file", "manifest", "other"]
Speed = Annotated[float, Digits(3)]


@dataclass(frozen=True, slots=True)
class DifferentArea(Document):
    """A connected area of the picture that shows something else than what was stamped."""

    GROUPS: ClassVar = {"box": "Left, top, right and bottom, as fractions of the shown picture."}

    share: Share
    """Its part of the stamped picture that is in view."""
    left: Annotated[Share, At("box.0")]
    """Sides, as fractions of the shown picture from its upper left corner."""
    top: Annotated[Share, At("box.1")]
    right: Annotated[Share, At("box.2")]
    bottom: Annotated[Share, At("box.3")]
    outline: tuple[tuple[Share, Share], ...] = field(default=(), kw_only=True)
    """Corners, as fractions of the shown picture."""
    start: float | None = None
    """Seconds; null for a still or where it is there throughout."""
    end: float | None = None
    """Seconds; null for a still or where it is there throughout."""
    copied: bool = False
    """The watermark lies over it all the same, which no caption or sticker does."""
    error_rate: float | None = field(default=None, kw_only=True)
    """Share of untouched copies in which any area is named, at most, as it was measured."""


@dataclass(frozen=True, slots=True)
class Compared(Document):
    """What of a file was compared with what was stamped, and what came of it."""

    picture: PictureMatch = "not_compared"
    """``bytes`` when a hash binds the whole file, ``areas`` when it is the same but for them."""
    distance: float | None = None
    """Share of the fingerprint's bits that differ where the picture is clearest."""
    share: Share | None = None
    """Part of the stamped picture that was compared, flat parts left out."""
    in_view: Share | None = field(default=None, kw_only=True)
    """Part of the stamped picture that is in view, flat parts too."""
    square: Share | None = field(default=None, kw_only=True)
    """Part of the stamped picture that each square is of in which it was compared."""
    frames: int = 0
    """Frames that were compared."""
    areas: tuple[DifferentArea, ...] = ()
    """Areas that show something else."""
    order: Order | None = None
    """Order of play; null where it can't be told."""
    speed: Speed | None = None
    """Speed of play; null where it can't be told."""
    sound: SoundMatch = "not_compared"
    """What came of comparing the sound."""
    seconds: tuple[float, float] | None = None
    """The length that was stamped and the length seen, in seconds."""
    picture_reason: str | None = None
    """Why the picture was not compared."""
    sound_reason: str | None = None
    """Why the sound was not compared."""

    @property
    def different(self) -> float:
        """Share of the picture in view that shows something else."""
        return sum(area.share for area in self.areas)


@dataclass(frozen=True, slots=True)
class Resemblance(Document):
    """A registered clip that looks alike: a lead, never proof."""

    stamp_id: StampId
    """Its stamp."""
    frames: Annotated[int, At("frames_alike")]
    """Frames that look like one of its own."""
    asked: Annotated[int, At("frames_asked")]
    """Frames of the file that were compared."""


@dataclass(frozen=True, slots=True)
class RegistryReport(Document):
    """What the registry says of the stamp id.  Until a registry is asked: ``not_checked``."""

    status: RegistryStatus = "not_checked"
    """Whether it has the stamp."""
    record: dict[str, Any] | None = None
    """The stamp's record, as ``registry show --json`` prints it."""
    revocation: dict[str, Any] | None = None
    """The withdrawal in force that hits the file, from the registry or a signed list."""
    through: StampId | None = field(default=None, kw_only=True)
    """The withdrawn stamp that this clip was made from."""
    listed_at: datetime | None = field(default=None, kw_only=True)
    """Date of the signed list of withdrawals that was asked, the oldest of several."""
    bundled_at: datetime | None = field(default=None, kw_only=True)
    """Date of the bundle that was asked instead of a registry."""
    knows: Known | None = field(default=None, kw_only=True)
    """``file``: it knows these very bytes; ``manifest``: this very manifest; ``other``: it has
    another manifest of this stamp."""
    differs: tuple[str, ...] = field(default=(), kw_only=True)
    """What an intact manifest says otherwise than the record."""
    contradictions: tuple[str, ...] = field(default=(), kw_only=True)
    """What the record says otherwise than the signed manifest that the registry keeps with it."""
    fingerprint_distance: float | None = None
    """As ``compared.distance``."""
    strange: tuple[tuple[float, float], ...] = ()
    """Stretches, in seconds, that carry the mark and show other content than was stamped, while
    the rest of the clip shows it."""
    compared: Compared = field(default_factory=Compared)
    """What was compared with what was stamped."""
    failed: bool = field(default=False, kw_only=True)
    """A registry was to be asked, and could not be; what was withdrawn is not known then."""
    leads: tuple[Resemblance, ...] = field(default=(), kw_only=True)
    """Registered clips that look alike, the likest first, where neither layer names a stamp."""
    reason: str | None = "no registry was asked"
    """Why nothing is known or compared, for people."""
