"""Which of a clip's tags go along into its stamped copy: an allow-list, by name and by shape.

A tag is published with the file, and generators, phones and editors write a lot there: prompts and
whole workflows, places, devices, names of people.  So only what somebody watching needs is carried
over, and everything else is left out by name.  docs/how-to-stamp.md has the table with the reasons.

Free text is allowed in titles alone.  Every other tag on the list also has to look like what it is
called: "language" holding a sentence is no language.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from av.container import InputContainer
from av.stream import Discard, Stream

from provenance.results import Tag
from provenance.video.ass import SHOWS, info_of, with_info
from provenance.video.encoders import Container
from provenance.video.hidden import hidden_tags
from provenance.video.opening import is_cover, open_media
from provenance.video.vorbis import comments_of, with_comments

if TYPE_CHECKING:
    from av.container.core import Chapter

COVER: Final = "cover"
DATA: Final = "data"
ATTACHMENT: Final = "attachment"

_TEXT: Final = re.compile(r".*", re.DOTALL)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?")
_ALLOWED: Final = {
    "title": _TEXT,
    "language": re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}"),
    "creation_time": _TIME,
    "timecode": re.compile(r"\d\d[:;.]\d\d[:;.]\d\d[:;.]\d{2,3}"),
    "rotate": re.compile(r"-?\d{1,3}(\.\d+)?"),
    "stereo_mode": re.compile(r"[a-z_]{1,40}"),
    "alpha_mode": re.compile(r"[01]"),
    "vendor_id": re.compile(r"\[0\]\[0\]\[0\]\[0\]|\w{4}"),
    "handler_name": re.compile(r"(Video|Sound|Subtitle|Text|Data|TimeCode)Handler"),
}
"""Tags that are kept, in lower case, each with the shape that its value must have."""
_IN_TRACK: Final = _ALLOWED | {"name": _TEXT}  # how the mp4 demuxer calls a track's title
_IN_ASS: Final = {"title": _TEXT} | dict.fromkeys(SHOWS, re.compile(r"[\w.+ ]{0,24}"))
_ATTACHED: Final = {
    "filename": _TEXT,  # by which subtitles find their fonts
    "mimetype": re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}"),
}
"""The same for attachments, which are not there without."""

# Facts about the old file or the old encoding.  The muxer says them of the new one, so they are
# replaced rather than left out.
_FACTS: Final = re.compile(
    r"major_brand|minor_version|compatible_brands|encoder|"
    r"(duration|bps|number_of_(bytes|frames)|_statistics_\w+)(-[a-z]{2,3})?",
    re.IGNORECASE,
)
_LANGUAGE: Final = re.compile(r"-[a-z]{2,3}$")
# What the mp4 and mov muxers can say of a track; any other tag of a track is lost in them.
_MP4_TRACK: Final = frozenset(
    (
        *("title", "name", "language", "creation_time", "timecode", "rotate", "vendor_id"),
        *("reel_name", "handler_name"),
    )
)
# What they say of the whole file without a table of keys.
_MP4_TAGS: Final = frozenset(
    (
        *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre"),
        *("copyright", "grouping", "lyrics", "description", "synopsis", "show", "episode_id"),
        *("network", "keywords", "episode_sort", "season_number", "media_type", "hd_video"),
        *("gapless_playback", "compilation", "track", "disc", "rating", "creation_time"),
        *("encoding_tool", "encoder", "timecode", "location"),
    )
)
_NO_TEXT: Final = ("creation_time", "timecode", "encoder")
# Eight characters in a row are text; in UTF-16, where nearly anything is a character, of Latin.
_UTF8: Final = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3}){8,}"
)
_UTF16: Final = re.compile(rb"(?:\0[\t\n\r\x20-\x7e\xa0-\xff]){8,}")
_FONTS: Final = (b"\0\1\0\0", b"OTTO", b"ttcf", b"true", b"wOFF", b"wOF2")


@dataclass(frozen=True, slots=True)
class TagPlan:
    """What is carried over, and what is not.

    Attributes:
        container: tags of the container.
        tracks: tags of each track, by its index.
        chapters: as PyAV takes them.
        private: set-up data of tracks that would publish tags as it is, by index.
        omitted: indices of whole tracks that are left out.
        kept: tags that are carried over; ``left_out``: those that are not.
        texts: what can be read in the copy, with where it stands.
    """

    container: Mapping[str, str]
    tracks: Mapping[int, Mapping[str, str]]
    chapters: tuple[Chapter, ...]
    private: Mapping[int, bytes]
    omitted: frozenset[int]
    kept: tuple[Tag, ...]
    left_out: tuple[Tag, ...]
    texts: tuple[tuple[Tag, str], ...] = field(repr=False)


def plan_tags(media: InputContainer, container: Container, keep: Collection[str] = ()) -> TagPlan:
    """Decide on every tag of an open file.

    Args:
        media: the open input.
        container: what is going to be written.
        keep: names to keep besides those on the list, in any case; "cover", "data" and
            "attachment" stand for whole tracks of these kinds.
    """
    sorting = _Sorting(container, frozenset(name.strip().lower() for name in keep))
    whole = sorting.sort("container", media.metadata)
    tracks: dict[int, Mapping[str, str]] = {}
    private: dict[int, bytes] = {}
    omitted = set()
    for stream in media.streams:
        if is_chapter_track(stream):
            continue
        if not sorting.takes(stream):
            omitted.add(stream.index)
            continue
        tracks[stream.index] = sorting.of_track(stream)
        changed = sorting.of_private(stream)
        if changed is not None:
            private[stream.index] = changed
    chapters = tuple(sorting.of_chapter(chapter) for chapter in media.chapters())
    seen = {name for tags in (media, *media.streams) for name in tags.metadata}
    inside = hidden_tags(media.name)
    whole = sorting.in_one_place(whole, inside)
    for name in inside:
        if name not in seen:
            sorting.left_out.append(Tag.named("file", name))
    return TagPlan(
        whole,
        tracks,
        chapters,
        private,
        frozenset(omitted),
        tuple(dict.fromkeys(sorting.kept)),
        tuple(dict.fromkeys(sorting.left_out)),
        tuple(sorting.texts),
    )


def read_tags(path: str | os.PathLike[str]) -> dict[str, str]:
    """The tags of a file's container, as they stand there.

    Raises:
        UnreadableFileError: it can't be opened.
    """
    with open_media(path) as media:
        return dict(media.metadata)


def is_listed(name: str) -> bool:
    """Whether the mp4 and mov muxers write a tag by themselves, where players look for it."""
    return _LANGUAGE.sub("", name.lower()) in _MP4_TAGS


def is_chapter_track(stream: Stream) -> bool:
    """Whether it is the track by which mp4 and mov say their chapters, which are shown as such."""
    return stream.type == "data" and stream.discard == Discard.all


class _Sorting:
    """Tags as they are sorted into those that are kept and those that are not."""

    def __init__(self, container: Container, keep: frozenset[str]) -> None:
        self._in_mp4 = container in ("mp4", "mov")
        self._keep = keep
        self.kept: list[Tag] = []
        self.left_out: list[Tag] = []
        self.texts: list[tuple[Tag, str]] = []

    def sort(
        self,
        place: str,
        tags: Mapping[str, str],
        *,
        allowed: Mapping[str, re.Pattern[str]] = _ALLOWED,
        held: Collection[str] | None = None,
    ) -> dict[str, str]:
        """The tags to keep; ``held`` names those that the output has room for, if not all."""
        chosen: dict[str, str] = {}
        for name, value in tags.items():
            if _FACTS.fullmatch(name):
                continue
            tag = Tag.named(place, name)
            if (held is None or name.lower() in held) and self._passes(name, value, allowed):
                chosen[name] = value
                self.kept.append(tag)
                self.texts.append((tag, value))
                if name.lower() not in allowed:  # else it is no text of the clip's
                    self.texts.append((tag, name))
            elif value.strip() and (name.lower(), value) != ("language", "und"):
                self.left_out.append(tag)
        return chosen

    def in_one_place(self, tags: dict[str, str], keyed: Collection[str]) -> dict[str, str]:
        """Tags of an mp4 or mov that its muxer can write together.

        It writes either the list in which players look for a title or an artist, or a table of keys
        of any name, in which they don't.  So where one of the former was not in a table of keys
        already, tags with names of their own are left out.
        """
        own = [name for name in tags if not is_listed(name)]
        listed = [name for name in tags if is_listed(name) and name not in _NO_TEXT]
        if not self._in_mp4 or not own or all(name in keyed for name in listed):
            return tags
        for name in own:
            tag = Tag.named("container", name)
            self.kept.remove(tag)
            self.left_out.append(tag)
            self.texts = [text for text in self.texts if text[0] != tag]
        return {name: value for name, value in tags.items() if name not in own}

    def takes(self, stream: Stream) -> bool:
        """Whether a track goes along at all; those that a viewer needs do."""
        kind = _kind(stream)
        if kind is None:
            return True
        tag = Tag(f"track {stream.index}", kind)
        content = getattr(stream, "data", None)
        # Subtitles are shown in the fonts that come with them.
        is_font = isinstance(content, bytes) and content.startswith(_FONTS)
        if kind not in self._keep and not (kind == ATTACHMENT and is_font):
            self.left_out.append(tag)
            return False
        self.kept.append(tag)
        if isinstance(content, bytes):
            self.texts.append((tag, _readable(content)))
        return True

    def of_track(self, stream: Stream) -> dict[str, str]:
        """The tags of a track to keep."""
        attached = stream.type == "attachment"
        held = _MP4_TRACK if self._in_mp4 else None
        allowed = _ATTACHED if attached else _IN_TRACK
        return self.sort(f"track {stream.index}", stream.metadata, allowed=allowed, held=held)

    def of_chapter(self, chapter: Chapter) -> Chapter:
        """A chapter with the tags to keep."""
        held = ("title",) if self._in_mp4 else None
        kept = chapter.copy()
        kept["metadata"] = self.sort("chapters", chapter["metadata"], held=held)
        return kept

    def of_private(self, stream: Stream) -> bytes | None:
        """Set-up data to write instead of the track's own, where that holds tags."""
        context = stream.codec_context
        data = getattr(context, "extradata", None)
        if context is None or not data or stream.type not in ("audio", "subtitle"):
            return None
        place = f"track {stream.index}"
        comments = comments_of(bytes(data)) if context.name == "vorbis" else None
        if comments:
            chosen = self.sort(place, dict(comments))
            return with_comments(bytes(data), [one for one in comments if one[0] in chosen])
        if context.name in ("ass", "ssa"):
            header = bytes(data).decode("utf-8", "replace")
            chosen = self.sort(place, info_of(header), allowed=_IN_ASS)
            changed = with_info(header, chosen).encode()
            self.texts.append((Tag(place, "header"), _readable(changed)))
            return changed
        if stream.type == "subtitle":
            self.texts.append((Tag(place, "header"), _readable(bytes(data))))
        return None

    def _passes(self, name: str, value: str, allowed: Mapping[str, re.Pattern[str]]) -> bool:
        lower = name.lower()
        base = _LANGUAGE.sub("", lower)
        if lower in self._keep or base in self._keep:
            return True
        shape = allowed.get("title" if base == "title" else lower)
        return shape is not None and shape.fullmatch(value) is not None


def _kind(stream: Stream) -> str | None:
    """What kind of track it is, if it is one that is left out unless somebody wants it."""
    if is_cover(stream):
        return COVER
    if stream.type == "attachment":
        return ATTACHMENT
    if stream.type == "data" and "timecode" not in stream.metadata:
        return DATA
    return None


def _readable(content: bytes) -> str:
    """The text in a file that is carried along: in UTF-8, and as fonts have it, in UTF-16."""
    found = [match[0].decode("utf-8", "replace") for match in _UTF8.finditer(content)]
    found += [match[0].decode("utf-16-be") for match in _UTF16.finditer(content)]
    return "\n".join(found)
