"""Frames in: what a generator makes is marked before it is ever encoded.

The frames are spooled without loss beside the target, so that memory does not grow with the clip
and the mark can be fitted to all of it; on leaving the ``with`` block the clip is stamped from
there, with the same checks, the same read-back and the same record as a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from provenance.errors import UsageError
from provenance.results import StampResult
from provenance.stamping.claims import Allowed, Claims
from provenance.stamping.progress import Cancel, Progress
from provenance.system.workspace import Workspace, check_target, explained
from provenance.video import Spool, container_for

if TYPE_CHECKING:
    from provenance.stamping.stamp import Stamper


class FrameStamping:
    """One clip whose frames come from memory; made by :meth:`provenance.Stamper.open`.

    Use it as a context manager.  Leaving the block stamps and publishes; leaving it with an
    exception publishes nothing.  Afterwards :attr:`result` says what was stamped.
    """

    def __init__(
        self,
        stamper: Stamper,
        target: Path,
        size: tuple[int, int],
        fps: Fraction | float,
        claims: Claims,
        *,
        allowed: Allowed,
        watch: tuple[Progress | None, Cancel | None],
    ) -> None:
        self._container = container_for(target)
        check_target(target, overwrite=allowed.overwrite)
        self._stamper, self._target, self._claims = stamper, target, claims
        self._size, self._fps = size, fps
        self._allowed, self._watch = allowed, watch
        self._workspace = Workspace(target, overwrite=allowed.overwrite)
        self._spool: Spool | None = None
        self._sound: tuple[NDArray[Any], int] | Path | None = None
        self._open = False
        self.result: StampResult | None = None
        """What was stamped, once the block was left."""

    def __enter__(self) -> Self:
        self._workspace.__enter__()
        self._open = True
        return self

    def write(self, frame: object) -> None:
        """Take the next frame: (H, W, 3) RGB, uint8 or uint16, or float from 0 to 1.

        Anything that NumPy can look into will do: an array, a PIL image, a torch tensor on the CPU.

        Raises:
            UsageError: another shape or type, or outside of the block.
            CancelledError: it was cancelled.
        """
        if not self._open:
            raise UsageError("Frames are taken inside the with block of Stamper.open only.")
        if self._watch[1] is not None:
            self._watch[1].check()
        array = _array(frame)
        if self._spool is None:
            self._spool = self._begun(deep=array.dtype == np.uint16)
        with explained(self._target):
            self._spool.write(array)

    def write_all(self, frames: Iterable[object]) -> None:
        """Take frames one after the other; raises as :meth:`write` does."""
        for frame in frames:
            self.write(frame)

    def sound(self, samples: object, rate: int) -> None:
        """Set the sound, before the first frame.

        Args:
            samples: (samples,) or (samples, 2), int16 or float from -1 to 1.
            rate: samples a second.

        Raises:
            UsageError: another shape or type, or too late.
        """
        self._set_sound((_array(samples), rate))

    def sound_file(self, path: str | os.PathLike[str]) -> None:
        """Copy the sound of a file, before the first frame; raises as :meth:`sound` does."""
        self._set_sound(Path(path))

    def _set_sound(self, sound: tuple[NDArray[Any], int] | Path) -> None:
        if self._spool is not None or self._sound is not None:
            raise UsageError("Sound comes once, and before the first frame.")
        self._sound = sound

    def _begun(self, *, deep: bool) -> Spool:
        spool = Spool(self._workspace.path("frames.mp4"), self._size, self._fps, deep=deep)
        if isinstance(self._sound, Path):
            spool.sound_file(self._sound)
        elif self._sound is not None:
            spool.sound(*self._sound, self._container)
        return spool

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        try:
            if kind is None:
                self.result = self._published()
            elif self._spool is not None:
                self._spool.abandon()
        finally:
            self._workspace.__exit__(kind, error, trace)

    def _published(self) -> StampResult:
        if self._spool is None:
            raise UsageError("No frame was given, so there is nothing to stamp.")
        with explained(self._target):
            digest = self._spool.finish()
        result = self._stamper.stamp_spooled(
            self._workspace.path("frames.mp4"),
            self._target,
            self._claims,
            digest=digest,
            approved=None,
            allowed=self._allowed,
            watch=self._watch,
            workspace=self._workspace,
        )
        return replace(result, input_path="frames")


def _array(given: object) -> NDArray[Any]:
    """A view of what was given, without a copy where there can be one.

    Raises:
        UsageError: NumPy can't look into it.
    """
    try:
        if hasattr(given, "__array__") or not hasattr(given, "__dlpack__"):
            array = np.asarray(given)
        else:
            array = np.from_dlpack(given)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise UsageError(
            f"A {type(given).__name__} can't be read as an array; move a tensor to the CPU first "
            "(`.detach().cpu()`)."
        ) from error
    if array.dtype == object:
        raise UsageError(f"A {type(given).__name__} is no array of numbers.")
    return array
