"""Step 12: where in the picture the mark is, once it is known what to look for and how it lies.

The pattern of a codeword that was read is known whole, so its correlation with the residual can
be taken place by place.  Where no mark is, the correlation over a window is a standard normal
(deviation 0.8 to 1.1 with shifted patterns on nine clips); what a mark would give is known too:
from the room the picture has for one, and from what the rest of the file kept of it.  A cell is
*marked* when it shows the pattern beyond chance, *missing* when it was to show it and does not,
and *unknown* otherwise.  Flat areas, where an encoder may leave nothing, are unknown.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.results import CellStatus, PictureMap
from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code.grid import CANONICAL_LINES
from provenance.watermark.picture import geometry
from provenance.watermark.picture.observation import Observation, Span
from provenance.watermark.read.reading import Reading
from provenance.watermark.trace import Trace, silent
from provenance.watermark.where.missing import beyond_doubt, blocks_at, named, silent_areas
from provenance.watermark.where.presence import BLOCK, WINDOWS, blocks, evidence_of, reference_of

CELL = 16.0
"""Canonical pixels of the shown picture from one cell of the map to the next."""
MARKED = 4.0
"""Deviations from which a cell counts as marked: 3e-5 by chance, a cell."""
PROMISE = 3.0
"""Deviations a mark must have led one to expect of a cell for it to count as missing."""
INSET = 0.6
"""Share of what is seen from below which the stamped picture is one laid in another."""
AT_BORDER = 0.04
"""Share of the picture's sides by which a corner may miss the border and be said to lie on it: the
windows blur an edge by as much."""


def picture_map(
    observation: Observation, spans: list[Span], reading: Reading, trace: Trace = silent
) -> PictureMap | None:
    """Map where a codeword that was read is, and where it is missing.

    Args:
        observation: what was seen of the clip.
        spans: those that carry the mark.
        reading: the codeword and how it lies.
        trace: is told of the planes behind the map.

    Returns:
        The map over the shown picture; None when it cannot be unwarped or is tiny.
    """
    plane = observation.summed(spans) / np.float32(sum(span.frames for span in spans))
    places = observation.places(spans)
    height, width = plane.shape
    fine = cv2.resize(places, (width, height))
    canvas, room, power = (
        geometry.unwarp(np.asarray(one, np.float32), reading.matrix)
        for one in (plane, fine[..., 0], fine[..., 1])
    )
    if canvas is None or room is None or power is None or min(canvas.plane.shape) < 8 * BLOCK:
        return None
    reference, band = reference_of(canvas, reading), reading.layout.spec.band
    hiding, loud = (blocks(one.plane) / np.float32(BLOCK**2) for one in (room, power))
    evidence = evidence_of(canvas.plane, reference, hiding, loud, band)
    value, expected = evidence.windowed()
    half = _half(value, canvas)
    inside = _inside(half, value.shape, canvas)
    if inside.mean() < INSET:
        # What survived of the mark is told by the picture that holds it, and not by the rest.
        evidence = evidence_of(canvas.plane, reference, hiding * inside, loud, band)
        value, expected = evidence.windowed()
    expected[~inside] = 0.0
    field_odds = evidence.odds()
    trace("picture", deviations=value, expected=expected, odds=field_odds)
    columns, rows = cells_over(width, height)
    at = _places(columns, rows, (width, height), reading.matrix, canvas)
    scores, hopes, odds, heard, due = (
        cv2.remap(field, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
        for field in (value, expected, field_odds, *evidence.alone())
    )
    silent = (odds < 0.0) & (hopes >= PROMISE)
    areas = [
        area
        for area in silent_areas(silent)
        if beyond_doubt(blocks_at(area, at, value.shape), evidence)
    ]
    missing = np.any(areas, axis=0) if areas else np.zeros_like(silent)
    states: list[CellStatus] = [
        "missing" if gone else "marked" if score >= MARKED and odd > 0 else "unknown"
        for score, odd, gone in zip(scores.ravel(), odds.ravel(), missing.ravel(), strict=True)
    ]
    return PictureMap(
        columns=columns,
        rows=rows,
        states=tuple(states),
        scores=tuple(round(float(score), 2) for score in scores.ravel()),
        expected=tuple(round(float(hope), 2) for hope in hopes.ravel()),
        odds=tuple(round(float(odd), 2) for odd in odds.ravel()),
        areas=named(areas, hopes > 0, at, evidence),
        heard=tuple(round(float(one), 2) for one in heard.ravel()),
        due=tuple(round(float(one), 2) for one in due.ravel()),
        outline=_outline(half, reading.matrix, (width, height)),
    )


def cells_over(width: int, height: int) -> tuple[int, int]:
    """(columns, rows) of the map over a shown picture of so many canonical pixels."""
    return max(4, round(width / CELL)), max(4, round(height / CELL))


def _half(value: Plane, canvas: geometry.Canvas) -> tuple[float, float]:
    """Canonical pixels from the stamped picture's middle to its right and to its lower edge.

    Its short side is 360; the mark itself shows how far the long one reaches at least.
    """
    x, y = _of_blocks(value.shape, canvas)
    half = CANONICAL_LINES / 2.0
    at_y, at_x = np.nonzero(value >= MARKED)
    # The windows reach beyond the edge of what is marked.
    wide = float(np.abs(x[at_x]).max(initial=0.0)) - WINDOWS[0]
    tall = float(np.abs(y[at_y]).max(initial=0.0)) - WINDOWS[0]
    return (max(wide, half), half) if wide >= tall else (half, max(tall, half))


def _inside(
    half: tuple[float, float], shape: tuple[int, ...], canvas: geometry.Canvas
) -> NDArray[np.bool_]:
    """Which blocks lie in the picture that was stamped: what surrounds a copy is not missing."""
    x, y = _of_blocks(shape, canvas)
    return np.asarray((np.abs(y) <= half[1])[:, None] & (np.abs(x) <= half[0])[None, :])


def _of_blocks(
    shape: tuple[int, ...], canvas: geometry.Canvas
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Stamped canonical (x, y) of the blocks' columns and rows."""
    rows, columns = shape
    middle = (BLOCK - 1) / 2.0
    x = canvas.left + middle + BLOCK * np.arange(columns, dtype=np.float64)
    y = canvas.top + middle + BLOCK * np.arange(rows, dtype=np.float64)
    return x, y


def _outline(
    half: tuple[float, float], matrix: Map, size: tuple[int, int]
) -> tuple[tuple[float, float], ...]:
    """The stamped picture's corners in fractions of the shown one; none beyond its horizon."""
    signs = np.array([(-1.0, -1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 1.0), (-1.0, 1.0, 1.0)])
    back = np.linalg.inv(matrix)
    corners = (signs * (*half, 1.0)) @ (back / back[2, 2]).T
    if (corners[:, 2] <= 0.0).any():
        return ()
    shown = corners[:, :2] / corners[:, 2:] / size + 0.5
    for border in (0.0, 1.0):
        shown[np.abs(shown - border) < AT_BORDER] = border
    return tuple((float(x), float(y)) for x, y in shown)


def _places(
    columns: int, rows: int, size: tuple[int, int], matrix: Map, canvas: geometry.Canvas
) -> Plane:
    """(rows, columns, 2) block coordinates (x, y) of the cells' centres."""
    x = ((np.arange(columns) + 0.5) / columns - 0.5) * size[0]
    y = ((np.arange(rows) + 0.5) / rows - 0.5) * size[1]
    points = np.stack([*np.meshgrid(x, y), np.ones((rows, columns))], axis=-1) @ matrix.T
    places = points[..., :2] / points[..., 2:] - np.array([canvas.left, canvas.top])
    return np.asarray((places - (BLOCK - 1) / 2.0) / BLOCK, np.float32)
