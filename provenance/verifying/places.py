"""Where an area that differs lies in the shown picture, and what the watermark shows in it.  Pure.

A mark that was lifted off a clip and laid over other content is present where the content differs.
Under a caption, a sticker, a logo or a blur it is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint import CELL, Area
from provenance.results import Detection, PictureMap, Transform

CARRIED = 0.78
"""Share of the mark that must be there for it to have been laid over other content: 0.83 to 1.05 on
four clips with 12 to 60 % of another film under a lifted mark, at most 0.69 under stickers, which
leave it between them."""
EVERYWHERE = 0.4
"""Share of it that nine in ten of the area's cells must show then: 0.46 to 0.86 under lifted marks,
at most 0.43 under stickers and 0.23 where other content was pasted plainly."""
FORGED_SHARE = 0.08
"""Share of the picture in view from which such an area is a copied mark: a tenth, as it may be
measured."""
FORGED_BITS = 0.4
"""Share of its bits that must differ then: 0.403 to 0.474 where a lifted mark lay over 12 or 30 %
of another film, in 24 cases of four clips.  In what is only met between two registered moments
fewer do: 0.37 and a little over 0.38 in honest cuts of a few seconds."""
FEWEST = 0.1
"""Share of an area's cells, those that show least of the mark, that are left out."""
FAINT = 0.1
"""Part of what the picture's places show of the mark at the median below which one shows none: what
is flat there hides no mark, and all that is seen of one is its surroundings'."""
TELLING = 0.8
"""Share of an area that must show more: all of it under other film in a lifted mark; about half
under a caption's plain bar, which the mark around it seemed to go on over."""
TILTED = 1e-4
"""Of a map's two numbers of perspective, from which it is one of a picture seen at an angle: copies
that nobody filmed stay below a tenth of it."""
HEARD = 0.3
"""Share of the shown picture that must show the mark for such a map to hold all over it: one that
fitted a corner showed it in 7 %, all right ones in 56 % and more."""
POINTS = 4
"""Places along each side of a cell that are looked at."""

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marks:
    """What the watermark shows in areas: the share of it that is there, over all of them and in the
    cells that show least, and the share of the areas that can show any; all 0 where nothing of them
    is in view."""

    share: float
    least: float
    telling: float

    @property
    def carried(self) -> bool:
        """Whether the mark goes on over them."""
        return self.share >= CARRIED and self.least >= EVERYWHERE and self.telling >= TELLING


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
    areas: Sequence[Area], transform: Transform | None, size: tuple[int, int], picture: PictureMap
) -> Marks:
    """How much of the mark is in areas together; arguments as :func:`outline`."""
    steps = ((np.arange(POINTS) + 0.5) / POINTS - 0.5) * CELL
    within = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    heard, due = np.array(picture.heard), np.array(picture.due)
    faint = FAINT * float(np.median(due[due > 0.0])) if (due > 0.0).any() else 0.0
    sums, telling = [], []
    for centre in CELL * np.array([cell for area in areas for cell in area.cells], np.float64):
        shown = _shown(centre + within, transform, size)
        inside = shown[((shown >= 0.0) & (shown <= 1.0)).all(axis=1)]
        places = [picture.cell(float(x), float(y)) for x, y in inside]
        sums.append((float(heard[places].sum()), float(due[places].sum())))
        telling += [float(due[place]) > faint for place in places]
    there = np.array([one for one in sums if one[1] > 0.0]).reshape(-1, 2)
    if not len(there):
        return Marks(0.0, 0.0, 0.0)
    each = there[:, 0] / there[:, 1]
    return Marks(
        float(there[:, 0].sum() / there[:, 1].sum()),
        float(np.quantile(each, FEWEST)),
        sum(telling) / len(telling),
    )


def forged(areas: Sequence[Area], found: Marks) -> bool:
    """Whether areas are other content under a copied mark.

    Together, since that is one forger's work: of several stickers one may leave much of the mark.
    """
    share = sum(area.share for area in areas)
    bits = sum(area.share * area.differing for area in areas)
    return share >= FORGED_SHARE and bits >= FORGED_BITS * share and found.carried


def misplaced(found: Detection) -> bool:
    """Whether the picture may lie otherwise than the map says, which fits where the mark is."""
    if found.transform is None or found.picture is None:
        return False
    states = found.picture.states
    tilt = max(abs(one) for one in found.transform.matrix[6:8])
    return tilt > TILTED and states.count("marked") < HEARD * len(states)


def _shown(points: Points, transform: Transform | None, size: tuple[int, int]) -> Points:
    """Canonical points (N, 2) of the stamped picture as fractions of the shown one."""
    matrix = np.eye(3) if transform is None else np.reshape(transform.matrix, (3, 3))
    back = np.linalg.pinv(matrix)
    mapped = np.column_stack([points, np.ones(len(points))]) @ back.T
    depth = np.where(np.abs(mapped[:, 2:]) < 1e-9, 1e-9, mapped[:, 2:])
    return np.asarray(mapped[:, :2] / depth / np.array(size, np.float64) + 0.5)
