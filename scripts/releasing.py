"""What of scripts/release needs no build: checksums, their signature, and checking both."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from provenance.documents.seal import seal, unseal
from provenance.manifest import Signer

KIND = "release"
SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.jws"
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\s]+)")


class ReleaseError(Exception):
    """A release that is not as it should be; one sentence."""


def sums_of(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each file by its name, in the order of the names."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files, key=lambda file: file.name)
    }


def as_lines(sums: Mapping[str, str]) -> str:
    """As `sha256sum --check` reads it."""
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


def from_lines(text: str) -> dict[str, str]:
    """What :func:`as_lines` wrote.

    Raises:
        ReleaseError: it holds something else.
    """
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[2] in found:
            raise ReleaseError(f"{SUMS} is damaged: {line[:80]!r}.")
        found[match[2]] = match[1]
    return found


def differing(first: Path, second: Path) -> list[str]:
    """Names of files that two folders do not have alike, byte for byte."""
    one, other = (sums_of(folder.iterdir()) for folder in (first, second))
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def signed(sums: Mapping[str, str], version: str, commit: str, signer: Signer) -> bytes:
    """The signature: a sealed document that names every file of the release."""
    return seal(KIND, {"version": version, "commit": commit, "sha256": dict(sums)}, signer)


def check(folder: Path, anchors_pem: bytes) -> str:
    """Check a release by its signature; who signed what, as a sentence.

    Raises:
        ReleaseError: a file is missing, is not the one that was signed, or was not signed.
        SealError: the signature does not hold, or its signer is not trusted.
    """
    name = folder / SIGNATURE
    sealed = unseal(KIND, name.read_bytes(), anchors_pem, str(name), expires=False)
    said = sealed.document
    if from_lines((folder / SUMS).read_text("ascii")) != said["sha256"]:
        raise ReleaseError(f"{SUMS} is not what was signed.")
    there = sums_of(file for file in folder.iterdir() if file.name not in (SUMS, SIGNATURE))
    for file in sorted(there.keys() | said["sha256"].keys()):
        if file not in there:
            raise ReleaseError(f"{file} is missing.")
        if file not in said["sha256"]:
            raise ReleaseError(f"{file} was not signed.")
        if there[file] != said["sha256"][file]:
            raise ReleaseError(f"{file} is not the file that was signed.")
    return (
        f"{len(there)} files of {said['version']} (commit {said['commit'][:12]}), signed by "
        f"{sealed.signer} on {sealed.issued_at.date()}"
    )
