"""The page's words in several languages: one file a language, in the folder ``texts``.

``en.toml`` has all of the page's own words.  Another language is a file beside it, ``it.toml`` say,
with as many of the same keys as somebody has put into it; what is missing is said in English.  Its
tables ``sentences`` and ``reasons`` have the program's own texts by their English, so that a
finding is worded in one place (:mod:`provenance.system.tongue`).
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from provenance.system.tongue import ENGLISH, Tongue

_TOLD: Final = ("sentences", "reasons")


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language, by keys with dots between their parts.

    ``own`` are those that its file has, ``tongue`` is what it says of findings.
    """

    language: str
    words: Mapping[str, str]
    own: Mapping[str, str]
    tongue: Tongue

    def __getitem__(self, key: str) -> str:
        return self.words[key]

    def say(self, key: str, **values: object) -> str:
        """A text with values in it."""
        return self.words[key].format(**values)


@functools.cache
def catalogue() -> Mapping[str, Texts]:
    """All languages, by their codes; English first."""
    files = resources.files("provenance.service").joinpath("texts").iterdir()
    read = {
        one.name.removesuffix(".toml"): tomllib.loads(one.read_text(encoding="utf-8"))
        for one in files
        if one.name.endswith(".toml")
    }
    told = {code: [table.pop(name, {}) for name in _TOLD] for code, table in read.items()}
    own = {code: flat(table) for code, table in read.items()}
    english = own[ENGLISH.language]
    codes = sorted(own, key=lambda code: (code != ENGLISH.language, code))
    return MappingProxyType(
        {
            code: Texts(code, english | own[code], own[code], Tongue(code, *told[code]))
            for code in codes
        }
    )


def flat(table: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """A table's texts by their keys with dots between them."""
    told: dict[str, str] = {}
    for key, value in table.items():
        name = f"{above}{key}"
        told |= flat(value, f"{name}.") if isinstance(value, dict) else {name: str(value)}
    return told


def chosen(asked: Iterable[str]) -> Texts:
    """The first of the languages asked for that there is; else English."""
    known = catalogue()
    for code in asked:
        plain = code.strip().lower().partition("-")[0]
        if plain in known:
            return known[plain]
    return known[ENGLISH.language]


def accepted(header: str) -> list[str]:
    """The languages of an ``Accept-Language`` header, the dearest first."""
    ranked = []
    for place, part in enumerate(header.split(",")[:20]):
        code, _, weight = part.partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, code))
        except ValueError:
            continue
    return [code for _, _, code in sorted(ranked)]
