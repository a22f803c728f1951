"""Does a text that is going to be published hold the prompt?  Answered without the prompt.

Only a keyed hash of a prompt goes to workers and other machines, so what they look for is keyed
hashes as well: of runs of the prompt's words.

1. A text is split into words: Unicode NFKC, case folded, JSON escapes undone, everything that is
   neither letter nor digit taken as white space.  In scripts without spaces between words, each
   character is a word.  A text without any word is taken character by character.
2. A prompt is found where any :data:`RUN` of its words in a row stand (all, if it has fewer): a
   file name or a title that holds its beginning gives it away too.
3. A short prompt, of fewer than :data:`SHORT_WORDS` words and :data:`SHORT_LETTERS` letters, is an
   everyday word or two: it is found only where it is the whole of a text, of a line, or of a
   quoted string.

Pure: nothing here reads or writes, and no ``repr`` or error holds a text.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from provenance.manifest.prompt import PromptKey

RUN: Final = 6
SHORT_WORDS: Final = 4
SHORT_LETTERS: Final = 20
MOST_WORDS: Final = 20_000
"""Words of a prompt that are looked for; its runs travel with the job."""
_BYTES: Final = 12
_PURPOSE: Final = b"provenance.prompt-run/1\0"
# Han, kana, hangul, and Thai to Khmer, in which words are not set apart.
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_ESCAPE: Final = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_MOST_ESCAPES: Final = 4
"""How deep JSON stands in JSON at most: a workflow in a comment is two deep."""
_PIECES: Final = re.compile(r"[\"'\n\r=:]+")


@dataclass(frozen=True, slots=True)
class PromptTrace:
    """What a prompt is found by.

    Attributes:
        key_id: of the prompt key that made it, needed to look for it.
        words: length of a run.
        whole: whether only whole texts count.
        runs: keyed hashes.
    """

    key_id: str
    words: int
    whole: bool
    runs: frozenset[bytes] = field(repr=False)


def trace_prompt(text: str, key: PromptKey) -> PromptTrace:
    """What ``text`` is found by, under ``key``; a text without any character is never found."""
    words = _words(text)[:MOST_WORDS]
    letters = sum(map(len, words))
    whole = len(words) < SHORT_WORDS and letters < SHORT_LETTERS
    length = min(len(words), RUN)
    return PromptTrace(key.key_id, length, whole, frozenset(_hashed(words, length, key)))


def holds_prompt(text: str, trace: PromptTrace, key: PromptKey) -> bool:
    """Whether ``text`` holds the prompt behind ``trace``.

    Raises:
        ValueError: when ``key`` is not the one that the trace was made with.
    """
    if key.key_id != trace.key_id:
        raise ValueError("another prompt key made this trace")
    if not trace.words:
        return False
    for version in _versions(text):
        pieces = [version, *_PIECES.split(version)] if trace.whole else [version]
        for piece in pieces:
            words = _words(piece)
            if trace.whole and len(words) != trace.words:
                continue
            if any(run in trace.runs for run in _hashed(words, trace.words, key)):
                return True
    return False


def _versions(text: str) -> Iterator[str]:
    """The text, and what it says once JSON's escapes are undone, level by level."""
    yield text
    for _ in range(_MOST_ESCAPES):
        plain = _ESCAPE.sub(_unescaped, text)
        # Two escapes may be the halves of one character.
        plain = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if plain == text:
            return
        yield plain
        text = plain


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return {"b": " ", "f": " ", "n": "\n", "r": "\n", "t": " "}.get(match[2], match[2])


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = unicodedata.normalize("NFKC", folded)
    return _WORD.findall(folded) or [one for one in folded if not one.isspace()]


def _hashed(words: list[str], length: int, key: PromptKey) -> Iterator[bytes]:
    for start in range(len(words) - length + 1 if length else 0):
        run = " ".join(words[start : start + length]).encode("utf-8", "surrogatepass")
        yield hmac.digest(key.secret, _PURPOSE + run, "sha256")[:_BYTES]
