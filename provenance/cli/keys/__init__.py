"""``provenance keys``: make, list and rotate the organisation's keys, certify those elsewhere."""

from __future__ import annotations

from typing import Final

import click

from provenance.cli.lazy import Lazy, LazyGroup, examples

_OWN, _ELSEWHERE = "provenance.cli.keys.own", "provenance.cli.keys.elsewhere"
_COMMANDS: Final = {
    "binding-key": Lazy(
        "provenance.cli.keys.binding:binding_key_command", "Write the key that binds approvals."
    ),
    "csr": Lazy(f"{_ELSEWHERE}:csr", "Make a signing request for an authority."),
    "import-chain": Lazy(f"{_ELSEWHERE}:import_chain", "Sign with these certificates from now on."),
    "init": Lazy(f"{_OWN}:init", "Make all keys, once."),
    "issue": Lazy(f"{_ELSEWHERE}:issue", "Certify a key by the keyring's own authority."),
    "list": Lazy(f"{_OWN}:list_command", "List every key, its state and its end."),
    "rotate": Lazy(f"{_OWN}:rotate", "Make new keys; the old ones stay for verifying."),
    "webhook-secret": Lazy(
        "provenance.cli.keys.webhook:webhook_secret_command", "Make the secret of a webhook."
    ),
}


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    epilog=examples(
        'provenance keys init --org "Example Studio"',
        "provenance keys list",
    ),
)
def keys() -> None:
    """Make, list and rotate the keys that stamping and verifying need."""
