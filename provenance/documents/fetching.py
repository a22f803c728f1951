"""Lists of withdrawals from an address, and the last good one where a new one can't be had.

1. The list is fetched: over https, or from a bucket.
2. It is checked as any list is: signature, signer, dates, and that it is no older one.
3. A good one is kept, under a name that tells nothing of the address.
4. Where 1 or 2 fails, the one that was kept is checked the same way and taken, and a warning says
   so.  Where there is none, or it has expired, that is an error: never a pass.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from provenance.documents.lists import MAX_LIST, RevocationList, checked_revocations
from provenance.documents.seen import Seen
from provenance.errors import OutputError, ProvenanceError, UsageError
from provenance.system.storage import Place, fetched, is_url
from provenance.system.web import downloaded, is_web, shown
from provenance.system.workspace import Workspace

_OLD: Final = 0.75
"""Share of its life after which a list is old: publishers renew theirs at half of it."""
_PRIVATE: Final = 0o600


def fetched_revocations(
    url: str,
    anchors_pem: bytes,
    kept: Path,
    *,
    seen: Seen | None = None,
    warn: Callable[[str], object],
) -> RevocationList:
    """The list at an address, or the last good one.

    Args:
        url: https://, s3:// or gs://.
        anchors_pem: whose lists are believed.
        kept: the folder of good ones; made when it is not there.
        seen: which lists were seen before.
        warn: told when the list is not the newest there may be, or is old.

    Raises:
        UsageError: no such address.
        StorageError, UnreadableFileError, SealError: there is no list that stands; about the
            address, not the one that was kept.
    """
    name = shown(url) if is_web(url) else str(Place.of(url))
    copy = kept / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.list"
    try:
        content = _content(url)
        found = checked_revocations(content, anchors_pem, name, seen)
    except UsageError:
        raise
    except ProvenanceError as error:
        found = _last_good(copy, anchors_pem, seen, error)
        warn(f"{str(error).rstrip('.')}. Going by the list of {_day(found.issued_at)}.")
    else:
        try:
            _keep(copy, content)
        except OutputError as error:
            warn(f"The list can't be kept for when {name} is away: {error}")
    if found.age() > _OLD:
        warn(
            f"The list at {name} is of {_day(found.issued_at)} and stands until "
            f"{_day(found.expires_at)}; ask its publisher for a fresh one."
        )
    return found


def _content(url: str) -> bytes:
    if is_web(url):
        return downloaded(url, most=MAX_LIST)
    with tempfile.TemporaryDirectory(prefix="provenance-") as scratch:
        there = fetched(Place.of(url), Path(scratch), max_bytes=MAX_LIST)
        return there.place.path.read_bytes()


def _last_good(
    copy: Path, anchors_pem: bytes, seen: Seen | None, error: ProvenanceError
) -> RevocationList:
    try:
        return checked_revocations(copy.read_bytes(), anchors_pem, "the last good one", seen)
    except (OSError, ProvenanceError):
        raise error from None


def _keep(copy: Path, content: bytes) -> None:
    try:
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"{copy.parent} can't be made: {reason}.") from error
    with Workspace(copy, overwrite=True) as workspace:
        draft = workspace.path("draft")
        draft.touch(_PRIVATE)
        draft.write_bytes(content)
        workspace.publish(draft)


def is_address(text: str) -> bool:
    """Whether a list is to be fetched, not read from a file here."""
    return is_web(text) or (is_url(text) and not Place.of(text).is_local)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
