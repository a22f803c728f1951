"""What a file says of itself, as one value; who decides what it means needs no decoder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from provenance.errors import UnreadableFileError
from provenance.results import Coverage, Detection, FileFacts, ManifestReport


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings on one file.

    ``others`` are stamps where the first is not; ``coverage`` is how much was looked at.
    """

    file: FileFacts
    watermark: Detection
    manifest: ManifestReport
    others: tuple[Detection, ...] = ()
    coverage: Coverage | None = None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits, read in pieces.

    Raises:
        UnreadableFileError: when it cannot be read.
    """
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UnreadableFileError(f"{path} cannot be read: {reason}.", path=path) from error
