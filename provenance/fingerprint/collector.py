"""Choose the frames of a fingerprint while they go by, whatever the clip's length.

A frame is kept when its hash, or enough of its cells, differ from those of all frames kept so far:
what moves in a small part of a still picture leaves the hash as it is.  Once too many
are kept, "enough" grows and they are thinned: every frame that was seen stays near one that is
kept (the doubling algorithm for centres of a stream: Charikar, Chekuri, Feder and Motwani 1997).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.hashing import pdq
from provenance.fingerprint.lattice import Cells, Extent
from provenance.fingerprint.model import MOST_FRAMES, Fingerprint, FrameHash
from provenance.fingerprint.search import packed

NEAR = 11
"""Bits of 256 that two frames of one scene differ in anyway."""
STEP = 6
CHANGED = 16
"""Bits of 64 from which a cell shows something else than before."""
GLANCE = (64, 64)
"""Samples of the picture that the choice looks at: PDQ's own, so it takes no time."""
FEW = 160
A_SECOND = 3.0


def frames_for(duration: float | None) -> int:
    """How many frames to keep at most of a clip of so many seconds.

    Three a second, and 160 of a short one: fewer, and a single picture of a busy film lies between
    moments that were kept, where most of its cells can't be told from other content.
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
        self._words = np.empty((0, extent.count), np.uint64)

    def add(
        self,
        picture: NDArray[np.float32],
        time: float,
        cells: Callable[[], Cells],
        around: Callable[[], bytes] | None = None,
    ) -> None:
        """Look at one frame.

        Args:
            picture: (H, W) as shown, 8-bit grey levels.
            time: seconds of presentation.
            cells: makes the frame's cells, if they are needed.
            around: makes its cells around (:mod:`provenance.fingerprint.aside`), if it is kept and
                they are wanted of it.
        """
        small = cv2.resize(picture, GLANCE, interpolation=cv2.INTER_AREA)
        glance = packed(pdq(np.asarray(small, np.float32)).value)
        near = _bits(glance, self._glances) <= self._near
        bits, textures, details = cells()
        words = np.frombuffer(bits, "<u8")[None]
        if (near & (_changed(words, self._words) <= self._near)).any():
            return
        whole = pdq(picture)
        aside = b"" if around is None else around()
        self._kept.append(
            FrameHash(
                time, whole.quality, whole.value, whole.mirrored, bits, textures, aside, details
            )
        )
        self._glances = np.concatenate([self._glances, glance])
        self._words = np.concatenate([self._words, words])
        while len(self._kept) > self._most:
            self._near += STEP
            self._thin()

    def _thin(self) -> None:
        """Leave out frames that are near one before them."""
        apart: list[int] = []
        for index in range(len(self._kept)):
            near = _bits(self._glances[index], self._glances[apart]) <= self._near
            same = _changed(self._words[index], self._words[apart]) <= self._near
            if not (near & same).any():
                apart.append(index)
        self._kept = [self._kept[index] for index in apart]
        self._glances, self._words = self._glances[apart], self._words[apart]

    def fingerprint(self) -> Fingerprint:
        """What was collected."""
        return Fingerprint(self._extent, tuple(self._kept))


def _bits(glance: NDArray[np.uint64], kept: NDArray[np.uint64]) -> NDArray[np.float64]:
    """(K,) bits of 256 in which a glance differs from those kept."""
    return np.asarray(np.bitwise_count(kept ^ glance).sum(axis=1), np.float64)


def _changed(words: NDArray[np.uint64], kept: NDArray[np.uint64]) -> NDArray[np.float64]:
    """(K,) of the cells that are textured in both, how many changed, on the scale of 256 bits."""
    both = (words != 0) & (kept != 0)
    changed = both & (np.bitwise_count(words ^ kept) > CHANGED)
    return np.asarray(256.0 * changed.sum(axis=1) / np.maximum(both.sum(axis=1), 1))
