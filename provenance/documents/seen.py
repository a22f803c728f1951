"""Which signed list a verifier has seen last of each registry, so that no older one is believed.

A list stands until it expires; until then somebody who withholds newer ones could go on showing
one on which a stamp is not withdrawn yet.  Lists and bundles therefore say how far the registry's
audit log had come: its newest row's number and hash, and the hash of its first row, which is the
registry's name here.  A verifier keeps the highest row of each registry in a small file.

1. A list of a row below the highest seen is refused; so is one of the same row with another hash,
   since a log that says two things at one row was rewritten.  Lists and bundles are counted apart,
   so that a monthly bundle goes with a weekly list, and so are signers, so that none can lock out
   another.
2. A list without a row (release 0.1.0 wrote those) is refused once one with a row was seen of its
   signer.
3. A list that was issued longer ago than the verifier allows is refused, whatever was seen.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from provenance.documents.seal import Sealed
from provenance.errors import SealError
from provenance.system.text import printable

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no flock
    fcntl = None  # type: ignore[assignment]  # absent on that platform only

Kind = Literal["revocations", "bundle"]
SCHEMA = "provenance.seen/1"
_PRIVATE = 0o600
_MAX_FILE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogHead:
    """How far a registry's audit log had come: hash of row 1, and the newest row with its hash."""

    registry: str
    row: int
    hash: str

    def as_json(self) -> dict[str, Any]:
        """As lists and bundles carry it."""
        return {"registry": self.registry, "row": self.row, "hash": self.hash}

    @classmethod
    def of(cls, document: dict[str, Any], name: str) -> LogHead | None:
        """What a signed document says of it; None when it says nothing.

        Raises:
            SealError: it says something that can't be read.
        """
        said = document.get("log")
        if said is None:
            return None
        fields = said if isinstance(said, dict) else {}
        registry, row, digest = (fields.get(key) for key in ("registry", "row", "hash"))
        if (
            not isinstance(registry, str)
            or not isinstance(digest, str)
            or isinstance(row, bool)
            or not isinstance(row, int)
        ):
            raise SealError(f"{name} is signed, but what it says of its registry can't be read.")
        return cls(registry, row, digest)


class Seen:
    """What one verifier goes by when it is given signed lists and bundles.

    Args:
        path: the file that remembers; made when it is not there.  None: nothing is remembered.
        max_age: how long ago a list may have been issued; None: as long as it stands.
    """

    def __init__(self, path: Path | None, *, max_age: timedelta | None = None) -> None:
        self._path = path
        self._max_age = max_age

    def accept(self, kind: Kind, sealed: Sealed, name: str, *, now: datetime | None = None) -> None:
        """Check a list or a bundle against what was seen, and remember it.

        Args:
            kind: which of the two it is.
            sealed: what it says, its signature checked.
            name: the file's, for messages.
            now: default: the clock.

        Raises:
            SealError: it is older than one that was seen, or than is allowed, or the file that
                remembers can't be used.
        """
        moment = datetime.now(UTC) if now is None else now
        if self._max_age is not None and moment - sealed.issued_at > self._max_age:  # 3
            raise SealError(
                f"{name} was issued on {_day(sealed.issued_at)}, longer ago than the "
                f"{self._max_age / timedelta(days=1):g} days allowed",
                advice="get a fresh one",
            )
        if self._path is None:
            return
        head = LogHead.of(sealed.document, name)
        with self._held(self._path) as entries:
            if head is None:  # 2
                _check_old(entries, f"{kind} {sealed.signer} ", sealed, name)
                return
            place = f"{kind} {sealed.signer} {head.registry}"
            known = entries.get(place)
            if known is not None:
                _check(known, head, sealed, name)  # 1
            if known is None or head.row > known["row"]:
                entries[place] = {
                    "row": head.row,
                    "hash": head.hash,
                    "issued_at": sealed.issued_at.isoformat(),
                }

    @contextlib.contextmanager
    def _held(self, path: Path) -> Iterator[dict[str, Any]]:
        """The entries, while no other process has them; what is changed is written back whole."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, _PRIVATE)
            try:
                if fcntl is not None:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                entries = _read(path)
                before = json.dumps(entries, sort_keys=True)
                yield entries
                if json.dumps(entries, sort_keys=True) != before:
                    _write(path, entries)
            finally:
                os.close(lock)
        except OSError as error:
            reason = (error.strerror or "input/output error").lower()
            raise SealError(
                f"{path}, which remembers the newest lists seen, can't be used: {reason}",
                advice="name another file, or none",
                settings=("seen",),
            ) from error


def _check(known: dict[str, Any], head: LogHead, sealed: Sealed, name: str) -> None:
    if head.row < known["row"]:
        raise SealError(
            f"{name} of {_day(sealed.issued_at)} (row {head.row} of the registry's log) is older "
            f"than one of {_of(known)} (row {known['row']}) that was seen",
            advice="get a fresh one",
        )
    if head.row == known["row"] and head.hash != known["hash"]:
        raise SealError(
            f"{name} says something else of row {head.row} of the registry's log than the one of "
            f"{_of(known)} did: the log was rewritten. Ask its issuer."
        )


def _check_old(entries: dict[str, Any], places: str, sealed: Sealed, name: str) -> None:
    for place, known in entries.items():
        if place.startswith(places):
            raise SealError(
                f"{name} does not say how new it is, as lists of release 0.1.0, and one of "
                f"{_of(known)} by {printable(sealed.signer, 60)} was seen before",
                advice="get a fresh one",
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_FILE)
    except FileNotFoundError:
        return {}
    try:
        whole = json.loads(content)
        entries = dict(whole["registries"])
        if whole["schema"] != SCHEMA:
            raise ValueError("another version")
        for entry in entries.values():
            if not isinstance(entry["row"], int):
                raise TypeError("no row")
            datetime.fromisoformat(entry["issued_at"])
            entry["hash"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SealError(
            f"{path}, which remembers the newest lists seen, is damaged",
            advice="put it back, or remove it if you know that nobody rolls your lists back",
        ) from error
    return entries


def _write(path: Path, entries: dict[str, Any]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump({"schema": SCHEMA, "registries": entries}, stream, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _of(known: dict[str, Any]) -> str:
    return _day(datetime.fromisoformat(known["issued_at"]))


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
