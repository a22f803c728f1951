"""The first look at a clip: decoded once, for all that looks at it before it is marked.

1. About 40 frames spread over the clip: a quick look finds in them whether it is stamped already
   (:mod:`provenance.stamping.marked`), and the embedder observes the same ones.
2. Runs of consecutive frames, scaled down at once, for the rehearsal
   (:mod:`provenance.stamping.rehearsal`): at key frames where the clip has enough of them, else out
   of the same pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from provenance.verifying.sampling import FIRST_LOOK, LONG, Footage, every
from provenance.video import LumaFrame, LumaPlane, MediaInfo, at_depth, read_luma, read_runs, shrunk

RUNS = 4
LENGTH = FIRST_LOOK // RUNS
"""As many frames in all as ``verify`` looks at first, so that no figure needs extrapolation."""


class FirstLook(Footage):
    """Footage whose survey is heard by others, too.

    Args:
        path: the clip.
        info: what :func:`provenance.video.probe` said of it.
        hear: given every surveyed frame of the clip's own size, the first time.
    """

    def __init__(self, path: Path, info: MediaInfo, hear: Callable[[LumaFrame], object]) -> None:
        super().__init__(path, info)
        self._hear, self._heard = hear, False
        self._small: list[LumaPlane] | None = None

    def survey(self) -> Iterator[LumaFrame]:
        """As :meth:`Footage.survey`; the first time, others hear it and runs are kept."""
        if self._heard:
            yield from super().survey()
            return
        self._heard = True
        length = self.info.duration or 0.0
        at_once = 0.0 < length <= LONG and len(self.keys) < RUNS
        if at_once:
            frames = every(self._keeping(read_luma(self.path)), length / FIRST_LOOK)
        else:
            frames = super().survey()
        for frame in frames:
            if self._fits(frame):
                self._hear(frame)
            yield frame

    def hear_all(self) -> None:
        """Have the survey heard, if nobody asked for it."""
        if not self._heard:
            for _ in self.survey():
                pass

    def runs(self) -> list[LumaPlane]:
        """(h, w) uint8 of 360 lines: runs of consecutive frames, fewer where the clip is short."""
        if self._small is None:
            if len(self.keys) >= RUNS:
                picked = [
                    self.keys[(2 * run + 1) * len(self.keys) // (2 * RUNS)] for run in range(RUNS)
                ]
                frames = read_runs(self.path, picked, LENGTH)
                self._small = [_small(frame) for frame in frames if self._fits(frame)]
            else:
                for _ in self._keeping(read_luma(self.path)):
                    pass
        return self._small or []

    def _keeping(self, frames: Iterable[LumaFrame]) -> Iterator[LumaFrame]:
        """The same frames; those of runs spread over the clip are kept."""
        half = LENGTH / float(self.info.video.fps or 25) / 2.0
        length = self.info.duration or 0.0
        starts = [(run + 0.5) / RUNS * length - half for run in range(RUNS)]
        kept: list[LumaPlane] = []
        for frame in frames:
            run = len(kept) // LENGTH
            if run < RUNS and frame.time >= starts[run] - 1e-3 and self._fits(frame):
                kept.append(_small(frame))
            yield frame
        self._small = kept

    def _fits(self, frame: LumaFrame) -> bool:
        return frame.luma.shape == (self.info.video.height, self.info.video.width)


def _small(frame: LumaFrame) -> LumaPlane:
    return shrunk(at_depth(frame.luma, frame.depth, 8))
