"""``provenance keys webhook-secret``: what signs the messages of ``registry deliver``."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.lazy import examples
from provenance.cli.output import stdout
from provenance.errors import OutputError, UsageError
from provenance.keyring.files import PRIVATE, write_new
from provenance.system.receivers import new_secret


@click.command(
    epilog=examples(
        "provenance keys webhook-secret webhook.secret",
    )
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
def webhook_secret_command(file: Path) -> None:
    """Write a new secret for signing webhooks into the new FILE, for you alone to read.

    The receiver needs the same secret, by a safe way; it begins with whsec_ and is what libraries
    of standardwebhooks.com take.
    """

    try:
        write_new(file, f"{new_secret()}\n".encode("ascii"), PRIVATE)
    except FileExistsError as error:
        raise UsageError(f"{file} exists already; choose another name for the secret.") from error
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"The secret {file} cannot be written: {reason}.") from error
    stdout().print(f"The secret is in {file}; give it to the receiver too.", soft_wrap=True)
