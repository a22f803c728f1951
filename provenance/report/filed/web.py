"""A report as one HTML file: no script, nothing loaded, light and dark, fit to be printed.

jinja2 escapes every text, and what is printed outside of it goes through :func:`printable` first;
a Content-Security-Policy forbids scripts and everything that lies elsewhere, so that a slip would
show as text.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from provenance.report.filed import page as words
from provenance.report.filed.page import Page
from provenance.report.sheets import tone
from provenance.system.text import printable

if TYPE_CHECKING:
    import jinja2


def as_html(page: Page) -> bytes:
    """The page; not signed yet."""
    style = _file("report.css")
    text = _template().render(
        page=page,
        words=words,
        tone=tone(page.verdict),
        style=_safe(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        machine=_safe(_in_script(page.machine)),
    )
    return text.rstrip("\n").encode() + b"\n"


def _in_script(value: dict[str, Any]) -> str:
    """JSON that ends no script element and begins no comment, whatever is in it."""
    text = json.dumps(value, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@functools.cache
def _template() -> jinja2.Template:
    import jinja2  # noqa: PLC0415 - an extra

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    environment.filters["points"] = lambda points: " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return environment.from_string(_file("report.html"))


def _printable(value: Any) -> Any:
    """Texts without control characters, also where nobody thought of it; data and markup as is."""
    return printable(value, 8 * len(value) + 1) if type(value) is str else value


def _safe(text: str) -> Any:
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    return Markup(text)  # noqa: S704 - the program's own style, and JSON without a sign of markup


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
