"""How far a stamping is, and how to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from provenance.errors import CancelledError

Stage = Literal["observe", "rehearse", "mark", "sign", "read back"]
Progress = Callable[[Stage, int, int | None], object]
"""Called with the stage, the steps done in it, and how many there will be (None: not known)."""


class Cancel:
    """Stops what it was handed to, from any thread: nothing is published after :meth:`set`.

    The work ends at its next step, with a :class:`CancelledError`.  Once the file has its name it
    is too late; then the work ends as if nothing had been asked.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()

    def set(self) -> None:
        """Ask for the end."""
        self._asked.set()

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise :class:`CancelledError` if the end was asked for."""
        if self._asked.is_set():
            raise CancelledError("It was cancelled; nothing was published.")


def watched(progress: Progress | None, cancel: Cancel | None) -> Progress:
    """A progress that tells the one and heeds the other."""

    def told(stage: Stage, done: int, total: int | None) -> None:
        if cancel is not None:
            cancel.check()
        if progress is not None:
            progress(stage, done, total)

    return told
