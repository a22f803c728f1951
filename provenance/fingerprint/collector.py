"""Choose the frames of a fingerprint while they go by, whatever the clip's length.

A frame is kept when its hash differs enough from those of all frames kept so far.  Once too many
are kept, "enough" grows and they are thinned: every frame that was seen stays near one that is
kept (the doubling algorithm for centres of a stream: Charikar, Chekuri, Feder and Motwani 1997).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.hashing import pdq
from provenance.fingerprint.lattice import Extent
from provenance.fingerprint.model import MOST_FRAMES, Fingerprint, FrameHash
from provenance.fingerprint.search import packed

NEAR = 11
"""Bits of 256 that two frames of one scene differ in anyway."""
STEP = 6
GLANCE = (64, 64)
"""Samples of the picture that the choice looks at: PDQ's own, so it takes no time."""
FEW = 48
A_SECOND = 3.0


def frames_for(duration: float | None) -> int:
    """How many frames to keep at most of a clip of so many seconds.

    Three a second, and 48 of a short one: fewer, and a busy film cut down to a tenth shows no
    moment that was kept.
    """
    return min(MOST_FRAMES, max(FEW, int(A_SECOND * (duration or 0.0))))


class Collector:
    """Collects the fingerprint of one clip whose frames all show the same cells.

    Args:
        extent: the cells.
        most: frames to keep, see :func:`frames_for`.
    """

    def __init__(self, extent: Extent, most: int = FEW) -> None:
        self._extent = extent
        self._most = most
        self._near = NEAR
        self._kept: list[FrameHash] = []
        self._glances = np.empty((0, 4), np.uint64)

    def add(self, picture: NDArray[np.float32], time: float, cells: Callable[[], bytes]) -> None:
        """Look at one frame.

        Args:
            picture: (H, W) as shown, 8-bit grey levels.
            time: seconds of presentation.
            cells: makes the frame's cells, if it is kept.
        """
        small = cv2.resize(picture, GLANCE, interpolation=cv2.INTER_AREA)
        glance = packed(pdq(np.asarray(small, np.float32)).value)
        if not self._new(glance, self._glances):
            return
        whole = pdq(picture)
        self._kept.append(FrameHash(time, whole.quality, whole.value, whole.mirrored, cells()))
        self._glances = np.concatenate([self._glances, glance])
        while len(self._kept) > self._most:
            self._near += STEP
            apart: list[int] = []
            for index in range(len(self._kept)):
                if self._new(self._glances[index], self._glances[apart]):
                    apart.append(index)
            self._kept = [self._kept[index] for index in apart]
            self._glances = self._glances[apart]

    def _new(self, glance: NDArray[np.uint64], kept: NDArray[np.uint64]) -> bool:
        return bool((np.bitwise_count(kept ^ glance).sum(axis=1) > self._near).all())

    def fingerprint(self) -> Fingerprint:
        """What was collected."""
        return Fingerprint(self._extent, tuple(self._kept))
