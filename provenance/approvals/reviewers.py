"""Reviewers' keys: Ed25519, each kept by its reviewer; a batch holds the public halves only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from provenance.approvals.envelope import key_id
from provenance.errors import KeyringError, OutputError, UsageError
from provenance.keyring.files import PRIVATE, PUBLIC, write_new

FOLDER: Final = "reviewers"
"""Where a keyring keeps the public keys of those who may approve."""
_SUFFIXES: Final = (".pem", ".pub")
_MAX_FILE: Final = 64 * 1024
_BEGIN: Final = b"-----BEGIN PUBLIC KEY-----"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

Reviewers = Mapping[str, Ed25519PublicKey]
"""Trusted public keys by their id (:func:`provenance.approvals.envelope.key_id`)."""


def new_reviewer_key(path: Path) -> Path:
    """Make a key pair: ``path``, for its owner alone, and ``path.pub``, whose path is returned.

    Raises:
        UsageError: one of the files is there.
        OutputError: they can't be written.
    """
    public = path.with_name(path.name + ".pub")
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if os.path.lexists(public):
        raise UsageError(f"{public} exists already; choose another name for the new key.")
    try:
        write_new(path, private_pem, PRIVATE)
        write_new(public, public_pem, PUBLIC)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already; choose another name for the new key.") from error
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"The key {path} cannot be written: {reason}.") from error
    return public


def load_reviewer_key(path: Path) -> Ed25519PrivateKey:
    """A reviewer's private key.

    Raises:
        KeyringError: it can't be read, is no Ed25519 key, or others may read it.
    """
    content = _read(path)
    if os.name == "posix" and path.stat().st_mode & _OTHERS:
        raise KeyringError(f"Other users may read the key {path}; run chmod 600 on it.")
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyringError(
            f"{path} holds no Ed25519 key without a pass-phrase; make one with "
            "`provenance approve --new-key FILE`."
        )
    return key


def load_reviewers(paths: Iterable[Path]) -> Reviewers:
    """The public keys in files, and in the ``.pem`` and ``.pub`` files of folders.

    Raises:
        KeyringError: one can't be read, or is no Ed25519 public key.
    """
    found: dict[str, Ed25519PublicKey] = {}
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(f for f in path.iterdir() if f.suffix.lower() in _SUFFIXES)
        for file in files:
            for key in _public_keys(file):
                found[key_id(key)] = key
    return found


def _public_keys(file: Path) -> Iterable[Ed25519PublicKey]:
    content = _read(file)
    if b"PRIVATE KEY-----" in content:
        raise KeyringError(f"{file} holds a private key; give the public one that ends in .pub.")
    blocks = content.split(_BEGIN)[1:]
    if not blocks:
        raise KeyringError(f"{file} holds no public key in PEM; give a reviewer's .pub file.")
    for block in blocks:
        try:
            key = load_pem_public_key(_BEGIN + block)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyringError(f"A public key in {file} is damaged; get the file again.") from error
        if not isinstance(key, Ed25519PublicKey):
            raise KeyringError(f"A key in {file} is not Ed25519; a reviewer's key has to be.")
        yield key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            content = handle.read(_MAX_FILE + 1)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise KeyringError(f"The key {path} cannot be read: {reason}.") from error
    if len(content) > _MAX_FILE:
        raise KeyringError(f"{path} is too large for a key; is it the right file?")
    return content
