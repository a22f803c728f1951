"""Many files as a table for other programs' windows: CSV for spreadsheets, a page for browsers.

Names of files and what files say of themselves are hostile.  Control characters are written out
(:func:`printable`); a cell that a spreadsheet would calculate gets an apostrophe before it, after
"CSV Injection" of OWASP; the page is escaped throughout, has no script, loads nothing, and forbids
both by a Content-Security-Policy, so that a slip would show as text.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from provenance.report.triage import alike, counted, ordered, passed_over, status
from provenance.system.text import clock, printable
from provenance.verifying.rows import Row
from provenance.verifying.sources import Found

COLUMNS: Final = (
    *("verdict", "path", "summary", "to_do", "stamp_ids", "leads"),
    *("plays_s", "examined_s", "bytes", "sha256", "examined", "registry_failed"),
)
"""Columns of the CSV, in their order."""
_MOST_TEXT: Final = 2000
# At the beginning, and after what a spreadsheet of another country takes for the end of a cell.
_FORMULA: Final = re.compile(r"(^|[;,|])(\s*)(?=[=+\-@\uff0b\uff0d\uff1d\uff20])")
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --faint: #777; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem .7rem;
  border-top: 1px solid var(--line); }
thead th { border-top: 0; position: sticky; top: 0; background: Canvas; }
td.path { min-width: 11rem; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.path, code { overflow-wrap: anywhere; font-family: ui-monospace, monospace; font-size: 13px; }
.verdict { font-weight: 600; white-space: nowrap; }
.urgent { color: #b3261e; } .look { color: #8a5a00; } .match { color: #1b6e2c; }
.faint { color: var(--faint); }
p { margin: .2rem 0; }
@media (prefers-color-scheme: dark) {
  .urgent { color: #ff8a80; } .look { color: #ffc96b; } .match { color: #7ddb8f; }
  :root { --faint: #aaa; }
}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
)
_CLASSES: Final = {
    **dict.fromkeys(("REVOKED", "CONFLICT", "CREDENTIAL_INVALID"), "urgent"),
    **dict.fromkeys(("CONFIRMED", "WATERMARK_MATCH"), "match"),
    "NO_MARK_FOUND": "faint",
}


def tone(verdict: str) -> str:
    """The class of a style that a verdict is shown in: ``urgent``, ``look``, ``match``, ``faint``;
    colour only repeats what the words say."""
    return _CLASSES.get(verdict, "look")


def harmless(text: str) -> str:
    """A text that no spreadsheet calculates and no terminal obeys."""
    return _FORMULA.sub(r"\1\2'", printable(text, _MOST_TEXT))


def as_csv(rows: Sequence[Row]) -> Iterator[bytes]:
    """One line a file under :data:`COLUMNS`, the most pressing first; UTF-8 with its mark."""
    return csv_lines(COLUMNS, map(_cells, ordered(rows)))


def csv_lines(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> Iterator[bytes]:
    """A table for spreadsheets, line by line: UTF-8 with its mark, no cell a formula."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    yield buffer.getvalue().encode("utf-8-sig")
    for row in rows:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(map(harmless, row))
        yield buffer.getvalue().encode()


def as_html(
    rows: Sequence[Row],
    found: Found,
    made_at: datetime | None = None,
    links: Mapping[Row, str] | None = None,
) -> Iterator[bytes]:
    """A page that stands by itself, the most pressing files first.

    Args:
        rows: of all files that are done, in any order.
        found: what was looked for; when it is more, the page says that the run was stopped.
        made_at: the date that the page bears; default: now.
        links: where the report of a row is, as a name beside the page.
    """
    moment = (made_at or datetime.now(UTC)).astimezone(UTC)
    counts = ", ".join(f"{count} {name}" for name, count in counted(rows))
    total = len(found.files)
    head = f"{len(rows)} {'file' if len(rows) == 1 else 'files'}"
    if len(rows) < total:
        head = f"{len(rows)} of {total} files; the run was stopped before the others"
    lines = [f"{head}: {counts}." if counts else f"{head}.", *passed_over(found)]
    said = "".join(f"<p>{_escaped(line)}</p>\n" for line in lines)
    titles = ("Verdict", "File", "What was found and what to do", "Plays", "Examined in")
    columns = "".join(f'<th scope="col">{title}</th>' for title in titles)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>Files to look at</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Files to look at</h1>\n{said}"
        f'<p class="faint">Made on {moment:%Y-%m-%d %H:%M} UTC. A verdict says what was found of '
        "stamps, never how a video was made.</p>\n"
        f"<table>\n<thead><tr>{columns}</tr></thead>\n<tbody>\n"
    ).encode()
    for row in ordered(rows):
        yield _html_row(row, (links or {}).get(row)).encode()
    yield b"</tbody>\n</table>\n</body>\n</html>\n"


def _cells(row: Row) -> Iterator[str]:
    """Texts under :data:`COLUMNS`."""
    yield row.verdict.value
    yield row.path
    yield row.summary
    yield row.to_do
    yield " ".join(row.stamps)
    yield " ".join(row.leads)
    yield "" if row.length is None else f"{row.length:.3f}"
    yield "" if row.took is None else f"{row.took:.3f}"
    yield "" if row.bytes is None else str(row.bytes)
    yield row.sha256 or ""
    yield "no" if row.refused else "yes"
    yield "yes" if row.failed else "no"


def _html_row(row: Row, link: str | None) -> str:
    kind = tone(row.verdict.value)
    paragraphs = [row.summary]
    paragraphs += [f"Stamp {stamp}." for stamp in row.stamps]
    paragraphs += [alike(row), f"To do: {row.to_do}"]
    told = "".join(f"<p>{_escaped(text)}</p>" for text in paragraphs if text)
    plays = "" if row.length is None else clock(row.length)
    took = "" if row.took is None else f"{row.took:.1f} s"
    shown = row.verdict.value if not row.refused else f"{row.verdict.value} ({status(row)})"
    named = f"<bdi>{_escaped(row.path)}</bdi>"
    if link is not None:
        named = f'<a href="{_escaped(link)}">{named}</a>'
    return (
        f'<tr><td class="verdict {kind}">{_escaped(shown)}</td>'
        f'<td class="path">{named}</td><td>{told}</td>'
        f'<td class="number">{plays}</td><td class="number">{took}</td></tr>\n'
    )


def _escaped(text: str) -> str:
    return html.escape(printable(text, _MOST_TEXT), quote=True)
