"""``provenance report``: check the reports that ``verify --report`` files."""

from __future__ import annotations

from typing import Final

import click

from provenance.cli.lazy import Lazy, LazyGroup, examples

_COMMANDS: Final = {
    "check": Lazy("provenance.cli.report.check:check_command", "Check a filed report."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, epilog=examples("provenance report check clip.html"))
def report() -> None:
    """Check reports that were filed or handed on.

    `provenance verify FILE --report OUT` makes them.
    """
