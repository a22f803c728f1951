"""Short tables for a terminal: what was found, what it rests on, what to do next.

Words carry the meaning, colour only repeats it.  Texts from files are printed as text: never as
markup, never with a control character.  Nothing here writes to a stream by itself: the caller
brings the console.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from provenance.report import told
from provenance.report.told import Told
from provenance.results import (
    CellStatus,
    PictureMap,
    StampResult,
    Tag,
    Verdict,
    VerificationReport,
)
from provenance.system.text import listing, printable, size
from provenance.verifying.steps import next_step

_LEGEND: Final = "; # marked, . missing"
STYLES = {
    Verdict.REVOKED: "bold red",
    Verdict.CONFLICT: "bold red",
    Verdict.CREDENTIAL_INVALID: "bold red",
    Verdict.PARTIAL: "bold yellow",
    Verdict.CONFIRMED: "bold green",
    Verdict.SIGNER_UNTRUSTED: "bold yellow",
    Verdict.CREDENTIAL_ONLY: "bold yellow",
    Verdict.WATERMARK_MATCH: "bold green",
    Verdict.WATERMARK_UNKNOWN: "bold yellow",
    Verdict.SUSPECTED: "bold yellow",
    Verdict.NOT_CHECKED: "bold magenta",
    Verdict.NO_MARK_FOUND: "bold",
}


def show_verification(report: VerificationReport, console: Console) -> None:
    """Print the table of one verified file."""
    facts = report.file
    title = Text(printable(facts.path, 500), style="bold", overflow="fold")
    details: list[str] = [facts.kind or "unknown kind"]
    if facts.bytes is not None:
        details.append(size(facts.bytes))
    title.append(f"  ({', '.join(details)})", style="not bold dim")
    console.print(title)
    verdict = Text(report.verdict.value, style=STYLES[report.verdict])
    table = _table()
    table.add_row("Verdict", verdict)
    table.add_row("", _text(report.summary, 2000))
    kind = facts.kind or "file"
    _add(
        table,
        told.watermark(report.watermark, kind, report.coverage, report.others, legend=_LEGEND),
    )
    if report.watermark.picture is not None and report.watermark.picture.missing is not None:
        for line in _drawn(report.watermark.picture):
            table.add_row("", Text(line))
    _add(table, told.manifest(report.manifest))
    _add(table, told.registry(report.registry))
    for other in report.others:
        _add(table, told.beside(other))
    table.add_row("To do", _text(next_step(report), 500))
    print_table(table, console)
    console.print()


def show_unexamined(path: str, reason: str, console: Console) -> None:
    """Print the line of a file that could not be examined at all."""
    line = Text("Error: ", style="bold red")
    line.append(printable(reason, 1000), style="default not bold")
    if (
        printable(path, 500) not in printable(reason, 1000)
        and path.rsplit("/", 1)[-1] not in reason
    ):
        line = Text(f"{printable(path, 500)}: ", style="bold") + line
    console.print(line, soft_wrap=True)


def named(tags: Sequence[Tag]) -> str:
    """Tags by name: the container's first, then those of tracks, chapters and boxes."""
    return listing(str(tag) for tag in sorted(tags, key=lambda tag: tag.place != "container"))


def show_stamp(result: StampResult, console: Console) -> None:
    """Print the table of one stamped clip."""
    console.print(Text(printable(result.output_path, 500), style="bold", overflow="fold"))
    table = _table()
    table.add_row("Stamped", Text("stamped, signed and read back", style="bold green"))
    table.add_row("Stamp id", _text(result.stamp_id.hex))
    table.add_row(
        "Watermark",
        _text(
            f"{result.margin_db:.1f} dB above what decoding needs, "
            f"PSNR-Y {result.psnr_y_db:.1f} dB, {result.frames} frames, "
            f"profile {result.profile}, key {result.key_id}"
        ),
    )
    table.add_row("", _text(f"{result.copy_margin_db:.1f} dB expected in a 360p CRF 30 copy"))
    for warning in result.warnings:
        table.add_row("", _text(warning))
    where = (
        "embedded" if result.sidecar is None else f"in {result.sidecar}, keep it beside the clip"
    )
    table.add_row("Manifest", _text(f"{result.manifest_status}, {where}", 500))
    table.add_row("Signed", _text(told.moment(result.signed_at)))
    if result.tags_left_out:
        table.add_row("Left out", _text(named(result.tags_left_out), 500))
    table.add_row("Took", _text(f"{result.seconds:.1f} s"))
    print_table(table, console)


def _drawn(picture: PictureMap) -> list[str]:
    """The map in a few lines of characters; a character is about twice as high as wide."""
    rows = max(4, min(10, picture.rows))
    columns = max(8, round(2 * rows * picture.columns / picture.rows))
    signs: dict[CellStatus, str] = {"marked": "#", "missing": ".", "unknown": "?"}
    return [
        "".join(
            signs[picture.state((column + 0.5) / columns, (row + 0.5) / rows)]
            for column in range(columns)
        )
        for row in range(rows)
    ]


def _table() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    return table


def _add(table: Table, rows: Iterable[Told]) -> None:
    for row in rows:
        table.add_row(row.label if row.head else f"  {row.label}", Text(row.text, overflow="fold"))


def print_table(table: Table, console: Console) -> None:
    """Print without the blanks that fill up each line: they get in the way of copying and diff."""
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        console.file.write(line.rstrip() + "\n")


def _text(value: str, limit: int = 300) -> Text:
    return Text(printable(value, limit), overflow="fold")
