"""The audit log outside of the registry: its signed head, and what goes into it from here.

An audit head is the newest row of the log, sealed: kept elsewhere, it tells later whether rows were
taken off the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from provenance.documents.lines import unreadable, write_whole
from provenance.documents.seal import seal, unseal
from provenance.documents.seen import LogHead
from provenance.errors import RegistryError, SealError
from provenance.manifest import Signer
from provenance.registry import AuditRow, Registry
from provenance.results import VerificationReport


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
        raise unreadable(path, error) from error
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


def log_head(registry: Registry) -> dict[str, Any]:
    """How far the audit log has come, as signed documents carry it; nothing of an empty one."""
    first, newest = registry.audit.name(), registry.audit.head()
    if first is None or newest is None:
        return {}
    return {"log": LogHead(first, newest.number, newest.hash).as_json()}


def logged(registry: Registry, kind: str, content: bytes) -> None:
    """Append to the audit log what was written for others: its kind and its SHA-256."""
    registry.audit.append("export", kind=kind, sha256=hashlib.sha256(content).hexdigest())
