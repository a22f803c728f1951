"""Replace keys by new ones; what was made with the old ones stays verifiable.

The new files are written to a hidden folder, then moved to where nothing refers to them yet; then
the index is replaced by a rename.  Killed before that, the keyring is the old one; killed after it,
the new one.  What a killed rotation left in its hidden folder is removed by the next.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from provenance.errors import KeyringError, SigningError, UsageError
from provenance.keyring.files import (
    certificate_id,
    locked,
    replace_index,
    sync_folder,
    write_new,
    written_to,
)
from provenance.keyring.folder import KeyFolder
from provenance.keyring.making import (
    Files,
    Fresh,
    fresh_authority,
    fresh_secret,
    fresh_signer,
)
from provenance.keyring.reading import Keyring, read_keyring
from provenance.manifest.certificates import (
    Issued,
    PublicKey,
    certify,
    check_organisation,
    check_validity,
    make_root,
)
from provenance.manifest.signer import algorithm_for

KINDS: Final = ("watermark", "signing", "prompt", "authority")
"""What can be rotated.  A new authority issues a new signing certificate too."""

_DRAFT: Final = ".draft-"


def rotate(folder: Path, kinds: Collection[str], *, now: datetime | None = None) -> Keyring:
    """Make a new key of each kind, mark it current, and keep the others for verifying.

    Args:
        folder: of the keyring.
        kinds: some of :data:`KINDS`.
        now: start of certificates; default: the clock.

    Returns:
        The keyring as it is now.

    Raises:
        UsageError: when no kind is named, or an unknown one.
        KeyringError: when the keyring can't be read, another process is changing it, or the key
            of the certificate authority is not there.
        OutputError: when it can't be written; the keyring is as it was.
    """
    if not kinds or not set(kinds) <= set(KINDS):
        raise UsageError(f"Say which keys to rotate: {', '.join(KINDS)}.")
    moment = datetime.now(UTC) if now is None else now
    KeyFolder(folder).index()  # a folder without keys is told as such, not given a lock file
    with written_to(folder), locked(folder):
        source = KeyFolder(folder)
        index, files = _rotated(source, source.index(), kinds, moment)
        return commit(folder, index, files)


def commit(folder: Path, index: dict[str, Any], files: Files, *, pin: str | None = None) -> Keyring:
    """Add files to a keyring and put an index in place that names them; all of it, or nothing.

    To be called with the lock held.

    Raises:
        KeyringError: when the result would be no working keyring.
        OSError: when it can't be written.
    """
    for stale in folder.glob(f"{_DRAFT}*"):  # of a process that was killed: the lock is ours
        shutil.rmtree(stale, ignore_errors=True)
    draft = folder / f"{_DRAFT}{secrets.token_hex(8)}"
    moved: list[str] = []
    try:
        draft.mkdir(mode=0o700)
        for name, (content, mode) in files.items():
            (draft / name).parent.mkdir(mode=0o700, exist_ok=True)
            write_new(draft / name, content, mode)
        for name in files:
            (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
            if os.path.lexists(folder / name):
                raise FileExistsError(errno.EEXIST, f"{name} is there already")
            moved.append(name)
            os.rename(draft / name, folder / name)
        for parent in {(folder / name).parent for name in files}:
            sync_folder(parent)
        ring = read_keyring(folder, index, pin=pin)
        replace_index(folder, index)
    except BaseException:
        # An interruption may come just after the rename: what the index names stays.
        in_use = json.dumps(KeyFolder(folder).index())
        for name in moved:
            if json.dumps(name) not in in_use:
                with contextlib.suppress(OSError):
                    (folder / name).unlink()
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return ring


def made_current(source: KeyFolder, index: dict[str, Any], name: str, fresh: Fresh) -> None:
    """Put a fresh entry first in one list of the index; those before it are retired."""
    older = [{**entry, "state": "retired"} for entry in source.entries(index, name)]
    index[name] = [fresh.entry, *older]


def _rotated(
    source: KeyFolder, index: dict[str, Any], kinds: Collection[str], moment: datetime
) -> tuple[dict[str, Any], Files]:
    """The next index, and the files it names in addition."""
    index = dict(index)
    if {"signing", "authority"} & set(kinds):
        _refuse_service(source, index)
    organisation = source.organisation(index)
    files: Files = {}
    for purpose in ("watermark", "prompt"):
        if purpose in kinds:
            fresh = fresh_secret(purpose, moment)
            made_current(source, index, f"{purpose}_keys", fresh)
            files |= fresh.files
    if "authority" in kinds:
        root = make_root(organisation, now=moment)
        authority = fresh_authority(root, certificate_id(root.certificate_pem))
        index["authority"] = authority.entry
        # The former stays trusted: what was signed under it is to stay so.
        for kind in ("trust_anchors", "own_anchors"):
            index[kind] = [authority.entry["anchor"], *source.names(index, kind)]
        files |= authority.files
        signing = fresh_signer(organisation, root, moment)
    elif "signing" in kinds:
        signing = _issued(organisation, source.authority(index), moment)
    else:
        return index, files
    made_current(source, index, "signing_keys", signing)
    return index, files | signing.files


def _refuse_service(source: KeyFolder, index: dict[str, Any]) -> None:
    """A key that was put into a service is not to be replaced by a file in passing."""
    current = source.entries(index, "signing_keys")[:1]
    if current and "signer" in current[0]:
        name = source.spec(current[0], None).name
        raise KeyringError(
            f"The signing key is in a key service ({name})",
            advice=(
                "make the next one there and install its certificate with `provenance keys "
                "import-chain`"
            ),
        )


def issue(
    folder: Path, request_pem: bytes, organisation: str, *, now: datetime | None = None
) -> bytes:
    """Have the keyring's own authority certify the key of a PKCS #10 request (PEM).

    Only the key is taken from the request, which proves that its sender holds it; the name is the
    caller's to give and the usages are those of a claim signer.

    Raises:
        UsageError: when the name can't stand in a certificate.
        KeyringError: when the request is damaged, its key can't sign a manifest, or the authority
            is not there or can't issue.
    """
    source = KeyFolder(folder)
    root = source.authority(source.index())
    try:
        request = x509.load_pem_x509_csr(request_pem)
        key = request.public_key()
        proven = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyringError("This is no PKCS #10 request in PEM, or a damaged one.") from error
    algorithm_for(key)
    if not proven:
        raise KeyringError(
            "The request is not signed by its own key",
            advice="make it anew",
        )
    organisation = check_organisation(organisation)
    moment = datetime.now(UTC) if now is None else now
    with _authority_at_work(root, moment):
        certificate = certify(organisation, cast("PublicKey", key), root, now=moment)
        _check_issuer(certificate, root)
    return certificate


def _issued(organisation: str, root: Issued, moment: datetime) -> Fresh:
    """A signing key under an authority that was read from its files."""
    with _authority_at_work(root, moment):
        signing = fresh_signer(organisation, root, moment)
        _check_issuer(signing.files[signing.entry["chain"]][0], root)
    return signing


def _check_issuer(certificate_pem: bytes, root: Issued) -> None:
    leaf = x509.load_pem_x509_certificate(certificate_pem)
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(root.certificate_pem))


@contextlib.contextmanager
def _authority_at_work(root: Issued, moment: datetime) -> Iterator[None]:
    """Turn what keeps an authority from issuing into a clear sentence."""
    try:
        check_validity(root.certificate_pem, moment)
    except SigningError as error:
        raise KeyringError(
            "The certificate authority's certificate is not valid now",
            advice="set the clock right, or make another with `provenance keys rotate`",
            settings=("authority",),
        ) from error
    try:
        yield
    except (ValueError, TypeError, InvalidSignature) as error:
        raise KeyringError(
            "The certificate authority's key is damaged or belongs to another certificate",
            advice="put the `ca` folder back from your backup",
        ) from error
