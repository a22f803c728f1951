"""Atomic publication: work in a hidden folder beside the target, then rename.

Steps, whatever happens in between:

1. Leftovers of killed runs in the target's folder are swept.
2. A hidden folder ``.provenance-stamp-<hash of the target's name>`` is made there (same file
   system, so that renaming is atomic), readable by this user only.  A file in it is locked for as
   long as this process lives.  That is its claim on the name: whoever comes second to the same
   target is told before any work.
3. The caller writes its files into that folder.
4. :meth:`Workspace.publish` puts the sidecar, if there is one, and then the media file under their
   final names, each flushed to the disk first: a file whose manifest lies beside it never exists
   without it.
5. The hidden folder is removed, on success, on failure and on Ctrl-C alike.

A killed process lets go of its lock; whoever works in the same folder next may then take it and
sweeps (step 1).  A folder whose lock is held is never touched.  Killed between the two renames of
step 4, a run leaves a sidecar without its media; the sweep takes that away too.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from provenance.errors import BusyError, OutputError, UsageError, about

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no flock: nothing is ever swept there
    fcntl = None  # type: ignore[assignment]  # absent on that platform only

PREFIX: Final = ".provenance-stamp-"
_LOCK: Final = "lock"
_ORPHAN: Final = "sidecar-of"
_TRIES: Final = 20
_PAUSE: Final = 0.01
"""Seconds: a claim is made in less, so that whoever still finds one after 20 pauses may go."""
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class Workspace:
    """The hidden folder for one target; use it in a ``with`` block.

    Args:
        target: the final name.
        overwrite: whether an existing target may be replaced.

    Raises:
        UsageError: the target exists (and ``overwrite`` is off), is a folder or a special file, or
            its folder does not exist.
        BusyError: another process, or thread, is writing the same target.
        OutputError: its folder may not be written to, or the disk is full.
    """

    def __init__(self, target: Path, *, overwrite: bool = False) -> None:
        check_target(target, overwrite=overwrite)
        self._target = target
        self._overwrite = overwrite
        self._folder: Path | None = None
        self._lock = -1

    def __enter__(self) -> Self:
        parent = self._target.parent
        sweep(parent)  # 1
        name = hashlib.sha256(os.fsencode(self._target.name)).hexdigest()[:16]
        with explained(self._target):
            for _ in range(_TRIES):  # 2
                self._folder, self._lock = claim(parent / f"{PREFIX}{name}")
                if self._folder is not None:
                    return self
                time.sleep(_PAUSE)
        raise BusyError(
            f"{self._target} is being written by another process",
            advice="wait for it to end, or choose another name",
            path=self._target,
        )

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:  # 5
            remove(self._folder)
            self._folder = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def path(self, name: str) -> Path:
        """A path of that name inside the hidden folder; nothing is created."""
        if self._folder is None:
            raise RuntimeError("a workspace's paths exist only inside its with block")
        return self._folder / name

    def publish(self, media: Path, sidecar: tuple[Path, Path] | None = None) -> None:
        """Step 4: give the finished files their final names.

        Args:
            media: the finished file, inside this workspace.
            sidecar: the finished sidecar inside this workspace, and its final name.

        Raises:
            UsageError: the target has come into being meanwhile.
            OutputError: flushing or renaming failed; neither file is then there.
        """
        with explained(self._target):
            flush(media)
            if sidecar is None:
                self._rename(media, self._target)
            else:
                self._publish_both(media, *sidecar)
            flush(self._target.parent)

    def _publish_both(self, media: Path, finished: Path, final: Path) -> None:
        flush(finished)
        if final.exists() and not self._overwrite:
            raise exists_already(final)
        # Should this process be killed between the two renames, the sweep finds here which
        # sidecar is an orphan; files are told by their inodes, so no other is ever taken.
        note = self.path(_ORPHAN)
        facts = (
            *(final.name, finished.stat().st_ino),
            *(self._target.name, media.stat().st_ino),
        )
        note.write_text("".join(f"{fact}\n" for fact in facts), encoding="utf-8")
        flush(note)
        os.replace(finished, final)
        try:
            self._rename(media, self._target)
        except BaseException:
            final.unlink(missing_ok=True)
            raise
        note.unlink()

    def _rename(self, finished: Path, final: Path) -> None:
        if self._overwrite:
            os.replace(finished, final)
            return
        try:
            os.link(finished, final)  # unlike a rename, this never replaces what is there
        except FileExistsError as error:
            raise exists_already(final) from error
        except OSError:  # a file system without hard links
            if os.path.lexists(final):
                raise exists_already(final) from None
            os.rename(finished, final)


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that could not be published, before any work is done.

    Raises:
        UsageError: see :class:`Workspace`.
    """
    try:
        mode = os.lstat(target).st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{target} cannot be an output: {reason.lower()}.") from error
    if mode is not None and stat.S_ISDIR(mode):
        raise UsageError(f"{target} is a folder; name the output file in it.")
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        raise UsageError(f"{target} is no regular file; name another output.")
    if mode is not None and not overwrite:
        raise exists_already(target)
    if not target.parent.is_dir():
        raise UsageError(f"The folder {target.parent} does not exist; create it first.")


def check_distinct(source: Path, target: Path) -> None:
    """Refuse an output that is the input, by whatever name (links, upper and lower case).

    Raises:
        UsageError: when both name the same file.
    """
    try:
        same = os.path.samefile(source, target)
    except (OSError, ValueError):
        same = os.path.abspath(source) == os.path.abspath(target)
    if same:
        raise UsageError(f"{target} is the input itself; the output needs a name of its own.")


def sweep(folder: Path) -> int:
    """Remove what killed runs left in ``folder``; the number of leftovers removed.

    Never raises: what can't be removed stays for the next time.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for leftover in sorted(folder.glob(f"{PREFIX}*")):
            if leftover.is_symlink() or not leftover.is_dir():
                continue
            with contextlib.suppress(OSError, ValueError):
                removed += _sweep_one(leftover)
    return removed


def _sweep_one(leftover: Path) -> int:
    try:
        lock = os.open(leftover / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        # Killed before it locked, or just about to: only an empty folder goes, and a live
        # process whose folder went makes another.
        leftover.rmdir()
        return 1
    try:
        if not _lock(lock):
            return 0
        _remove_orphan(leftover)
        remove(leftover)
    finally:
        os.close(lock)
    return 1


def _remove_orphan(leftover: Path) -> None:
    note = leftover / _ORPHAN
    if not note.is_file():
        return
    sidecar, its_inode, media, media_inode = note.read_text(encoding="utf-8").splitlines()
    published = _is_file(leftover.parent / Path(media).name, media_inode)
    if not published and _is_file(leftover.parent / Path(sidecar).name, its_inode):
        (leftover.parent / Path(sidecar).name).unlink()


def _is_file(path: Path, inode: str) -> bool:
    return not path.is_symlink() and path.is_file() and str(path.stat().st_ino) == inode


def claim(folder: Path) -> tuple[Path | None, int]:
    """Make and lock one folder; (None, -1) when somebody else has it, or was about to have it."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        with contextlib.suppress(OSError, ValueError):
            _sweep_one(folder)  # of a process that is gone: then the next try gets it
        return None, -1
    lock = -1
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if _lock(lock) and os.fstat(lock).st_nlink:
            return folder, lock
    except FileNotFoundError:
        pass
    except BaseException:
        remove(folder)
        if lock >= 0:
            os.close(lock)
        raise
    if lock >= 0:
        os.close(lock)
    return None, -1


def _lock(descriptor: int) -> bool:
    if fcntl is None:  # pragma: no cover - see the import
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove(folder: Path) -> None:
    """Remove a workspace, its lock last: a kill half way leaves what a sweep still recognises."""
    with contextlib.suppress(OSError):
        for entry in list(folder.iterdir()):
            if entry.name == _LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def flush(path: Path) -> None:
    """Have a file's contents, or a folder's entries, written to the disk.

    Raises:
        OSError: when the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot flush a folder; nothing more can be done about that.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.EBADF, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def explained(target: Path) -> Iterator[None]:
    """Turn what the system says against writing beside ``target`` into a clear sentence.

    Raises:
        OutputError: disk full, folder read-only, no permission, or any other refusal.
    """
    try:
        with about(target, OutputError):
            yield
    except OutputError:
        raise
    except OSError as error:
        folder = target.parent
        if error.errno in _FULL:
            raise OutputError(
                f"The disk is full: {target.name} does not fit into {folder}",
                advice="make room there",
                path=target,
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OutputError(
                f"The folder {folder} may not be written to",
                advice="choose another or change its permissions",
                path=target,
            ) from error
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{target} cannot be written: {reason}.", path=target) from error


def exists_already(target: object) -> UsageError:
    """The error of an output whose name is taken."""
    return UsageError(
        f"{target} exists already",
        path=target,
        advice="choose another name, or have it replaced",
        settings=("overwrite",),
    )
