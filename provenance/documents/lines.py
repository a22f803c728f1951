"""Files of documents: written whole or not at all; lines of which the first signs the others."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from provenance.documents.seal import Sealed, unseal
from provenance.errors import OutputError, SealError, UnreadableFileError, UsageError
from provenance.system.workspace import Workspace

_MAX_HEADER = 1024 * 1024
_PIECE = 1024 * 1024


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
            raise unreadable(path, error) from error
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


def unreadable(path: Path, error: OSError) -> UnreadableFileError:
    """What is raised of a document that the system does not give."""
    return UnreadableFileError(
        f"{path} can't be read: {(error.strerror or 'input/output error').lower()}."
    )
