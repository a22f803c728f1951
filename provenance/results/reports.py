"""The answers of ``verify`` and ``stamp``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from provenance.results.causes import Cause
from provenance.results.credential import ManifestReport, ManifestStatus
from provenance.results.payload import StampId
from provenance.results.picture import Detection
from provenance.results.registered import RegistryReport
from provenance.results.serial import (
    At,
    Decibels,
    Digits,
    Document,
    Form,
    Hidden,
    Ratio,
    Seconds,
    read,
    write,
)

FileKind = Literal["video", "image"]
Effort = Literal["quick", "normal", "exhaustive"]
"""How deep a search for watermarks goes."""
_TAG_NAME: Final = re.compile(r"[\w.:/@+©-]{1,64}( [\w.:/@+©-]{1,32}){0,2}")


class Verdict(StrEnum):
    """The verdicts of the contract, in their order of precedence."""

    REVOKED = "REVOKED"
    CONFLICT = "CONFLICT"
    CREDENTIAL_INVALID = "CREDENTIAL_INVALID"
    PARTIAL = "PARTIAL"
    CONFIRMED = "CONFIRMED"
    SIGNER_UNTRUSTED = "SIGNER_UNTRUSTED"
    CREDENTIAL_ONLY = "CREDENTIAL_ONLY"
    WATERMARK_MATCH = "WATERMARK_MATCH"
    WATERMARK_UNKNOWN = "WATERMARK_UNKNOWN"
    SUSPECTED = "SUSPECTED"
    NOT_CHECKED = "NOT_CHECKED"
    NO_MARK_FOUND = "NO_MARK_FOUND"


@dataclass(frozen=True, slots=True)
class FileFacts(Document):
    """Which file was examined."""

    path: str
    """As it was named."""
    sha256: str | None
    """Of its bytes, 64 hexadecimal digits."""
    bytes: int | None
    """Its size."""
    kind: FileKind | None
    """What it holds."""
    seconds: Seconds | None = None
    """How long a video plays, as the file itself says; null of an image, and where it does not."""


@dataclass(frozen=True, slots=True)
class Other(Document):
    """A stamp that was read in the file, and what is known of it."""

    watermark: Annotated[Detection, At("")]
    registry: RegistryReport = field(default_factory=RegistryReport)
    """What the registry says of this stamp."""


@dataclass(frozen=True, slots=True)
class Stage(Document):
    """A part of the work on a file."""

    name: str
    """In a word or two; those with a number are steps of docs/watermark.md."""
    seconds: Seconds
    """Of processors' time that was spent in it."""


@dataclass(frozen=True, slots=True)
class Coverage(Document):
    """How much of a file was looked at for a watermark."""

    effort: Effort
    """How deep the search was to go; ``quick`` tries no cropped, turned or filmed picture."""
    frames: int
    """Frames of which something was looked at."""
    share: Annotated[float, Digits(3)]
    """Of the time, what lies within a second and a half of one of them."""
    longest_gap_s: Seconds
    """Seconds between two of them that lie furthest apart; 0 of a still image."""
    spent: tuple[Stage, ...] = field(default=(), kw_only=True, compare=False)
    """Where the time of the search went, the longest first; empty unless it was asked for."""


@dataclass(frozen=True, slots=True)
class VerificationReport(Document):
    """The answer of ``verify`` for one file; ``others`` are stamps beside that of ``watermark``."""

    SCHEMA: ClassVar = "provenance.verification/1"

    file: FileFacts
    """The file."""
    verdict: Verdict
    """What the layers say together, in a word."""
    cause: Cause | None = field(default=None, kw_only=True)
    """Why it is this verdict, in a word; words may be added."""
    summary: str
    """The same in a sentence or more, for people."""
    watermark: Detection
    """What the pixels say, of the strongest stamp."""
    manifest: ManifestReport
    """What the signed metadata says."""
    registry: RegistryReport = field(default_factory=RegistryReport)
    """What the registry says of the stamp."""
    others: Annotated[tuple[Other, ...], At("finds")] = ()
    """Every stamp that was read, the strongest first."""
    coverage: Coverage | None = field(default=None, kw_only=True)
    """How much was looked at; null where no watermark was looked for."""
    otherwise: Hidden[tuple[Verdict, Cause] | None] = field(
        default=None, kw_only=True, compare=False
    )
    """What would be said, were nothing withdrawn."""

    @property
    def finds(self) -> tuple[Other, ...]:
        """Every stamp that was read, the first one first."""
        first = () if self.watermark.stamp_id is None else (Other(self.watermark, self.registry),)
        return (*first, *self.others)

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return write(replace(self, others=self.finds))

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what :meth:`as_json` wrote, as far as it is published.

        Raises:
            ValueError: it is no such thing.
        """
        report = read(cls, data)
        first = report.watermark.stamp_id is not None
        return replace(report, others=report.others[first:])


@dataclass(frozen=True, slots=True)
class Tag(Document):
    """Where a tag stands and what it is called, never what it says."""

    place: str
    """``container``, ``chapters``, ``track N`` with the track's index in the input, or ``file``."""
    name: str
    """Its name, where that says nothing by itself."""

    @classmethod
    def named(cls, place: str, name: str) -> Tag:
        """With a name from a file: what is no plain name might be a text, and is not repeated."""
        tag = cls(place, name)
        return tag if _TAG_NAME.fullmatch(name) else tag.hidden()

    def hidden(self) -> Tag:
        """The same without its name, which says too much."""
        return Tag(self.place, "(a name that is not shown)")

    def __str__(self) -> str:
        return self.name if self.place == "container" else f"{self.name} ({self.place})"


Kept = Annotated[tuple[Tag, ...], At("tags.kept")]
LeftOutTags = Annotated[tuple[Tag, ...], At("tags.left_out")]
TAGS: Final = "Which tags of the input go along into its stamped copy, and which do not."
_EMBEDDED = Form(
    Literal[True] | str,
    lambda sidecar: True if sidecar is None else sidecar,
    lambda shown: None if shown is True else shown,
)


@dataclass(frozen=True, slots=True)
class StampResult(Document):
    """The answer of ``stamp``: the published file and what its read-back measured."""

    SCHEMA: ClassVar = "provenance.stamp/1"
    GROUPS: ClassVar = {
        "input": "The clip that was stamped.",
        "output": "The stamped clip.",
        "watermark": "What was measured of the mark.",
        "manifest": "What the read-back said of the manifest.",
        "tags": TAGS,
    }

    input_path: Annotated[str, At("input.path")]
    """As it was named."""
    input_sha256: Annotated[str, At("input.sha256")]
    """Of its bytes, 64 hexadecimal digits."""
    output_path: Annotated[str, At("output.path")]
    """As it was named."""
    output_sha256: Annotated[str, At("output.sha256")]
    """Of its bytes, 64 hexadecimal digits."""
    stamp_id: StampId
    """The stamp id, 16 hexadecimal digits."""
    key_id: str
    """Id of the watermark key."""
    profile: str
    """Name of the strength's profile."""
    psnr_y_db: Annotated[Decibels, At("watermark.psnr_y_db")]
    """PSNR of luma against the unmarked picture."""
    margin_db: Annotated[Decibels, At("watermark.margin_db")]
    """What the read-back of the finished file measured above what decoding needs."""
    copy_margin_db: Annotated[Decibels, At("watermark.copy_margin_db")]
    """The margin foretold for a 360p CRF 30 copy."""
    strength: Annotated[Ratio, At("watermark.strength")]
    """What the profile was multiplied with where there is texture; 1 unless that margin was
    thin."""
    frames: Annotated[int, At("watermark.frames")]
    """Frames that were marked."""
    manifest_status: Annotated[ManifestStatus, At("manifest.status")]
    """What validation said of it."""
    sidecar: Annotated[str | None, At("manifest.embedded"), _EMBEDDED]
    """True, or the path of the sidecar."""
    signed_at: Annotated[datetime | None, At("manifest.signed_at")]
    """When it was signed."""
    seconds: Seconds
    """How long it took."""
    tags_kept: Kept = ()
    """Tags that go along."""
    tags_left_out: LeftOutTags = ()
    """Tags that do not."""
    warnings: tuple[str, ...] = ()
    """Sentences for people on what is worth knowing."""
