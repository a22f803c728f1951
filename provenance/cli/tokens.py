"""``provenance tokens``: who may use the desk by program, and what for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast, get_args

import click

from provenance.cli.lazy import Lazy, LazyGroup, examples
from provenance.cli.opening import desk_folder, settings
from provenance.cli.options import desk_options, json_option
from provenance.cli.output import print_json, stdout
from provenance.errors import OutputError, UsageError

if TYPE_CHECKING:
    from provenance.service.state import Token, Tokens

_COMMANDS: Final = {
    "create": Lazy("provenance.cli.tokens:create", "Make a token, and write it into a file."),
    "list": Lazy("provenance.cli.tokens:list_command", "List tokens, and what they are good for."),
    "revoke": Lazy("provenance.cli.tokens:revoke", "Have a token be good for nothing."),
}


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    epilog=examples(
        "provenance tokens create newsroom.token --name newsroom",
        "provenance tokens list",
        "provenance tokens revoke 5e2f0c1a9b34",
    ),
)
def tokens() -> None:
    """Make, list and revoke tokens with which programs use the desk (`provenance serve`).

    A program sends it as `Authorization: Bearer TOKEN`, and is counted by it, not by its address.
    """


@click.command(
    epilog=examples(
        "provenance tokens create newsroom.token --name newsroom",
        "provenance tokens create prometheus.token --name prometheus --scope admin",
        "provenance tokens create partner.token --name partner --scope verify --per-minute 120",
    )
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--name", metavar="TEXT", required=True, help="Whose it is, for people.")
@click.option(
    "--scope",
    "scopes",
    metavar="SCOPE",
    multiple=True,
    default=("verify", "resolve"),
    show_default="verify, resolve",
    help="What it is good for: verify (hand files in), resolve (the C2PA Soft Binding Resolution "
    "API), admin (metrics, where strangers may not have them); repeatable.",
)
@click.option(
    "--per-minute",
    metavar="N",
    type=click.IntRange(min=1),
    help="Files that may be handed in with it within a minute.  [default: what the desk allows]",
)
@desk_options
@json_option
def create(  # noqa: PLR0917 - click passes every parameter by name
    file: Path,
    name: str,
    scopes: tuple[str, ...],
    per_minute: int | None,
    uploads: Path | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Make a token, and write it into the new FILE, for you alone to read.

    The desk keeps only a sum of it: a token that is lost is revoked, and another one made.
    """
    from provenance.keyring.files import PRIVATE, write_new  # noqa: PLC0415 - slow to import

    with _opened(uploads, database) as known:
        from provenance.service.state.tokens import Scope  # noqa: PLC0415 - an extra

        for scope in scopes:
            if scope not in get_args(Scope):
                raise UsageError(
                    f"There is no scope {scope!r}; known are {', '.join(get_args(Scope))}."
                )
        if file.exists():
            raise UsageError(f"{file} exists already; choose another name for the token.")
        made, written = known.make(name, cast("tuple[Scope, ...]", scopes), per_minute)
        try:
            write_new(file, f"{written}\n".encode("ascii"), PRIVATE)
        except OSError as error:
            known.revoke(made.id)
            reason = (error.strerror or "input/output error").lower()
            raise OutputError(f"The token {file} cannot be written: {reason}.") from error
    _print([made], as_json=as_json)
    if not as_json:
        stdout().print(f"The token is in {file}; nobody can show it again.", soft_wrap=True)


@click.command(name="list", epilog=examples("provenance tokens list --json"))
@desk_options
@json_option
def list_command(uploads: Path | None, database: str | None, as_json: bool) -> None:
    """List every token, the oldest first; the tokens themselves are kept nowhere."""
    with _opened(uploads, database) as known:
        found = known.all()
    _print(found, as_json=as_json)
    if not found and not as_json:
        stdout().print("There are no tokens.")


@click.command(epilog=examples("provenance tokens revoke 5e2f0c1a9b34"))
@click.argument("key", metavar="ID")
@desk_options
@json_option
def revoke(key: str, uploads: Path | None, database: str | None, as_json: bool) -> None:
    """Have the token of an ID be good for nothing from now on, at every desk at once."""
    with _opened(uploads, database) as known:
        _print([known.revoke(key)], as_json=as_json)


@contextlib.contextmanager
def _opened(uploads: Path | None, database: str | None) -> Iterator[Tokens]:
    """The tokens of the desk that the settings name."""
    try:
        from provenance.service.state import DeskDatabase, Tokens  # noqa: PLC0415 - an extra
        from provenance.service.uploads import Uploads  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "The desk needs more software; pip install 'provenance-stamp[serve]'."
        ) from error
    chosen = settings({"uploads": uploads, "database": database, "registry": None})
    address = chosen.database or str(Uploads(desk_folder(chosen)).database)
    with contextlib.closing(DeskDatabase(address)) as opened:
        yield Tokens(opened)


def _print(listed: list[Token] | tuple[Token, ...], *, as_json: bool) -> None:
    for one in listed:
        if as_json:
            print_json(one.as_json())
            continue
        scopes = ", ".join(one.scopes) or "nothing"
        pace = "" if one.per_minute is None else f", {one.per_minute} files a minute"
        gone = "" if one.revoked_at is None else f"; revoked {one.revoked_at:%Y-%m-%d}"
        stdout().print(
            f"{one.id}  {one.name}: {scopes}{pace}; made {one.made_at:%Y-%m-%d}{gone}",
            soft_wrap=True,
            markup=False,
        )
