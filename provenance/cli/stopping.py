"""Ctrl-C and its like: stop soon, clean up undisturbed, and never get lost.

The first signal raises :class:`Stopped` wherever the program is; ``with`` blocks then clean up.
Further signals shortly after are ignored, so that an impatient second press does not cut the
cleaning short.  Where a C library calls back into Python an exception would be dropped, with a
traceback on standard error: there a signal is only noted, and the next :func:`check`, which work
that reports its progress makes all the time, raises it.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

GRACE: Final = 3.0
"""Seconds after a signal in which further ones are ignored."""

_CALLED_BACK: Final = frozenset(("provenance.video.sink",))
"""Modules whose functions the media library calls on the main thread."""


class Stopped(KeyboardInterrupt):
    """A signal asked this process to stop; ``number`` says which."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _Received:
    number: int | None = None
    at = 0.0


def check() -> None:
    """Raise :class:`Stopped` if a signal came and this program still runs as if none had."""
    if _Received.number is not None:
        raise Stopped(_Received.number)


@contextmanager
def stoppable() -> Iterator[None]:
    """Handle stop signals inside the block, and put everything back after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP"):
        numbers.append(signal.SIGHUP)
    # Someone who ignores a signal on purpose (nohup) is left in peace.
    numbers = [n for n in numbers if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _stop) for number in numbers}
    try:
        yield
    finally:
        _Received.number = None
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if _Received.number is not None and now - _Received.at < GRACE:
        return
    _Received.number, _Received.at = number, now
    if not _called_back(frame):
        raise Stopped(number)


def _called_back(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") in _CALLED_BACK:
            return True
        frame = frame.f_back
    return False
