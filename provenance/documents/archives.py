"""The old part of an audit log in a file of its own, signed, and still part of the chain.

A file holds rows in order, one JSON object a line, below a sealed line with their SHA-256, the last
of them, and the log's name (:func:`.lines.signed_lines`).  It is on disk before a row is taken
out of the log; a try that ends in between leaves a file too many, and no row too few.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.documents.lines import signed_lines, write_signed_lines
from provenance.documents.seal import seal
from provenance.errors import RegistryError, SealError, UsageError
from provenance.manifest import Signer
from provenance.registry import AuditRow, Registry

_KIND = "audit-archive"


def archive(registry: Registry, path: Path, before: datetime, signer: Signer) -> int:
    """Move the log's rows from before a moment into a file; the number of the last one.

    Args:
        registry: whose; it was audited, and holds.
        path: the file, which is not there yet.
        before: the moment.
        signer: who signs the file.

    Raises:
        UsageError: no row is from before, a receiver was not told of all of them, or ``path``
            exists.
        OutputError: the file can't be written.
        SigningError: the signer, its certificate or the clock stops it.
        RegistryError: the log can't be changed, and no row of it was.
    """
    last = registry.audit.newest_before(before)
    if last is None:
        raise UsageError("No row of the log is from before then.")
    behind = registry.deliveries.behind(last.number)
    if behind:
        raise UsageError(
            f"Not everything up to row {last.number} has been told to {', '.join(behind)}; run "
            "`provenance registry deliver` first, or name an earlier moment."
        )
    digest = ""

    def sealed(sha256: str) -> bytes:
        nonlocal digest
        digest = sha256
        said: dict[str, Any] = {"sha256": sha256, "log": registry.audit.name()}
        return seal(_KIND, said | {"head": last.as_json()}, signer)

    def lines() -> Iterator[bytes]:
        with registry.database.reading() as connection:
            for row in registry.audit.rows(connection):
                if row.number > last.number:
                    return
                yield json.dumps(row.as_json(), separators=(",", ":")).encode("ascii") + b"\n"

    write_signed_lines(path, lines(), sealed)
    try:
        registry.audit.cut_off(last, digest)
    except RegistryError as error:
        if not error.retryable:  # else the server may have done it before it went away
            path.unlink()
        raise
    return last.number


def archived(paths: Sequence[Path], anchors_pem: bytes) -> Iterator[AuditRow]:
    """The rows of archives, one file after the other; whether they hold is for who walks them.

    Args:
        paths: the files, the oldest first.
        anchors_pem: whose archives are believed.

    Raises:
        UnreadableFileError: one can't be read.
        SealError: it is damaged, or signed by nobody who is trusted.
    """
    for path in paths:
        with signed_lines(_KIND, path, anchors_pem) as (_, lines):
            for line in lines:
                try:
                    yield AuditRow.from_json(json.loads(line))
                except (ValueError, RecursionError) as error:
                    raise SealError(f"{path} is signed, but is no archive of a log.") from error
