"""HLS playlists whose segments lie beside them: joined as they stand, byte after byte.

Segments of a transport stream follow each other, and so do those of a fragmented mp4 after its
header (RFC 8216, sections 3.2 and 3.3).  A segment is named by a relative path downwards; every
other address is refused, and nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from provenance.verifying.inside.limits import MOST_BYTES, MOST_ENTRIES, PIECE, Member, Refused

_MOST_TEXT = 4 * 1024**2
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_RANGE = re.compile(r"(\d{1,15})(?:@(\d{1,15}))?")
_SAVE = "save the video that it plays and verify that"


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or so many bytes of it from one on."""

    name: str
    length: int | None = None
    start: int = 0


def in_playlist(path: Path) -> Iterator[Member]:
    """The one film that a playlist makes of the segments beside it.

    Raises:
        Refused: it is encrypted, names other playlists or what lies elsewhere, or a segment is
            missing.
    """
    with path.open("rb") as handle:
        text = handle.read(_MOST_TEXT + 1)
    if len(text) > _MOST_TEXT:
        raise Refused(f"{path.name} is a playlist of more than 4 MB", advice=_SAVE)
    parts = parse(path.name, text.decode("utf-8", "replace"))
    files = [_beside(path, part) for part in parts]
    yield Member("", _joined(path.name, parts, files))


def parse(name: str, text: str) -> list[Part]:
    """The parts that a playlist names, in order.  Pure.

    Raises:
        Refused: as :func:`in_playlist`.
    """
    parts: list[Part] = []
    header: Part | None = None
    span: tuple[int, int | None] | None = None
    for line in (line.strip() for line in text.removeprefix("\ufeff").splitlines()):
        tag, _, rest = line.partition(":")
        if tag in ("#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF"):
            raise Refused(
                f"{name} is a playlist of other playlists, one for each quality",
                advice="verify the one of the best quality beside it",
            )
        if tag in ("#EXT-X-KEY", "#EXT-X-SESSION-KEY"):
            if _attributes(rest).get("METHOD", "") != "NONE":
                raise Refused(f"{name} is a playlist of encrypted segments", advice=_SAVE)
        elif tag == "#EXT-X-MAP":
            named = _attributes(rest)
            found = _part(named.get("URI", ""), _span(named.get("BYTERANGE")), parts)
            if header is not None and header != found:
                raise Refused(f"{name} is a playlist that changes its format midway", advice=_SAVE)
            if header is None:
                parts.append(found)
            header = found
        elif tag == "#EXT-X-BYTERANGE":
            span = _span(rest)
        elif line and not line.startswith("#"):
            parts.append(_part(line, span, parts))
            span = None
        if len(parts) > MOST_ENTRIES:
            raise Refused(f"{name} is a playlist of more than {MOST_ENTRIES} parts", advice=_SAVE)
    if not parts:
        raise Refused(f"{name} is a playlist that names no segment", advice=_SAVE)
    return parts


def _attributes(text: str) -> dict[str, str]:
    return {key: value.strip('"') for key, value in _ATTRIBUTE.findall(text)}


def _span(text: str | None) -> tuple[int, int | None] | None:
    match = _RANGE.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    return int(match[1]), None if match[2] is None else int(match[2])


def _part(address: str, span: tuple[int, int | None] | None, before: list[Part]) -> Part:
    """A part that lies downwards of the playlist; one without a start goes on where the last
    part of the same file ended."""
    split = urlsplit(address)
    name = unquote(split.path)
    steps = PurePosixPath(name).parts
    if split.scheme or split.netloc or not steps or "\\" in name or "\0" in name:
        raise Refused(
            f"the playlist names {address[:80]!r}, which is no file beside it", advice=_SAVE
        )
    if name.startswith("/") or ".." in steps:
        raise Refused(
            f"the playlist names {address[:80]!r}, which lies outside its folder", advice=_SAVE
        )
    if span is None:
        return Part(name)
    length, start = span
    if start is None:
        last = before[-1] if before and before[-1].name == name else None
        start = 0 if last is None or last.length is None else last.start + last.length
    return Part(name, length, start)


def _beside(path: Path, part: Part) -> Path:
    folder = path.parent.resolve()
    try:
        file = (folder / part.name).resolve()
        inside = file.is_relative_to(folder) and file.is_file()
    except (OSError, RuntimeError, ValueError):
        inside = False
    if not inside:
        raise Refused(
            f"{path.name} is a playlist whose segment {part.name[:80]!r} is not beside it",
            advice=f"put all segments where it names them, or {_SAVE}",
        )
    return file


def _joined(name: str, parts: list[Part], files: list[Path]) -> Iterator[bytes]:
    total = 0
    for part, file in zip(parts, files, strict=True):
        try:
            with file.open("rb") as handle:
                handle.seek(part.start)
                rest = MOST_BYTES if part.length is None else part.length
                while rest and (piece := handle.read(min(PIECE, rest))):
                    rest -= len(piece)
                    total += len(piece)
                    if total > MOST_BYTES:
                        raise Refused(
                            f"{name} joins to more than {MOST_BYTES // 1024**3} GB", advice=_SAVE
                        )
                    yield piece
        except OSError as error:
            raise Refused(f"{part.name} cannot be read", advice="check its permissions") from error
