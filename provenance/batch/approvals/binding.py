"""The binding key: with it, reviewers bind an approval to a prompt that nobody can guess from it.

A plain hash of a short prompt can be guessed by whoever can read the approval, and the prompt key,
which no reviewer should need, also keys the hashes that everybody can read in published clips.  So
each prompt key has a binding key, derived from it one way: reviewers get that, and whoever holds
the prompt key can check what was bound, also after the prompt key was rotated.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provenance.errors import KeyringError, OutputError, UsageError
from provenance.keyring.files import PRIVATE, derive_key_id, secret_file, write_new
from provenance.manifest.prompt import SECRET_BYTES, PromptKey

_PURPOSE: Final = "binding"
_SECRET: Final = re.compile(rb"provenance-binding-secret:([0-9a-f]{64})\s*")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_MAX_FILE: Final = 1024


def binding_key(prompt_key: PromptKey) -> PromptKey:
    """The binding key that belongs to a prompt key; it tells nothing of it."""
    info = b"provenance-stamp/binding-key"
    secret = HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=info).derive(
        prompt_key.secret
    )
    return PromptKey(derive_key_id(secret, _PURPOSE), secret)


def write_binding_key(path: Path, key: PromptKey) -> None:
    """Write a binding key into a new file, for its owner alone.

    Raises:
        UsageError: the file is there.
        OutputError: it can't be written.
    """
    try:
        write_new(path, secret_file(_PURPOSE, key.secret), PRIVATE)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already; choose another name for the key.") from error
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"The key {path} cannot be written: {reason}.") from error


def load_binding_key(path: Path) -> PromptKey:
    """A reviewer's copy of a binding key.

    Raises:
        KeyringError: it can't be read, is none, or others may read it.
    """
    try:
        with path.open("rb") as handle:
            content = handle.read(_MAX_FILE)
            mode = os.fstat(handle.fileno()).st_mode
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise KeyringError(f"The key {path} cannot be read: {reason}.") from error
    if os.name == "posix" and mode & _OTHERS:
        raise KeyringError(
            f"Other users may read the key {path}",
            advice="run chmod 600 on it",
        )
    found = _SECRET.fullmatch(content)
    if found is None:
        raise KeyringError(
            f"{path} holds no binding key",
            advice="whoever stamps makes one with `provenance keys binding-key FILE`",
        )
    secret = bytes.fromhex(found[1].decode("ascii"))
    return PromptKey(derive_key_id(secret, _PURPOSE), secret)
