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

from provenance.errors import UsageError
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


def complain(
    sentence: str, label: str = "Error: ", *, fields: dict[str, Any] | None = None
) -> None:
    """One sentence on standard error; or in the log that takes them, with what it is about."""
    if _Log.taking is not None:
        level = _LEVELS.get(label, logging.INFO)
        _Log.taking.log(level, "%s", sentence, extra={"fields": fields})
        return
    click.echo(f"{label}{printable(sentence, 2000)}", err=True)


def warn(sentence: str) -> None:
    """One warning on standard error."""
    complain(sentence, label="Warning: ")


def read_json(name: str, *, most: int = 1024 * 1024) -> dict[str, Any]:
    """One JSON object from a file, or from standard input (``-``); a key comes once.

    Raises:
        UsageError: it is none, or more than ``most`` bytes.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key comes twice")
        return dict(pairs)

    try:
        with click.open_file(name, "rb") as stream:
            content = stream.read(most + 1)
        value = None if len(content) > most else json.loads(content, object_pairs_hook=once)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UsageError(f"{name} can't be read: {reason}.") from error
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        where = "Standard input" if name == "-" else printable(name)
        raise UsageError(f"{where} holds no JSON object.")
    return value
