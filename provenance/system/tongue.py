"""In which language something is told to people.  Pure.

As gettext does it: a text is looked up by its English, values are put in afterwards, and what a
language lacks is said in English.  The command line speaks English; the desk's pages are made
inside of :func:`speaking`.  `scripts/list_texts` finds every text by the names of the functions
below, so each is written out where it is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

STOPS: Final = ".\u3002"
"""Full stops."""
_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Tongue:
    """A language: its code, and what it says for an English text.

    ``reasons`` are texts that come as they were put together elsewhere, with ``{names}`` where
    something stands that is not to be translated.
    """

    language: str
    texts: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """The reasons with something in them, those with the most words of their own first."""
        longest = sorted(self.reasons, key=lambda text: -len(_PLACE.sub("", text)))
        return tuple((_pattern(one), self.reasons[one]) for one in longest if _PLACE.search(one))


ENGLISH: Final = Tongue("en")
_SPOKEN: Final = ContextVar("spoken", default=ENGLISH)


@contextmanager
def speaking(tongue: Tongue) -> Iterator[None]:
    """What is said inside is said in this language."""
    before = _SPOKEN.set(tongue)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def say(text: str, /, **values: object) -> str:
    """A text in the language that is spoken, with values in it."""
    told = _SPOKEN.get().texts.get(text, text)
    return told.format(**values) if values else told


def counted(count: int, one: str, more: str) -> str:
    """``{count}`` of something: one text for a single one, another for any other number."""
    return say(one if count == 1 else more, count=count)


def worded(text: str) -> str:
    """A text that is said later: :func:`say` is handed it by a name."""
    return text


def retold(text: str) -> str:
    """A text that was put together elsewhere, in the language that is spoken, if that knows it."""
    tongue = _SPOKEN.get()
    plain = text.rstrip(".")
    told = next(
        (tongue.reasons[one] for one in (plain, f"{plain}.") if one in tongue.reasons), None
    )
    for pattern, worded_so in tongue.patterns if told is None else ():
        found = pattern.fullmatch(plain)
        if found is not None:
            told = worded_so.format(**found.groupdict())
            break
    if told is None:
        return text
    return told.rstrip(STOPS) if plain == text else told


def _pattern(text: str) -> re.Pattern[str]:
    parts = _PLACE.split(text.rstrip("."))
    told = "".join(
        f"(?P<{part}>.{{1,200}}?)" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
    return re.compile(told)
