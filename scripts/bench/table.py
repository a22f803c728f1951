"""The results for people: attacks down, clips across, and what each group came to."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.attacks import GROUPS, Attack

LEGEND = (
    "Numbers are the margin in dB over what decoding needs.  '-' not recovered, and in brackets "
    "the margin that the true codeword has at the true place, for a reader who knows both (at or "
    "above 0: present, but its place was not found).  p: found in parts of the time only.  "
    "ok: rightly nothing found."
)


def text_of(row: dict[str, Any] | None) -> str:
    """One cell."""
    if row is None:
        return ""
    if row["false_id"]:
        return "FALSE ID"
    if "error" in row:
        return "ERROR"
    if row["recovered"]:
        return f"{row['margin_db']:.1f}" + ("p" if row["status"] == "partial" else "")
    if row["expected"] is None:
        return "weak" if row["status"] == "weak" else "ok"
    known = row.get("known")
    return "-" if known is None else f"- ({known['margin_db']:.1f})"


def matrix(rows: list[dict[str, Any]], attacks: tuple[Attack, ...]) -> Table:
    """Attacks down, clips across."""
    cells = {(row["attack"], row["clip"]): row for row in rows}
    clips = sorted({row["clip"] for row in rows})
    table = Table(box=None, pad_edge=False)
    table.add_column("attack")
    for clip in clips:
        table.add_column(clip.split("_")[0] if _unique(clips) else clip, justify="right")
    for attack in attacks:
        line = [cells.get((attack.name, clip)) for clip in clips]
        if any(line):
            table.add_row(attack.name, *map(text_of, line))
    return table


def groups(rows: list[dict[str, Any]]) -> Table:
    """Cells, ids recovered and false ids by group."""
    table = Table(box=None, pad_edge=False)
    for name in ("group", "cells", "marked", "recovered", "share", "false ids", "errors"):
        table.add_column(name, justify="left" if name == "group" else "right")
    counted: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        counted[row["group"]].append(row)
    names = [name for name in GROUPS if name in counted]
    for name, part in [*((name, counted[name]) for name in names), ("all", rows)]:
        # A cell that broke was to be recovered too, unless it is one of the controls.
        marked = [r for r in part if r["expected"] or ("error" in r and r["group"] != "control")]
        recovered = sum(row["recovered"] for row in marked)
        table.add_row(
            name,
            str(len(part)),
            str(len(marked)),
            str(recovered),
            f"{100 * recovered / len(marked):.1f} %" if marked else "",
            str(sum(row["false_id"] for row in part)),
            str(sum("error" in row for row in part)),
        )
    return table


def failures(rows: list[dict[str, Any]]) -> list[str]:
    """One line a cell that is not as it should be."""
    lines = []
    for row in rows:
        name = f"{row['attack']} on {row['clip']}"
        if row["false_id"]:
            lines.append(f"FALSE ID {row['id']} in {name}")
        elif "error" in row:
            lines.append(f"{name}: {row['error']}")
        elif row["expected"] and not row["recovered"]:
            known = row.get("known")
            distance = (
                "geometry changes with time, not measured"
                if known is None
                else f"known place: score {known['score']:.0f}, {known['margin_db']:.1f} dB, "
                f"pilot {known['pilot']:.1f}"
            )
            lines.append(f"{name}: {row['status']} after {row['frames']} frames; {distance}")
    return lines


def show(console: Console, rows: list[dict[str, Any]], attacks: tuple[Attack, ...]) -> None:
    """Print everything."""
    console.print(matrix(rows, attacks))
    console.print()
    console.print(LEGEND, highlight=False)
    console.print()
    for line in failures(rows):
        console.print(line, highlight=False, soft_wrap=True)
    console.print()
    console.print(groups(rows))
    seconds = [row["seconds"]["verify"] for row in rows if "seconds" in row]
    if seconds:
        console.print(
            f"verify: {sum(seconds) / len(seconds):.1f} s on the mean, {max(seconds):.1f} s at "
            "most (processes share the machine)",
            highlight=False,
        )


def _unique(clips: list[str]) -> bool:
    return len({clip.split("_")[0] for clip in clips}) == len(clips)
