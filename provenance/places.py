"""Where an area that differs lies in the shown picture, and what the watermark shows in it.  Pure.

A mark that was lifted off a clip and laid over other content is present where the content differs.
Under a caption, a sticker, a logo or a blur it is gone: there the map says "missing", or "unknown"
where the thing laid over is flat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint import CELL, Area
from provenance.results import PictureMap, Transform

CARRIED = 0.6
"""Share of an area's places that must show the mark for it to have been laid over other content."""
GONE = 0.15
"""Share of them that may miss it then."""
FORGED_SHARE = 0.10
"""Share of the compared picture from which such an area is a copied mark."""
FORGED_BITS = 0.38
"""Share of its bits that must differ then: in what is only met between two registered moments fewer
do."""
POINTS = 4
"""Places along each side of a cell that are looked at."""

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marks:
    """What the picture's map says of an area: shares of its places in view, 1 together.

    All are 0 where nothing of it is in view.
    """

    marked: float
    missing: float
    unknown: float

    @property
    def carried(self) -> bool:
        """Whether the mark goes on over the area."""
        return self.marked >= CARRIED and self.missing <= GONE


def outline(
    area: Area, transform: Transform | None, size: tuple[int, int]
) -> tuple[tuple[float, float], ...]:
    """The corners of an area's box in fractions of the shown picture, clockwise from upper left.

    Args:
        area: as :func:`provenance.fingerprint.compare` found it.
        transform: how the shown picture lies on the stamped one; None where it lies as stamped.
        size: of the shown picture in canonical pixels, as ``Fingerprint.size`` has it.

    Returns:
        (x, y) of four corners, from the upper left of the picture; cut off at its edges.
    """
    left, top, right, bottom = area.box
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)
    return tuple((float(x), float(y)) for x, y in np.clip(_shown(corners, transform, size), 0, 1))


def marks(
    area: Area, transform: Transform | None, size: tuple[int, int], picture: PictureMap
) -> Marks:
    """How much of an area is marked, missing and unknown; arguments as :func:`outline`."""
    steps = ((np.arange(POINTS) + 0.5) / POINTS - 0.5) * CELL
    within = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    centres = CELL * np.array(area.cells, np.float64)
    shown = _shown((centres[:, None] + within[None]).reshape(-1, 2), transform, size)
    inside = shown[((shown >= 0.0) & (shown <= 1.0)).all(axis=1)]
    states = [picture.state(float(x), float(y)) for x, y in inside]
    count = max(len(states), 1)
    return Marks(
        states.count("marked") / count,
        states.count("missing") / count,
        states.count("unknown") / count,
    )


def forged(area: Area, found: Marks) -> bool:
    """Whether an area is other content under a copied mark."""
    return area.share >= FORGED_SHARE and area.differing >= FORGED_BITS and found.carried


def _shown(points: Points, transform: Transform | None, size: tuple[int, int]) -> Points:
    """Canonical points (N, 2) of the stamped picture as fractions of the shown one."""
    matrix = np.eye(3) if transform is None else np.reshape(transform.matrix, (3, 3))
    back = np.linalg.pinv(matrix)
    mapped = np.column_stack([points, np.ones(len(points))]) @ back.T
    depth = np.where(np.abs(mapped[:, 2:]) < 1e-9, 1e-9, mapped[:, 2:])
    return np.asarray(mapped[:, :2] / depth / np.array(size, np.float64) + 0.5)
