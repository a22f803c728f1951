"""The output file as the muxer sees it, and the translation of what goes wrong with it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import av.error

from provenance.errors import OutputError

BUFFER: Final = 1 << 20
_REASONS: Final = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file would be too large for the disk; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EACCES: "this user may not write there; choose another folder",
    errno.EPERM: "this user may not write there; choose another folder",
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "its folder is a file; choose another folder",
    errno.EISDIR: "there is a folder of that name; choose another name",
}


class Sink:
    """An unbuffered file for the muxer (which buffers itself).

    Closing it before the container is closed is how an aborted output skips its trailer: PyAV
    then writes nothing more, so a cancelled job ends at once.
    """

    def __init__(self, path: Path) -> None:
        self.name = os.path.abspath(path)
        self._file = open(self.name, "w+b", buffering=0)  # noqa: SIM115 - closed by close()

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._file.closed

    def write(self, data: bytes) -> int:
        """Write all of ``data``; a short write goes on until the disk refuses."""
        view, done = memoryview(data), 0
        while done < len(view):
            done += self._file.write(view[done:]) or 0
        return done

    def read(self, size: int = -1) -> bytes:
        """Read from the current position (the muxer moves the index to the front this way)."""
        return self._file.read(size) or b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes: targets are regular files."""
        return self._file.seekable()

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        self._file.close()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk or the muxer raises into an :class:`OutputError`."""
    try:
        yield
    except OutputError:
        raise
    except (av.error.FFmpegError, OSError) as error:
        code = error.errno if isinstance(error.errno, int) else 0
        why = _REASONS.get(code) or f"{(error.strerror or str(error)).rstrip('.').lower()}"
        raise OutputError(f"{path} could not be written: {why}.", path=path) from error
