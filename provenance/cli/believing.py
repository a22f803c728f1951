"""What whoever verifies goes by: keys, roots, the registry or a bundle, signed lists, limits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from provenance.cli import config
from provenance.cli.opening import (
    APPLICATION,
    open_registry_if_any,
    read_issuers,
    read_pem,
)
from provenance.cli.output import warn
from provenance.documents.seen import Seen
from provenance.errors import KeyringError, RegistryError
from provenance.keyring import Keyring
from provenance.manifest import Trust
from provenance.system.storage import Place
from provenance.verifying.isolation import Limits

if TYPE_CHECKING:
    from provenance.documents.lists import RevocationList
    from provenance.registry import Registry


def listed_at(named: str, issuers: bytes, seen: Seen) -> RevocationList:
    """The signed list in a file, or at an address."""
    # Signed lists and bundles are read where one was given, and bring a database library along.
    from provenance.documents.fetching import fetched_revocations, is_address  # noqa: PLC0415
    from provenance.documents.lists import read_revocations  # noqa: PLC0415

    if not is_address(named):
        return read_revocations(Place.of(named).path, issuers, seen)
    kept = platformdirs.user_data_path(APPLICATION) / "lists"
    return fetched_revocations(named, issuers, kept, seen=seen, warn=warn)


def limits_of(chosen: config.Settings) -> Limits:
    """How long one file may take, and with how much memory."""
    usual = Limits()
    seconds, memory = chosen.max_seconds, chosen.max_memory
    return Limits(
        usual.seconds if seconds is None else seconds,
        usual.memory if memory is None else int(memory) * 1024**2,
    )


@contextlib.contextmanager
def stamps_of(
    chosen: config.Settings, issuers: bytes, bundle: Path | None
) -> Iterator[Registry | None]:
    """Where stamps are looked up: a bundle, the registry, or nowhere."""
    if bundle is not None:
        from provenance.documents.bundles import open_bundle  # noqa: PLC0415 - as above

        with open_bundle(bundle, issuers, seen_by(chosen)) as registry:
            yield registry
        return
    found = open_registry_if_any(chosen)
    with contextlib.nullcontext() if found is None else found:
        yield found


def check_vouched(chosen: config.Settings, stamps: Registry | None) -> None:
    """Refuse to go on without anybody who could vouch, where somebody has to.

    Raises:
        RegistryError: a registry is required, and there is none.
    """
    if chosen.require_registry and stamps is None:
        raise RegistryError(
            "There is no registry to ask, and --require-registry confirms nothing without one; "
            "name yours with --registry, or give a bundle with --bundle."
        )


def seen_by(chosen: config.Settings) -> Seen:
    """What was seen of signed lists before."""
    usual = str(platformdirs.user_data_path(APPLICATION) / "seen.json")
    named = chosen.seen or usual
    age = None if chosen.max_list_age is None else timedelta(days=chosen.max_list_age)
    return Seen(None if named == "none" else Path(named), max_age=age)


def credentials(
    chosen: config.Settings, keyring: Keyring | None, *, needed: bool = True
) -> tuple[Trust, bytes]:
    """Whom to trust (the keyring's root and what was added), and the roots of those whose lists
    and bundles are believed.

    Raises:
        KeyringError: there is neither a key nor a root, and they are ``needed``.
    """
    if needed and keyring is None and not chosen.trust:
        raise KeyringError(
            "There are no keys to verify with; name your keys folder with --keys, make one with "
            "`provenance keys init`, or give root certificates to trust with --trust."
        )
    issuers = read_issuers(chosen, keyring)
    anchors = [read_pem(path) for path in chosen.trust]
    tsa_anchors = [read_pem(path) for path in chosen.trust_tsa]
    if keyring is not None:
        anchors.insert(0, keyring.trust_anchors_pem.rstrip() + b"\n")
        tsa_anchors.insert(0, keyring.tsa_anchors_pem.rstrip() + b"\n")
    # Without a keyring there are no watermark keys, and no stamp to confirm.
    own = b"" if keyring is None else issuers
    return Trust(b"".join(anchors), b"".join(tsa_anchors), own), issuers
