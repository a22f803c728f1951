"""What the signed metadata of a file says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from provenance.results.payload import StampId
from provenance.results.serial import At, Document, Hidden

ManifestStatus = Literal["trusted", "valid", "invalid", "absent", "not_checked"]
ManifestSource = Literal["embedded", "sidecar", "registry", "remote", "recovered"]


@dataclass(frozen=True, slots=True)
class PromptHash(Document):
    """Hash of the prompt."""

    alg: str
    """``hmac-sha256`` under the key ``key_id``, or plain ``sha256``."""
    value: str
    """64 hexadecimal digits."""
    key_id: str | None = None
    """Id of the prompt key."""


@dataclass(frozen=True, slots=True)
class SoftBinding(Document):
    """The soft-binding assertion."""

    alg: str
    """Which watermark it speaks of."""
    stamp_id: StampId | None
    """The stamp that it names, if the watermark is ours."""


@dataclass(frozen=True, slots=True)
class Ingredient(Document):
    """A manifest that this manifest was made from."""

    title: str | None
    """Its title, as whoever added it wrote it."""
    status: ManifestStatus
    """What validation said of it."""
    failures: tuple[str, ...] = ()
    """C2PA status codes of what fails."""


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
class ManifestReport(Document):
    """What the signed metadata says, and whether it holds."""

    GROUPS: ClassVar = {"model": "The model that made the clip, as it is claimed."}

    status: ManifestStatus
    """``trusted``: intact and the signer chains to a trust anchor; ``valid``: intact, signer not on
    the trust list; ``invalid``: fails validation."""
    source: ManifestSource | None = None
    """Where it lay; of ``recovered`` see that key."""
    signer: str | None = None
    """The organisation that the signing certificate names."""
    signer_id: str | None = field(default=None, kw_only=True)
    """Eight hexadecimal digits of the SHA-256 of the signing certificate."""
    issuer: bool = field(default=False, kw_only=True)
    """Whether the signer is one of those who stamp with the watermark keys that are held."""
    recovered: tuple[str, ...] | None = field(default=None, kw_only=True)
    """Set on a copy that was given its credential back: what was compared before."""
    signed_at: datetime | None = None
    """When it was signed."""
    provider: str | None = None
    """Who offers the model, as it is claimed."""
    model_name: Annotated[str | None, At("model.name")] = None
    """Its name."""
    model_version: Annotated[str | None, At("model.version")] = None
    """Its version."""
    model_card_sha256: Annotated[str | None, At("model.card_sha256")] = field(
        default=None, kw_only=True
    )
    """SHA-256 of the model card that says more of it."""
    prompt_hash: PromptHash | None = None
    """Hash of the prompt that the clip was made with."""
    soft_binding: SoftBinding | None = None
    """The watermark that the manifest says is in the picture."""
    watermark_key_id: str | None = None
    """Id of the watermark key that the manifest says its mark was made with."""
    digital_source_type: str | None = field(default=None, kw_only=True)
    """How it says the picture came to be, in the IPTC's words: ``digitalCapture``, say."""
    consents: Hidden[tuple[str, ...]] = ()
    """Opaque references to consents that it names."""
    ingredients: tuple[Ingredient, ...] = ()
    """What the clip was made from."""
    failures: tuple[str, ...] = ()
    """C2PA status codes of what fails."""
    reason: str | None = None
    """Why it fails or was not checked, for people."""
    signature: Hidden[str | None] = field(default=None, kw_only=True)
    """SHA-256 of the signature's value, which tells this manifest from every other."""
    proven_at: Hidden[datetime | None] = field(default=None, kw_only=True)
    """Time of a time-stamp by a trusted authority."""
    lineage: Hidden[tuple[Ancestor, ...]] = field(default=(), kw_only=True)
    """What the manifests of its ingredients, and theirs, say."""
