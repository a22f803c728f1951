"""Which files to verify: named, in folders or in buckets; and what lies in a bucket brought here.

* :func:`find` walks folders: media and ZIP archives by the ending of the name, nothing hidden, no
  way outside.
* :func:`at_hand` gives a local path, to a private copy where the file lies in a bucket.

The network is used for what a URL names, and for nothing else.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.errors import StorageError, UnreadableFileError
from provenance.manifest import sidecar_path
from provenance.system.storage import Place, fetched, is_url, listed

MEDIA: Final = frozenset((
    ".3g2", ".3gp", ".asf", ".avi", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".jxl", ".png", ".tif", ".tiff",
    ".webp",
))  # fmt: skip
"""Endings of the names that are taken for videos or images in a folder, in small letters."""
ARCHIVES: Final = frozenset((".zip",))
"""Endings of the names of archives in a folder whose members are verified one by one."""
MOST_BYTES: Final = 32 * 1024**3
"""Larger objects are not brought here."""


FEW: Final = 5
"""Files that are named of those that were passed over."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a walk came upon.

    ``other`` counts files that are no media or archive by their name, ``kinds`` does so by the
    ending of the name (in small letters; "" for none), the most frequent first, and ``named`` are
    the first few.
    """

    files: tuple[Place, ...]
    other: int = 0
    unreadable: tuple[Path, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    named: tuple[Place, ...] = ()


def find(names: Iterable[str | Path]) -> Found:
    """The files to verify, each name once, in the order given and sorted inside a folder.

    A path that is no folder, and a URL that does not end with ``/``, is taken as it is.  In
    folders, names that begin with a dot, devices and pipes, linked folders, and links to what lies
    outside the folder given are passed over.

    Raises:
        UsageError: a URL that can't be used.
        UnreadableFileError: a bucket that does not exist.
        StorageError: a store that does not list what a URL names.
    """
    files: dict[Place, None] = {}
    unreadable: list[Path] = []
    kinds: Counter[str] = Counter()
    named: list[Place] = []
    for name in names:
        if isinstance(name, str) and is_url(name) and name.endswith("/"):
            inside: Iterable[Place] = _in_bucket(name)
        elif (place := Place.of(name)).is_local and place.path.is_dir():
            inside = _in_folder(place.path, unreadable)
        else:
            files[Place.of(place.path) if place.is_local else place] = None
            continue
        for each in inside:
            ending = Path(each.file_name).suffix.lower()
            if ending in MEDIA or ending in ARCHIVES:
                files[each] = None
                continue
            kinds[ending] += 1
            if len(named) < FEW:
                named.append(each)
    ranked = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    return Found(tuple(files), kinds.total(), tuple(unreadable), tuple(ranked), tuple(named))


def is_folder(name: str) -> bool:
    """Whether :func:`find` takes a name for a folder.

    Raises:
        UsageError: a URL that can't be used.
    """
    if is_url(name) and name.endswith("/"):
        return True
    place = Place.of(name)
    return place.is_local and place.path.is_dir()


def _in_bucket(url: str) -> Iterator[Place]:
    """The objects below a URL."""
    depth = url.count("/")
    for place in listed(url):
        below = str(place).split("/")[depth:]
        if not any(part.startswith(".") for part in below):
            yield place


def _in_folder(path: Path, unreadable: list[Path]) -> Iterator[Place]:
    """The files below a folder."""
    root, waiting = path.resolve(), [path]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            unreadable.append(folder)
            continue
        below = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            here = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                below.append(here)
            elif _inside(entry, root):
                yield Place.of(here)
        waiting += reversed(below)


def _inside(entry: os.DirEntry[str], root: Path) -> bool:
    try:
        if not entry.is_file():
            return False
        return not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return False


@contextlib.contextmanager
def at_hand(
    place: Place,
    scratch: Path,
    *,
    max_bytes: int = MOST_BYTES,
    going_on: Callable[[], object] = lambda: None,
) -> Iterator[Path]:
    """A local path to a file, while the block lasts.

    What lies in a bucket is copied, with the manifest beside it (``NAME.c2pa``) if there is one.

    Args:
        place: where the file lies.
        scratch: the caller's folder, where the copy gets one of its own that nobody else may open.
        max_bytes: what is larger is refused before it is copied.
        going_on: called between blocks; what it raises ends the copying.

    Raises:
        UnreadableFileError: the bucket holds no such file, or one that is too large.
        StorageError: its store does not give it.
        OutputError: the disk is full.
    """
    if place.is_local:
        yield place.path
        return
    with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        copy = fetched(place, folder, max_bytes=max_bytes, going_on=going_on).place.path
        beside = folder / "beside"
        beside.mkdir()
        try:
            sidecar = fetched(place.beside(".c2pa"), beside, max_bytes=max_bytes, going_on=going_on)
        except UnreadableFileError:
            pass
        except StorageError as error:
            # A store that lets nobody list its names answers "forbidden" for what is not there.
            if error.retryable:
                raise
        else:
            sidecar.place.path.rename(sidecar_path(copy))
        yield copy
