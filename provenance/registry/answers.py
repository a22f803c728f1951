"""What the registry answers to searches, recalls and withdrawals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from provenance.registry.facts import Withdrawal
from provenance.registry.records import StampRecord
from provenance.results.payload import StampId
from provenance.results.serial import At, Document


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
