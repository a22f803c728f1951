"""A report as a PDF document (fpdf2), with the part for programs attached as ``report.json``.

Its letters are those that every reader has, which are Latin: any other is written out
(``\\u4e2d``), and stands as it is in the attached part.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from provenance.report.filed import page as words
from provenance.report.filed.figures import Frame, Lane, Overlay, Shape
from provenance.report.filed.page import Geometry, Page
from provenance.report.sheets import tone
from provenance.report.told import Told

if TYPE_CHECKING:
    from fpdf import FPDF

_WIDE: Final = 182.0
"""Millimetres between the margins of A4."""
_MARGIN: Final = 14.0
_LABEL: Final = 44.0
_GAP: Final = 5.0
_ACROSS: Final = 3
_TALLEST: Final = 62.0
Colour = tuple[int, int, int]
_INK, _FAINT, _LINE, _CARD = (27, 29, 33), (93, 100, 112), (213, 217, 224), (246, 247, 249)
_PAPER, _BLACK = (255, 255, 255), (0, 0, 0)
_MARKED, _MISSING = (27, 110, 44), (211, 24, 12)
_TONES: Final = {
    "urgent": (165, 27, 20),
    "look": (122, 79, 0),
    "match": _MARKED,
    "faint": _FAINT,
}


def as_pdf(page: Page) -> bytes:
    """The document; not signed yet."""
    return _Paper(page).made()


def _plain(text: str) -> str:
    """In the letters of the document's own fonts."""
    for sign, instead in (("\u2026", "..."), ("\u201c", '"'), ("\u201d", '"')):
        text = text.replace(sign, instead)
    return text.encode("latin-1", "backslashreplace").decode("latin-1")


class _Paper:
    """A document in the making; every part begins where the one before ended."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._pdf = _document(f"{page.verdict}: {page.name}")

    def made(self) -> bytes:
        """All parts, one below the other."""
        page = self._page
        self._head()
        self._title("The file, and how it was examined")
        self._rows(page.facts)
        self._title("The two layers")
        self._columns((words.SIGNATURE, page.signature), (words.PIXELS, page.pixels))
        self._title("The registry")
        self._rows(page.registry)
        self._title("Evidence")
        self._time(page.lanes)
        self._frames(page.frames)
        if page.geometry is not None:
            self._geometry(page.geometry)
        if page.scores or page.segments:
            self._title("Scores")
            self._rows(page.scores)
            self._segments(page.segments)
        self._title("History")
        self._rows(page.history) if page.history else self._text(words.NO_HISTORY)
        self._title("What this does not show")
        for sentence in page.caveats:
            self._text(f"-  {sentence}")
        self._title("Checking this report")
        self._text(words.CHECKING)
        attached = json.dumps(page.machine, allow_nan=False).encode()
        self._pdf.embed_file(
            bytes=attached, basename="report.json", desc="The same for programs", compress=True
        )
        return bytes(self._pdf.output())

    def _head(self) -> None:
        page, pdf = self._page, self._pdf
        pdf.set_text_color(*_FAINT)
        self._text("Verification report", size=9)
        pdf.set_text_color(*_INK)
        self._text(page.name, size=15, bold=True)
        pdf.ln(2)
        colour, top = _TONES[tone(page.verdict)], pdf.get_y()
        texts = (
            (page.verdict, "B", 13.0, 7.0, colour),
            (page.summary, "", 10.0, 5.0, _INK),
            (f"To do: {page.to_do}", "", 10.0, 5.0, _INK),
        )
        tall = 4.0
        for text, style, points, line, _ in texts:
            pdf.set_font("Helvetica", style, points)
            tall += line * self._lines(text, _WIDE - 10) + 1
        for left, wide, ground in ((0.0, _WIDE, _CARD), (0.0, 2.0, colour)):
            pdf.set_fill_color(*ground)
            pdf.rect(_MARGIN + left, top, wide, tall, style="F")
        pdf.set_y(top + 2.5)
        for text, style, points, line, ink in texts:
            pdf.set_x(_MARGIN + 6)
            pdf.set_font("Helvetica", style, points)
            pdf.set_text_color(*ink)
            pdf.multi_cell(_WIDE - 10, line, _plain(text), **_NEXT)
            pdf.ln(1)
        pdf.set_y(top + tall + 2)
        pdf.set_text_color(*_FAINT)
        self._text(page.audience, size=9)
        pdf.set_text_color(*_INK)

    def _lines(self, text: str, wide: float) -> int:
        """How many lines a text takes in the font that is set."""
        lines = self._pdf.multi_cell(wide, 1, _plain(text), dry_run=True, output="LINES")
        assert isinstance(lines, list)  # noqa: S101 - what was asked for
        return len(lines)

    def _title(self, text: str) -> None:
        pdf = self._pdf
        if pdf.will_page_break(24):
            pdf.add_page()
        pdf.ln(4)
        pdf.set_draw_color(*_LINE)
        pdf.line(_MARGIN, pdf.get_y(), _MARGIN + _WIDE, pdf.get_y())
        pdf.ln(2)
        self._text(text, size=12, bold=True)
        pdf.ln(1)

    def _text(self, text: str, *, size: float = 10, bold: bool = False) -> None:
        pdf = self._pdf
        pdf.set_font("Helvetica", "B" if bold else "", size)
        pdf.multi_cell(_WIDE, size * 0.5, _plain(text), **_NEXT)

    def _rows(
        self,
        rows: Iterable[Told],
        left: float = _MARGIN,
        wide: float = _WIDE,
        label: float = _LABEL,
    ) -> None:
        pdf = self._pdf
        for row in rows:
            pdf.set_font("Helvetica", "", 9)
            inset = 0.0 if row.head else 2.0
            texts = (
                (left + inset, label - inset, row.label, _FAINT),
                (left + label, wide - label, row.text, _INK),
            )
            tall = 4.4 * max(self._lines(text, width) for _, width, text, _ in texts)
            if pdf.will_page_break(min(tall, 180.0)):
                pdf.add_page()
            top, bottom = pdf.get_y(), pdf.get_y()
            for x, width, text, ink in texts:
                pdf.set_xy(x, top)
                pdf.set_text_color(*ink)
                pdf.multi_cell(width, 4.4, _plain(text), **_NEXT)
                bottom = max(bottom, pdf.get_y())
            pdf.set_y(bottom + 0.3)
        pdf.set_text_color(*_INK)

    def _columns(self, *columns: tuple[str, Sequence[Told]]) -> None:
        """Side by side where both fit on the page, else one below the other."""
        pdf = self._pdf
        wide = (_WIDE - _GAP) / 2
        if pdf.will_page_break(9.0 * (1 + max(len(rows) for _, rows in columns))):
            pdf.add_page()
        top, bottom, on = pdf.get_y(), pdf.get_y(), pdf.page_no()
        for number, (title, rows) in enumerate(columns):
            left = _MARGIN + number * (wide + _GAP)
            if pdf.page_no() == on:
                pdf.set_xy(left, top)
            else:  # the first went over the page's end
                left = _MARGIN
            pdf.set_x(left)
            pdf.set_font("Helvetica", "B", 10)
            pdf.multi_cell(wide, 5.5, _plain(title), **_NEXT)
            self._rows(rows, left, wide, 22)
            bottom = pdf.get_y() if pdf.page_no() != on else max(bottom, pdf.get_y())
        pdf.set_y(bottom)

    def _time(self, lanes: Sequence[Lane]) -> None:
        pdf = self._pdf
        for lane in lanes:
            if pdf.will_page_break(9):
                pdf.add_page()
            top, left, wide = pdf.get_y(), _MARGIN + _LABEL, _WIDE - _LABEL
            pdf.set_font("Helvetica", "", 9)
            pdf.multi_cell(_LABEL, 5, _plain(lane.name), **_NEXT)
            for bar in lane.bars:
                x, width = left + wide * bar.start, wide * (bar.end - bar.start)
                pdf.set_fill_color(*{"marked": _MARKED, "unknown": _LINE}.get(bar.status, _PAPER))
                pdf.rect(x, top, width, 5, style="F")
            pdf.set_draw_color(*_FAINT)
            pdf.rect(left, top, wide, 5)
            pdf.set_y(top + 6.5)
        if lanes:
            pdf.set_text_color(*_FAINT)
            ends = f"0:00 to {self._page.length}; green: marked, white: unmarked, grey: unknown"
            self._text(ends, size=8)
            pdf.set_text_color(*_INK)
            pdf.ln(2)

    def _frames(self, frames: Sequence[Frame]) -> None:
        if not frames:
            self._text(words.NO_FRAMES)
            return
        pdf = self._pdf
        wide = (_WIDE - (_ACROSS - 1) * _GAP) / _ACROSS
        for start in range(0, len(frames), _ACROSS):
            row = frames[start : start + _ACROSS]
            scales = [_within(frame.shape, wide) for frame in row]
            tall = max(frame.shape.height * by for frame, by in zip(row, scales, strict=True))
            if pdf.will_page_break(tall + 8):
                pdf.add_page()
            top = pdf.get_y()
            for number, (frame, by) in enumerate(zip(row, scales, strict=True)):
                left, shape = _MARGIN + number * (wide + _GAP), frame.shape
                sides = (shape.width * by, shape.height * by)
                pdf.image(io.BytesIO(frame.jpeg), left, top, *sides)
                self._over(frame.over, shape, left, top, by=by)
                pdf.set_xy(left, top + tall + 0.5)
                pdf.set_font("Helvetica", "", 8)
                pdf.cell(wide, 4, _plain(frame.caption))
            pdf.set_y(top + tall + 6)
        if self._page.mapped:
            pdf.set_text_color(*_FAINT)
            self._text(words.MAP, size=8)
            pdf.set_text_color(*_INK)

    def _over(
        self,
        over: Overlay,
        shape: Shape,
        left: float,
        top: float,
        *,
        by: float,
        line: Colour = _PAPER,
    ) -> None:
        """The map over a picture; ``by`` is millimetres a pixel as shown."""
        pdf = self._pdf
        x_scale, y_scale = (by * each for each in shape.scale)
        with pdf.local_context(fill_opacity=0.45, fill_color=_MISSING):
            for box in over.missing:
                x, y = left + x_scale * box.left, top + y_scale * box.top
                pdf.rect(x, y, x_scale * box.width, y_scale * box.height, style="F")
        for points, colours in (
            *((area, (_BLACK, _PAPER)) for area in over.areas),
            (over.outline, (line,)),
        ):
            shown = [(left + x_scale * x, top + y_scale * y) for x, y in points]
            for width, colour in zip((0.7, 0.3), colours, strict=False):
                pdf.set_line_width(width)
                pdf.set_draw_color(*colour)
                if len(shown) > 2:
                    pdf.polygon(shown)
        pdf.set_line_width(0.2)

    def _geometry(self, geometry: Geometry) -> None:
        pdf = self._pdf
        shape, by = geometry.shape, _within(geometry.shape, 60.0)
        height = shape.height * by
        if pdf.will_page_break(height + 14):
            pdf.add_page()
        pdf.ln(2)
        top = pdf.get_y()
        pdf.set_draw_color(*_FAINT)
        pdf.rect(_MARGIN, top, shape.width * by, height)
        over = Overlay(geometry.over.missing, outline=geometry.outline)
        self._over(over, shape, _MARGIN, top, by=by, line=_MARKED)
        pdf.set_y(top + height + 1)
        pdf.set_text_color(*_FAINT)
        self._text(f"{words.GEOMETRY} The picture {geometry.told}.", size=8)
        pdf.set_text_color(*_INK)

    def _segments(self, rows: Sequence[tuple[str, ...]]) -> None:
        pdf = self._pdf
        wide = _WIDE / len(words.COLUMNS)
        for number, row in enumerate((words.COLUMNS, *rows) if rows else ()):
            pdf.set_font("Helvetica", "" if number else "B", 9)
            for cell in row:
                pdf.cell(wide, 5, _plain(cell))
            pdf.ln(5)


_NEXT: Final[dict[str, Any]] = {"align": "L", "new_x": "LMARGIN", "new_y": "NEXT"}


def _within(shape: Shape, wide: float) -> float:
    """Millimetres a pixel of a picture that is no wider than this, and not too tall."""
    return min(wide / shape.width, _TALLEST / shape.height)


def _document(title: str) -> FPDF:
    from fpdf import FPDF  # noqa: PLC0415 - an extra

    class Document(FPDF):
        def footer(self) -> None:
            """The number of each page."""
            self.set_y(-11)
            self.set_font("Helvetica", "", 8)
            self.set_text_color(*_FAINT)
            self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")
            self.set_text_color(*_INK)

    pdf = Document(format="A4")
    pdf.set_margins(_MARGIN, _MARGIN)
    pdf.c_margin = 0
    pdf.set_auto_page_break(True, margin=16)
    pdf.set_title(_plain(title))
    pdf.set_lang("en")
    pdf.set_text_color(*_INK)
    pdf.add_page()
    return pdf
