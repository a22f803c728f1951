"""Rooms whose public names are loaded when they are first used (PEP 562).

The media library, OpenCV, c2pa and SQLAlchemy take a second to load together, and most of what is
run needs few of them.  A room whose ``__init__`` says ``__getattr__ = lazily(__name__, HOMES)``
names its values as others do, and loads a module of its own when a name of it is asked for.  No
name may be that of a module in the same room: which of the two it means would depend on what was
loaded before.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def lazily(room: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """What gives a room's public names: each is kept there once it was asked for.

    Args:
        room: the package, as Python names it.
        homes: of each of its modules, the names that it has.
    """
    places = {name: home for home, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(import_module(f"{room}.{places[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    return get


@contextmanager
def loading() -> Iterator[None]:
    """Libraries are loaded: what comes into being then stays, and need not be looked through for
    what can go, which takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
