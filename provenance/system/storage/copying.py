"""Bring a clip here, and publish a result: whole, checked, and never over what is there already."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.errors import StorageError, UnreadableFileError, UsageError
from provenance.system.storage.places import Place
from provenance.system.storage.stores import Store, Web, told
from provenance.system.text import size as readable
from provenance.system.workspace import Workspace, exists_already, explained

_BLOCK: Final = 1024 * 1024
_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is whole: where, its SHA-256 as 64 hexadecimal digits, its bytes."""

    place: Place
    sha256: str
    size: int


def fetched(
    source: Place,
    folder: Path,
    *,
    max_bytes: int | None = None,
    going_on: Callable[[], object] = lambda: None,
) -> Stored:
    """A local copy of a file in ``folder``, hashed on the way; a local file stays where it is.

    Args:
        source: the file.
        folder: an empty folder of the caller's, who removes it.
        max_bytes: what is larger is refused before it is copied.
        going_on: called between blocks; what it raises ends the copying.

    Raises:
        UnreadableFileError: there is no such file, it can't be read, or it is too large.
        StorageError: the store does not give it; ``retryable`` says whether to try again.
        OutputError: the disk is full.
    """
    if source.is_local:
        return _weighed(source, max_bytes)
    with told(source, "read"):
        store = Store(source)
        expected = store.size()
        if expected is None:
            raise UnreadableFileError(f"{source} does not exist.")
        _refuse_large(source, expected, max_bytes)
        local = folder / _safe_name(source)
        try:
            with explained(local):
                _refuse_full(local, expected)
                handle = local.open("xb", buffering=0)

            def keep(block: bytes) -> None:
                going_on()
                with explained(local):
                    handle.write(block)

            with handle:
                digest, size = _drain(store.blocks(), keep)
            if size != expected:
                raise StorageError(
                    f"{source} came in short; "
                    "it is being written, or the connection broke: try again.",
                    retryable=True,
                )
        except BaseException:
            local.unlink(missing_ok=True)
            raise
    return Stored(Place.of(local), digest, size)


def listed(url: str) -> list[Place]:
    """Every object below ``s3://BUCKET/PREFIX/``, in the order of their names.

    Names that no URL of this program can say (an empty part, ``..``) are left out.

    Raises:
        UsageError: the URL can't be used.
        UnreadableFileError: there is no such bucket.
        StorageError: the store does not list it.
    """
    folder = Place.of(f"{url}*")
    with told(folder, "read"):
        names = Store(folder).below()
    places = []
    for name in names:
        with contextlib.suppress(UsageError):
            places.append(Place.of(f"{folder.scheme}://{name}"))
    return places


def stored(place: Place) -> Stored | None:
    """What lies there, read whole and hashed; None when nothing does.

    Raises:
        UnreadableFileError: it is there and can't be read.
        StorageError: its store does not answer, or refuses.
    """
    if place.is_local:
        return _weighed(place, None) if place.path.exists() else None
    with told(place, "read"):
        store = Store(place)
        if store.size() is None:
            return None
        digest, size = _drain(store.blocks())
    return Stored(place, digest, size)


def published(
    local: Path,
    target: Place,
    *,
    sidecar: Path | None = None,
    overwrite: bool = False,
    web: Web | None = None,
    workspace: Workspace | None = None,
) -> Stored:
    """Copy a finished file to its place; it appears only when it is whole.

    1. What exists is left alone unless ``overwrite`` is set.  The same content counts as done: an
       earlier try may have got through unnoticed.
    2. A sidecar goes first, as ``TARGET.c2pa``: media whose manifest lies beside it never exist
       without it.
    3. The upload becomes visible by its last step alone, and only if still nothing is there, where
       the store has conditional writes (S3 and Google Cloud Storage do).
    4. It is read back and its SHA-256 compared; what differs is taken away again.

    Args:
        local: the finished file.
        target: where it goes.
        sidecar: its manifest, if that is not in it.
        overwrite: replace what is there.
        web: what a bucket says of it to whoever fetches it over the web.
        workspace: of a local target, where it is open already.

    Raises:
        UsageError: something else is there already.
        StorageError: the store does not take it; ``retryable`` says whether to try again.
        OutputError: a local target can't be written.
    """
    beside = None if sidecar is None else (sidecar, target.beside(".c2pa"))
    if target.is_local:
        if workspace is not None:
            _publish_in(workspace, local, target, beside)
        else:
            with Workspace(target.path, overwrite=overwrite) as own:
                _publish_in(own, local, target, beside)
        return _weighed(target, None)
    added = False
    if beside is not None:
        added = _put(beside[0], beside[1], overwrite=overwrite)  # 2
    try:
        _put(local, target, overwrite=overwrite, web=web)
    except BaseException:
        if beside is not None and added and not overwrite:
            with contextlib.suppress(StorageError, UnreadableFileError), told(target, "written"):
                Store(beside[1]).remove()
        raise
    mine = _weighed(Place.of(local), None)
    return Stored(target, mine.sha256, mine.size)


def _publish_in(
    workspace: Workspace, local: Path, target: Place, beside: tuple[Path, Place] | None
) -> None:
    with explained(target.path):
        media = Path(shutil.copyfile(local, workspace.path("media")))
        if beside is None:
            workspace.publish(media)
        else:
            draft = Path(shutil.copyfile(beside[0], workspace.path("sidecar")))
            workspace.publish(media, (draft, beside[1].path))


def _put(local: Path, target: Place, *, overwrite: bool, web: Web | None = None) -> bool:
    """Steps 1, 3 and 4 for one file; False when it was there already."""
    mine = _weighed(Place.of(local), None)
    store = Store(target)
    with told(target, "written"):
        if not overwrite and store.size() is not None:
            _accept_same(target, mine)
            return False
        try:
            store.put(str(local), create=not overwrite, web=web)
        except FileExistsError:
            _accept_same(target, mine)
            return False
        there = stored(target)
        if there is None or there.sha256 != mine.sha256:
            if not overwrite and there is not None:
                store.remove()
            raise StorageError(
                f"{target} did not read back as it was written",
                advice="try again",
                retryable=True,
            )
    return True


def _accept_same(target: Place, mine: Stored) -> None:
    there = stored(target)
    if there is None or (there.size, there.sha256) != (mine.size, mine.sha256):
        raise exists_already(target)


def _weighed(place: Place, max_bytes: int | None) -> Stored:
    try:
        if place.path.exists() and not place.path.is_file():  # a pipe would never end
            raise UnreadableFileError(
                f"{place} is no regular file",
                advice="name the clip itself",
            )
        with place.path.open("rb") as handle:
            _refuse_large(place, handle.seek(0, 2), max_bytes)
            handle.seek(0)
            digest, size = _drain(iter(lambda: handle.read(_BLOCK), b""))
    except UnreadableFileError:
        raise
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "input/output error").lower()
        raise UnreadableFileError(f"{place} cannot be read: {reason}.") from error
    return Stored(place, digest, size)


def _drain(
    blocks: Iterable[bytes], write: Callable[[bytes], object] | None = None
) -> tuple[str, int]:
    """SHA-256 and number of all bytes, written on the way."""
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
        if write is not None:
            write(block)
    return digest.hexdigest(), size


def _refuse_large(place: Place, size: int, max_bytes: int | None) -> None:
    if max_bytes is not None and size > max_bytes:
        raise UnreadableFileError(
            f"{place} has {readable(size)}, more than the {readable(max_bytes)} that are allowed."
        )


def _refuse_full(local: Path, size: int) -> None:
    if shutil.disk_usage(local.parent).free < size:
        raise OSError(errno.ENOSPC, "no space left")


def _safe_name(source: Place) -> str:
    """The object's own name if a file system can hold it, for messages to show."""
    name = source.file_name
    if name.startswith(".") or "\\" in name or len(name.encode()) > _MAX_NAME:
        return f"input{Path(name).suffix[:10]}"
    return name
