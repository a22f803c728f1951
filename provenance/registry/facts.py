"""Withdrawals, and the facts of a stamp that they can hit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self

from provenance.registry.chain import canonical
from provenance.registry.records import StampRecord
from provenance.registry.values import Moment, parse_time, text_or_none
from provenance.results.payload import StampId
from provenance.results.serial import Document, Hidden, layout

WithdrawalKind = Literal["stamp", "model", "key", "consent", "reviewer"]
KINDS: tuple[WithdrawalKind, ...] = ("stamp", "model", "key", "consent", "reviewer")
DATED_KINDS: tuple[WithdrawalKind, ...] = ("key", "reviewer")
"""Kinds of which what existed before a moment may still count."""


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
        target, reason = text_or_none(data["target"]), text_or_none(data["reason"])
        if target is None or reason is None:
            raise ValueError("it names no target or no reason")
        if data["kind"] == "model" and not _is_model(target):
            raise ValueError("it names no model")
        ended, good = text_or_none(data["ended_at"]), text_or_none(data.get("good_before"))
        if good is not None and data["kind"] not in DATED_KINDS:
            raise ValueError("only a key can have been good before")
        return cls(
            data["kind"],
            target,
            reason,
            parse_time(str(data["at"])),
            None if ended is None else parse_time(ended),
            text_or_none(data["ended_reason"]),
            None if good is None else parse_time(good),
        )


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
