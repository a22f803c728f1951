"""Which files hold others, by their first bytes, and who opens them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from provenance.verifying.inside.archives import in_archive
from provenance.verifying.inside.documents import in_document
from provenance.verifying.inside.limits import Member
from provenance.verifying.inside.playlists import in_playlist
from provenance.video import Packed, packed

_HEAD = 4096
_OPENS = {"zip": in_archive, "pdf": in_document, "m3u8": in_playlist}


def is_packed(path: Path) -> bool:
    """Whether a file is verified member by member; False also for what can't be read."""
    return _kind(path) is not None


def members(path: Path) -> Iterator[Member]:
    """The members of such a file, one by one: each is read to its end before the next is asked for.

    Raises:
        Refused: nothing can be taken out, or no more; the sentence says why.
    """
    kind = _kind(path)
    if kind is not None:
        yield from _OPENS[kind](path)


def _kind(path: Path) -> Packed | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as handle:
            return packed(handle.read(_HEAD))
    except OSError:
        return None
