"""Options that several commands share, and how settings and keys are found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance import config
from provenance.cli.output import complain, warn
from provenance.errors import KeyringError, UsageError

if TYPE_CHECKING:
    from provenance.keyring import Keyring

_Command = TypeVar("_Command", bound=Callable[..., Any])

APPLICATION = "provenance-stamp"


def keys_option(command: _Command) -> _Command:
    """``--keys DIR``."""
    return click.option(
        "--keys",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Keys folder.  [default: ./keys when it holds keys, else "
        "your user configuration folder]",
    )(command)


def json_option(command: _Command) -> _Command:
    """``--json``."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON object a line on standard output, and nothing else there.",
    )(command)


def quiet_option(command: _Command) -> _Command:
    """``--quiet``."""
    return click.option(
        "-q", "--quiet", is_flag=True, help="No progress bar, no notes; warnings stay."
    )(command)


def settings(flags: dict[str, Any], *, quiet: bool = False) -> config.Settings:
    """Resolve flags, environment and settings file, once."""
    chosen = config.load(flags, os.environ)
    if chosen.source is not None and not quiet:
        complain(f"using the settings in {chosen.source}", label="Note: ")
    return chosen


def keys_folder(asked: Path | None) -> Path:
    """The folder named, or ``./keys`` when it holds keys, or the user's own."""
    from provenance.keyring import is_keyring  # noqa: PLC0415 - slow to import

    if asked is not None:
        return asked
    here = Path("keys")
    return here if is_keyring(here) else Path(click.get_app_dir(APPLICATION)) / "keys"


def open_keyring(chosen: config.Settings, *, quiet: bool) -> Keyring:
    """Load the keyring and pass its warnings on.

    Keys and settings that lie in the working folder were perhaps put there by somebody else (an
    unpacked archive), and decide who is trusted: so it is said when they are used.
    """
    from provenance.keyring import Keyring  # noqa: PLC0415 - slow to import

    keyring = Keyring.load(keys_folder(chosen.keys))
    if chosen.keys is None and not quiet:
        complain(f"using the keys of {keyring.organisation} in {keyring.folder}", label="Note: ")
    for sentence in keyring.warnings:
        warn(sentence)
    return keyring


def open_keyring_if_any(chosen: config.Settings, *, quiet: bool) -> Keyring | None:
    """As :func:`open_keyring`, but None when no folder was named and there is none."""
    from provenance.keyring import is_keyring  # noqa: PLC0415 - slow to import

    if chosen.keys is None and not is_keyring(keys_folder(None)):
        return None
    return open_keyring(chosen, quiet=quiet)


def read_pem(path: Path) -> bytes:
    """A file of trust anchors.

    Raises:
        UsageError: when it cannot be read.
        KeyringError: when it holds no certificate.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UsageError(f"The trust file {path} cannot be read: {reason}.") from error
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise KeyringError(f"The trust file {path} holds no PEM certificate.")
    return content.rstrip() + b"\n"
