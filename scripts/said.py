"""Which texts the program says to people: found in its source, by the functions that say them.

:mod:`provenance.system.tongue` has the functions; reports that are filed are in English, and so is
the command line, so that their own modules are left out.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_LEFT_OUT: Final = ("cli/", "report/filed/page.py", "report/filed/paper.py", "system/tongue.py")
_SAYING: Final = {"say": slice(0, 1), "worded": slice(0, 1), "counted": slice(1, 3)}
_LABELLED: Final = frozenset(("Told.of", "Told.first"))
_PLACE: Final = re.compile(r"\{[^{}]*\}")


def sources() -> Iterator[Path]:
    """The modules that may say something in another language."""
    package = ROOT / "provenance"
    for path in sorted(package.rglob("*.py")):
        if not str(path.relative_to(package)).startswith(_LEFT_OUT):
            yield path


@functools.cache
def texts() -> dict[str, str]:
    """Each text that is said, with the module in which it stands first."""
    found: dict[str, str] = {}
    for path in sources():
        for text in _said(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(text, str(path.relative_to(ROOT)))
    return found


def _said(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in _LABELLED:
            name = "say"
        for argument in node.args[_SAYING[name]] if name in _SAYING else ():
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


@functools.cache
def assembled() -> frozenset[str]:
    """Every text in the source, as it is or put together, with ``{}`` where something is put in."""
    found = set()
    for path in (ROOT / "provenance").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (
                    one.value if isinstance(one, ast.Constant) else "{}" for one in node.values
                )
                found.add("".join(str(part) for part in parts))
    return frozenset(found)


def bare(text: str) -> str:
    """A text whose places have no names."""
    return _PLACE.sub("{}", text)


def places(text: str) -> frozenset[str]:
    """The places in a text."""
    return frozenset(_PLACE.findall(text))
