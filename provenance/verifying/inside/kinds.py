"""Which files hold others, by their first bytes."""

from __future__ import annotations

from pathlib import Path

from provenance.video import Packed, packed

_HEAD = 4096


def is_packed(path: Path) -> bool:
    """Whether a file is verified member by member; False also for what can't be read."""
    return kind_of(path) is not None


def kind_of(path: Path) -> Packed | None:
    """How a file is taken apart; None for what is media, or can't be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as handle:
            return packed(handle.read(_HEAD))
    except OSError:
        return None
