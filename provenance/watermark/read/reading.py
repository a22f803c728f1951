"""A codeword that was read, and how the picture it was read from lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.results.payload import StampId
from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code import pattern
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.layout import Layout
from provenance.watermark.picture import geometry


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What is known of a mark once it was read: all that is left to ask is where it is.

    Attributes:
        key: it was read with.
        stamp_id: what it says.
        matrix: the map at which it was read.
        polarity: -1 for an inverted mark.
        slope: at which it read best, see :func:`provenance.watermark.code.pattern.soft_bits`.
        layout: of the key it was read with.
        codeword: (N,) signs.
        score: C, see :mod:`.evidence`.
    """

    key: WatermarkKey
    stamp_id: StampId
    matrix: Map
    polarity: int
    slope: float
    layout: Layout
    codeword: NDArray[np.float32]
    score: float

    def deviations(self, plane: Plane, matrix: Map | None = None) -> float:
        """Correlation of a residual (h, w) with the codeword: standard normal without a mark.

        ``matrix`` replaces the reading's own.
        """
        canvas = geometry.unwarp(plane, self.matrix if matrix is None else matrix)
        if canvas is None:
            return 0.0
        soft = pattern.soft_bits(canvas.fold(self.layout.spec.tile), self.layout, self.slope)
        length = max(float(np.linalg.norm(soft)), 1e-9)
        return self.polarity * float(soft @ self.codeword) / length
