"""How much mark a picture hides, place by place."""

from __future__ import annotations

import cv2
import numpy as np

from provenance.watermark.arrays import Plane
from provenance.watermark.picture.hiding import Hiding

DEVIATION_BOX = 5
"""Samples of half the canonical grid."""
DEVIATION_FLOOR = 1.5
DEVIATION_CAP = 24.0
TEXTURE_GAIN = 0.41
SMOOTH_SHARE = 0.8
"""Of the base, where there is no grain at all (drawn skies, gradients): there it shows first."""
BLACK = 17.0
SHADOW = 40.0


def mask(picture: Plane, hiding: Hiding, width: int, height: int, boost: float = 1.0) -> Plane:
    """Amplitude of the mark in 8-bit grey levels, (height, width), for a canonical picture.

    Black (letterbox bars) takes none, and shadows less than mid-grey: that is where a pattern shows
    first.  ``boost`` multiplies what texture adds, and leaves flat areas as they are.
    """
    return np.asarray(cv2.resize(coarse_mask(picture, hiding, boost), (width, height)), np.float32)


def coarse_mask(picture: Plane, hiding: Hiding, boost: float = 1.0) -> Plane:
    """The same on half the canonical grid, which is fine enough for it."""
    flat, texture = parts(picture, hiding)
    return flat + np.float32(boost) * texture


def parts(picture: Plane, hiding: Hiding) -> tuple[Plane, Plane]:
    """What flat areas take, and what texture adds, on half the canonical grid.

    The local deviation, eroded so that an edge does not ring into the flat area beside it, and
    smoothed.
    """
    half = (max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2))
    box = (DEVIATION_BOX, DEVIATION_BOX)
    mean = cv2.blur(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), box)
    power = cv2.blur(cv2.resize(picture * picture, half, interpolation=cv2.INTER_AREA), box)
    deviation = cv2.sqrt(np.maximum(power - mean * mean, 0.0))
    deviation = cv2.erode(deviation, np.ones((7, 7), np.uint8))
    grain = SMOOTH_SHARE + (1.0 - SMOOTH_SHARE) * np.minimum(deviation / DEVIATION_FLOOR, 1.0)
    texture = TEXTURE_GAIN * cv2.sqrt(np.clip(deviation - DEVIATION_FLOOR, 0.0, DEVIATION_CAP))
    light = np.clip((mean - BLACK) / (SHADOW - BLACK), 0.0, 1.0)
    base = hiding.base * grain * (hiding.shadow + (1.0 - hiding.shadow) * light) * (mean > BLACK)
    return _smooth(hiding.strength * base), _smooth(hiding.strength * texture)


def _smooth(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.0), np.float32)
