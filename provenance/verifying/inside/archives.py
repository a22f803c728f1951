"""ZIP archives, office documents among them: members one by one, none larger than it says."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from provenance.verifying.inside.limits import (
    MOST_BYTES,
    MOST_ENTRIES,
    MOST_MEMBERS,
    MOST_RATIO,
    PACKED,
    PIECE,
    SMALL,
    Member,
    Refused,
    ending,
    is_media,
    refused,
)

_ENCRYPTED = 0x1
_BY_HAND = "extract what you trust of it into a folder and verify that folder"


def in_archive(path: Path) -> Iterator[Member]:
    """The videos and images of a ZIP archive, by the endings of their names, in its order.

    Archives in it are members that are refused; other files are passed over.

    Raises:
        Refused: it is damaged, holds nothing to verify, or more than the limits allow.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise Refused(
            f"{path.name} is a ZIP archive whose index cannot be read", advice="get a fresh copy"
        ) from error
    with archive:
        entries = archive.infolist()
        chosen = [e for e in entries if not e.is_dir() and is_media(e.filename)]
        nested = any(not e.is_dir() and ending(e.filename) in PACKED for e in entries)
        _within_limits(path.name, entries, chosen)
        if not chosen and not nested:
            raise Refused(
                f"{path.name} is a ZIP archive with no name of a video or image in it",
                advice="if there is one under another name, extract it and verify that",
            )
        for entry in (e for e in entries if not e.is_dir()):
            if is_media(entry.filename):
                yield Member(entry.filename, _content(archive, entry))
            elif ending(entry.filename) in PACKED:
                said = f"{entry.filename} is an archive or document inside an archive"
                advice = "extract it, and verify it by itself"
                yield Member(entry.filename, refused(said, advice))


def _within_limits(
    name: str, entries: list[zipfile.ZipInfo], chosen: list[zipfile.ZipInfo]
) -> None:
    total = sum(entry.file_size for entry in chosen)
    if len(entries) > MOST_ENTRIES or len(chosen) > MOST_MEMBERS:
        raise Refused(
            f"{name} holds {len(chosen)} videos and images among {len(entries)} files, above the "
            f"limit of {MOST_MEMBERS} among {MOST_ENTRIES}",
            advice=_BY_HAND,
        )
    if total > MOST_BYTES:
        raise Refused(
            f"{name} would unpack to {total / 1024**3:.1f} GB, above the limit of "
            f"{MOST_BYTES // 1024**3} GB",
            advice=_BY_HAND,
        )


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's bytes; zipfile gives no more than its index says, and checks their CRC."""
    name = entry.filename
    if entry.flag_bits & _ENCRYPTED:
        raise Refused(f"{name} is encrypted", advice="extract it with its password and verify that")
    if entry.file_size > SMALL and entry.file_size > MOST_RATIO * entry.compress_size:
        times = entry.file_size // max(entry.compress_size, 1)
        raise Refused(
            f"{name} would unpack to {times} times its size, which no video or picture does",
            advice="treat the archive as hostile",
        )
    try:
        with archive.open(entry) as content:
            while piece := content.read(PIECE):
                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise Refused(f"{name} is damaged in the archive", advice="get a fresh copy") from error
    except (NotImplementedError, RuntimeError) as error:
        raise Refused(
            f"{name} is packed in a way that is not known here", advice="extract it and verify that"
        ) from error
