"""Plain arrays: residuals in which nothing is but a pilot under a known map, and noise."""

import cv2
import numpy as np

from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code import pattern
from provenance.watermark.code.layout import Layout, layout_for
from tests.unit.watermark.pictures import KEY

LAYOUT = layout_for(KEY)
SIZE = (640, 360)


def centre(width: int, height: int) -> Map:
    """From coordinates about the centre to those of pixels."""
    return np.array([[1, 0, (width - 1) / 2.0], [0, 1, (height - 1) / 2.0], [0, 0, 1.0]])


def with_pilot(matrix: Map, strength: float = 1.0, layout: Layout = LAYOUT, seed: int = 3) -> Plane:
    """(360, 640): noise of unit deviation, and the pilot under a map, observed to stamped."""
    codeword = np.ones(layout.spec.coded_bits, np.float32)
    pilot, _ = pattern.coefficients(layout, codeword, layout.spec.slopes[0])
    wide = (1400, 1000)
    stamped = pattern.tiled(layout.pilot_points, pilot, *wide, layout.spec.tile)
    whole = centre(*SIZE) @ np.linalg.inv(matrix) @ np.linalg.inv(centre(*wide))
    seen = cv2.warpPerspective(stamped, whole, SIZE, flags=cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).standard_normal(SIZE[::-1]).astype(np.float32)
    return noise + np.float32(strength) * seen


def apart(one: Map, other: Map) -> float:
    """Most canonical pixels by which two maps differ over the picture."""
    x, y = np.meshgrid(np.linspace(-300, 300, 7), np.linspace(-160, 160, 5))
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    places = [(m @ points)[:2] / (m @ points)[2] for m in (one, other)]
    return float(np.hypot(*(places[0] - places[1])).max())
