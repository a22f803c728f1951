"""A clip as a caller has it: a path, its bytes, or an open file; on disk for as long as needed."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from provenance.errors import OutputError, ProvenanceError, UsageError, about

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"
"""Where a clip is."""


def path_of(given: object) -> Path:
    """A path, from text or a path.

    Raises:
        UsageError: it is neither, or holds a NUL.
    """
    if isinstance(given, str | os.PathLike):
        text = os.fspath(given)
        if isinstance(text, str) and text and "\0" not in text:
            return Path(text)
    raise UsageError(f"A path is needed, not {_kind(given)}; give a str or a pathlib.Path.")


@contextmanager
def on_disk(source: Source) -> Iterator[Path]:
    """A path for a clip; bytes and open files are copied into a private temporary file.

    An open file is read from where it stands, and is not closed.

    Raises:
        UsageError: it is nothing that a clip can be read from.
        OutputError: the temporary file can't be written.
    """
    if isinstance(source, str | os.PathLike):
        with about(path_of(source)):
            yield path_of(source)
        return
    in_memory = isinstance(source, bytes | bytearray | memoryview)
    if isinstance(source, io.TextIOBase) or not (in_memory or hasattr(source, "read")):
        raise UsageError(
            f"A clip is needed, not {_kind(source)}; give a path, bytes or an open binary file, "
            "and frames to Stamper.open."
        )
    with tempfile.TemporaryDirectory(prefix="provenance-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "clip")
        try:
            with path.open("xb") as copy:
                if isinstance(source, bytes | bytearray | memoryview):
                    copy.write(source)
                else:
                    shutil.copyfileobj(source, copy, 1 << 20)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it cannot be read"
            raise OutputError(f"The clip could not be copied to a file: {reason}.") from error
        try:
            yield path
        except ProvenanceError as error:
            # Nobody knows the copy: errors are about what was given.
            if error.path == str(path):
                error.path = None
            error.args = tuple(
                said.replace(str(path), "the clip") if isinstance(said, str) else said
                for said in error.args
            )
            raise


def _kind(given: object) -> str:
    return f"a {type(given).__name__}"
