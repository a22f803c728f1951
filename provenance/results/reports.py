"""The answers of ``verify`` and ``stamp``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from provenance.results.credential import ManifestReport, ManifestStatus
from provenance.results.payload import StampId
from provenance.results.picture import Detection
from provenance.results.registered import RegistryReport
from provenance.results.times import iso_time

FileKind = Literal["video", "image"]
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
class FileFacts:
    """Which file was examined."""

    path: str
    sha256: str | None
    bytes: int | None
    kind: FileKind | None

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {"path": self.path, "sha256": self.sha256, "bytes": self.bytes, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Other:
    """Another stamp of the file, in moments that do not carry the first; what is known of it."""

    watermark: Detection
    registry: RegistryReport = field(default_factory=RegistryReport)


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The answer of ``verify`` for one file; ``others`` are stamps beside that of ``watermark``."""

    file: FileFacts
    verdict: Verdict
    summary: str
    watermark: Detection
    manifest: ManifestReport
    registry: RegistryReport = field(default_factory=RegistryReport)
    others: tuple[Other, ...] = ()

    @property
    def finds(self) -> tuple[Other, ...]:
        """Every stamp that was read, the first one first."""
        first = () if self.watermark.stamp_id is None else (Other(self.watermark, self.registry),)
        return (*first, *self.others)

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "schema": "provenance.verification/1",
            "file": self.file.as_json(),
            "verdict": self.verdict.value,
            "summary": self.summary,
            "watermark": self.watermark.as_json(),
            "manifest": self.manifest.as_json(),
            "registry": self.registry.as_json(),
            "finds": [
                one.watermark.as_json() | {"registry": one.registry.as_json()} for one in self.finds
            ],
        }


@dataclass(frozen=True, slots=True)
class Tag:
    """Where a tag stands and what it is called, never what it says.

    ``place`` is "container", "chapters", "track N" with the track's index in the input, or "file".
    """

    place: str
    name: str

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

    def as_json(self) -> dict[str, str]:
        """The shape in ``stamp --json``."""
        return {"place": self.place, "name": self.name}


@dataclass(frozen=True, slots=True)
class StampResult:
    """The answer of ``stamp``: the published file and what its read-back measured.

    ``copy_margin_db`` is the margin foretold for a 360p CRF 30 copy; ``strength`` what the profile
    was multiplied with where there is texture, 1 unless that margin was thin.  ``tags_kept`` and
    ``tags_left_out`` name the input's tags.
    """

    input_path: str
    input_sha256: str
    output_path: str
    output_sha256: str
    stamp_id: StampId
    key_id: str
    profile: str
    psnr_y_db: float
    margin_db: float
    copy_margin_db: float
    strength: float
    frames: int
    manifest_status: ManifestStatus
    sidecar: str | None
    signed_at: datetime | None
    seconds: float
    tags_kept: tuple[Tag, ...] = ()
    tags_left_out: tuple[Tag, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "schema": "provenance.stamp/1",
            "input": {"path": self.input_path, "sha256": self.input_sha256},
            "output": {"path": self.output_path, "sha256": self.output_sha256},
            "stamp_id": self.stamp_id.hex,
            "key_id": self.key_id,
            "profile": self.profile,
            "watermark": {
                "psnr_y_db": round(self.psnr_y_db, 2),
                "margin_db": round(self.margin_db, 2),
                "frames": self.frames,
            },
            "manifest": {
                "status": self.manifest_status,
                "embedded": True if self.sidecar is None else self.sidecar,
                "signed_at": iso_time(self.signed_at),
            },
            "seconds": round(self.seconds, 3),
            "tags": tags_json(self.tags_kept, self.tags_left_out),
        }


def tags_json(kept: Sequence[Tag], left_out: Sequence[Tag]) -> dict[str, Any]:
    """Which tags of an input go along into its stamped copy, and which do not."""
    return {
        "kept": [tag.as_json() for tag in kept],
        "left_out": [tag.as_json() for tag in left_out],
    }
