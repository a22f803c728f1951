"""Small files beside clips: their bytes, or what is wrong, in words to follow their name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MOST: Final = 10_000_000
"""Bytes of such a file."""


def read_small(path: Path) -> bytes | str:
    """What a file of at most :data:`MOST` bytes holds, or what is wrong with it: ``does not
    exist``."""
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            return "is no regular file; name another"
        with path.open("rb") as stream:
            content = stream.read(MOST + 1)
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be read: {(error.strerror or 'input/output error').lower()}"
    return content if len(content) <= MOST else "is larger than 10 MB; is it the right file"
