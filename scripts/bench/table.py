"""The results for people: attacks down, clips across, what each group came to, and the failures.

Tables are made once, as :class:`Sheet`, and printed to a terminal or written as Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.attack import GROUPS, HOSTILE, Attack

Row = dict[str, Any]
LEGEND = (
    "Numbers are the margin in dB over what decoding needs.  '-' not recovered, and in brackets "
    "the margin that the true codeword has at the true place, for a reader who knows both (at or "
    "above 0: present, but its place was not found).  p: found in parts of the time only.  "
    "ok: rightly nothing found.  copied: found in another video that the mark was copied to."
)
OUTSIDE = ("control", HOSTILE)
"""Groups that the share of all cells leaves out."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: a title, the columns' heads, and lines of as many cells.

    The first ``words`` columns hold words, the others figures.
    """

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    note: str = ""
    words: int = 1

    def as_table(self) -> Table:
        """For a terminal."""
        table = Table(title=self.title, title_justify="left", box=None, pad_edge=False)
        for number, head in enumerate(self.heads):
            table.add_column(head, justify="left" if number < self.words else "right")
        for line in self.lines:
            table.add_row(*line)
        return table

    def as_markdown(self) -> str:
        """For a document."""
        rules = ["---" if n < self.words else "---:" for n in range(len(self.heads))]
        rows = [self.heads, rules, *self.lines]
        text = "\n".join("| " + " | ".join(cell or " " for cell in row) + " |" for row in rows)
        return f"### {self.title}\n\n{text}\n" + (f"\n{self.note}\n" if self.note else "")


def text_of(row: Row | None) -> str:
    """One cell."""
    if row is None:
        return ""
    known = row.get("known")
    if row["false_id"]:
        text = "FALSE ID"
    elif "error" in row:
        text = "ERROR"
    elif row["copied"]:
        text = "copied"
    elif row["recovered"]:
        text = f"{row['margin_db']:.1f}" + ("p" if row["status"] == "partial" else "")
    elif row["expected"] is None:
        text = "weak" if row["status"] == "weak" else "ok"
    else:
        text = "-" if known is None else f"- ({known['margin_db']:.1f})"
    return text


def cells(rows: Iterable[Row], attacks: tuple[Attack, ...]) -> list[Sheet]:
    """One sheet a group: attacks down, clips across."""
    found = {(row["attack"], row["clip"]): row for row in rows}
    clips = sorted({clip for _, clip in found})
    short = [clip.split("_")[0] for clip in clips]
    names = short if len(set(short)) == len(clips) else clips
    sheets = []
    for group in GROUPS:
        lines = []
        for attack in attacks:
            line = [found.get((attack.name, clip)) for clip in clips]
            if attack.group == group and any(line):
                lines.append((attack.name, *map(text_of, line)))
        if lines:
            sheets.append(Sheet(group, ("attack", *names), tuple(lines)))
    return sheets


def groups(rows: list[Row]) -> Sheet:
    """Cells, ids recovered and false ids by group; the share of all leaves out the adversary."""
    parts = [(name, [row for row in rows if row["group"] == name]) for name in GROUPS]
    whole = ("all but adversarial", [row for row in rows if row["group"] not in OUTSIDE])
    parts = [part for part in parts if part[1]]
    parts.insert(sum(name not in OUTSIDE for name, _ in parts), whole)
    lines = []
    for name, part in parts:
        # A cell that broke was to be recovered too, unless it is one of the controls.
        marked = [r for r in part if r["expected"] or ("error" in r and name != "control")]
        recovered = sum(row["recovered"] for row in marked)
        lines.append(
            (
                name,
                str(len(part)),
                str(len(marked)),
                str(recovered),
                f"{100 * recovered / len(marked):.1f} %" if marked else "",
                str(sum(row["copied"] for row in part)),
                str(sum(row["false_id"] for row in part)),
                str(sum("error" in row for row in part)),
            )
        )
    heads = ("group", "cells", "marked", "recovered", "share", "copied", "false ids", "errors")
    seconds = [row["seconds"]["verify"] for row in rows if "seconds" in row] or [0.0]
    note = (
        f"verify took {sum(seconds) / len(seconds):.1f} s on the mean and {max(seconds):.1f} s at "
        "most, with as many processes as the run had."
    )
    return Sheet("Totals", heads, tuple(lines), note)


def failures(rows: Iterable[Row]) -> Sheet:
    """One line a cell that is not as it should be, and how far it is from decoding."""
    lines = []
    for row in rows:
        known = row.get("known")
        distance = ("", "")
        if row["false_id"]:
            what = f"FALSE ID {row['id']}"
        elif "error" in row:
            what = row["error"]
        elif row["expected"] and not row["recovered"]:
            what = f"{row['status']} after {row['frames']} frames"
            if known is not None:
                distance = (f"{known['margin_db']:.1f}", f"{known['pilot']:.1f}")
                what += "; its place was not found" if known["margin_db"] >= 0 else "; too weak"
        else:
            continue
        lines.append((row["group"], row["attack"], row["clip"], what, *distance))
    note = "dB: margin of the true codeword at the true place; pilot: its score there, at most 16."
    heads = ("group", "attack", "clip", "what", "dB", "pilot")
    return Sheet("Failures", heads, tuple(lines), note, words=4)


def adversary(rows: Iterable[Row]) -> Sheet:
    """What is left of id and pilot after each adversarial attack."""
    lines = [
        (
            row["attack"],
            row["clip"],
            "yes" if row["recovered"] else "copied" if row["copied"] else "no",
            f"{row['known']['margin_db']:.1f}",
            f"{row['known']['pilot']:.1f}",
        )
        for row in rows
        if row["group"] == HOSTILE and row.get("known") is not None
    ]
    heads = ("attack", "clip", "id", "dB at the true place", "pilot (16 at most)")
    return Sheet("Adversarial: what is left", heads, tuple(lines), words=3)


def sheets(rows: list[Row], attacks: tuple[Attack, ...]) -> list[Sheet]:
    """Everything, in the order it is read."""
    order = {attack.name: number for number, attack in enumerate(attacks)}
    rows = sorted(rows, key=lambda row: (order[row["attack"]], row["clip"]))
    made = [*cells(rows, attacks), adversary(rows), failures(rows), groups(rows)]
    return [sheet for sheet in made if sheet.lines]


def show(console: Console, made: Iterable[Sheet], legend: str) -> None:
    """Print everything."""
    for sheet in made:
        console.print(sheet.as_table())
        if sheet.note:
            console.print(sheet.note, highlight=False)
        console.print()
    console.print(legend, highlight=False)


def write_markdown(path: Path, made: Iterable[Sheet], legend: str) -> None:
    """Write everything for a document."""
    path.write_text(legend + "\n\n" + "\n".join(sheet.as_markdown() for sheet in made))
