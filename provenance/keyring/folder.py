"""The files of a keyring: what is there, what is damaged, and which of them others may open."""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.errors import KeyringError, UsageError
from provenance.keyring.files import INDEX, SCHEMA, derive_key_id
from provenance.manifest.certificates import Issued
from provenance.manifest.prompt import PromptKey
from provenance.manifest.signer import LocalSigner, Signer
from provenance.signers import SignerSpec, open_signer
from provenance.watermark.code.keys import SECRET_BYTES, WatermarkKey

FIRST_AUTHORITY = {"key": "ca/root.key.pem", "certificate": "ca/root.pem"}
"""Where it lies when the index does not say."""

_MAX_FILE = 1024 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class KeyFolder:
    """Reads the files of one keyring, collecting warnings on the way.

    Every method raises :class:`KeyringError` for what is missing, damaged or lies elsewhere.
    """

    def __init__(self, folder: Path, *, pin: str | None = None) -> None:
        self._folder = folder
        self._pin = pin
        self._warnings: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each file read so far that others may read or change."""
        return tuple(dict.fromkeys(self._warnings))

    def index(self) -> dict[str, Any]:
        """The index, of a version that this release knows."""
        folder = self._folder
        if not folder.is_dir():
            raise KeyringError(
                f"There is no keys folder {folder}",
                advice="make one with `provenance keys init`, or name yours",
                settings=("keys",),
            )
        if not (self._folder / INDEX).exists():
            raise KeyringError(
                f"{self._folder} holds no keys ({INDEX} is missing)",
                advice="make some with `provenance keys init`, or name another folder",
                settings=("keys",),
            )
        try:
            index = json.loads(self.read(INDEX, private=False))
        except (ValueError, RecursionError) as error:
            raise self._damaged("it is not JSON") from error
        if not isinstance(index, dict):
            raise self._damaged("it is no JSON object")
        schema = index.get("schema")
        if schema != SCHEMA:
            raise KeyringError(
                f"{self._folder / INDEX} is of another version ({schema!r}, not {SCHEMA!r})",
                advice="use the release that wrote it, or a newer one",
            )
        return index

    def organisation(self, index: dict[str, Any]) -> str:
        """Whose keys they are."""
        name = index.get("organisation")
        if not isinstance(name, str) or not name.isprintable():
            raise self._damaged("it names no organisation")
        return name

    def authority(self, index: dict[str, Any]) -> Issued:
        """The certificate authority's own key and certificate."""
        entry = index.get("authority", FIRST_AUTHORITY)
        names = entry if isinstance(entry, dict) else {}
        key, certificate = names.get("key"), names.get("certificate")
        if not isinstance(key, str) or not isinstance(certificate, str):
            raise self._damaged("its authority has no `key` or no `certificate`")
        for name in (key, certificate):
            if not (self._folder / name).exists():
                raise KeyringError(
                    f"The certificate authority's {self._folder / name} is not here",
                    advice=(
                        "bring the `ca` folder back from where it is kept and try again, or make "
                        "another authority with `provenance keys rotate`"
                    ),
                    settings=("authority",),
                )
        return Issued(self.read(key, private=True), self.certificates(certificate))

    def watermark_keys(self, index: dict[str, Any]) -> tuple[WatermarkKey, ...]:
        """Those that the index lists, newest first."""
        entries = self.entries(index, "watermark_keys")
        if not entries:
            return ()
        pilot = index.get("pilot")
        if not isinstance(pilot, dict):
            raise self._damaged("it names no pilot secret")
        pilot_secret = self.secret(pilot, "pilot")
        return tuple(
            WatermarkKey(entry["id"], self.secret(entry, "watermark"), pilot_secret)
            for entry in entries
        )

    def prompt_keys(self, index: dict[str, Any]) -> tuple[PromptKey, ...]:
        """Those that the index lists, newest first."""
        entries = self.entries(index, "prompt_keys")
        if not entries:
            raise KeyringError(
                f"{self._folder} holds no prompt key",
                advice="copy it from the keyring",
            )
        return tuple(PromptKey(entry["id"], self.secret(entry, "prompt")) for entry in entries)

    def issuers(self, index: dict[str, Any]) -> bytes:
        """PEM certificates under which lists, bundles and heads are believed."""
        own = self.names(index, "own_anchors")
        found = [self.certificates(n) for n in self.names(index, "trust_anchors") if n in own]
        for entry in self.entries(index, "signing_keys"):
            # A verifier's copy of the folder may lack them; a damaged one stops who signs.
            with suppress(KeyringError, KeyError, TypeError):
                leaf = x509.load_pem_x509_certificates(self.certificates(entry["chain"]))[0]
                found.append(leaf.public_bytes(Encoding.PEM))
        return b"".join(found)

    def signer(self, index: dict[str, Any]) -> Signer:
        """The current one."""
        entry = self.signing_entry(index)
        chain = self.certificates(entry["chain"])
        if "signer" in entry:
            return open_signer(self.spec(entry, chain), pin=self._pin)
        return LocalSigner(self.read(entry["key"], private=True), chain)

    def signing_entry(self, index: dict[str, Any]) -> dict[str, Any]:
        """The current signing key's entry: a chain, and a key file or a service's address."""
        entries = self.entries(index, "signing_keys")
        if not entries:
            raise KeyringError(
                f"{self._folder} holds no signing key; it can verify only.",
            )
        entry = entries[0]
        names = (entry.get("signer", entry.get("key")), entry.get("chain"))
        if not all(isinstance(name, str) for name in names):
            raise self._damaged("a signing key has no `key` and no `signer`, or no `chain`")
        return entry

    def spec(self, entry: dict[str, Any], chain_pem: bytes | None) -> SignerSpec:
        """The key service that an entry names."""
        try:
            return SignerSpec(entry["signer"], chain_pem)
        except UsageError as error:
            raise self._damaged(f"the address of a signing key can't be read: {error}") from error

    def entries(self, index: dict[str, Any], name: str) -> list[dict[str, Any]]:
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

    def names(self, index: dict[str, Any], name: str) -> list[str]:
        """File names that the index lists under ``name``."""
        listed = index.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise self._damaged(f"its {name} are no list of file names")
        return listed

    def secret(self, entry: dict[str, Any], purpose: str) -> bytes:
        """The secret (32 bytes) of one entry, checked against its id."""
        name, key_id = entry.get("file"), entry.get("id")
        if not isinstance(name, str):
            raise self._damaged(f"a {purpose} key has no file")
        text = self.read(name, private=True).decode("ascii", "replace")
        found = re.fullmatch(rf"provenance-{purpose}-secret:([0-9a-f]{{64}})\s*", text)
        secret = bytes.fromhex(found[1]) if found else b""
        if len(secret) != SECRET_BYTES or derive_key_id(secret, purpose) != key_id:
            raise KeyringError(
                f"{self._folder / name} is damaged or belongs to another key",
                advice="put it back from your backup",
            )
        return secret

    def certificates(self, name: str) -> bytes:
        """PEM certificates of one file."""
        pem = self.read(name, private=False)
        try:
            x509.load_pem_x509_certificates(pem)
        except ValueError as error:
            raise KeyringError(
                f"{self._folder / name} holds a damaged certificate",
                advice="put it back from your backup",
            ) from error
        return pem

    def read(self, name: str, *, private: bool) -> bytes:
        """One file's content; a warning when others may open (or, if not private, change) it."""
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
                f"{path} is missing",
                advice="put it back from your backup, or make new keys in another folder",
            ) from error
        except OSError as error:
            raise KeyringError(
                f"{path} can't be read ({error.strerror or 'input/output error'})",
                advice="check its owner and permissions",
            ) from error
        if len(content) > _MAX_FILE:
            raise KeyringError(
                f"{path} is too large for a key file",
                advice="put the right one back",
            )
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
            f"{self._folder / INDEX} is damaged ({how})",
            advice="put it back from your backup",
        )
