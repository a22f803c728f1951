"""What a registry holds, in a file: bundles to verify by, and lines for a registry of one's own.

A bundle is a sealed line, which holds the SHA-256 of the rest, and then the registry's JSON Lines
(:mod:`provenance.registry.transfer`).  It expires and says how far the audit log had come, as a
list does (:mod:`.lists`).
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from provenance.documents.heads import log_head, logged
from provenance.documents.lines import signed_lines, unreadable, write_signed_lines, write_whole
from provenance.documents.seal import seal
from provenance.documents.seen import Seen
from provenance.errors import OutputError
from provenance.manifest import Signer
from provenance.registry import Registry
from provenance.registry.transfer import Transfer, export_lines, import_lines


def write_bundle(registry: Registry, path: Path, signer: Signer, *, valid: timedelta) -> Transfer:
    """Write everything that verification needs, signed, into one file.

    Raises:
        UsageError: ``path`` exists already.
        OutputError: it can't be written.
        SigningError: the signer, its certificate or the clock stops it.
    """
    counts = {"stamp": 0, "withdrawal": 0}
    log = log_head(registry)

    def lines() -> Iterator[bytes]:
        for kind, line in export_lines(registry):
            counts[kind] += 1
            yield line

    def sealed(sha256: str) -> bytes:
        told = {"stamps": counts["stamp"], "withdrawals": counts["withdrawal"]}
        return seal("bundle", {"sha256": sha256, **told, **log}, signer, valid=valid)

    header = write_signed_lines(path, lines(), sealed)
    logged(registry, "bundle", header)
    return Transfer(counts["stamp"], counts["withdrawal"])


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
        raise unreadable(path, error) from error


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
