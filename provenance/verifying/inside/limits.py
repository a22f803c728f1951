"""How much of an archive, a document or a playlist is taken out, and in what form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from provenance.errors import UnreadableFileError
from provenance.verifying.sources import MEDIA

MOST_MEMBERS: Final = 500
"""Members that are examined of one file."""
MOST_ENTRIES: Final = 20_000
"""Entries of an archive's index, segments of a playlist, pages of a document."""
MOST_BYTES: Final = 8 * 1024**3
"""Bytes that come out of one file."""
MOST_RATIO: Final = 200
SMALL: Final = 64 * 1024**2
"""What is packed more than 200 times smaller, and comes out larger than this, is a bomb: coded
pictures and films hardly pack at all, and what does pack well, a blank bitmap, is small."""
PIECE: Final = 1 << 20
"""Bytes that are handed out at a time."""
PACKED: Final = frozenset((
    ".7z", ".bz2", ".docx", ".gz", ".m3u8", ".odp", ".odt", ".pdf", ".pptx", ".rar", ".tar", ".tgz",
    ".xlsx", ".xz", ".zip",
))  # fmt: skip
"""Endings of names that hold further files."""


class Refused(UnreadableFileError):
    """A member, or all of them, are not taken out."""


@dataclass(frozen=True, slots=True)
class Member:
    """One picture or film; reading ``content`` to its end may raise :class:`Refused`.

    ``name`` is a stranger's and for people only; it is empty where the file itself is the film.
    """

    name: str
    content: Iterator[bytes]


def refused(sentence: str, advice: str) -> Iterator[bytes]:
    """The content of a member that is not taken out."""
    raise Refused(sentence, advice=advice)
    yield b""


def ending(name: str) -> str:
    """The ending of a member's name, in small letters."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def known_ending(name: str) -> str:
    """The ending of a member's name where it is one of ours; else nothing."""
    found = ending(name)
    return found if found in MEDIA else ""


def is_media(name: str) -> bool:
    """Whether a member is a video or an image by its name, as in a folder."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return ending(name) in MEDIA and not last.startswith(".")
