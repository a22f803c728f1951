"""What the command line can do, asked of itself."""

from __future__ import annotations

from collections.abc import Iterator

import click

from provenance.cli import main


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Every command there is, and how it is called."""
    waiting: list[tuple[str, click.Command]] = [("provenance", main)]
    while waiting:
        path, command = waiting.pop()
        yield path, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                waiting.append((f"{path} {name}", inner))


def options_of(command: click.Command) -> set[str]:
    return {"-h", "--help", *(flag for parameter in command.params for flag in parameter.opts)}


def find_command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that ``provenance WORDS`` runs, and its own arguments."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(click.Context(command), words[0])
        assert inner is not None, f"there is no command {words[0]!r}"
        command, words = inner, words[1:]
    return command, words
