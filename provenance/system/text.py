"""Texts from outside made safe to print, and numbers made easy to read.  Pure."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

from provenance.system.tongue import say

_TINY = 1e-300
_SPACES = frozenset(("Zs", "Zl", "Zp"))


def printable(text: object, limit: int = 200) -> str:
    r"""``text`` without anything that could steer a terminal or break a line.

    White space of every kind becomes one space; every other control, format or unassigned
    character (terminal escapes, right-to-left overrides, stray surrogates) is written out as
    ``\xNN`` or ``\uNNNN``.  What is longer than ``limit`` is cut and ends in an ellipsis.
    """
    kept: list[str] = []
    for character in str(text)[: limit + 1]:
        category = unicodedata.category(character)
        if category in _SPACES or character in "\t\n\r\v\f":
            kept.append(" ")
        elif category.startswith("C"):
            code = ord(character)
            kept.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
        else:
            kept.append(character)
    shown = " ".join("".join(kept).split())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def several(count: int, what: str) -> str:
    """``1 stamp``, ``3 stamps``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def listing(items: Iterable[str]) -> str:
    """``a``, ``a and b`` or ``a, b and c``."""
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return say("{items} and {last}", items=say(", ").join(words[:-1]), last=words[-1])


def chance(probability: float) -> str:
    """An upper bound for a sentence: ``0.021``, ``1.3e-12``; rounded up, never down to nothing."""
    if probability < _TINY:
        return f"{_TINY:.0e}"
    exponent = math.floor(math.log10(probability))
    step = 10.0 ** (exponent - 1)
    above = min(1.0, math.ceil(probability / step * (1.0 - 1e-12)) * step)
    return f"{above:.2g}"


def clock(seconds: float) -> str:
    """A position in a clip: ``0:04.5``, ``1:02:03``."""
    tenths = max(0, round(seconds * 10))
    whole, tenth = divmod(tenths, 10)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{text}.{tenth}" if tenth else text


def size(count: int) -> str:
    """A number of bytes: ``812 bytes``, ``4.2 MB``."""
    if count < 1000:
        return f"{count} bytes"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):  # pragma: no branch
        value /= 1000.0
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < 99.5 else f"{value:.0f} {unit}"
