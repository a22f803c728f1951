"""Signed files from a registry, for verifying without it: revocation lists, bundles, audit heads.

* A **revocation list** is one sealed document (:mod:`.seal`): every withdrawal in force,
  each with the ids of the stamps it hits, so that a copy without a manifest is told as well.
* A **bundle** is a sealed line, which holds the SHA-256 of the rest, and then the registry's JSON
  Lines (:mod:`provenance.registry.transfer`).
* An **audit head** is the newest row of the log, sealed: kept elsewhere, it tells later whether
  rows were taken off the end.

All are dated; lists and bundles expire, and an expired one is an error, never a pass.  They say how
far the audit log had come, so that an older one is told from a newer (:mod:`.seen`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from provenance.documents.seal import Sealed, is_sealed, seal, unseal
from provenance.documents.seen import LogHead, Seen
from provenance.errors import OutputError, RegistryError, SealError, UnreadableFileError, UsageError
from provenance.manifest import Signer
from provenance.registry import AuditRow, Facts, Registry, Withdrawal
from provenance.registry.transfer import Transfer, export_lines, import_lines
from provenance.results import VerificationReport
from provenance.system.storage import Place, Web, fetched, published
from provenance.system.workspace import Workspace

MAX_LIST: Final = 512 * 1024 * 1024
_RENEWED: Final = 0.5
"""Share of its life after which a list that says the same is written again."""
_WEB: Final = Web("application/json", 300)
"""As a bucket gives it out: a list may be five minutes old."""
_MAX_HEADER = 1024 * 1024
_PIECE = 1024 * 1024


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
    log = _log_head(registry)  # before the rows are read: it never says more than they hold
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
    _logged(registry, "revocations", content)
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
        raise _unreadable(path, error) from error
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


def write_bundle(registry: Registry, path: Path, signer: Signer, *, valid: timedelta) -> Transfer:
    """Write everything that verification needs, signed, into one file.

    Raises:
        UsageError: ``path`` exists already.
        OutputError: it can't be written.
        SigningError: the signer, its certificate or the clock stops it.
    """
    counts = {"stamp": 0, "withdrawal": 0}
    log = _log_head(registry)

    def lines() -> Iterator[bytes]:
        for kind, line in export_lines(registry):
            counts[kind] += 1
            yield line

    def sealed(sha256: str) -> bytes:
        told = {"stamps": counts["stamp"], "withdrawals": counts["withdrawal"]}
        return seal("bundle", {"sha256": sha256, **told, **log}, signer, valid=valid)

    header = write_signed_lines(path, lines(), sealed)
    _logged(registry, "bundle", header)
    return Transfer(counts["stamp"], counts["withdrawal"])


def write_signed_lines(path: Path, lines: Iterable[bytes], sealed: Callable[[str], bytes]) -> bytes:
    """Write a file that :func:`signed_lines` reads; its first line.

    Args:
        path: the file, which is not there yet.
        lines: all but the first.
        sealed: makes the first of the others' SHA-256.

    Raises:
        UsageError: ``path`` exists already.
        OutputError: it can't be written.
    """
    digest = hashlib.sha256()
    with written(path), tempfile.TemporaryFile(dir=path.parent) as body:
        for line in lines:
            digest.update(line)
            body.write(line)
        body.seek(0)
        header = sealed(digest.hexdigest())
        write_whole(path, [header, *iter(lambda: body.read(_PIECE), b"")])
    return header


def write_lines(registry: Registry, path: Path) -> Transfer:
    """Write stamps, withdrawals, places as JSON Lines, unsigned, for another registry of one's own.

    Raises:
        UsageError: ``path`` exists already.
        OutputError: it can't be written.
    """
    counts = {"stamp": 0, "withdrawal": 0, "place": 0}
    digest = hashlib.sha256()

    def lines() -> Iterator[bytes]:
        for kind, line in export_lines(registry, places=True):
            counts[kind] += 1
            digest.update(line)
            yield line

    write_whole(path, lines())
    registry.audit.append("export", kind="lines", sha256=digest.hexdigest())
    return Transfer(counts["stamp"], counts["withdrawal"])


def read_lines(registry: Registry, path: Path) -> Transfer:
    """Take over JSON Lines that :func:`write_lines` wrote.

    Raises:
        UnreadableFileError: it can't be read.
        InputError: a line is damaged; what came before it is taken over.
    """
    try:
        with path.open("rb") as stream:
            return import_lines(registry, stream, str(path))
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise _unreadable(path, error) from error


@contextlib.contextmanager
def open_bundle(path: Path, anchors_pem: bytes, seen: Seen | None = None) -> Iterator[Registry]:
    """A checked bundle as a registry of its own, in a temporary file, for as long as the block.

    Arguments are those of :func:`read_revocations`.

    Raises:
        UnreadableFileError: it can't be read.
        SealError: it is damaged, expired, or signed by nobody who is trusted.
    """
    with (
        signed_lines("bundle", path, anchors_pem) as (sealed, lines),
        contextlib.ExitStack() as stack,
    ):
        if seen is not None:
            seen.accept("bundle", sealed, str(path))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="provenance-")))
        registry = stack.enter_context(Registry(str(folder / "bundle.db"), create=True))
        import_lines(registry, lines, str(path))
        registry.issued_at = sealed.issued_at
        yield registry


@contextlib.contextmanager
def signed_lines(
    kind: str, path: Path, anchors_pem: bytes
) -> Iterator[tuple[Sealed, Iterator[bytes]]]:
    """A file whose first line is sealed and holds the SHA-256 of the others, which are given.

    They are hashed twice: before the first is given, and while they are.

    Args:
        kind: of the sealed line; a "bundle" that has expired is refused.
        path: the file.
        anchors_pem: whose files are believed.

    Raises:
        UnreadableFileError: it can't be read.
        SealError: it is damaged, expired, or signed by nobody who is trusted.
    """
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(path.open("rb"))
            header = stream.readline(_MAX_HEADER)
            start = stream.tell()
            sealed = unseal(kind, header, anchors_pem, str(path), expires=kind == "bundle")
            digest = hashlib.sha256()
            while piece := stream.read(_PIECE):
                digest.update(piece)
            if digest.hexdigest() != sealed.document.get("sha256"):
                raise SealError(
                    f"{path} was changed or cut off after it was signed",
                    advice="get it again",
                )
            stream.seek(start)
        except OSError as error:
            raise _unreadable(path, error) from error
        yield sealed, _hashed(stream, digest.hexdigest(), path)


def _hashed(lines: Iterable[bytes], wanted: str, path: Path) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
        yield line
    if digest.hexdigest() != wanted:
        raise SealError(
            f"{path} was changed while it was read",
            advice="get it again",
        )


def write_head(registry: Registry, path: Path, signer: Signer) -> AuditRow:
    """Write the newest row of the audit log, signed.

    Raises:
        RegistryError: the log is empty.
        UsageError: ``path`` exists already.
        OutputError: it can't be written.
        SigningError: the signer, its certificate or the clock stops it.
    """
    head = registry.audit.head()
    if head is None:
        raise RegistryError("The audit log is empty: there is no head to sign.")
    write_whole(path, [seal("audit-head", head.as_json(), signer)])
    return head


def check_head(
    registry: Registry, path: Path, anchors_pem: bytes, archived: Iterable[AuditRow] = ()
) -> str | None:
    """Why a signed head is not in the log any more; None when it is.

    Args:
        registry: whose log.
        path: the head.
        anchors_pem: whose heads are believed.
        archived: rows of the log's archives, where the head may be.

    Raises:
        UnreadableFileError: the file can't be read.
        SealError: it is damaged, or signed by nobody who is trusted.
    """
    try:
        sealed = unseal("audit-head", path.read_bytes(), anchors_pem, str(path), expires=False)
    except OSError as error:
        raise _unreadable(path, error) from error
    number, value = sealed.document.get("number"), sealed.document.get("hash")
    if not isinstance(number, int):
        raise SealError(f"{path} is signed, but is no head of a log.")
    row = registry.audit.row(number) or next((r for r in archived if r.number == number), None)
    if row is None:
        return f"row {number}, which {path} says was there, is gone"
    if row.hash != value:
        return f"row {number} is not the one that {path} says was there"
    return None


def log_verification(registry: Registry, report: VerificationReport) -> None:
    """Append a verification to the audit log: the file's hash, never its name."""
    named = report.watermark.stamp_id
    registry.audit.append(
        "verify",
        sha256=report.file.sha256,
        verdict=report.verdict.value,
        stamp_id=None if named is None else named.hex,
    )


def _log_head(registry: Registry) -> dict[str, Any]:
    """How far the audit log has come, as signed documents carry it; nothing of an empty one."""
    first, newest = registry.audit.name(), registry.audit.head()
    if first is None or newest is None:
        return {}
    return {"log": LogHead(first, newest.number, newest.hash).as_json()}


def _logged(registry: Registry, kind: str, content: bytes) -> None:
    registry.audit.append("export", kind=kind, sha256=hashlib.sha256(content).hexdigest())


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that is there whole or not at all, and replaces nothing."""
    if os.path.lexists(path):
        raise UsageError(f"{path} exists already; name another file.")
    with Workspace(path) as workspace, written(path):
        draft = workspace.path("draft")
        with draft.open("wb") as stream:
            for piece in pieces:
                stream.write(piece)
        workspace.publish(draft)


@contextlib.contextmanager
def written(path: Path) -> Iterator[None]:
    """Word what the system says against writing a document.

    Raises:
        OutputError: it can't be written.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"{path} can't be written: {reason}.", path=path) from error


def _unreadable(path: Path, error: OSError) -> UnreadableFileError:
    return UnreadableFileError(
        f"{path} can't be read: {(error.strerror or 'input/output error').lower()}."
    )
