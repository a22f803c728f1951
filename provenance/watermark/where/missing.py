"""Step 12: areas that were to show the mark and do not, beyond doubt."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.results import MissingArea
from provenance.watermark.arrays import Plane
from provenance.watermark.where.presence import Evidence, spread

LEAST_SHARE = 0.5
"""Of the mark to be expected in an area, what a copy is taken to have kept at least."""
DOUBT = 4.0
"""Deviations by which an area must stay under that share: it was picked for its silence."""
SILENT = 3.0
"""Deviations of a whole area from which it shows the mark, however little of it."""
LEAST_CELLS = 6
NAMED_AREA = 0.04
"""Share of the picture from which a missing area is named."""
LARGE_AREA = 0.10
"""Share from which it makes the find a partial one: more than a logo or a line of text."""
SEARCH = 24
"""Canonical pixels around a "missing" area's place in which its pattern is looked for."""
DISPLACED = 5.5
"""Deviations at which the pattern, found elsewhere nearby, explains a "missing" area: it is not
missing, it only does not lie where the map says (a zoom, a lens)."""


def silent_areas(silent: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The connected areas of at least a few cells, largest first."""
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(silent.astype(np.uint8), connectivity=8)
    counts = sizes[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-counts, kind="stable")
    return [labels == 1 + index for index in order if counts[index] >= LEAST_CELLS]


def beyond_doubt(blocks: NDArray[np.bool_], evidence: Evidence) -> bool:
    """Whether an area as a whole is silent, and lacks what every honest copy would show of it."""
    total, weight = _summed(blocks, evidence)
    if weight <= 0 or total >= SILENT * np.sqrt(weight):
        return False
    return _doubt(blocks, evidence) >= DOUBT and not _displaced(blocks, evidence)


def _summed(blocks: NDArray[np.bool_], evidence: Evidence) -> tuple[float, float]:
    """(total, weight) of an area; an encoder smears a little of the mark over its edge."""
    inner = cv2.erode(blocks.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return float(evidence.total[inner].sum()), float(evidence.weight[inner].sum())


def _doubt(blocks: NDArray[np.bool_], evidence: Evidence) -> float:
    """Deviations by which an area stays under what every honest copy would show of it."""
    total, weight = _summed(blocks, evidence)
    return (LEAST_SHARE * weight - total) / math.sqrt(weight) if weight > 0 else 0.0


def named(
    areas: list[NDArray[np.bool_]], inside: NDArray[np.bool_], at: Plane, evidence: Evidence
) -> tuple[MissingArea, ...]:
    """The missing areas of clear size; ``inside``: cells that were stamped."""
    tall, wide = inside.shape
    stamped = max(int(np.count_nonzero(inside)), 1)
    named = []
    for area in areas:
        share = int(np.count_nonzero(area)) / stamped
        if share < NAMED_AREA:
            break
        rows, columns = np.nonzero(area)
        doubt = _doubt(blocks_at(area, at, evidence.total.shape), evidence)
        named.append(
            MissingArea(
                share=share,
                left=int(columns.min()) / wide,
                top=int(rows.min()) / tall,
                right=(int(columns.max()) + 1) / wide,
                bottom=(int(rows.max()) + 1) / tall,
                error_rate=min(1.0, stamped * math.erfc(doubt / math.sqrt(2.0)) / 2.0),
                polygon=_border(area),
            )
        )
    return tuple(named)


def _border(area: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """The outer border of an area of cells, in fractions of the shown picture."""
    fine = np.asarray(np.kron(area.astype(np.uint8), np.ones((4, 4), np.uint8)), np.uint8)
    borders, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    traced = max(borders, key=cv2.contourArea)
    corners = cv2.approxPolyDP(traced, 3.0, closed=True)[:, 0] + 0.5
    size = np.array(fine.shape[::-1], np.float64)
    return tuple((float(x), float(y)) for x, y in corners / size)


def blocks_at(cells: NDArray[np.bool_], at: Plane, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The blocks at which chosen cells lie."""
    chosen = np.zeros(shape, np.uint8)
    x, y = np.rint(at[cells]).astype(int).T
    chosen[np.clip(y, 0, shape[0] - 1), np.clip(x, 0, shape[1] - 1)] = 1
    # Cells may lie further apart than blocks.
    closed = cv2.morphologyEx(chosen, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return np.asarray(closed > 0)


def _displaced(blocks: NDArray[np.bool_], evidence: Evidence) -> bool:
    """Whether the pattern of an area, or of a quarter of it, is found nearby."""
    height, width = evidence.scores.shape
    rows, columns = np.nonzero(blocks)
    middle = (np.median(rows), np.median(columns))
    y, x = np.mgrid[: blocks.shape[0], : blocks.shape[1]]
    spectrum = np.conj(np.fft.rfft2(evidence.reference))
    for above in (y <= middle[0], y > middle[0]):
        for before in (x <= middle[1], x > middle[1]):
            part = blocks & above & before
            weight = float(evidence.weight[part].sum())
            if weight <= 0:
                continue
            own = evidence.scores * spread(part.astype(np.float32), width, height)
            surface = np.fft.irfft2(np.fft.rfft2(own) * spectrum, (height, width))
            near = np.roll(surface, (SEARCH, SEARCH), axis=(0, 1))[: 2 * SEARCH, : 2 * SEARCH]
            if float(near.max()) >= DISPLACED * np.sqrt(weight):
                return True
    return False
