"""Make a keyring: a certificate authority, a signing certificate under it, and fresh secrets."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from provenance.errors import KeyringError
from provenance.keyring.files import (
    INDEX,
    PRIVATE,
    PUBLIC,
    SCHEMA,
    certificate_id,
    day_and_time,
    derive_key_id,
    index_file,
    secret_file,
    sync_folder,
    write_new,
    written_to,
)
from provenance.keyring.reading import Keyring
from provenance.manifest.certificates import Issued, check_organisation, issue_signer, make_root
from provenance.system.given import path_of
from provenance.watermark.code.keys import SECRET_BYTES

Files = dict[str, tuple[bytes, int]]
"""Content and mode by name, relative to the folder."""

_PARTS = ("ca", "signing", "trust", "watermark", "prompt")


def init_keyring(
    folder: str | os.PathLike[str], organisation: str, *, now: datetime | None = None
) -> Keyring:
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
    organisation = check_organisation(organisation)
    moment = datetime.now(UTC) if now is None else now
    files = _new_files(organisation, moment)
    folder = path_of(folder)
    made_folder = False
    moved: list[Path] = []
    try:
        with written_to(folder):
            _refuse_existing(folder)
            made_folder = _make_folder(folder)
            draft = folder / f".init-{secrets.token_hex(8)}"
            draft.mkdir(mode=0o700)
            try:
                for name, (content, mode) in files.items():
                    target = draft / name
                    target.parent.mkdir(mode=0o700, exist_ok=True)
                    write_new(target, content, mode)
                for part in _PARTS:
                    # Fails, and is undone, when another init has put its own part there meanwhile.
                    os.rename(draft / part, folder / part)
                    moved.append(folder / part)
                # A link never replaces what is there, so of two inits at once one loses cleanly.
                _move_new(draft / INDEX, folder / INDEX)
                moved.clear()
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            sync_folder(folder)
    except BaseException:
        _undo(moved, folder if made_folder else None)
        raise
    return Keyring.load(folder)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new part of a keyring: its entry in the index, and its files with their modes."""

    entry: dict[str, str]
    files: Files


def fresh_secret(purpose: str, moment: datetime) -> Fresh:
    """A watermark or prompt key."""
    secret = secrets.token_bytes(SECRET_BYTES)
    key_id = derive_key_id(secret, purpose)
    name = f"{purpose}/{key_id}.secret"
    entry = {"id": key_id, "file": name, "created": day_and_time(moment), "state": "current"}
    return Fresh(entry, {name: (secret_file(purpose, secret), PRIVATE)})


def fresh_signer(organisation: str, root: Issued, moment: datetime) -> Fresh:
    """A signing key with its certificate, issued by ``root``."""
    leaf = issue_signer(organisation, root, now=moment)
    leaf_id = certificate_id(leaf.certificate_pem)
    key, chain = f"signing/{leaf_id}.key.pem", f"signing/{leaf_id}.chain.pem"
    dated = {"created": day_and_time(moment), "state": "current"}
    return Fresh(
        {"id": leaf_id, "key": key, "chain": chain, **dated},
        {key: (leaf.key_pem, PRIVATE), chain: (leaf.certificate_pem, PUBLIC)},
    )


def fresh_authority(root: Issued, name: str) -> Fresh:
    """A certificate authority under a file name; its entry names the trust anchor as well."""
    key, certificate, anchor = f"ca/{name}.key.pem", f"ca/{name}.pem", f"trust/{name}.pem"
    return Fresh(
        {"key": key, "certificate": certificate, "anchor": anchor},
        {
            key: (root.key_pem, PRIVATE),
            certificate: (root.certificate_pem, PUBLIC),
            anchor: (root.certificate_pem, PUBLIC),
        },
    )


def _new_files(organisation: str, moment: datetime) -> Files:
    """Every file of a fresh keyring."""
    root = make_root(organisation, now=moment)
    authority = fresh_authority(root, "root")
    signing = fresh_signer(organisation, root, moment)
    watermark, prompt = fresh_secret("watermark", moment), fresh_secret("prompt", moment)
    pilot = secrets.token_bytes(SECRET_BYTES)
    pilot_file = "watermark/pilot.secret"
    index = {
        "schema": SCHEMA,
        "organisation": organisation,
        "created": day_and_time(moment),
        "pilot": {"id": derive_key_id(pilot, "pilot"), "file": pilot_file},
        "watermark_keys": [watermark.entry],
        "prompt_keys": [prompt.entry],
        "signing_keys": [signing.entry],
        "authority": authority.entry,
        "trust_anchors": [authority.entry["anchor"]],
        "own_anchors": [authority.entry["anchor"]],
        "timestamp_anchors": [],
    }
    files: Files = {
        pilot_file: (secret_file("pilot", pilot), PRIVATE),
        INDEX: (index_file(index), PUBLIC),
    }
    for part in (authority, signing, watermark, prompt):
        files |= part.files
    return files


def _refuse_existing(folder: Path) -> None:
    taken = [name for name in (INDEX, *_PARTS) if os.path.lexists(folder / name)]
    if taken:
        raise KeyringError(
            f"{folder} already holds keys ({', '.join(taken)}), which are never overwritten",
            advice="choose another folder",
            settings=("keys",),
        )


def _make_folder(folder: Path) -> bool:
    """Make the folder, its parents too; say whether it was new."""
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    return True


def _move_new(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise KeyringError(
            f"{target.parent} has just been given keys by somebody else; nothing was overwritten.",
        ) from error
    except OSError:  # a file system without links
        write_new(target, source.read_bytes(), PUBLIC)


def _undo(moved: list[Path], folder: Path | None) -> None:
    for path in moved:
        shutil.rmtree(path, ignore_errors=True)
    if folder is not None:
        with contextlib.suppress(OSError):
            folder.rmdir()
