"""The arrays that every room speaks of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""(h, w) float32: a picture, a residual or a pattern on the canonical grid, or something of it."""

Luma = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W) luma samples as coded, 8 bits or more."""

Map = NDArray[np.float64]
"""(3, 3) projective, observed to stamped canonical pixels, both from the picture's centre."""
