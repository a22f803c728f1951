"""How far a failed row was from decoding: the score of the true codeword at the true place.

The detector is blind; this is not.  It knows the stamp id and the exact map, so it tells a payload
too weak to decode from a place not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.frames import Matrix, warped
from bench.render import Pass, moves, place
from provenance.results.payload import StampId
from provenance.verifying.sampling import grid_of
from provenance.video import MediaInfo, probe, read_luma
from provenance.watermark.arrays import Plane
from provenance.watermark.code import codeword
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.layout import Layout, layout_for
from provenance.watermark.picture import geometry
from provenance.watermark.picture.observation import Observation
from provenance.watermark.pilot import fitting
from provenance.watermark.read import evidence
from provenance.watermark.read.reader import best_slope

MAX_FRAMES = 640
"""As many as ``verify`` looks at in its last round."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader who knows everything sees.

    ``score`` is C of the true codeword: the best of the exact map, the same within the stamped
    picture only, and the map fitted from it.  ``margin_db`` is the same against what decoding
    needs; ``pilot`` the pilot's score after the fit (16 at most, 0 where it could not be fitted).
    """

    score: float
    margin_db: float
    pilot: float

    def as_json(self) -> dict[str, float]:
        """Rounded, for a row."""
        return {
            "score": round(self.score, 1),
            "margin_db": round(self.margin_db, 2),
            "pilot": round(self.pilot, 2),
        }


def known(
    attacked: Path, stamped: Path, passes: tuple[Pass, ...], stamp_id: StampId, key: WatermarkKey
) -> Known:
    """Measure an attacked file against the stamp it should carry.

    Where the geometry changes with time, every frame is first put back to where it was.
    """
    before, after = probe(stamped), probe(attacked)
    size = (before.video.width, before.video.height)
    matrix, final = place(passes, size)
    if final != (after.video.width, after.video.height):
        raise ValueError(f"the attack made {after.video.display_size}, expected {final}")
    moving = moves(passes)
    grid = grid_of(before if moving else after)
    centred = np.eye(3) if moving else centred_map(matrix, grid_of(before), grid)
    observation = Observation(grid, after.video.bit_depth, after.duration)
    for frame in islice(read_luma(attacked, threads=1), MAX_FRAMES):
        luma: Any = frame.luma
        if moving:
            matrix, _ = place(passes, size, frame.time / (after.duration or 1.0))
            luma = warped(luma, np.linalg.inv(np.asarray(matrix, np.float64)), size, None)
        observation.add(luma, frame.time)
    layout, word = layout_for(key), codeword.encode(stamp_id, key)
    upright = observation.upright()
    # Subtracted with too much gain, the mark is there turned over; readers look for that too.
    sides = [_known(sign * upright, centred, before, layout, word) for sign in (1, -1)]
    return max(sides, key=lambda side: side.score)


def _known(
    plane: Plane, centred: Matrix, before: MediaInfo, layout: Layout, word: NDArray[np.float32]
) -> Known:
    fitted, pilot = fitting.fit(geometry.Sight(plane), centred, layout)
    best = 0.0
    canvases = [_inside(plane, centred, grid_of(before))]
    canvases += [c for c in (geometry.unwarp(plane, m) for m in (centred, fitted)) if c]
    for canvas in canvases:
        spectrum = canvas.fold(layout.spec.tile)
        best = max(best, best_slope(spectrum, layout, word)[0])
    return Known(best, evidence.margin_db(best), pilot)


def _inside(plane: Plane, matrix: Matrix, stamped: Grid) -> geometry.Canvas:
    """Only what lies inside the stamped picture, however much of the frame is something else."""
    width, height = stamped.canonical_size
    left, top = -(width - 1) / 2.0, -(height - 1) / 2.0
    to_centre = np.array(
        [[1, 0, -(plane.shape[1] - 1) / 2], [0, 1, -(plane.shape[0] - 1) / 2], [0, 0, 1.0]]
    )
    to_canvas = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
    whole = to_canvas @ matrix @ to_centre
    warped = cv2.warpPerspective(plane, whole, (width, height), flags=cv2.INTER_CUBIC)
    return geometry.Canvas(np.asarray(warped, np.float32), left, top)


def centred_map(matrix: Matrix, stamped: Grid, attacked: Grid) -> Matrix:
    """A map of edge coordinates as the detector's: canonical pixels from the picture's centre."""
    made = _to_canonical(stamped) @ matrix @ np.linalg.inv(_to_canonical(attacked))
    return np.asarray(made / made[2, 2], np.float64)


def _to_canonical(grid: Grid) -> Matrix:
    width, height = grid.canonical_size
    across, down = width / grid.width, height / grid.height
    return np.array([[across, 0, -width / 2], [0, down, -height / 2], [0, 0, 1.0]])
