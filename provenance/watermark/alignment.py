"""Undo a map, find the pilot's place, and fit the map to the pilot's local phases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark import pattern
from provenance.watermark.layout import TILE, Layout
from provenance.watermark.residual import Plane

Map = NDArray[np.float64]
"""(3, 3) projective, observed to stamped canonical pixels, both from the picture's centre."""

BLOCK = 64
MAX_CANVAS = 2400
ROUNDS = 20
POINT_CLIP = 4.0
"""Deviations one pilot point may add to the score: a weave or a grid hits one or two, not 16."""
NEARBY = 48
"""Canonical pixels by which a picture that is seen whole is moved at most."""
FAINT = 0.05
UNIT = 320.0
"""Canonical pixels by which coordinates are divided in the fit, so that its terms are of a size."""


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """An unwarped plane (h, w) and the canonical coordinates of its first pixel."""

    plane: Plane
    left: float
    top: float

    def fold(self) -> pattern.Spectrum:
        """Its spectrum, folded onto one tile."""
        return pattern.fold(self.plane, self.left, self.top)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a canvas lies: canonical coordinates of its first pixel, (width, height)."""

    left: float
    top: float
    size: tuple[int, int]


def frame_of(shape: tuple[int, ...], maps: Sequence[Map]) -> Frame | None:
    """The smallest frame that holds planes of one shape (h, w) under all maps.

    Returns None for a map that throws the picture to infinity, to almost nothing or to too much.
    """
    height, width = shape
    left, top = -(width - 1) / 2.0, -(height - 1) / 2.0
    corners = np.array([[left, top, 1], [-left, top, 1], [left, -top, 1], [-left, -top, 1]])
    mapped = np.concatenate([corners @ matrix.T for matrix in maps])
    if (mapped[:, 2] <= 0.2).any():
        return None
    mapped = mapped[:, :2] / mapped[:, 2:]
    low = np.floor(mapped.min(axis=0)) + 0.5
    size = np.ceil(mapped.max(axis=0) - low).astype(int) + 1
    if (size > MAX_CANVAS).any() or (size < 24).any():
        return None
    return Frame(float(low[0]), float(low[1]), (int(size[0]), int(size[1])))


def laid(plane: Plane, matrix: Map, frame: Frame) -> Canvas:
    """An observed plane (h, w) laid onto a frame of the stamped picture's canonical grid."""
    height, width = plane.shape
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if shrink < 0.75:
        # The warp samples; what the canonical grid cannot hold must go first.
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.4 / shrink), np.float32)
    to_centre = np.array([[1, 0, -(width - 1) / 2.0], [0, 1, -(height - 1) / 2.0], [0, 0, 1.0]])
    to_canvas = np.array([[1, 0, -frame.left], [0, 1, -frame.top], [0, 0, 1.0]])
    whole = to_canvas @ matrix @ to_centre
    warped = cv2.warpPerspective(plane, whole, frame.size, flags=cv2.INTER_CUBIC)
    return Canvas(np.asarray(warped, np.float32), frame.left, frame.top)


def unwarp(plane: Plane, matrix: Map) -> Canvas | None:
    """Lay an observed plane (h, w) back onto the stamped picture's canonical grid, whole.

    Returns None for a map that throws the picture to infinity or to almost nothing.
    """
    if np.array_equal(matrix, np.eye(3)):
        height, width = plane.shape
        return Canvas(plane, -(width - 1) / 2.0, -(height - 1) / 2.0)
    frame = frame_of(plane.shape, [matrix])
    return None if frame is None else laid(plane, matrix, frame)


def projective(linear: NDArray[np.float64]) -> Map:
    """The map of a linear one (2, 2) about the centre."""
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    return matrix


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pilot correlates best: a shift in canonical pixels, the sign, the score z."""

    shift: tuple[float, float]
    turned: bool
    polarity: int
    score: float


def locate(spectrum: pattern.Spectrum, layout: Layout, *, upright: bool = False) -> Place:
    """Correlate with the pilot over every translation, as is and turned by 180 degrees.

    The score is in deviations of one translation; the best of all 512 x 512 stands near 4.5 on
    material without a mark, and near 7 where a still texture has added up.  ``upright``: as is
    only, not inverted, and within ``NEARBY``, where chance has a hundredth of the places.
    """
    pilot = _pilot_values(spectrum, layout)
    phases = np.exp(-1j * layout.pilot_phases)
    best = Place((0.0, 0.0), False, 1, 0.0)
    for turned in (False,) if upright else (False, True):
        surface = correlation((np.conj(pilot) if turned else pilot) * phases, layout)
        if upright:
            surface[NEARBY:-NEARBY] = 0.0
            surface[:, NEARBY:-NEARBY] = 0.0
        for polarity in (1,) if upright else (1, -1):
            peak = int(np.argmax(surface * polarity))
            score = float(surface.flat[peak] * polarity)
            if score > best.score:
                y, x = divmod(peak, TILE)
                # A peak at t means the canvas is the pattern at x + t.
                shift = (
                    float(x if x < TILE // 2 else x - TILE),
                    float(y if y < TILE // 2 else y - TILE),
                )
                best = Place(shift, turned, polarity, score)
    return best


def correlation(points: NDArray[np.complexfloating], layout: Layout, step: int = 1) -> Plane:
    """(512 / step, 512 / step): the pilot's score, in deviations, at every ``step``-th translation.

    Entry (i, j) is for a stamped picture whose point (j step, i step), modulo 512, is seen in the
    centre.  ``points`` (P,): the pilot's, each in deviations and without its keyed phase.
    """
    size = TILE // step
    ky, kx = layout.pilot_points.T
    table = np.zeros((size, size), np.complex64)
    table[ky % size, kx % size] = points
    surface = cv2.dft(table.view(np.float32).reshape(size, size, 2))[..., 0]
    return np.asarray(surface / np.sqrt(len(points)), np.float32)


def _pilot_values(spectrum: pattern.Spectrum, layout: Layout) -> NDArray[np.complex128]:
    """(P,) the pilot's DFT points, each in deviations of its own neighbourhood."""
    values = spectrum[layout.pilot_at] / pilot_deviation(spectrum, layout)
    return values.astype(np.complex128)


def shifted(matrix: Map, place: Place) -> Map:
    """The map with a place's half turn and translation applied after it."""
    sign = -1.0 if place.turned else 1.0
    x, y = place.shift
    return np.array([[sign, 0, x], [0, sign, y], [0, 0, 1.0]]) @ matrix


def fit(
    plane: Plane,
    matrix: Map,
    layout: Layout,
    polarity: int = 1,
    rounds: tuple[int, ...] = (6, 8, 8),
) -> tuple[Map, float]:
    """Improve a map by the pilot's local phases; return it with the pilot's score (16 at most).

    Each block of 64 x 64 canonical pixels and pilot point gives one complex number whose phase is
    ``2 pi f . d``, d the block's displacement; a displacement field is fitted to all of them.

    Args:
        plane: (h, w) observed residual.
        matrix: the map to start from, good to a few pixels somewhere in the picture.
        layout: whose pilot.
        polarity: -1 for an inverted mark.
        rounds: for each unwarping, how many of the eight projective terms to fit.
    """
    score = 0.0
    for terms in rounds:
        canvas = unwarp(plane, matrix)
        if canvas is None:
            return matrix, 0.0
        blocks = demodulate(canvas, layout)
        values = blocks.values * polarity / pilot_deviation(canvas.fold(), layout)
        field = _solve(values, blocks, layout, terms)
        matrix = displacement(field) @ matrix
        matrix = matrix / matrix[2, 2]
        shifts = basis(blocks.centres) @ field
        turned = values * np.exp(-2j * np.pi * shifts @ layout.pilot_frequencies.T)
        score = pilot_score(turned.real.sum(axis=0))
    return matrix, score


def pilot_score(points: NDArray[np.float64]) -> float:
    """Score of the pilot's points (P,), each in its own deviations; 16 at most for 16 points."""
    return float(np.clip(points, -POINT_CLIP, POINT_CLIP).sum() / np.sqrt(points.size))


def limit(points: NDArray[np.complexfloating]) -> None:
    """Shorten, in place, points (..., P) in deviations to ``POINT_CLIP``; phases stay."""
    points /= np.maximum(np.abs(points) / POINT_CLIP, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The pilot's points, block by block.

    Attributes:
        values: (R * C, P) complex128, row by row.
        centres: (R * C, 2) canonical pixels from the stamped picture's centre.
        shape: (R, C).
    """

    values: NDArray[np.complex128]
    centres: NDArray[np.float64]
    shape: tuple[int, int]


def nearby(values: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Gaussian mean, 1.2 blocks wide, of one value (R * C,) a block of (R, C)."""
    grid = np.ascontiguousarray(values.reshape(shape))
    border = cv2.BORDER_CONSTANT
    return np.asarray(cv2.GaussianBlur(grid, (9, 9), 1.2, borderType=border).ravel())


def demodulate(canvas: Canvas, layout: Layout) -> Blocks:
    """Multiply by each pilot point's wave and sum over blocks of 64 x 64 canonical pixels."""
    height, width = canvas.plane.shape
    rows, columns = -(-height // BLOCK), -(-width // BLOCK)
    padded = np.zeros((rows * BLOCK, columns * BLOCK), np.float32)
    padded[:height, :width] = canvas.plane
    x = canvas.left + np.arange(columns * BLOCK)
    y = canvas.top + np.arange(rows * BLOCK)
    fx, fy = layout.pilot_frequencies.T
    across = np.exp(-2j * np.pi * np.outer(x, fx)).astype(np.complex64)
    waves = np.concatenate([across.real, across.imag], axis=1).reshape(columns, BLOCK, -1)
    # Block by block: products so small stay on one thread, whatever BLAS is set to.
    squares = np.ascontiguousarray(padded.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2))
    inner = np.matmul(squares, waves)  # (rows, columns, BLOCK, 2 P)
    inner = inner[..., : len(fx)] + 1j * inner[..., len(fx) :]
    down = np.exp(-2j * np.pi * np.outer(y, fy) - 1j * layout.pilot_phases).astype(np.complex64)
    total = (inner * down.reshape(rows, 1, BLOCK, -1)).sum(axis=2)
    centre_x = x.reshape(columns, BLOCK).mean(axis=1)
    centre_y = y.reshape(rows, BLOCK).mean(axis=1)
    centres = np.stack(np.meshgrid(centre_x, centre_y), axis=-1).reshape(-1, 2)
    values = total.reshape(rows * columns, -1).astype(np.complex128)
    return Blocks(values, centres, (rows, columns))


def where_agreed(canvas: Canvas, layout: Layout, polarity: int) -> Canvas:
    """The canvas, each place weighted by how much the pilot shows around it.

    What lies beside the stamped picture (a room, the video an inset was laid over) only adds
    noise.  The pilot tells where that is without looking at any coded bit.
    """
    blocks = demodulate(canvas, layout)
    values = (blocks.values * polarity / pilot_deviation(canvas.fold(), layout)).real
    agreement = nearby(np.clip(values, -POINT_CLIP, POINT_CLIP).sum(axis=1), blocks.shape)
    full = max(float(np.quantile(agreement, 0.9)), 0.5 * float(agreement.max()), 1e-9)
    weight = np.clip(agreement / full, FAINT, 1.0).astype(np.float32).reshape(blocks.shape)
    height, width = canvas.plane.shape
    size = (blocks.shape[1] * BLOCK, blocks.shape[0] * BLOCK)
    whole = cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return Canvas(canvas.plane * whole, canvas.left, canvas.top)


def pilot_deviation(spectrum: pattern.Spectrum, layout: Layout) -> Plane:
    """(P,) deviation of each pilot point, from its neighbourhood in a folded spectrum."""
    return pattern.noise(spectrum)[layout.pilot_at]


def basis(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, 2, 8): displacement (x, y) of each block by each of the eight projective terms."""
    x, y = (centres / UNIT).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    across = np.stack([one, zero, x, y, zero, zero, x * x, x * y], axis=-1)
    down = np.stack([zero, one, zero, zero, x, y, x * y, y * y], axis=-1)
    return np.stack([across, down], axis=1)


def _solve(
    values: NDArray[np.complex128], blocks: Blocks, layout: Layout, terms: int
) -> NDArray[np.float64]:
    """(8,) field, canonical pixels, that turns the phases to zero: Fisher scoring.

    A block counts as much as its neighbourhood agrees with the pilot so far.  So the fit starts
    where the map at hand is right, and what it learns there brings the next blocks into agreement.
    """
    bases = basis(blocks.centres)
    slopes = 2.0 * np.pi * np.einsum("pd,bdt->bpt", layout.pilot_frequencies, bases)
    squares = np.einsum("bpt,bpu->btu", slopes, slopes, optimize=True)
    field = np.zeros(8)
    for used, steps in ((2, 5), (min(6, terms), ROUNDS), (terms, ROUNDS)):
        flat = slopes[..., :used].reshape(-1, used)
        for _ in range(steps):
            turned = values * np.exp(-1j * (slopes @ field))
            agreement = nearby(turned.real.sum(axis=1), blocks.shape)
            weight = np.clip(agreement / max(float(agreement.max()), 1e-9), 0.0, 1.0)
            amplitude = float(weight @ turned.real.mean(axis=1) / max(float(weight.sum()), 1e-9))
            amplitude = max(amplitude, 0.05 * float(np.abs(turned).mean()))
            gradient = (weight[:, None] * turned.imag).ravel() @ flat
            curvature = amplitude * np.tensordot(weight, squares[:, :used, :used], axes=1)
            curvature += (1e-3 * np.trace(curvature) / used + 1e-9) * np.eye(used)
            step = np.linalg.solve(curvature, gradient)
            step *= min(1.0, 1.5 / max(float(np.abs(step).max()), 1e-9))
            field[:used] += step
            if np.abs(step).max() < 2e-3:
                break
    return field


def displacement(field: NDArray[np.float64]) -> Map:
    """The projective map x -> x + d(x), to first order in the field."""
    matrix = np.eye(3)
    matrix[:2, 2] = field[:2]
    matrix[0, :2] += field[2:4] / UNIT
    matrix[1, :2] += field[4:6] / UNIT
    matrix[2, :2] = -field[6:8] / UNIT**2
    return matrix
