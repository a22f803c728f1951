"""Step 12: where in the picture the mark is, once it is known what to look for and how it lies.

The pattern of a codeword that was read is known whole, so its correlation with the residual can
be taken place by place.  Where no mark is, the correlation over a window is a standard normal
(deviation 0.8 to 1.1 with shifted patterns on nine clips); what a mark would give is known too:
from the room the picture has for one, and from what the rest of the file kept of it.  A cell is
*marked* when it shows the pattern beyond chance, *missing* when it was to show it and does not,
and *unknown* otherwise.  Flat areas, where an encoder may leave nothing, are unknown.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.results import CellStatus, MissingArea, PictureMap
from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code import pattern
from provenance.watermark.code.grid import CANONICAL_LINES
from provenance.watermark.picture import geometry
from provenance.watermark.picture.observation import Observation, Span
from provenance.watermark.picture.residual import high_pass_response
from provenance.watermark.read.reading import Reading
from provenance.watermark.trace import Trace, silent

BLOCK = 8
"""Canonical pixels of the blocks in which sums are kept."""
WINDOWS = (18.0, 27.0, 40.0)
"""Deviations, canonical pixels, of the Gaussian windows: the first weighs as much as a square of
64 pixels; where that holds too little, the next is used."""
ENOUGH = 8.0
"""Deviations a mark would give in a window for it to be wide enough."""
CELL = 16.0
"""Canonical pixels of the shown picture from one cell of the map to the next."""
CLASSES = 5
"""Kinds of place (flat to textured, moving to still) whose survival is measured apart."""
SHARES = ((0.3, 0.2), (0.6, 0.3), (1.0, 0.3), (1.5, 0.2))
"""Of the mark to be expected, what a marked block holds, and how often."""
COUPLING = 0.6
"""Log-odds by which a block leans to each of its neighbours."""
ROUNDS = 60
MARKED = 4.0
"""Deviations from which a cell counts as marked: 3e-5 by chance, a cell."""
PROMISE = 3.0
"""Deviations a mark must have led one to expect of a cell for it to count as missing."""
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
INSET = 0.6
"""Share of what is seen from below which the stamped picture is one laid in another."""
AT_BORDER = 0.04
"""Share of the picture's sides by which a corner may miss the border and be said to lie on it: the
windows blur an edge by as much."""
DISPLACED = 5.5
"""Deviations at which the pattern, found elsewhere nearby, explains a "missing" area: it is not
missing, it only does not lie where the map says (a zoom, a lens)."""


class _Evidence(NamedTuple):
    """Sums over blocks.

    Attributes:
        scores: (h, w) weighted residual whose product with ``reference`` makes ``total``.
        reference: (h, w) the pattern.
        total: normal with mean and variance ``weight`` where the mark is, mean zero where not.
        weight: squared deviations.
        plain: (3, rows, columns) total, variance and expected total, weighed by room alone: what
            survived is learnt from the very picture, and scores must not lean towards it.
        typical: share of the mark that the file kept.
    """

    scores: Plane
    reference: Plane
    total: Plane
    weight: Plane
    plain: Plane
    typical: float

    def windowed(self) -> tuple[Plane, Plane]:
        """(deviations, deviations a mark would give) around each block."""
        value = np.zeros_like(self.total)
        expected = np.zeros_like(self.total)
        for sigma in WINDOWS:
            blocks = sigma / BLOCK
            area = 4.0 * np.pi * blocks**2
            total, variance, mean = (
                area * cv2.GaussianBlur(plane, (0, 0), blocks) for plane in self.plain
            )
            deviation = np.sqrt(variance + 1e-6 * float(variance.max()) + 1e-12)
            wider = expected < ENOUGH
            value[wider] = (total / deviation)[wider]
            expected[wider] = (mean / deviation)[wider]
        return value, expected

    def alone(self) -> tuple[Plane, Plane]:
        """What the blocks at a place show of the mark, and what the file's share of it would."""
        total, variance = (cv2.boxFilter(plane, -1, (2, 2)) for plane in self.plain[:2])
        return total, self.typical * variance

    def odds(self) -> Plane:
        """Natural log-odds that each block is marked, its neighbours considered.

        A Potts field (marked or not) under the blocks' likelihoods, by mean-field iteration.
        """
        chance = sum(
            prior * np.exp(np.clip(share * self.total - share**2 / 2 * self.weight, -60, 60))
            for share, prior in SHARES
        )
        alone = np.clip(np.log(chance), -8.0, 8.0).astype(np.float32)
        around = np.array([[0.7, 1, 0.7], [1, 0, 1], [0.7, 1, 0.7]], np.float32) * COUPLING
        lean = np.tanh(alone / 2.0)
        for _ in range(ROUNDS):
            odds = alone + cv2.filter2D(lean, -1, around)
            lean = 0.5 * lean + 0.5 * np.tanh(odds / 2.0)
        return np.asarray(odds, np.float32)


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
    reference, band = _reference(canvas, reading), reading.layout.spec.band
    hiding, loud = (_blocks(one.plane) / np.float32(BLOCK**2) for one in (room, power))
    evidence = _evidence(canvas.plane, reference, hiding, loud, band)
    value, expected = evidence.windowed()
    half = _half(value, canvas)
    inside = _inside(half, value.shape, canvas)
    if inside.mean() < INSET:
        # What survived of the mark is told by the picture that holds it, and not by the rest.
        evidence = _evidence(canvas.plane, reference, hiding * inside, loud, band)
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
        for area in _areas(silent)
        if _beyond_doubt(_blocks_of(area, at, value.shape), evidence)
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
        areas=_named(areas, hopes > 0, at, evidence),
        heard=tuple(round(float(one), 2) for one in heard.ravel()),
        due=tuple(round(float(one), 2) for one in due.ravel()),
        outline=_outline(half, reading.matrix, (width, height)),
    )


def cells_over(width: int, height: int) -> tuple[int, int]:
    """(columns, rows) of the map over a shown picture of so many canonical pixels."""
    return max(4, round(width / CELL)), max(4, round(height / CELL))


def _reference(canvas: geometry.Canvas, reading: Reading) -> Plane:
    """The pattern of a codeword as the residual shows it, on a canvas."""
    layout, side = reading.layout, reading.layout.spec.tile
    points = np.vstack([layout.pilot_points, layout.data_points])
    values = (
        np.concatenate(pattern.coefficients(layout, reading.codeword, reading.slope))
        * reading.polarity
    )
    values = values * high_pass_response(np.hypot(*points.T) / side)
    height, width = canvas.plane.shape
    # ``tiled`` counts from the centre of what it makes; the canvas may lie off centre.
    across, down = canvas.left + (width - 1) / 2.0, canvas.top + (height - 1) / 2.0
    turn = np.exp(2j * np.pi / side * (points[:, 0] * down + points[:, 1] * across))
    return pattern.tiled(points, values * turn, width, height, side)


def _evidence(
    plane: Plane, reference: Plane, room: Plane, power: Plane, band: tuple[float, float]
) -> _Evidence:
    """Correlate with the reference, and weigh by noise and by what survived.

    In a ring that is a share ``b`` of the frequency plane, the correlation of two independent
    planes over ``n`` pixels has the variance ``n p q / b``, p and q their powers.

    What an encoder keeps of a mark is measured apart for each kind of place: it drops the mark
    first where nothing else is, and copies it along where something moves; silence there means
    nothing.
    """
    height, width = plane.shape
    residual, known = _in_band(plane, band), _in_band(reference, band)
    strength = float(np.mean(known * known))
    found = _blocks(residual * known)
    share = np.pi * (band[1] ** 2 - band[0] ** 2)
    steady = cv2.GaussianBlur(_blocks(residual * residual), (0, 0), 2.0)
    noise = steady * (strength / share)
    noise = np.maximum(noise, 1e-6 * float(noise.max()) + 1e-12)
    deviation = np.sqrt(np.maximum(power, 0.0))
    texture = np.asarray(deviation / np.maximum(room, 1e-6), np.float32)
    alone = np.maximum(cv2.GaussianBlur(power, (0, 0), 2.0), 1e-9)
    stillness = np.asarray(steady / alone, np.float32)
    full = room * np.float32(strength * BLOCK**2)
    typical = max(_typical(found, full), 0.0)
    hoped = full * np.float32(typical)
    for kind in (texture, stillness):
        hoped = hoped * _kept(hoped * found / noise, hoped * hoped / noise, kind)
    return _Evidence(
        scores=_spread(hoped / noise, width, height) * residual,
        reference=known,
        total=hoped * found / noise,
        weight=hoped * hoped / noise,
        plain=np.stack([full * found / noise, full * full / noise, full * hoped / noise]),
        typical=typical,
    )


def _in_band(plane: Plane, band: tuple[float, float]) -> Plane:
    """A plane with only the mark's frequencies."""
    height, width = plane.shape
    size = (cv2.getOptimalDFTSize(height), cv2.getOptimalDFTSize(width))
    radius = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None])
    spectrum = np.fft.rfft2(plane, size) * ((radius >= band[0]) & (radius <= band[1]))
    return np.asarray(np.fft.irfft2(spectrum, size)[:height, :width], np.float32)


def _blocks(plane: Plane) -> Plane:
    """Sums over blocks of 8 x 8; what is left over at the right and below is left out."""
    height, width = (side // BLOCK for side in plane.shape)
    whole = plane[: height * BLOCK, : width * BLOCK]
    mean = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(mean, np.float32) * np.float32(BLOCK**2)


def _spread(blocks: Plane, width: int, height: int) -> Plane:
    """Each block's value over its pixels; zero in what is left over."""
    plane = np.zeros((height, width), np.float32)
    whole = np.repeat(np.repeat(blocks, BLOCK, axis=0), BLOCK, axis=1)
    plane[: whole.shape[0], : whole.shape[1]] = whole
    return plane


def _typical(found: Plane, hoped: Plane) -> float:
    """Median, over the places with room for a mark, of what was found against what was hoped."""
    sigma = WINDOWS[0] / BLOCK
    seen, room = cv2.GaussianBlur(found, (0, 0), sigma), cv2.GaussianBlur(hoped, (0, 0), sigma)
    roomy = room > max(float(np.quantile(room, 0.3)), 1e-9)
    return float(np.median(seen[roomy] / room[roomy])) if roomy.any() else 0.0


def _kept(total: Plane, weight: Plane, kind: Plane) -> Plane:
    """What survived in each kind of place against what was hoped, at every block."""
    counted = weight > 1e-6
    if np.count_nonzero(counted) < 8 * CLASSES:
        return np.ones_like(weight)
    sigma = WINDOWS[0] / BLOCK
    ratio = cv2.GaussianBlur(total, (0, 0), sigma) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), sigma), 1e-9
    )
    edges = np.quantile(kind[counted], np.linspace(0.0, 1.0, CLASSES + 1))
    centres, kept = [], []
    for low, high in itertools.pairwise(edges):
        inside = counted & (kind >= low) & (kind <= high)
        centres.append(float(np.median(kind[inside])))
        kept.append(float(np.clip(np.median(ratio[inside]), 0.0, 1.5)))
    return np.asarray(np.interp(kind, centres, kept), np.float32)


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


def _areas(silent: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The connected areas of at least a few cells, largest first."""
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(silent.astype(np.uint8), connectivity=8)
    counts = sizes[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-counts, kind="stable")
    return [labels == 1 + index for index in order if counts[index] >= LEAST_CELLS]


def _beyond_doubt(blocks: NDArray[np.bool_], evidence: _Evidence) -> bool:
    """Whether an area as a whole is silent, and lacks what every honest copy would show of it."""
    total, weight = _summed(blocks, evidence)
    if weight <= 0 or total >= SILENT * np.sqrt(weight):
        return False
    return _doubt(blocks, evidence) >= DOUBT and not _displaced(blocks, evidence)


def _summed(blocks: NDArray[np.bool_], evidence: _Evidence) -> tuple[float, float]:
    """(total, weight) of an area; an encoder smears a little of the mark over its edge."""
    inner = cv2.erode(blocks.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return float(evidence.total[inner].sum()), float(evidence.weight[inner].sum())


def _doubt(blocks: NDArray[np.bool_], evidence: _Evidence) -> float:
    """Deviations by which an area stays under what every honest copy would show of it."""
    total, weight = _summed(blocks, evidence)
    return (LEAST_SHARE * weight - total) / math.sqrt(weight) if weight > 0 else 0.0


def _named(
    areas: list[NDArray[np.bool_]], inside: NDArray[np.bool_], at: Plane, evidence: _Evidence
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
        doubt = _doubt(_blocks_of(area, at, evidence.total.shape), evidence)
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


def _blocks_of(cells: NDArray[np.bool_], at: Plane, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The blocks at which chosen cells lie."""
    chosen = np.zeros(shape, np.uint8)
    x, y = np.rint(at[cells]).astype(int).T
    chosen[np.clip(y, 0, shape[0] - 1), np.clip(x, 0, shape[1] - 1)] = 1
    # Cells may lie further apart than blocks.
    closed = cv2.morphologyEx(chosen, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return np.asarray(closed > 0)


def _displaced(blocks: NDArray[np.bool_], evidence: _Evidence) -> bool:
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
            own = evidence.scores * _spread(part.astype(np.float32), width, height)
            surface = np.fft.irfft2(np.fft.rfft2(own) * spectrum, (height, width))
            near = np.roll(surface, (SEARCH, SEARCH), axis=(0, 1))[: 2 * SEARCH, : 2 * SEARCH]
            if float(near.max()) >= DISPLACED * np.sqrt(weight):
                return True
    return False
