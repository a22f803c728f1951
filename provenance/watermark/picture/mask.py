"""How much mark a picture hides, place by place."""

from __future__ import annotations

import cv2
import numpy as np

from provenance.watermark.arrays import Plane
from provenance.watermark.picture.hiding import Hiding

DEVIATION_BOX = 9
DEVIATION_FLOOR = 1.5
DEVIATION_CAP = 24.0
TEXTURE_GAIN = 0.41
SMOOTH_SHARE = 0.8
"""Of the base, where there is no grain at all (drawn skies, gradients): there it shows first."""
BLACK = 17.0
SHADOW = 40.0


def mask(picture: Plane, hiding: Hiding, width: int, height: int, boost: float = 1.0) -> Plane:
    """Amplitude of the mark in 8-bit grey levels, (height, width), for a canonical picture.

    The local deviation, eroded so that an edge does not ring into the flat area beside it, and
    smoothed.  Black (letterbox bars) takes none, and shadows less than mid-grey: that is where a
    pattern shows first.  All this is smooth, so half the canonical grid is fine enough for it.
    ``boost`` multiplies what texture adds, and leaves flat areas as they are.
    """
    box = (DEVIATION_BOX, DEVIATION_BOX)
    half = (max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2))
    mean = cv2.resize(cv2.blur(picture, box), half, interpolation=cv2.INTER_AREA)
    power = cv2.resize(
        cv2.sqrBoxFilter(picture, cv2.CV_32F, box), half, interpolation=cv2.INTER_AREA
    )
    deviation = cv2.sqrt(np.maximum(power - mean * mean, 0.0))
    deviation = cv2.erode(deviation, np.ones((7, 7), np.uint8))
    grain = SMOOTH_SHARE + (1.0 - SMOOTH_SHARE) * np.minimum(deviation / DEVIATION_FLOOR, 1.0)
    texture = np.clip(deviation - DEVIATION_FLOOR, 0.0, DEVIATION_CAP)
    texture = boost * TEXTURE_GAIN * cv2.sqrt(texture)
    light = np.clip((mean - BLACK) / (SHADOW - BLACK), 0.0, 1.0)
    base = hiding.base * grain * (hiding.shadow + (1.0 - hiding.shadow) * light) * (mean > BLACK)
    smooth = cv2.GaussianBlur(hiding.strength * (base + texture), (0, 0), 1.0)
    return np.asarray(cv2.resize(smooth, (width, height)), np.float32)
