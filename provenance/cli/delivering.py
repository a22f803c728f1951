"""Who is told what happened: a webhook and a program, out of flags and settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from provenance.cli import config
from provenance.cli.output import warn
from provenance.documents.notices import Delivered, tell
from provenance.errors import RegistryError, UsageError
from provenance.registry import Registry
from provenance.system.receivers import Program, Receiver, Webhook, read_secret

_Command = TypeVar("_Command", bound=Callable[..., Any])
USUAL_TIMEOUT = 20.0


def webhook_options(command: _Command) -> _Command:
    """``--webhook URL``, ``--webhook-secret FILE`` and ``--hook COMMAND``."""
    for option in (
        click.option(
            "--hook",
            metavar="COMMAND",
            help="Run this program for each; it reads the JSON from its standard input.",
        ),
        click.option(
            "--webhook-secret",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Sign with the secret in this file (`provenance keys webhook-secret`).",
        ),
        click.option(
            "--webhook",
            metavar="URL",
            help="Post each to this address (https).  An address that is itself a secret belongs "
            "into PROVENANCE_WEBHOOK.",
        ),
    ):
        command = option(command)
    return command


def receivers(
    chosen: config.Settings, *, name: str | None = None, timeout: float = USUAL_TIMEOUT
) -> list[Receiver]:
    """Those that the settings name.

    Args:
        chosen: the settings.
        name: of the receiver, where there is one only.
        timeout: seconds for each message.

    Raises:
        UsageError: there is none, or what names it can't be read.
        KeyringError: the secret can't be used.
    """
    found: list[Receiver] = []
    if chosen.webhook is not None:
        secret = None if chosen.webhook_secret is None else read_secret(chosen.webhook_secret)
        found.append(Webhook(name or "webhook", chosen.webhook, secret, timeout))
    elif chosen.webhook_secret is not None:
        raise UsageError("A webhook's secret goes with --webhook URL.")
    if chosen.hook is not None:
        found.append(Program(name or "hook", chosen.hook, timeout))
    if not found:
        raise UsageError(
            "Nobody is to be told; set webhook or hook in the settings, or give `registry deliver` "
            "--webhook URL or --hook COMMAND."
        )
    if name is not None and len(found) > 1:
        raise UsageError("--name names one receiver; tell the webhook and the hook by two runs.")
    return found


def deliver(
    registry: Registry,
    receiver: Receiver,
    chosen: config.Settings,
    *,
    attempts: int = 5,
    from_now: bool = False,
) -> Delivered:
    """Tell one of them what it was not told yet; errors as of :func:`tell`."""
    return tell(registry, receiver, accept=chosen.accept, attempts=attempts, from_now=from_now)


def deliver_all(registry: Registry, told: list[Receiver], chosen: config.Settings) -> None:
    """At the end of other work, which stands whatever the receivers say: that is a warning."""
    for receiver in told:
        try:
            error = deliver(registry, receiver, chosen).error
        except RegistryError as failed:
            error = str(failed)
        if error is not None:
            warn(error)
