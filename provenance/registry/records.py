"""The record of a stamp: a frozen value, and how it reads as JSON."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Self

from provenance.registry.chain import digest
from provenance.registry.values import (
    Moment,
    check_reference,
    check_reviewer_id,
    parse_time,
    text_or_none,
)
from provenance.results import PromptHash
from provenance.results.payload import StampId
from provenance.results.serial import At, Document


@dataclass(frozen=True, slots=True)
class StampRecord(Document):
    """One stamp, as it was published."""

    GROUPS: ClassVar = {"model": "The model that made the clip."}

    stamp_id: StampId
    """The stamp id, 16 hexadecimal digits."""
    key_id: str
    """Id of the watermark key."""
    layout: int
    """Version of the bit layout."""
    provider: str | None = None
    """Who offers the model."""
    model_name: Annotated[str | None, At("model.name")] = None
    """Its name."""
    model_version: Annotated[str | None, At("model.version")] = None
    """Its version."""
    prompt_hash: PromptHash | None = None
    """Hash of the prompt."""
    profile: str | None = None
    """Name of the strength's profile."""
    created_at: Moment = field(kw_only=True)
    """When the record was made, to the microsecond."""
    signed_at: Moment | None = None
    """When the manifest was signed."""
    input_sha256: str | None = None
    """Of the clip that was stamped."""
    output_sha256: str | None = None
    """Of the stamped clip."""
    signer: str | None = None
    """The organisation that the signing certificate names."""
    signer_id: str | None = None
    """Start of the SHA-256 of the signing certificate."""
    approval: str | None = None
    """Opaque reference to the approval; what it stands for is kept elsewhere."""
    consents: tuple[str, ...] = ()
    """Opaque references to consents; what they stand for is kept elsewhere."""
    parents: tuple[StampId, ...] = ()
    """Stamps of ours that the clip was made from, all generations."""
    approvers: tuple[str, ...] = ()
    """Ids of the keys with which reviewers approved the clip, sorted."""
    again: str | None = None
    """Why the clip was stamped although it had been before; null of a first stamp."""

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what :meth:`as_json` writes.

        Raises:
            ValueError: on anything else.
        """
        if not isinstance(data, dict) or {*data, *_LATER} != _RECORD_KEYS:
            raise ValueError("it has other fields than a record")
        model, prompt, consents = data["model"], data["prompt_hash"], data["consents"]
        # Lines of 0.1.0 have none of them.
        parents, approvers = data.get("parents", []), data.get("approvers", [])
        if not isinstance(model, dict) or set(model) != {"name", "version"}:
            raise ValueError("its model is no name and version")
        if prompt is not None and (not isinstance(prompt, dict) or set(prompt) != _PROMPT_KEYS):
            raise ValueError("its prompt hash is none")
        if not isinstance(consents, list):
            raise ValueError("its consents are no list")
        if not isinstance(parents, list):
            raise ValueError("its parents are no list")
        if not isinstance(approvers, list):
            raise ValueError("its approvers are no list")
        texts = {name: text_or_none(data[name]) for name in _TEXTS}
        key_id, layout = texts.pop("key_id"), data["layout"]
        if key_id is None or isinstance(layout, bool) or not isinstance(layout, int):
            raise ValueError("it names no key and layout")
        signed = text_or_none(data["signed_at"])
        return cls(
            stamp_id=StampId.from_hex(str(data["stamp_id"])),
            key_id=key_id,
            layout=layout,
            created_at=parse_time(str(data["created_at"])),
            model_name=text_or_none(model["name"]),
            model_version=text_or_none(model["version"]),
            prompt_hash=None if prompt is None else _prompt_hash(prompt),
            signed_at=None if signed is None else parse_time(signed),
            consents=tuple(check_reference(item) for item in consents),
            parents=tuple(StampId.from_hex(str(item)) for item in parents),
            approvers=tuple(check_reviewer_id(item) for item in approvers),
            again=text_or_none(data.get("again")),
            **texts,
        )

    def digest(self, manifest: bytes, fingerprint: bytes | None) -> str:
        """SHA-256 over the record, its manifest and its fingerprint, as the audit log keeps it."""
        record = self.as_json()
        for name in _LATER:  # as it was before there were any: old rows of the log still hold
            if not record[name]:
                del record[name]
        parts = {
            "record": record,
            "manifest": hashlib.sha256(manifest).hexdigest(),
            "fingerprint": None if fingerprint is None else hashlib.sha256(fingerprint).hexdigest(),
        }
        return digest(parts)


def _prompt_hash(data: dict[str, Any]) -> PromptHash:
    alg, value = text_or_none(data["alg"]), text_or_none(data["value"])
    if alg is None or value is None:
        raise ValueError("its prompt hash is none")
    return PromptHash(alg, value, text_or_none(data["key_id"]))


_TEXTS = (
    "key_id",
    "provider",
    "profile",
    "input_sha256",
    "output_sha256",
    "signer",
    "signer_id",
    "approval",
)
_LATER = ("parents", "approvers", "again")
"""Fields that lines and log rows of 0.1.0 do not have."""
_PROMPT_KEYS = {"alg", "value", "key_id"}
_RECORD_KEYS = {one.name for one in fields(StampRecord)} - {"model_name", "model_version"}
_RECORD_KEYS |= {"model"}
