"""Tags and tracks of a file and its copy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bench.kept_pair import Found, Pair

_FACTS: Final = re.compile(
    r"major_brand|minor_version|compatible_brands|encoder|software|encoding_tool|duration|"
    r"number_of_\w+|bps|_statistics\w*"
)
_FIELDS: Final = ("handler_name", "vendor_id")


def tags(pair: Pair) -> Iterator[Found]:
    """Tags of the whole and of the picture."""
    yield from _tags(pair, "container", pair.before.tags, pair.after.tags)
    yield from _tags(pair, "picture", pair.before.picture_tags, pair.after.picture_tags)


def tracks(pair: Pair) -> Iterator[Found]:
    """Which tracks there are, and what each says."""
    left = [one for one in pair.before.others if not _left_out(pair, one.kind, one.tags)]
    if len(left) < len(pair.before.others):
        kinds = [one.kind for one in pair.before.others]
        reason = "timecode" if _timecode_as_tag(pair) else "tracks"
        yield "tracks", kinds, [one.kind for one in pair.after.others], reason
    before, after = [one.kind for one in left], [one.kind for one in pair.after.others]
    if before != after:
        yield "tracks that go along", before, after, None
        return
    for number, (a, b) in enumerate(zip(left, pair.after.others, strict=True)):
        for name in dict.fromkeys([*a.said, *b.said]):
            one, other = a.said.get(name), b.said.get(name)
            if one != other:
                marked = name == "disposition" and (one, other) == (0, 1)
                why = "default" if marked and "mov" in pair.after.format else None
                yield f"{name} of {a.kind} {number}", one, other, why
        yield from _tags(pair, f"{a.kind} {number}", a.tags, b.tags)


def kept_tracks(pair: Pair) -> list[int]:
    """Numbers of the input's other tracks that go along."""
    others = enumerate(pair.before.others)
    return [n for n, one in others if not _left_out(pair, one.kind, one.tags)]


def _left_out(pair: Pair, kind: str, said: Mapping[str, str]) -> bool:
    named = {tag.name for tag in pair.foresight.tags.left_out}
    if kind == "data" and "timecode" in said:
        return _timecode_as_tag(pair)
    return kind in named


def _timecode_as_tag(pair: Pair) -> bool:
    timecode = _lower(pair.before.picture_tags).get("timecode")
    written = _lower(pair.after.picture_tags).get("timecode")
    return timecode is not None and timecode == written and "matroska" in pair.after.format


def _tags(
    pair: Pair, place: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Found]:
    a, b = _lower(before), _lower(after)
    left_out = {tag.name.lower() for tag in pair.foresight.tags.left_out}
    for name in dict.fromkeys([*a, *b]):
        if a.get(name) == b.get(name) or _FACTS.fullmatch(name):
            continue
        reason = None
        if name in _FIELDS:
            reason = "fields"
        elif name in left_out and name not in b:
            reason = "tags"
        elif name == "language" and place.startswith("data"):
            reason = "fields"
        yield f"{name} of {place}", a.get(name), b.get(name), reason


def _lower(said: Mapping[str, str]) -> dict[str, str]:
    """Names as all containers would write them, without what says nothing."""
    lower = {name.lower(): value for name, value in said.items()}
    if "name" in lower:  # how mp4 calls a track's title
        lower.setdefault("title", lower.pop("name"))
    if lower.get("language") == "und":
        del lower["language"]
    return lower
