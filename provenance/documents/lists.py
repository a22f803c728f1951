"""Revocation lists: every withdrawal in force, signed, for verifying without the registry.

A list is one sealed document (:mod:`.seal`).  Each withdrawal comes with the ids of the stamps it
hits, so that a copy without a manifest is told as well.  It expires, and an expired one is an
error, never a pass; it says how far the audit log had come, so that an older one is told from a
newer (:mod:`.seen`).
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from provenance.documents.heads import log_head, logged
from provenance.documents.lines import unreadable
from provenance.documents.seal import is_sealed, seal, unseal
from provenance.documents.seen import Seen
from provenance.errors import SealError, UnreadableFileError, UsageError
from provenance.manifest import Signer
from provenance.registry import Facts, Registry, Withdrawal
from provenance.system.storage import Place, Web, fetched, published

MAX_LIST: Final = 512 * 1024 * 1024
_RENEWED: Final = 0.5
"""Share of its life after which a list that says the same is written again."""
_WEB: Final = Web("application/json", 300)
"""As a bucket gives it out: a list may be five minutes old."""


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A signed list that was checked: what was withdrawn at the time it was issued."""

    issued_at: datetime
    signer: str
    by_target: dict[tuple[str, str], tuple[Withdrawal, ...]]
    by_stamp: dict[str, Withdrawal]
    expires_at: datetime

    def age(self) -> float:
        """How much of its life it has behind it, from 0 to 1."""
        return _age(self.issued_at, self.expires_at)

    def hitting(self, facts: Facts) -> Withdrawal | None:
        """The first withdrawal on the list that hits a stamp with these facts."""
        own = () if facts.stamp_id is None else (facts.stamp_id,)
        named = (self.by_stamp.get(stamp_id.hex) for stamp_id in (*own, *facts.parents))
        listed = (entry for target in facts.targets() for entry in self.by_target.get(target, ()))
        hits = (entry for entry in listed if entry.hits(facts))
        return next((entry for entry in (*named, *hits) if entry is not None), None)


@dataclass(frozen=True, slots=True)
class Issued:
    """What became of a list: how many withdrawals it holds, and whether it had to be written."""

    count: int
    written: bool


def write_revocations(
    registry: Registry,
    target: Path | Place,
    signer: Signer,
    *,
    valid: timedelta,
    overwrite: bool = False,
) -> Issued:
    """Write a signed list of everything withdrawn now.

    Args:
        registry: whose.
        target: a file, here or in a bucket.
        signer: who signs.
        valid: how long the list stands.
        overwrite: replace the list that is there, whole, and nothing but a list.  One that says the
            same, is signed by the same authority and has more than half of its time left stays.

    Raises:
        UsageError: ``target`` exists already, and is not to be replaced.
        OutputError, StorageError: it can't be written.
        SigningError: the signer, its certificate or the clock stops it.
    """
    place = target if isinstance(target, Place) else Place.of(target)
    log = log_head(registry)  # before the rows are read: it never says more than they hold
    listed = []
    for entry in registry.withdrawals.listed():
        if entry.ended_at is None:
            stamps = [stamp_id.hex for stamp_id in registry.hit_by(entry)]
            listed.append(entry.as_json() | {"stamps": stamps})
    if overwrite and _says_already(place, listed, signer):
        return Issued(len(listed), written=False)
    document = {"withdrawals": listed, **log}
    content = seal("revocations", document, signer, valid=valid)
    with tempfile.TemporaryDirectory(prefix="provenance-") as scratch:
        draft = Path(scratch) / "list.json"
        draft.write_bytes(content)
        published(draft, place, overwrite=overwrite, web=_WEB)
    logged(registry, "revocations", content)
    return Issued(len(listed), written=True)


def _says_already(place: Place, listed: list[dict[str, Any]], signer: Signer) -> bool:
    """Whether the list there need not be replaced: it is as good as a new one."""
    try:
        with tempfile.TemporaryDirectory(prefix="provenance-") as scratch:
            content = fetched(place, Path(scratch), max_bytes=MAX_LIST).place.path.read_bytes()
        sealed = unseal("revocations", content, signer.chain_pem, str(place), expires=True)
    except UnreadableFileError:  # none
        return False
    except SealError as error:  # none that a verifier would believe
        if not is_sealed("revocations", content):
            raise UsageError(
                f"{place} is there and is no list of withdrawals, so it was not replaced",
                advice="name another place, or move it away",
            ) from error
        return False
    same = sealed.document.get("withdrawals") == listed
    return same and _age(sealed.issued_at, sealed.expires_at) < _RENEWED


def _age(issued_at: datetime, expires_at: datetime | None) -> float:
    """How much of its life a document has behind it, from 0 to 1."""
    life = None if expires_at is None else expires_at - issued_at
    return 0.0 if not life else (datetime.now(UTC) - issued_at) / life


def read_revocations(path: Path, anchors_pem: bytes, seen: Seen | None = None) -> RevocationList:
    """Check a signed list.

    Args:
        path: the list.
        anchors_pem: whose lists are believed.
        seen: which lists were seen before; without it an older one passes while it stands.

    Raises:
        UnreadableFileError: it can't be read.
        SealError: it is damaged, expired, signed by nobody who is trusted, or older than one that
            was seen.
    """
    try:
        if path.stat().st_size > MAX_LIST:
            raise SealError(
                f"{path} is too large for a revocation list",
                advice="give the right file",
            )
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    return checked_revocations(content, anchors_pem, str(path), seen)


def checked_revocations(
    content: bytes, anchors_pem: bytes, name: str, seen: Seen | None = None
) -> RevocationList:
    """The same of a list's bytes; ``name`` is what it is called in errors."""
    sealed = unseal("revocations", content, anchors_pem, name, expires=True)
    try:
        by_target: dict[tuple[str, str], tuple[Withdrawal, ...]] = {}
        by_stamp: dict[str, Withdrawal] = {}
        for item in sealed.document["withdrawals"]:
            stamps = item.pop("stamps")
            entry = Withdrawal.from_json(item)
            target = (entry.kind, entry.target)
            by_target[target] = (*by_target.get(target, ()), entry)
            for stamp_id in stamps:
                by_stamp.setdefault(str(stamp_id), entry)
        expires_at = sealed.expires_at
        if expires_at is None:
            raise ValueError("unseal let it pass")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SealError(f"{name} is signed, but is no revocation list that can be read.") from error
    if seen is not None:
        seen.accept("revocations", sealed, name)
    return RevocationList(sealed.issued_at, sealed.signer, by_target, by_stamp, expires_at)
