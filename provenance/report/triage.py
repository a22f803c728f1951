"""Many files for people: the most pressing first, what it is about them, and what to do.

The order is that of :data:`provenance.verifying.steps.URGENCY`.  Verdicts on which nobody has
anything to look at are only counted, unless the registry knows a clip that looks alike.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from provenance.report.terminal import STYLES
from provenance.report.told import spent_lines
from provenance.results import Verdict
from provenance.system.text import clock, listing, printable, several
from provenance.verifying.rows import Row
from provenance.verifying.sources import Found
from provenance.verifying.steps import COUNTED, URGENCY

MOST: Final = 50
"""Most files that a summary on a terminal names."""
UNEXAMINED: Final = "could not be examined"
_KINDS: Final = 6
"""Most endings of names that are told apart."""
_INDENT: Final = 22
_SENTENCE: Final = re.compile(r"(?<=[.!?]) +(?=[A-Z])")
_RANK: Final = {verdict: rank for rank, verdict in enumerate(URGENCY)}


def ordered(rows: Iterable[Row]) -> list[Row]:
    """The most pressing first; those with a lead before others of their verdict."""
    return sorted(rows, key=lambda row: (_RANK[row.verdict], not row.leads, row.path))


def to_look_at(row: Row) -> bool:
    """Whether a person should look at a file, and not only at how many there are."""
    return row.verdict not in COUNTED or bool(row.leads)


def status(row: Row) -> str:
    """The verdict, or that there is none."""
    return UNEXAMINED if row.refused else row.verdict.value


def first_sentence(summary: str, limit: int = 160) -> str:
    """What a line has room for."""
    return printable(_SENTENCE.split(printable(summary, 2000), maxsplit=1)[0], limit)


def measured(row: Row) -> str:
    """How long the clip plays and how long its examination took; nothing where neither is known."""
    parts = [] if row.length is None else [f"plays {clock(row.length)}"]
    parts += [] if row.took is None else [f"examined in {row.took:.1f} s"]
    return ", ".join(parts)


def alike(row: Row) -> str:
    """The leads, as a sentence; nothing where there are none."""
    if not row.leads:
        return ""
    stamps = "stamp" if len(row.leads) == 1 else "stamps"
    return f"Looks like registered {stamps} {listing(row.leads)}: a lead, not proof."


def passed_over(found: Found) -> list[str]:
    """Lines on the files of folders that were not examined, and what to do about them."""
    if not found.other:
        return []
    kinds = [f"{printable(kind, 20) or 'no ending'} {count}" for kind, count in found.kinds]
    if len(kinds) > _KINDS:
        kinds[_KINDS:] = [f"{len(kinds) - _KINDS} other endings"]
    names = [printable(place, 200) for place in found.named]
    if found.other > len(names):
        names.append(f"{found.other - len(names)} more")
    return [
        f"{found.other} passed over (not a video or image by name): {', '.join(kinds)}",
        f"  {listing(names)}",
        "  To have one examined, give the file its own place on the command line.",
    ]


def counted(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """How many files have which verdict, in the verdicts' order."""
    counts = Counter(status(row) for row in rows)
    order = [*Verdict.__members__, UNEXAMINED]
    return [(name, counts[name]) for name in order if counts[name]]


def show_triage(
    rows: Sequence[Row],
    found: Found,
    before: int,
    console: Console,
    *,
    spent: Mapping[str, float] | None = None,
    all_in: str = "a table",
) -> None:
    """Print the summary of many files.

    Args:
        rows: of all files, in any order.
        found: what was looked for, and passed over.
        before: how many of the rows are of an earlier run.
        console: a terminal gets lines of its width, anything else whole sentences.
        spent: where the time of the searches went, if that was asked for.
        all_in: what names those as well for which there is no room here.
    """
    head = several(len(rows), "file")
    if before:
        head += f", {before} of them verified before"
    lines = [head, *(f"  {count:6d}  {name}" for name, count in counted(rows))]
    for line in (*lines, *passed_over(found), *spent_lines(spent or {})):
        console.print(Text(line), soft_wrap=True)
    first = ordered(row for row in rows if to_look_at(row))
    if not first:
        return
    console.print(Text("For a person first:"), soft_wrap=True)
    for row in first[:MOST]:
        _show(row, console)
    if len(first) > MOST:
        more = f"  and {len(first) - MOST} more; {all_in} names all of them"
        console.print(Text(more), soft_wrap=True)


def show_ended(row: Row, console: Console) -> None:
    """Print the line of a file that is done, cut to the width of the terminal."""
    line = _headed(row)
    line.append(f"  {first_sentence(row.summary)}", style="dim")
    console.print(line, no_wrap=True, overflow="ellipsis", crop=True)


def _show(row: Row, console: Console) -> None:
    line = Text("  ") + _headed(row)
    if told := measured(row):
        line.append(f"  ({told})", style="dim")
    console.print(line, soft_wrap=True)
    stamps = ""
    if row.stamps:
        stamps = f"{'Stamp' if len(row.stamps) == 1 else 'Stamps'} {listing(row.stamps)}."
    sentences = (first_sentence(row.summary, 300), stamps, alike(row), f"To do: {row.to_do}")
    width = max(40, console.width - _INDENT) if console.is_terminal else 10_000
    for sentence in filter(None, sentences):
        for part in textwrap.wrap(printable(sentence, 500), width):
            console.print(Text(" " * _INDENT + part), soft_wrap=True)


def _headed(row: Row) -> Text:
    """The verdict and the name."""
    line = Text(f"{row.verdict.value:<18}  ", style=STYLES[row.verdict])
    line.append(printable(row.path, 500), style="default not bold")
    return line
