"""What the signed metadata of a file says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from provenance.results.payload import StampId
from provenance.results.times import iso_time

ManifestStatus = Literal["trusted", "valid", "invalid", "absent", "not_checked"]
ManifestSource = Literal["embedded", "sidecar", "registry", "remote", "recovered"]


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
            "signed_at": iso_time(self.signed_at),
            "provider": self.provider,
            "model": {"name": self.model_name, "version": self.model_version},
            "prompt_hash": None if self.prompt_hash is None else self.prompt_hash.as_json(),
            "soft_binding": None if self.soft_binding is None else self.soft_binding.as_json(),
            "ingredients": [ingredient.as_json() for ingredient in self.ingredients],
            "failures": list(self.failures),
            "reason": self.reason,
        }
