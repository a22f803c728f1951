"""The files of a keyring: written whole and private, locked while they change, named by id."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provenance.errors import KeyringError, OutputError
from provenance.manifest.certificates import fingerprint_id

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no flock
    fcntl = None  # type: ignore[assignment]  # absent on that platform only

INDEX = "keyring.json"
SCHEMA = "provenance.keyring/1"
LOCK = ".lock"

PRIVATE, PUBLIC = 0o600, 0o644


def derive_key_id(secret: bytes, purpose: str) -> str:
    """Eight hexadecimal digits that name a secret and tell nothing of it.

    Args:
        secret: 32 bytes.
        purpose: "watermark", "pilot" or "prompt".
    """
    info = f"provenance-stamp/key-id/{purpose}".encode()
    label = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
    return hashlib.sha256(label).hexdigest()[:8]


def certificate_id(certificate_pem: bytes) -> str:
    """Eight hexadecimal digits of the first certificate's SHA-256 fingerprint."""
    return fingerprint_id(x509.load_pem_x509_certificates(certificate_pem)[0])


def secret_file(purpose: str, secret: bytes) -> bytes:
    """What a file says that holds one secret."""
    return f"provenance-{purpose}-secret:{secret.hex()}\n".encode()


def index_file(index: dict[str, Any]) -> bytes:
    """What :data:`INDEX` says."""
    return (json.dumps(index, indent=2, ensure_ascii=False) + "\n").encode()


def day_and_time(moment: datetime) -> str:
    """A moment as the index writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet, to the disk, with this mode whatever the umask.

    Raises:
        OSError: when it is there, or can't be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with open(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        if os.name == "posix":
            os.fchmod(stream.fileno(), mode)
        os.fsync(stream.fileno())


def replace_index(folder: Path, index: dict[str, Any]) -> None:
    """Put another index in the place of the one there, by a rename: old or new, never half."""
    draft = folder / f".{INDEX}.{secrets.token_hex(8)}"
    try:
        write_new(draft, index_file(index), PUBLIC)
        os.replace(draft, folder / INDEX)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Have a folder's entries written to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the keyring's lock: one process at a time changes it.  A killed process lets go of it.

    Raises:
        KeyringError: when another process is changing the keyring.
    """
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise KeyringError(
                    f"The keys in {folder} are being changed by another process; "
                    "nothing was changed here, look at `provenance keys list` and try again.",
                ) from error
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def written_to(folder: Path) -> Iterator[None]:
    """Turn what the system says against writing into ``folder`` into a clear sentence.

    Raises:
        OutputError: for any OSError that is not the program's own already.
    """
    try:
        yield
    except (KeyringError, OutputError):
        raise
    except OSError as error:
        raise OutputError(
            f"Keys could not be written to {folder} ({error.strerror or 'input/output error'})",
            advice="choose a folder that you can write to",
        ) from error
