"""Reviewers' keys: Ed25519, each kept by its reviewer; a batch holds the public halves only.

Which person has which keys is what :data:`PERSONS_FILE` says, beside the keys::

    bound = true                             # count only approvals that are bound to the job

    [persons]
    reviewer-7 = ["reviewer-7.pub", "reviewer-7-travel.pub"]
    reviewer-9 = ["reviewer-9.pub"]

Where there is such a file, every key has to stand in it, so that nobody's second key counts as a
second person.  Where there is none, each key is a person of its own.
"""

from __future__ import annotations

import os
import stat
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

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

from provenance.batch.approvals.envelope import key_id
from provenance.errors import KeyringError, OutputError, UsageError
from provenance.keyring.files import PRIVATE, PUBLIC, write_new
from provenance.registry import check_reference
from provenance.system.text import printable

FOLDER: Final = "reviewers"
"""Where a keyring keeps the public keys of those who may approve."""
PERSONS_FILE: Final = "reviewers.toml"
"""The file in such a folder that says whose keys they are."""
_SUFFIXES: Final = (".pem", ".pub")
_FIELD: Final = 2**255 - 19
_OF_ORDER_8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER: Final = frozenset((0, 1, _FIELD - 1, _OF_ORDER_8, _FIELD - _OF_ORDER_8))
"""The y of all points whose order divides 8."""
_MAX_FILE: Final = 64 * 1024
_BEGIN: Final = b"-----BEGIN PUBLIC KEY-----"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Reviewers:
    """Who may approve.

    Attributes:
        keys: trusted public keys by their id (:func:`provenance.batch.approvals.envelope.key_id`).
        persons: whose key it is, by the key's id; empty where nobody said.
        bound: whether only approvals count that are bound to the job.
    """

    keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    persons: Mapping[str, str] = field(default_factory=dict)
    bound: bool = False

    def person_of(self, key: str) -> str:
        """Equal for two keys of one person."""
        return same_person(self.persons[key]) if self.persons else key

    def names_another(self, approver: str, key: str) -> bool:
        """Whether an approver is a person of the list, and not the one who has this key."""
        named = same_person(approver)
        listed = {same_person(person) for person in self.persons.values()}
        return named in listed and named != self.person_of(key)


def same_person(name: str) -> str:
    """Equal for two spellings of one name (case, Unicode forms)."""
    return unicodedata.normalize("NFKC", name).casefold()


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
        raise KeyringError(
            f"Other users may read the key {path}",
            advice="run chmod 600 on it",
        )
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyringError(
            f"{path} holds no Ed25519 key without a pass-phrase",
            advice="make one with `provenance approve`",
            settings=("new_key",),
        )
    return key


def load_reviewers(paths: Iterable[Path]) -> Reviewers:
    """Who may approve, by files and folders.

    Args:
        paths: files of public keys in PEM; ``.toml`` files like :data:`PERSONS_FILE`; folders,
            whose ``.pem`` and ``.pub`` files and :data:`PERSONS_FILE` are read.

    Raises:
        KeyringError: one can't be read, or is no Ed25519 public key; a key is two persons'; there
            are persons, and a key is none's.
    """
    found: dict[str, Ed25519PublicKey] = {}
    places: dict[str, Path] = {}
    lists: list[Path] = []
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(
                f for f in path.iterdir() if f.suffix.lower() in _SUFFIXES or f.name == PERSONS_FILE
            )
        for file in files:
            if file.suffix.lower() == ".toml":
                lists.append(file)
                continue
            for key in _public_keys(file):
                found[key_id(key)] = key
                places.setdefault(key_id(key), file)
    persons: dict[str, str] = {}
    bound = False
    for listed in lists:
        said = _read_persons(listed)
        bound = bound or said.bound
        for name, file in said.files:
            for key in _public_keys(file):
                owner = persons.setdefault(key_id(key), name)
                if same_person(owner) != same_person(name):
                    raise KeyringError(
                        f"The key in {file} stands under two persons, {owner} and {name}; "
                        "a key belongs to one.",
                    )
                found[key_id(key)] = key
    for name, place in places.items():
        if lists and name not in persons:
            raise KeyringError(
                f"A key in {place} stands under no person in {lists[0]}",
                advice="add it to its owner's, or take the file away",
            )
    return Reviewers(found, persons, bound)


@dataclass(frozen=True, slots=True)
class _Persons:
    """What a file of persons says: names, each with one of its files."""

    files: tuple[tuple[str, Path], ...]
    bound: bool


def _read_persons(path: Path) -> _Persons:
    try:
        values = tomllib.loads(_read(path).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise KeyringError(f"{path} is not valid TOML in UTF-8.") from error
    persons, bound = values.get("persons"), values.get("bound", False)
    if set(values) - {"persons", "bound"} or not isinstance(bound, bool):
        raise KeyringError(
            f"{path} holds something else than a table persons, and bound = true or false."
        )
    if not isinstance(persons, dict) or not persons:
        raise KeyringError(
            f"{path} names no persons",
            advice="write them as docs/release-pipeline.md says",
        )
    return _Persons(tuple(_named(path, persons)), bound)


def _named(path: Path, persons: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for name, files in persons.items():
        try:
            check_reference(name)
        except UsageError as error:
            raise KeyringError(f"A name in {path} is none: {error}") from error
        if (
            not isinstance(files, list)
            or not files
            or not all(isinstance(file, str) for file in files)
        ):
            raise KeyringError(f"{printable(name, 60)} in {path} should have a list of .pub files.")
        for file in files:
            yield name, path.parent / file


def _public_keys(file: Path) -> Iterable[Ed25519PublicKey]:
    content = _read(file)
    if b"PRIVATE KEY-----" in content:
        raise KeyringError(
            f"{file} holds a private key",
            advice="give the public one that ends in .pub",
        )
    blocks = content.split(_BEGIN)[1:]
    if not blocks:
        raise KeyringError(
            f"{file} holds no public key in PEM",
            advice="give a reviewer's .pub file",
        )
    for block in blocks:
        try:
            key = load_pem_public_key(_BEGIN + block)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyringError(
                f"A public key in {file} is damaged",
                advice="get the file again",
            ) from error
        if not isinstance(key, Ed25519PublicKey):
            raise KeyringError(
                f"A key in {file} is not Ed25519; a reviewer's key has to be.",
            )
        if _is_anybodys(key):
            raise KeyringError(
                f"A key in {file} is one under which anybody can sign",
                advice="have its owner make a new one with `provenance approve`",
                settings=("new_key",),
            )
        yield key


def _is_anybodys(key: Ed25519PublicKey) -> bool:
    """Whether a key is a point of small order, or written in a way that no program writes it.

    Under such a point a signature can be made without any secret, and it has several spellings,
    which would count as several keys (RFC 8032, 5.1.7, leaves it to who checks).
    """
    y = int.from_bytes(key.public_bytes_raw(), "little") & ((1 << 255) - 1)
    return y >= _FIELD or y in _SMALL_ORDER


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
