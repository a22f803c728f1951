"""What the registry takes and gives: frozen values, and how they read as JSON."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from provenance.errors import UsageError
from provenance.registry.chain import canonical, digest
from provenance.results import PromptHash
from provenance.results.payload import StampId
from provenance.results.serial import At, Document, Form, Hidden, layout

WithdrawalKind = Literal["stamp", "model", "key", "consent", "reviewer"]
KINDS: tuple[WithdrawalKind, ...] = ("stamp", "model", "key", "consent", "reviewer")
DATED_KINDS: tuple[WithdrawalKind, ...] = ("key", "reviewer")
"""Kinds of which what existed before a moment may still count."""
_MAX_REFERENCE = 256
_MAX_REASON = 500


def stamp_time(moment: datetime) -> str:
    """27 characters of ISO 8601 in UTC, to the microsecond: they sort as the moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Moment = Annotated[datetime, Form(datetime, stamp_time, lambda at: at)]


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
        texts = {name: _text(data[name]) for name in _TEXTS}
        key_id, layout = texts.pop("key_id"), data["layout"]
        if key_id is None or isinstance(layout, bool) or not isinstance(layout, int):
            raise ValueError("it names no key and layout")
        signed = _text(data["signed_at"])
        return cls(
            stamp_id=StampId.from_hex(str(data["stamp_id"])),
            key_id=key_id,
            layout=layout,
            created_at=parse_time(str(data["created_at"])),
            model_name=_text(model["name"]),
            model_version=_text(model["version"]),
            prompt_hash=None if prompt is None else _prompt_hash(prompt),
            signed_at=None if signed is None else parse_time(signed),
            consents=tuple(check_reference(item) for item in consents),
            parents=tuple(StampId.from_hex(str(item)) for item in parents),
            approvers=tuple(check_reviewer_id(item) for item in approvers),
            again=_text(data.get("again")),
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


@dataclass(frozen=True, slots=True)
class Withdrawal(Document):
    """A stamp, or all stamps of a model version, key, consent or reviewer's key, withdrawn."""

    kind: WithdrawalKind
    """What is withdrawn."""
    target: str
    """Its id; of a model, its name and version as JSON."""
    reason: str
    """Why, for people."""
    date: str = field(init=False)
    """The day, for people."""
    at: Moment
    """When."""
    ended_at: Moment | None = None
    """When it was taken back."""
    ended_reason: str | None = None
    """Why it was taken back."""
    good_before: Moment | None = None
    """Of a key or reviewer only: what provably existed before this moment still counts."""
    by: Hidden[str | None] = None
    """Who withdrew it, an opaque id; stays in the registry, and out of lists for others."""
    ended_by: Hidden[str | None] = None
    """Who took it back."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "date", self.at.astimezone(UTC).strftime("%Y-%m-%d"))

    @property
    def noun(self) -> str:
        """What was withdrawn, for a sentence."""
        return "reviewer's key" if self.kind == "reviewer" else self.kind

    def hits(self, facts: Facts) -> bool:
        """Whether it withdraws a stamp with these facts."""
        return (self.kind, self.target) in facts.targets() and not self._spares(facts.proven_at)

    def _spares(self, proven_at: datetime | None) -> bool:
        good = self.good_before
        return good is not None and proven_at is not None and proven_at < good

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what :meth:`as_json` writes.

        Raises:
            ValueError: on anything else.
        """
        names = {key.name for key in layout(cls)}
        if not isinstance(data, dict) or {*data, "good_before"} != names:  # 0.1.0 had none
            raise ValueError("it is no withdrawal")
        if data["kind"] not in KINDS:
            raise ValueError("it is no withdrawal")
        target, reason = _text(data["target"]), _text(data["reason"])
        if target is None or reason is None:
            raise ValueError("it names no target or no reason")
        if data["kind"] == "model" and not _is_model(target):
            raise ValueError("it names no model")
        ended, good = _text(data["ended_at"]), _text(data.get("good_before"))
        if good is not None and data["kind"] not in DATED_KINDS:
            raise ValueError("only a key can have been good before")
        return cls(
            data["kind"],
            target,
            reason,
            parse_time(str(data["at"])),
            None if ended is None else parse_time(ended),
            _text(data["ended_reason"]),
            None if good is None else parse_time(good),
        )


@dataclass(frozen=True, slots=True)
class Found(Document):
    """A record, as a search finds it."""

    SCHEMA: ClassVar = "provenance.record/1"

    record: Annotated[StampRecord, At("")]


@dataclass(frozen=True, slots=True)
class Shown(Found):
    """A record, and whether it was withdrawn."""

    revocation: Withdrawal | None
    """The withdrawal in force that hits it."""
    places: tuple[str, ...] = ()
    """Where its output is and was, as the registry was told, newest first."""


@dataclass(frozen=True, slots=True)
class Standing(Document):
    """A withdrawal on record, and what it hits."""

    SCHEMA: ClassVar = "provenance.standing/1"

    entry: Annotated[Withdrawal, At("")]
    by: str | None
    """Who withdrew it, an opaque id; null where nobody said."""
    ended_by: str | None
    """Who took it back."""
    stamps: int
    """Stamps registered so far that it hits, or hit while it stood."""


@dataclass(frozen=True, slots=True)
class Recalled(Document):
    """A stamp that a recall concerns."""

    SCHEMA: ClassVar = "provenance.recalled/1"

    record: Annotated[StampRecord, At("")]
    through: tuple[StampId, ...]
    """Stamps that it was made from, for whose sake it is concerned; empty where it is itself."""
    withdrawn: Withdrawal | None
    """The withdrawal in force that hits it; null where nothing has been withdrawn yet."""
    places: tuple[str, ...] = ()
    """Where its output is and was, as the registry was told, newest first."""


@dataclass(frozen=True, slots=True)
class Withdrawn(Document):
    """A withdrawal that was made just now."""

    SCHEMA: ClassVar = "provenance.withdrawal/1"

    entry: Annotated[Withdrawal, At("")]
    stamps: int
    """Stamps registered so far that it hits."""
    stamp_ids: tuple[StampId, ...]
    """Which."""
    done: bool = True
    """Whether it was made; false of a dry run."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a withdrawal can hit: a stamp's id, keys, model, consents, approvers, as far as known.

    ``proven_at`` is a moment by which the signature provably existed: a trusted time-stamp's, or
    that of the registry's own row.  ``parents`` are the stamps that the clip was made from.
    """

    stamp_id: StampId | None = None
    key_ids: tuple[str, ...] = ()
    model_name: str | None = None
    model_version: str | None = None
    consents: tuple[str, ...] = ()
    proven_at: datetime | None = None
    parents: tuple[StampId, ...] = ()
    approvers: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: StampRecord) -> Self:
        """A record's."""
        keys = (record.key_id, record.signer_id)
        return cls(
            record.stamp_id,
            tuple(key for key in keys if key is not None),
            record.model_name,
            record.model_version,
            record.consents,
            record.created_at,
            record.parents,
            record.approvers,
        )

    def targets(self) -> list[tuple[WithdrawalKind, str]]:
        """Every kind and target that would withdraw a stamp with these facts."""
        found: list[tuple[WithdrawalKind, str]] = []
        if self.stamp_id is not None:
            found.append(("stamp", self.stamp_id.hex))
        found += [("stamp", parent.hex) for parent in self.parents]
        if self.model_name is not None:
            found.append(("model", model_target(self.model_name, None)))
            if self.model_version is not None:
                found.append(("model", model_target(self.model_name, self.model_version)))
        found += [("key", key) for key in self.key_ids]
        found += [("consent", reference) for reference in self.consents]
        found += [("reviewer", key) for key in self.approvers]
        return found


def model_target(name: str, version: str | None) -> str:
    """How a model, or one version of it, is written as a target."""
    return canonical([name] if version is None else [name, version])


def named(kind: WithdrawalKind, target: str) -> str:
    """A withdrawal's kind and target, for people."""
    return f"{kind} {' '.join(json.loads(target)) if kind == 'model' else target}"


def _is_model(target: str) -> bool:
    named = json.loads(target)
    texts = isinstance(named, list) and all(isinstance(one, str) for one in named)
    return texts and len(named) in {1, 2} and canonical(named) == target


def check_reference(text: Any) -> str:
    """An opaque reference of 1 to 256 printable characters.

    Raises:
        UsageError: when it is anything else.
    """
    if not isinstance(text, str) or not re.fullmatch(r"\S(.*\S)?", text) or not text.isprintable():
        raise UsageError("A reference needs 1 to 256 printable characters; give another one.")
    if len(text) > _MAX_REFERENCE:
        raise UsageError("A reference has at most 256 characters; give an id, not a text.")
    return text


def check_reviewer_id(text: Any) -> str:
    """The id of a reviewer's key: 64 hexadecimal digits.

    Raises:
        UsageError: when it is anything else.
    """
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-f]{64}", text):
        raise UsageError(
            "The id of a reviewer's key has 64 hexadecimal digits; `provenance approve` and "
            "`provenance registry show` tell it."
        )
    return text


def check_actor(text: str | None) -> str | None:
    """An opaque id of whoever does something, if one was given.

    Raises:
        UsageError: it is no reference.
    """
    return None if text is None else check_reference(text)


def check_reason(text: str) -> str:
    """A reason for a withdrawal, on one line.

    Raises:
        UsageError: when it is empty, over 500 characters or holds a control character.
    """
    reason = text.strip()
    if not reason or len(reason) > _MAX_REASON or not reason.isprintable():
        raise UsageError(f"A reason needs 1 to {_MAX_REASON} printable characters on one line.")
    return reason


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def optional_time(moment: datetime | None) -> str | None:
    """The same of a moment that may not be there."""
    return None if moment is None else stamp_time(moment)


def parse_time(text: str) -> datetime:
    """Read what :func:`stamp_time` writes.

    Raises:
        ValueError: on anything else.
    """
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return moment.replace(tzinfo=UTC)


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("a text in it is none")
    return value


def _prompt_hash(data: dict[str, Any]) -> PromptHash:
    alg, value = _text(data["alg"]), _text(data["value"])
    if alg is None or value is None:
        raise ValueError("its prompt hash is none")
    return PromptHash(alg, value, _text(data["key_id"]))


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
