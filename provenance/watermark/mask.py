"""How much mark a picture hides, place by place."""

from __future__ import annotations

import cv2
import numpy as np

from provenance.watermark.profiles import Profile
from provenance.watermark.residual import Plane

DEVIATION_BOX = 9
DEVIATION_FLOOR = 1.0
DEVIATION_CAP = 24.0
TEXTURE_GAIN = 0.34
TEXTURE_POWER = 0.55
SMOOTH_SHARE = 0.85
"""Of the base, where there is no grain at all (drawn skies, gradients): there it shows first."""
BLACK = 17.0
SHADOW = 40.0


def mask(picture: Plane, profile: Profile) -> Plane:
    """Amplitude in grey levels for a canonical picture (h, w) of 8-bit grey levels.

    The local deviation, eroded so that an edge does not ring into the flat area beside it, and
    smoothed.  Black (letterbox bars) takes none, and shadows less than mid-grey: that is where a
    pattern shows first.
    """
    mean = cv2.blur(picture, (DEVIATION_BOX, DEVIATION_BOX))
    power = cv2.blur(picture * picture, (DEVIATION_BOX, DEVIATION_BOX))
    deviation = np.sqrt(np.maximum(power - mean * mean, 0.0))
    deviation = cv2.erode(deviation, np.ones((7, 7), np.uint8))
    grain = SMOOTH_SHARE + (1.0 - SMOOTH_SHARE) * np.minimum(deviation / DEVIATION_FLOOR, 1.0)
    deviation = np.clip(deviation - DEVIATION_FLOOR, 0.0, DEVIATION_CAP)
    texture = TEXTURE_GAIN * cv2.pow(deviation, TEXTURE_POWER)
    light = np.clip((mean - BLACK) / (SHADOW - BLACK), 0.0, 1.0)
    amplitude = (
        profile.base * grain * (profile.shadow + (1.0 - profile.shadow) * light) * (mean > BLACK)
    )
    smooth = cv2.GaussianBlur(profile.strength * (amplitude + texture), (0, 0), 2.0)
    return np.asarray(smooth, np.float32)
