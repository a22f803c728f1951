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

from provenance.fingerprint.hashing import distance, pdq
from provenance.fingerprint.lattice import Extent
from provenance.fingerprint.model import MOST_FRAMES, Fingerprint, FrameHash

NEAR = 11
"""Bits of 256 that two frames of one scene differ in anyway."""
STEP = 6
GLANCE = (64, 64)
"""Samples of the picture that the choice looks at: PDQ's own, so it takes no time."""


class Collector:
    """Collects the fingerprint of one clip whose frames all show the same cells."""

    def __init__(self, extent: Extent) -> None:
        self._extent = extent
        self._near = NEAR
        self._kept: list[tuple[bytes, FrameHash]] = []

    def add(self, picture: NDArray[np.float32], time: float, cells: Callable[[], bytes]) -> None:
        """Look at one frame.

        Args:
            picture: (H, W) as shown, 8-bit grey levels.
            time: seconds of presentation.
            cells: makes the frame's cells, if it is kept.
        """
        small = cv2.resize(picture, GLANCE, interpolation=cv2.INTER_AREA)
        glance = pdq(np.asarray(small, np.float32)).value
        if not self._new(glance, self._kept):
            return
        whole = pdq(picture)
        self._kept.append(
            (glance, FrameHash(time, whole.quality, whole.value, whole.mirrored, cells()))
        )
        while len(self._kept) > MOST_FRAMES:
            self._near += STEP
            apart: list[tuple[bytes, FrameHash]] = []
            for entry in self._kept:
                if self._new(entry[0], apart):
                    apart.append(entry)
            self._kept = apart

    def _new(self, glance: bytes, kept: list[tuple[bytes, FrameHash]]) -> bool:
        return all(distance(glance, other) > self._near for other, _ in kept)

    def fingerprint(self) -> Fingerprint:
        """What was collected."""
        return Fingerprint(self._extent, tuple(frame for _, frame in self._kept))
