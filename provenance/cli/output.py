"""Where the commands print: results on standard output, everything else on standard error.

A run that logs for machines (:func:`log_instead`) has no sentence on either: each is a log line.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Final

import click
from rich.console import Console

from provenance.system.text import printable

_LEVELS: Final = {
    "Error: ": logging.ERROR,
    "Warning: ": logging.WARNING,
    "Problem: ": logging.WARNING,
}
"""What is said with another label is for information."""


class _Log:
    """The log that takes every sentence of this process, once there is one."""

    taking: logging.Logger | None = None


def log_instead(log: logging.Logger) -> None:
    """From now on, hand what people would be told to a log."""
    _Log.taking = log


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave what a broken pipe means to the program; rich would exit with code 1."""
        raise BrokenPipeError


def stdout() -> Console:
    """A console on standard output; made anew each time, since tests exchange the streams."""
    return _Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def stderr() -> Console:
    """A console on standard error."""
    return _Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


def print_json(value: dict[str, Any]) -> None:
    """One object, one line, nothing but ASCII: no terminal and no encoding can be upset by it."""
    click.echo(json.dumps(value, allow_nan=False))


def complain(sentence: str, label: str = "Error: ") -> None:
    """One sentence on standard error, or in the log that takes them."""
    if _Log.taking is not None:
        _Log.taking.log(_LEVELS.get(label, logging.INFO), "%s", sentence)
        return
    click.echo(f"{label}{printable(sentence, 2000)}", err=True)


def warn(sentence: str) -> None:
    """One warning on standard error."""
    complain(sentence, label="Warning: ")
