"""Who opens which kind of file that holds others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from provenance.verifying.inside.archives import in_archive
from provenance.verifying.inside.documents import in_document
from provenance.verifying.inside.kinds import kind_of
from provenance.verifying.inside.limits import Member
from provenance.verifying.inside.playlists import in_playlist

_OPENS = {"zip": in_archive, "pdf": in_document, "m3u8": in_playlist}


def members(path: Path) -> Iterator[Member]:
    """The members of such a file, one by one: each is read to its end before the next is asked for.

    Raises:
        Refused: nothing can be taken out, or no more; the sentence says why.
    """
    kind = kind_of(path)
    if kind is not None:
        yield from _OPENS[kind](path)
