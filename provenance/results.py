"""What the use cases return: frozen values, ready to be printed or turned into JSON.

"Nothing found" is a value here, never an exception.  ``as_json`` methods return plain
dictionaries in the shape of the command line's contract, version 1; no key is ever left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from provenance.payload import StampId

WatermarkStatus = Literal["found", "partial", "weak", "absent", "not_checked"]
ManifestStatus = Literal["trusted", "valid", "invalid", "absent", "not_checked"]
ManifestSource = Literal["embedded", "sidecar", "registry", "remote", "recovered"]
RegistryStatus = Literal["match", "no_match", "not_checked"]
SegmentStatus = Literal["marked", "unmarked", "unknown"]
CellStatus = Literal["marked", "missing", "unknown"]
FileKind = Literal["video", "image"]
PictureMatch = Literal["same", "areas", "differs", "bytes", "not_compared"]
SoundMatch = Literal["same", "differs", "silent", "missing", "added", "bytes", "not_compared"]
Order = Literal["kept", "reversed", "shuffled"]
Known = Literal["file", "manifest", "other"]
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
class Transform:
    """How the examined picture lies on the picture that was stamped.

    ``scale`` is the size of the examined picture's content relative to the stamped one on the
    canonical grid, ``rotation_deg`` is counter-clockwise, ``aspect`` is the stretch of width
    against height.  ``matrix`` is the row-major 3 x 3 projective map from canonical pixels of the
    examined picture to canonical pixels of the stamped one.
    """

    scale: float
    rotation_deg: float
    mirrored: bool
    aspect: float
    matrix: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "scale": round(self.scale, 4),
            "rotation_deg": round(self.rotation_deg, 2),
            "mirrored": self.mirrored,
            "aspect": round(self.aspect, 4),
        }


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time, in seconds of presentation, and whether the mark was seen in it."""

    start: float
    end: float
    status: SegmentStatus
    score: float

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "status": self.status,
            "score": round(self.score, 2),
        }


@dataclass(frozen=True, slots=True)
class MissingArea:
    """A connected area that was to show the mark and does not, beyond doubt.

    ``share`` is its part of the stamped picture that is in view; the sides are fractions of the
    shown picture, from its upper left corner.
    """

    share: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PictureMap:
    """Where in the shown picture the mark is, cell by cell, row by row from the upper left.

    ``scores`` are deviations of the correlation with the pattern: a standard normal where no mark
    is.  ``expected`` is what a mark would have given there, 0 outside the picture that was
    stamped.  ``odds`` are natural log-odds for marked against missing, neighbours considered;
    they order places, ``scores`` carry the error rates.  A flat cell, or one that promised too
    little, is ``unknown``.  ``missing`` is the largest area of missing cells, if it is of size.
    """

    columns: int
    rows: int
    states: tuple[CellStatus, ...]
    scores: tuple[float, ...]
    expected: tuple[float, ...]
    odds: tuple[float, ...]
    missing: MissingArea | None = None

    def state(self, x: float, y: float) -> CellStatus:
        """The state at a point, in fractions of the shown picture from its upper left corner."""
        column = min(max(int(x * self.columns), 0), self.columns - 1)
        row = min(max(int(y * self.rows), 0), self.rows - 1)
        return self.states[row * self.columns + column]


@dataclass(frozen=True, slots=True)
class Detection:
    """What the pixels say.

    ``score`` is C, the sum over the payload's degrees of freedom of (mean / deviation) squared;
    ``margin_db`` is ``10 log10(C / C needed to decode)``.  ``false_positive_probability`` bounds
    the chance that an unmarked file gives such a find, corrected for everything searched.
    """

    status: WatermarkStatus
    stamp_id: StampId | None = None
    key_id: str | None = None
    layout: int | None = None
    score: float | None = None
    margin_db: float | None = None
    false_positive_probability: float | None = None
    frames: int = 0
    transform: Transform | None = None
    segments: tuple[Segment, ...] = ()
    picture: PictureMap | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "status": self.status,
            "stamp_id": None if self.stamp_id is None else self.stamp_id.hex,
            "key_id": self.key_id,
            "layout": self.layout,
            "score": None if self.score is None else round(self.score, 2),
            "false_positive_probability": self.false_positive_probability,
            "frames": self.frames,
            "transform": None if self.transform is None else self.transform.as_json(),
            "segments": [segment.as_json() for segment in self.segments],
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class PromptHash:
    """Hash of the prompt: ``hmac-sha256`` under the key ``key_id``, or plain ``sha256``."""

    alg: str
    value: str
    key_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {"alg": self.alg, "value": self.value, "key_id": self.key_id}


@dataclass(frozen=True, slots=True)
class SoftBinding:
    """The soft-binding assertion: which algorithm, and the stamp id it names (if it is ours)."""

    alg: str
    stamp_id: StampId | None

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {"alg": self.alg, "stamp_id": None if self.stamp_id is None else self.stamp_id.hex}


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A manifest that this manifest was made from, and what validation said of it."""

    title: str | None
    status: ManifestStatus
    failures: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {"title": self.title, "status": self.status, "failures": list(self.failures)}


@dataclass(frozen=True, slots=True)
class Ancestor:
    """What the manifest of a clip that this one was made from claims, and whether it holds.

    ``signer_id`` names its signing certificate, ``signature`` is the SHA-256 of its signature's
    value; ``proven_at`` is the time of a trusted time-stamp.
    """

    status: ManifestStatus
    stamp_id: StampId | None = None
    watermark_key_id: str | None = None
    signer_id: str | None = None
    signature: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    consents: tuple[str, ...] = ()
    proven_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ManifestReport:
    """What the signed metadata says, and whether it holds.

    ``trusted``: intact and the signer chains to a trust anchor; ``valid``: intact, signer not on
    the trust list; ``invalid``: fails validation, ``failures`` holds the C2PA status codes.
    ``signer_id`` is the id of the signing certificate, eight hexadecimal digits of its SHA-256, and
    ``signature`` the SHA-256 of the signature's value, which tells this manifest from every other.
    ``issuer``: the signer is one of those who stamp with the watermark keys that are held;
    ``proven_at`` is the time of a time-stamp by a trusted authority.
    ``watermark_key_id`` is the watermark key the manifest says its mark was made with;
    ``consents`` are the opaque references to consents that it names; ``lineage`` is what the
    manifests of its ingredients, and theirs, say.  ``recovered``: this is no stamped file but a
    copy that was given its credential back, after these things were compared.
    """

    status: ManifestStatus
    source: ManifestSource | None = None
    signer: str | None = None
    signed_at: datetime | None = None
    provider: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    prompt_hash: PromptHash | None = None
    soft_binding: SoftBinding | None = None
    watermark_key_id: str | None = None
    consents: tuple[str, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    failures: tuple[str, ...] = ()
    reason: str | None = None
    signer_id: str | None = None
    signature: str | None = None
    issuer: bool = False
    proven_at: datetime | None = None
    lineage: tuple[Ancestor, ...] = ()
    recovered: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "status": self.status,
            "source": self.source,
            "signer": self.signer,
            "signer_id": self.signer_id,
            "issuer": self.issuer,
            "recovered": None if self.recovered is None else list(self.recovered),
            "signed_at": _time(self.signed_at),
            "provider": self.provider,
            "model": {"name": self.model_name, "version": self.model_version},
            "prompt_hash": None if self.prompt_hash is None else self.prompt_hash.as_json(),
            "soft_binding": None if self.soft_binding is None else self.soft_binding.as_json(),
            "ingredients": [ingredient.as_json() for ingredient in self.ingredients],
            "failures": list(self.failures),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class DifferentArea:
    """A connected area of the picture that shows something else than what was stamped.

    ``share`` is its part of what could be compared; the sides are fractions of the shown picture,
    from its upper left corner; ``start`` and ``end`` are seconds, None for a still.  ``copied``:
    the watermark lies over it all the same, which no caption or sticker does.
    """

    share: float
    left: float
    top: float
    right: float
    bottom: float
    start: float | None = None
    end: float | None = None
    copied: bool = False

    def as_json(self) -> dict[str, Any]:
        """As ``registry.compared.areas`` shows it."""
        return {
            "share": round(self.share, 3),
            "box": [round(side, 3) for side in (self.left, self.top, self.right, self.bottom)],
            "start": self.start,
            "end": self.end,
            "copied": self.copied,
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """What of a file was compared with what was stamped, and what came of it.

    ``picture``: "bytes" when a hash binds the whole file, "areas" when it is the same but for
    them; ``distance``, ``share`` (of the stamped picture) and ``frames`` say how finely.
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

    @property
    def different(self) -> float:
        """Share of the compared picture that shows something else."""
        return sum(area.share for area in self.areas)

    def as_json(self) -> dict[str, Any]:
        """As ``registry.compared`` shows it."""
        return {
            "picture": self.picture,
            "share": None if self.share is None else round(self.share, 3),
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
    ``differs`` names what an intact manifest says otherwise than the record.  ``through`` is the
    withdrawn stamp that this clip was made from.  ``listed_at`` is the date of the signed list of
    withdrawals that was held against it, the oldest of several.  ``failed``: a registry was to be
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
    through: StampId | None = None
    listed_at: datetime | None = None
    failed: bool = False
    reason: str | None = "no registry was asked"

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "status": self.status,
            "record": self.record,
            "revocation": self.revocation,
            "through": None if self.through is None else self.through.hex,
            "listed_at": _time(self.listed_at),
            "knows": self.knows,
            "differs": list(self.differs),
            "fingerprint_distance": self.fingerprint_distance,
            "compared": self.compared.as_json(),
            "reason": self.reason,
        }


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
class VerificationReport:
    """The answer of ``verify`` for one file."""

    file: FileFacts
    verdict: Verdict
    summary: str
    watermark: Detection
    manifest: ManifestReport
    registry: RegistryReport = field(default_factory=RegistryReport)

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
                "signed_at": _time(self.signed_at),
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


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
