"""The organisation's keys: made once by :func:`init_keyring`, read by :meth:`Keyring.load`.

A keyring is a folder with an index, ``keyring.json``, and one file a key (see ``keys/README.md``).
The index lists every kind of key newest first, exactly one of each marked ``current``; older ones
stay for verifying.  A verifier needs the index, the watermark keys and the trust anchors only:
what else is missing is reported when it is asked for, not before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provenance.errors import KeyringError, OutputError, UsageError
from provenance.manifest.certificates import check_organisation, issue_signer, make_root
from provenance.manifest.prompt import PromptKey
from provenance.manifest.signer import LocalSigner, Signer
from provenance.watermark.keys import SECRET_BYTES, WatermarkKey

INDEX = "keyring.json"
SCHEMA = "provenance.keyring/1"

_Part = TypeVar("_Part")

_PARTS = ("ca", "signing", "trust", "watermark", "prompt")
_MAX_FILE = 1024 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Keyring:
    """What a folder of keys holds; ``repr`` shows no secret.

    ``trust_anchors_pem`` is whom to trust as signers: the organisation's own root and what else
    the index lists.  ``tsa_anchors_pem`` is whom to believe the time: empty unless somebody puts
    files under ``timestamp_anchors`` of the index.  ``watermark_keys`` is newest first, its first
    the one to stamp with.  ``warnings`` holds one sentence for each file that people other than
    its owner may read or change.
    """

    folder: Path
    organisation: str
    watermark_keys: tuple[WatermarkKey, ...]
    trust_anchors_pem: bytes = field(repr=False)
    tsa_anchors_pem: bytes = field(repr=False)
    warnings: tuple[str, ...]
    _signer: Signer | KeyringError = field(repr=False)
    _prompt_keys: tuple[PromptKey, ...] | KeyringError = field(repr=False)

    @classmethod
    def load(cls, folder: Path) -> Keyring:
        """Read the keyring in ``folder``.

        Raises:
            KeyringError: when there is no keyring, it can't be read, its index is damaged, or a
                watermark key or trust anchor that the index names is missing or damaged.
        """
        return _Loader(folder).load()

    @property
    def watermark_key(self) -> WatermarkKey:
        """The key to stamp with.

        Raises:
            KeyringError: when this keyring holds none.
        """
        if not self.watermark_keys:
            raise KeyringError(
                f"{self.folder} holds no watermark key; copy the keyring's `watermark` folder and "
                "its index there."
            )
        return self.watermark_keys[0]

    @property
    def prompt_key(self) -> PromptKey:
        """The key that prompts are hashed with.

        Raises:
            KeyringError: when it is missing or damaged.
        """
        return self.prompt_keys[0]

    @property
    def prompt_keys(self) -> tuple[PromptKey, ...]:
        """Every prompt key, newest first, for checking older hashes.

        Raises:
            KeyringError: when one is missing or damaged.
        """
        if isinstance(self._prompt_keys, KeyringError):
            raise KeyringError(str(self._prompt_keys)) from self._prompt_keys
        return self._prompt_keys

    @property
    def signer(self) -> Signer:
        """The signer of manifests.

        Raises:
            KeyringError: when its key or certificate is missing, damaged, or the two do not
                belong together.  (Dates are checked when signing, by then they may have passed.)
        """
        if isinstance(self._signer, KeyringError):
            raise KeyringError(str(self._signer)) from self._signer
        return self._signer


def is_keyring(folder: Path) -> bool:
    """Say whether ``folder`` holds a keyring, damaged or not."""
    return (folder / INDEX).exists()


def init_keyring(folder: Path, organisation: str, *, now: datetime | None = None) -> Keyring:
    """Make a certificate authority, a signing certificate under it, and fresh secrets.

    The folder is made with mode 0700 if it does not exist; private files get mode 0600, whatever
    the umask.  All is written to a temporary folder and moved into place, the index last, so that
    a keyring is there whole or not at all.

    Args:
        folder: may exist and hold other files (a README), but no keyring or part of one.
        organisation: 1 to 64 printable characters, shown as the signer of every file.
        now: start of the certificates; default: the clock.

    Raises:
        UsageError: when the name can't stand in a certificate.
        KeyringError: when ``folder`` already holds a keyring or a part of one.
        OutputError: when it can't be written.
    """
    try:
        organisation = check_organisation(organisation)
    except ValueError as error:
        raise UsageError(str(error)) from error
    moment = datetime.now(UTC) if now is None else now
    files = _new_files(organisation, moment)
    made_folder = False
    moved: list[Path] = []
    try:
        _refuse_existing(folder)
        made_folder = _make_folder(folder)
        draft = folder / f".init-{secrets.token_hex(8)}"
        draft.mkdir(mode=0o700)
        try:
            for name, (content, private) in files.items():
                target = draft / name
                target.parent.mkdir(mode=0o700, exist_ok=True)
                _write_new(target, content, 0o600 if private else 0o644)
            for part in _PARTS:
                # Fails, and is undone, when another init has put its own part there meanwhile.
                os.rename(draft / part, folder / part)
                moved.append(folder / part)
            # A link never replaces what is there, so of two inits at once one loses cleanly.
            _move_new(draft / INDEX, folder / INDEX)
            moved.clear()
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _sync_folder(folder)
    except OSError as error:
        _undo(moved, folder if made_folder else None)
        raise OutputError(
            f"Keys could not be written to {folder} ({error.strerror or 'input/output error'}); "
            "choose a folder that you can write to."
        ) from error
    except BaseException:
        _undo(moved, folder if made_folder else None)
        raise
    return Keyring.load(folder)


def derive_key_id(secret: bytes, purpose: str) -> str:
    """Eight hexadecimal digits that name a secret and tell nothing of it.

    Args:
        secret: 32 bytes.
        purpose: "watermark", "pilot" or "prompt".
    """
    info = f"provenance-stamp/key-id/{purpose}".encode()
    label = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
    return hashlib.sha256(label).hexdigest()[:8]


class _Loader:
    """Reads one folder, collecting warnings on the way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._warnings: list[str] = []

    def load(self) -> Keyring:
        folder = self._folder
        if not folder.is_dir():
            raise KeyringError(
                f"There is no keys folder {folder}; make one with `provenance keys init`, or name "
                "yours with --keys."
            )
        index = self._index()
        organisation = index.get("organisation")
        if not isinstance(organisation, str) or not organisation.isprintable():
            raise self._damaged("it names no organisation")
        watermark_keys = self._watermark_keys(index)
        anchors, tsa_anchors = (
            b"".join(self._certificates(file) for file in self._names(index, kind))
            for kind in ("trust_anchors", "timestamp_anchors")
        )
        return Keyring(
            folder,
            organisation,
            watermark_keys,
            anchors,
            tsa_anchors,
            # Read before the warnings are taken: they add to them.
            _signer=_deferred(lambda: self._signer(index)),
            _prompt_keys=_deferred(lambda: self._prompt_keys(index)),
            warnings=tuple(self._warnings),
        )

    def _index(self) -> dict[str, Any]:
        if not (self._folder / INDEX).exists():
            raise KeyringError(
                f"{self._folder} holds no keys ({INDEX} is missing); make some with `provenance "
                "keys init`, or name another folder with --keys."
            )
        try:
            index = json.loads(self._read(INDEX, private=False))
        except (ValueError, RecursionError) as error:
            raise self._damaged("it is not JSON") from error
        if not isinstance(index, dict):
            raise self._damaged("it is no JSON object")
        schema = index.get("schema")
        if schema != SCHEMA:
            raise KeyringError(
                f"{self._folder / INDEX} is of another version ({schema!r}, not {SCHEMA!r}); use "
                "the release that wrote it, or a newer one."
            )
        return index

    def _watermark_keys(self, index: dict[str, Any]) -> tuple[WatermarkKey, ...]:
        entries = self._entries(index, "watermark_keys")
        if not entries:
            return ()
        pilot = index.get("pilot")
        if not isinstance(pilot, dict):
            raise self._damaged("it names no pilot secret")
        pilot_secret = self._secret(pilot, "pilot")
        return tuple(
            WatermarkKey(entry["id"], self._secret(entry, "watermark"), pilot_secret)
            for entry in entries
        )

    def _prompt_keys(self, index: dict[str, Any]) -> tuple[PromptKey, ...]:
        entries = self._entries(index, "prompt_keys")
        if not entries:
            raise KeyringError(f"{self._folder} holds no prompt key; copy it from the keyring.")
        return tuple(PromptKey(entry["id"], self._secret(entry, "prompt")) for entry in entries)

    def _signer(self, index: dict[str, Any]) -> Signer:
        entries = self._entries(index, "signing_keys")
        if not entries:
            raise KeyringError(f"{self._folder} holds no signing key; it can verify only.")
        key_name, chain_name = entries[0].get("key"), entries[0].get("chain")
        if not isinstance(key_name, str) or not isinstance(chain_name, str):
            raise self._damaged("a signing key has no `key` or no `chain`")
        key = self._read(key_name, private=True)
        return LocalSigner(key, self._certificates(chain_name))

    def _entries(self, index: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """The entries of one kind, the current one first, then in the index's order."""
        listed = index.get(name, [])
        if not isinstance(listed, list) or not all(
            isinstance(entry, dict) and isinstance(entry.get("id"), str) for entry in listed
        ):
            raise self._damaged(f"its {name} are no list of keys with an id")
        current = [entry for entry in listed if entry.get("state") == "current"]
        if listed and len(current) != 1:
            raise self._damaged(f"not exactly one of its {name} is current")
        if len({entry["id"] for entry in listed}) != len(listed):
            raise self._damaged(f"two of its {name} have one id")
        return current + [entry for entry in listed if entry.get("state") != "current"]

    def _names(self, index: dict[str, Any], name: str) -> list[str]:
        listed = index.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise self._damaged(f"its {name} are no list of file names")
        return listed

    def _secret(self, entry: dict[str, Any], purpose: str) -> bytes:
        name, key_id = entry.get("file"), entry.get("id")
        if not isinstance(name, str):
            raise self._damaged(f"a {purpose} key has no file")
        text = self._read(name, private=True).decode("ascii", "replace")
        found = re.fullmatch(rf"provenance-{purpose}-secret:([0-9a-f]{{64}})\s*", text)
        secret = bytes.fromhex(found[1]) if found else b""
        if len(secret) != SECRET_BYTES or derive_key_id(secret, purpose) != key_id:
            raise KeyringError(
                f"{self._folder / name} is damaged or belongs to another key; put it back from "
                "your backup."
            )
        return secret

    def _certificates(self, name: str) -> bytes:
        pem = self._read(name, private=False)
        try:
            x509.load_pem_x509_certificates(pem)
        except ValueError as error:
            raise KeyringError(
                f"{self._folder / name} holds a damaged certificate; put it back from your backup."
            ) from error
        return pem

    def _read(self, name: str, *, private: bool) -> bytes:
        relative = PurePosixPath(name)
        path = self._folder / relative
        if relative.is_absolute() or ".." in relative.parts:
            raise self._damaged(f"{name!r} lies outside the folder")
        try:
            with path.open("rb") as stream:
                self._warn(path, os.fstat(stream.fileno()).st_mode, private)
                content = stream.read(_MAX_FILE + 1)
        except FileNotFoundError as error:
            raise KeyringError(
                f"{path} is missing; put it back from your backup, or make new keys in another "
                "folder."
            ) from error
        except OSError as error:
            raise KeyringError(
                f"{path} can't be read ({error.strerror or 'input/output error'}); check its owner "
                "and permissions."
            ) from error
        if len(content) > _MAX_FILE:
            raise KeyringError(f"{path} is too large for a key file; put the right one back.")
        return content

    def _warn(self, path: Path, mode: int, private: bool) -> None:
        if os.name != "posix":
            return
        if private and mode & _OTHERS:
            self._warnings.append(
                f"{path} is a private key that others on this machine may open; run "
                f"`chmod 600 {path}`."
            )
        elif mode & _OTHERS_WRITE:
            self._warnings.append(
                f"{path} decides who is trusted and others on this machine may change it; run "
                f"`chmod go-w {path}`."
            )

    def _damaged(self, how: str) -> KeyringError:
        return KeyringError(
            f"{self._folder / INDEX} is damaged ({how}); put it back from your backup."
        )


def _deferred(read: Callable[[], _Part]) -> _Part | KeyringError:
    """What ``read`` gives, or why it can't: kept until somebody asks for that part."""
    try:
        return read()
    except KeyringError as error:
        return error


def _new_files(organisation: str, moment: datetime) -> dict[str, tuple[bytes, bool]]:
    """Every file of a fresh keyring: its content, and whether it is private."""
    root = make_root(organisation, now=moment)
    leaf = issue_signer(organisation, root, now=moment)
    leaf_id = _certificate_id(leaf.certificate_pem)
    made = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    pilot, watermark, prompt = (secrets.token_bytes(SECRET_BYTES) for _ in range(3))
    pilot_id = derive_key_id(pilot, "pilot")
    watermark_id = derive_key_id(watermark, "watermark")
    prompt_id = derive_key_id(prompt, "prompt")
    state = {"created": made, "state": "current"}
    signing = {"key": f"signing/{leaf_id}.key.pem", "chain": f"signing/{leaf_id}.chain.pem"}
    index = {
        "schema": SCHEMA,
        "organisation": organisation,
        "created": made,
        "pilot": {"id": pilot_id, "file": "watermark/pilot.secret"},
        "watermark_keys": [
            {"id": watermark_id, "file": f"watermark/{watermark_id}.secret", **state}
        ],
        "prompt_keys": [{"id": prompt_id, "file": f"prompt/{prompt_id}.secret", **state}],
        "signing_keys": [{"id": leaf_id, **signing, **state}],
        "trust_anchors": ["trust/root.pem"],
        "timestamp_anchors": [],
    }
    return {
        "ca/root.key.pem": (root.key_pem, True),
        "ca/root.pem": (root.certificate_pem, False),
        signing["key"]: (leaf.key_pem, True),
        signing["chain"]: (leaf.certificate_pem, False),
        "trust/root.pem": (root.certificate_pem, False),
        "watermark/pilot.secret": (_secret_file("pilot", pilot), True),
        f"watermark/{watermark_id}.secret": (_secret_file("watermark", watermark), True),
        f"prompt/{prompt_id}.secret": (_secret_file("prompt", prompt), True),
        INDEX: ((json.dumps(index, indent=2, ensure_ascii=False) + "\n").encode(), False),
    }


def _secret_file(purpose: str, secret: bytes) -> bytes:
    return f"provenance-{purpose}-secret:{secret.hex()}\n".encode()


def _certificate_id(certificate_pem: bytes) -> str:
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return certificate.fingerprint(SHA256()).hex()[:8]


def _refuse_existing(folder: Path) -> None:
    taken = [name for name in (INDEX, *_PARTS) if os.path.lexists(folder / name)]
    if taken:
        raise KeyringError(
            f"{folder} already holds keys ({', '.join(taken)}), which are never overwritten; "
            "choose another folder with --keys."
        )


def _make_folder(folder: Path) -> bool:
    """Make the folder, its parents too; say whether it was new."""
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    return True


def _write_new(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        if os.name == "posix":
            os.fchmod(stream.fileno(), mode)
        os.fsync(stream.fileno())


def _move_new(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise KeyringError(
            f"{target.parent} has just been given keys by somebody else; nothing was overwritten."
        ) from error
    except OSError:  # a file system without links
        _write_new(target, source.read_bytes(), 0o644)


def _undo(moved: list[Path], folder: Path | None) -> None:
    for path in moved:
        shutil.rmtree(path, ignore_errors=True)
    if folder is not None:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
