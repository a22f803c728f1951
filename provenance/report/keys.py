"""The table of a keyring's keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from provenance.keyring import KeyInfo
from provenance.report.terminal import print_table
from provenance.system.text import printable

_STYLES = {"current": "bold green", "trusted": "green", "retired": "dim"}


def show_keys(keys: Sequence[KeyInfo], console: Console, now: datetime) -> None:
    """Print one line a key, then where those are that are in a key service."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    for heading in ("kind", "id", "state", "created", "valid until"):
        table.add_column(heading, no_wrap=True)
    for key in keys:
        table.add_row(
            key.kind,
            Text(printable(key.key_id, 80)),
            Text(key.state, style=_STYLES.get(key.state, "")),
            _day(key.created),
            _end(key, now),
        )
    print_table(table, console)
    for key in keys:
        if key.service is not None:
            where = f"{key.kind} key {key.key_id} is in {printable(key.service, 300)}"
            console.print(where, soft_wrap=True)


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d}"


def _end(key: KeyInfo, now: datetime) -> Text:
    if key.problem is not None:
        return Text("not usable here", style="bold red")
    left = key.days_left(now)
    if key.valid_until is None or left is None:
        return Text("")
    expired = key.valid_until < now
    text = f"{_day(key.valid_until)} ({'expired' if expired else f'{left} days left'})"
    return Text(text, style="" if key.warning(now) is None else "bold red" if expired else "yellow")
