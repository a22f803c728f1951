"""How settings, keys and the registry are found: flags, environment, files, defaults."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import platformdirs

from provenance.cli import config
from provenance.cli.output import complain, warn
from provenance.errors import KeyringError, UsageError
from provenance.keyring import Keyring, is_keyring

if TYPE_CHECKING:
    from provenance.registry import Registry

APPLICATION = "provenance-stamp"
NO_REGISTRY = "none"
"""Instead of an address: work without a registry."""
BRAND_GIVEN = "provenance.brand"
"""Where click's context keeps the brand of ``--brand``."""


def settings(flags: dict[str, Any], *, quiet: bool = False) -> config.Settings:
    """Resolve flags, environment and settings file, once."""
    brand = click.get_current_context().meta.get(BRAND_GIVEN)
    chosen = config.load(flags | {config.BRAND: brand}, os.environ)
    if chosen.source is not None and not quiet:
        whose = "" if chosen.brand is None else f" of brand {chosen.brand}"
        complain(f"using the settings{whose} in {chosen.source}", label="Note: ")
    return chosen


def keys_folder(asked: Path | None) -> Path:
    """The folder named, or ``./keys`` when it holds keys, or the user's own."""
    if asked is not None:
        return asked
    here = Path("keys")
    return here if is_keyring(here) else Path(click.get_app_dir(APPLICATION)) / "keys"


def open_keyring(chosen: config.Settings, *, quiet: bool) -> Keyring:
    """Load the keyring to sign with, by its own signer or the one that the settings name."""
    return with_signer(_loaded(chosen, quiet=quiet), chosen)


def open_keyring_if_any(chosen: config.Settings, *, quiet: bool) -> Keyring | None:
    """The keyring to verify with; None when no folder was named and there is none."""
    if chosen.keys is None and not is_keyring(keys_folder(None)):
        return None
    return _loaded(chosen, quiet=quiet)


def _loaded(chosen: config.Settings, *, quiet: bool) -> Keyring:
    """Load the keyring and pass its warnings on.

    Keys and settings that lie in the working folder were perhaps put there by somebody else (an
    unpacked archive), and decide who is trusted: so it is said when they are used.
    """
    keyring = Keyring.load(keys_folder(chosen.keys), pin=token_pin())
    if chosen.keys is None and not quiet:
        complain(f"using the keys of {keyring.organisation} in {keyring.folder}", label="Note: ")
    for sentence in keyring.warnings:
        warn(sentence)
    return keyring


def token_pin() -> str | None:
    """The PIN of a PKCS #11 token: from the environment, so that no argument shows it."""
    return os.environ.get("PROVENANCE_PKCS11_PIN") or None


def own_environment() -> dict[str, str]:
    """What the environment says here; a worker on another machine calls it there."""
    return {name: text for name, text in os.environ.items() if name.startswith(config.PREFIX)}


def with_signer(keyring: Keyring, chosen: config.Settings) -> Keyring:
    """The keyring with the signer that the settings name, if they name one."""
    if chosen.signer is None and chosen.signer_chain is None:
        return keyring
    if chosen.signer is None or chosen.signer_chain is None:
        raise UsageError("A signer's address and its certificates go together: give both.")
    from provenance.signers import SignerSpec, open_signer  # noqa: PLC0415 - few settings name one

    spec = SignerSpec(chosen.signer, read_pem(chosen.signer_chain))
    return keyring.with_signer(open_signer(spec, pin=token_pin()))


def registry_url(chosen: config.Settings) -> str:
    """The registry's address: as set, or the file in the user's data folder."""
    return chosen.registry or str(platformdirs.user_data_path(APPLICATION) / "registry.db")


def desk_folder(chosen: config.Settings) -> Path:
    """The folder of the desk: as set, or one in the user's data folder."""
    return chosen.uploads or platformdirs.user_data_path(APPLICATION) / "desk"


def open_registry(chosen: config.Settings, *, create: bool = False) -> Registry:
    """Open the registry that the settings name.

    Raises:
        UsageError: none was wanted, or the address can't be read.
        RegistryError: it is not there, or can't be used.
    """
    if chosen.registry == NO_REGISTRY:
        raise UsageError("This needs a registry; name one with --registry.")
    from provenance.registry import Registry  # noqa: PLC0415 - a database library is slow to load

    return Registry(registry_url(chosen), create=create)


@contextlib.contextmanager
def opened_registry(chosen: config.Settings, keyring: Keyring) -> Iterator[Registry | None]:
    """The registry to stamp into, made if need be; None when "none" is set.

    Raises:
        UsageError: it is another organisation's, going by its stamps.
    """
    if chosen.registry == NO_REGISTRY:
        yield None
        return
    with open_registry(chosen, create=True) as registry:
        registry.stampers.refuse_strangers(keyring.watermark_key_ids, keyring.organisation)
        yield registry


def open_registry_if_any(chosen: config.Settings) -> Registry | None:
    """The registry to verify with; None when "none" is set, or none is named and none is there."""
    if chosen.registry == NO_REGISTRY:
        return None
    if chosen.registry is None and not Path(registry_url(chosen)).exists():
        return None
    return open_registry(chosen)


def read_issuers(chosen: config.Settings, keyring: Keyring | None) -> bytes:
    """Certificates under which lists, bundles and heads have to be signed: the keyring's own.

    Those of --trust count without one only: whoever may sign manifests somewhere, as any member of
    a public trust list, must not withdraw another one's stamps.
    """
    if keyring is not None:
        return keyring.issuers_pem
    return b"".join(read_pem(path) for path in chosen.trust)


def read_pem(path: Path) -> bytes:
    """A file of certificates.

    Raises:
        UsageError: when it cannot be read.
        KeyringError: when it holds no certificate.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UsageError(f"The certificate file {path} cannot be read: {reason}.") from error
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise KeyringError(f"The certificate file {path} holds no PEM certificate.")
    return content.rstrip() + b"\n"
