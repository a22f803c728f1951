"""Many files for people: their order, what is said of each, and tables that nobody can abuse."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from provenance.cli.tables import check_table, write_table
from provenance.errors import UsageError
from provenance.report.sheets import COLUMNS, as_csv, as_html
from provenance.report.triage import MOST, first_sentence, ordered, show_ended, show_triage
from provenance.results import Verdict
from provenance.system.storage import Place
from provenance.verifying.rows import Row
from provenance.verifying.sources import Found, find
from provenance.verifying.steps import NEXT_STEPS, URGENCY

HOSTILE = (
    "=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "a;=1", 'a";=1', "\uff1d1",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a\u202eb", "a\x1b[31mb",
    "a\nb", "a\udcffb", "&lt;", "javascript:alert(1)",
)  # fmt: skip


def row(verdict: Verdict, path: str = "a.mp4", **known: Any) -> Row:
    given: dict[str, Any] = {"summary": "One. Two.", "to_do": NEXT_STEPS[verdict], **known}
    return Row(path, "00", 1, verdict, False, **given)


def shown(rows: list[Row], found: Found | None = None) -> str:
    console = Console(file=io.StringIO(), width=80)
    show_triage(rows, found or Found(()), 0, console, all_in="`--table FILE`")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(rows: list[Row]) -> list[list[str]]:
    text = b"".join(as_csv(rows)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def page(rows: list[Row], found: Found | None = None) -> str:
    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    return b"".join(as_html(rows, found or Found(()), moment)).decode()


def test_every_verdict_has_its_place_in_the_order_of_urgency() -> None:
    assert sorted(URGENCY) == sorted(Verdict)
    names = [str(one.verdict) for one in ordered(row(verdict) for verdict in Verdict)]
    assert names[:6] == [
        *("REVOKED", "CONFLICT", "CREDENTIAL_INVALID", "PARTIAL", "SIGNER_UNTRUSTED", "SUSPECTED")
    ]


def test_where_the_time_of_all_searches_went_is_told_when_it_was_asked_for() -> None:
    out = io.StringIO()
    spent = {"looking": 2.0, "borders": 0.5}
    show_triage([row(Verdict.CONFIRMED)], Found(()), 0, Console(file=out, width=100), spent=spent)
    assert "2.50 s  for the search, of processors' time" in out.getvalue()
    assert out.getvalue().index("looking") < out.getvalue().index("borders")


def test_a_file_of_the_summary_has_its_stamps_lengths_leads_and_what_to_do() -> None:
    one = row(
        Verdict.REVOKED, stamps=("11" * 8, "22" * 8), leads=("33" * 8,), length=65.5, took=2.345
    )
    said = shown([one])
    assert "REVOKED             a.mp4  (plays 1:05.5, examined in 2.3 s)" in said
    for words in (
        "One.\n",
        f"Stamps {'11' * 8} and {'22' * 8}.",
        f"Looks like registered stamp {'33' * 8}: a lead, not proof.",
        "To do: Do not publish it, and take it down where it is in use.",
    ):
        assert words in said


def test_a_file_that_is_done_is_one_line_of_the_terminal_whatever_its_name() -> None:
    console = Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None)
    show_ended(row(Verdict.REVOKED, "a\nb\x1b[31m" + "long" * 40), console)
    assert isinstance(console.file, io.StringIO)
    (line,) = console.file.getvalue().splitlines()
    assert line.startswith("REVOKED             a b")
    assert len(line) <= 60
    assert "\x1b" not in line


def test_files_without_a_mark_are_counted_and_named_only_where_there_is_a_lead() -> None:
    plain = row(Verdict.NO_MARK_FOUND, "plain.mp4")
    alike = row(Verdict.NO_MARK_FOUND, "alike.mp4", leads=("33" * 8,))
    said = shown([plain, alike, row(Verdict.CONFIRMED, "ours.mp4")])
    assert "     2  NO_MARK_FOUND" in said
    assert "alike.mp4" in said
    assert "plain.mp4" not in said
    assert "ours.mp4" not in said


def test_a_summary_of_very_many_files_says_how_many_more_there_are() -> None:
    said = shown([row(Verdict.CONFLICT, f"{number}.mp4") for number in range(MOST + 3)])
    assert "and 3 more; `--table FILE` names all of them" in said


def test_what_a_walk_passes_over_is_named_by_kind_with_what_to_do(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.PDF", "c.7z", "d", "e.txt", "f.txt", "g.txt", "h.mp4"):
        (tmp_path / name).write_bytes(b"x")
    found = find([tmp_path])
    assert found.kinds == ((".txt", 3), (".pdf", 2), ("", 1), (".7z", 1))
    said = shown([row(Verdict.NO_MARK_FOUND)], found)
    assert "7 passed over (not a video or image by name): .txt 3, .pdf 2, no ending 1, .7z" in said
    assert f"{tmp_path / 'a.pdf'}, " in said
    assert "and 2 more\n" in said
    assert "give the file its own place on the command line" in said


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_a_spreadsheet_is_ever_a_formula_or_holds_a_control_character(text: str) -> None:
    _, made = cells([row(Verdict.CONFLICT, text, summary=text, stamps=(text,))])
    assert len(made) == len(COLUMNS)
    for cell in made:
        # The second splitting is that of a spreadsheet where a semicolon ends a cell.
        for part in (cell, *cell.split(";")):
            assert not re.match(r"\s*[=+\-@\uff0b\uff0d\uff1d\uff20]", part)
        assert cell.isprintable()


def test_the_csv_has_a_line_for_each_file_in_the_order_of_urgency() -> None:
    one = row(Verdict.PARTIAL, "b.mp4", stamps=("11" * 8,), length=1.5, took=0.25)
    head, first, second = cells([row(Verdict.CONFIRMED), one])
    assert tuple(head) == COLUMNS
    known = dict(zip(head, first, strict=True))
    assert known == {
        "verdict": "PARTIAL", "path": "b.mp4", "summary": "One. Two.",
        "to_do": NEXT_STEPS[Verdict.PARTIAL], "stamp_ids": "11" * 8, "leads": "",
        "plays_s": "1.500", "examined_s": "0.250", "bytes": "1", "sha256": "00",
        "examined": "yes", "registry_failed": "no",
    }  # fmt: skip
    assert second[0] == "CONFIRMED"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += attrs


@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_shows_hostile_names_as_text(text: str) -> None:
    tags, plain = _Tags(), _Tags()
    made = page([row(Verdict.CONFLICT, text, summary=text, stamps=(text,), to_do=text)])
    tags.feed(made)
    plain.feed(page([row(Verdict.CONFLICT, stamps=("0",))]))
    assert (tags.seen, tags.attributes) == (plain.seen, plain.attributes)
    assert all(sign.isprintable() or sign == "\n" for sign in made)


def test_a_page_stands_by_itself_and_forbids_all_but_its_own_style() -> None:
    made, tags = page([row(verdict) for verdict in Verdict]), _Tags()
    tags.feed(made)
    assert not tags.seen & {"script", "img", "link", "iframe", "a", "form"}
    assert not {name for name, _ in tags.attributes} & {"src", "href", "style", "onclick"}
    style = re.search(r"<style>(.*?)</style>", made, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'" in made
    assert "url(" not in style[1]
    order = re.findall(r'<td class="verdict \w+">([A-Z_]+)', made)
    assert order == [str(verdict) for verdict in URGENCY]


def test_a_page_of_a_run_that_was_stopped_says_so() -> None:
    found = Found(tuple(Place.of(name) for name in ("a.mp4", "b.mp4", "c.mp4")))
    assert "1 of 3 files; the run was stopped before the others" in page([row(URGENCY[0])], found)


def test_a_table_replaces_the_one_before_and_leaves_nothing_else(tmp_path: Path) -> None:
    for name in ("table.csv", "table.HTML"):
        table = tmp_path / name
        table.write_text("before")
        check_table(table, None)
        write_table(table, [row(Verdict.PARTIAL)], Found(()))
        assert "PARTIAL" in table.read_text(encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["table", "table.json", "table.mp4", "gone/table.csv", "."])
def test_a_table_of_no_known_kind_or_without_a_folder_is_wrong_usage(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        check_table(tmp_path / name, None)


def test_a_table_never_writes_over_the_rows(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="of --results too"):
        check_table(tmp_path / "rows.csv", tmp_path / "." / "rows.csv")


def test_the_first_sentence_ends_where_a_sentence_ends_and_not_in_a_number() -> None:
    said = "Stamped by X as Model 3.2.1 on 2026-11-23; both layers agree. It rests on much."
    assert first_sentence(said) == "Stamped by X as Model 3.2.1 on 2026-11-23; both layers agree."
