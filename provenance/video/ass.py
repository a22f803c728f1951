"""The header of ASS and SSA subtitles: what shows them, and what an editor noted down beside it.

In Matroska the header is the track's private data, copied as a whole.  Editors write who made the
script into ``[Script Info]``, and the paths of their files into sections of their own.  Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

_INFO: Final = "script info"
_SECTIONS: Final = frozenset(
    (_INFO, "v4 styles", "v4+ styles", "v4++ styles", "events", "fonts", "graphics")
)
SHOWS: Final = frozenset(
    (
        *("scripttype", "playresx", "playresy", "playdepth", "layoutresx", "layoutresy", "timer"),
        *("wrapstyle", "scaledborderandshadow", "ycbcr matrix", "collisions", "kerning"),
    )
)
"""Names in ``[Script Info]``, in lower case, that a player shows subtitles by."""


def info_of(header: str) -> dict[str, str]:
    """What ``[Script Info]`` says, and the name of every section that is no part of the format."""
    found: dict[str, str] = {}
    for section, line in _lines(header):
        if section not in _SECTIONS:
            if line.strip("[] ").lower() == section:
                found[line.strip("[] ")] = "section"
        elif section == _INFO and not line.startswith((";", "[")):
            name, colon, value = line.partition(":")
            if colon:
                found[name.strip()] = value.strip()
    return found


def with_info(header: str, names: Collection[str]) -> str:
    """The header without comments, with only those lines of ``[Script Info]`` and sections."""
    kept = []
    for section, line in _lines(header):
        if line.startswith(";") and section not in ("fonts", "graphics"):
            continue
        name = line.partition(":")[0].strip()
        inside = section != _INFO or line.startswith("[") or name in names
        if inside and (section in _SECTIONS or section in {one.lower() for one in names}):
            kept.append(line)
    return "\r\n".join(kept) + "\r\n"


def _lines(header: str) -> Iterator[tuple[str, str]]:
    """Lines that say something, each with the section it is in, in lower case."""
    section = _INFO
    for line in header.replace("\0", "").lstrip("\ufeff").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            section = text.strip("[] ").lower()
        if text:
            yield section, text
