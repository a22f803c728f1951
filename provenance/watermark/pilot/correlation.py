"""Hear the pilot: over every translation, and block by block."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code import pattern
from provenance.watermark.code.layout import Layout
from provenance.watermark.picture.geometry import Canvas
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import PILOT_BLOCK as BLOCK
from provenance.watermark.tuning import PILOT_FAINT as FAINT
from provenance.watermark.tuning import PILOT_NEARBY as NEARBY
from provenance.watermark.tuning import PILOT_POINT_CLIP as POINT_CLIP


def locate(
    spectrum: pattern.Spectrum, layout: Layout, matrix: Map, *, upright: bool = False
) -> Hypothesis:
    """Correlate with the pilot over every translation, as is and turned by 180 degrees.

    Returns ``matrix``, under which the spectrum was made, with the best of them applied after it.

    The score is in deviations of one translation; the best of all stands near 4.5 on
    material without a mark, and near 7 where a still texture has added up.  ``upright``: as is
    only, not inverted, and within ``NEARBY``, where chance has a hundredth of the places.
    """
    pilot = _pilot_values(spectrum, layout)
    phases = np.exp(-1j * layout.pilot_phases)
    tile = layout.spec.tile
    best = Hypothesis(matrix)
    for turned in (False,) if upright else (False, True):
        surface = surface_of((np.conj(pilot) if turned else pilot) * phases, layout)
        if upright:
            surface[NEARBY:-NEARBY] = 0.0
            surface[:, NEARBY:-NEARBY] = 0.0
        for polarity in (1,) if upright else (1, -1):
            peak = int(np.argmax(surface * polarity))
            score = float(surface.flat[peak] * polarity)
            if score > best.score:
                y, x = divmod(peak, tile)
                # A peak at t means the canvas is the pattern at x + t.
                shift = (
                    float(x if x < tile // 2 else x - tile),
                    float(y if y < tile // 2 else y - tile),
                )
                best = Hypothesis(moved(matrix, shift, turned), polarity, score)
    return best


def surface_of(points: NDArray[np.complexfloating], layout: Layout, step: int = 1) -> Plane:
    """(tile / step, tile / step): the pilot's score, in deviations, at all translations.

    Entry (i, j) is for a stamped picture whose point (j step, i step), modulo the tile, is seen in
    the centre.  ``points`` (P,): the pilot's, each in deviations and without its keyed phase.
    """
    size = layout.spec.tile // step
    ky, kx = layout.pilot_points.T
    table = np.zeros((size, size), np.complex64)
    table[ky % size, kx % size] = points
    surface = cv2.dft(table.view(np.float32).reshape(size, size, 2))[..., 0]
    return np.asarray(surface / np.sqrt(len(points)), np.float32)


def _pilot_values(spectrum: pattern.Spectrum, layout: Layout) -> NDArray[np.complex128]:
    """(P,) the pilot's DFT points, each in deviations of its own neighbourhood."""
    values = spectrum[layout.pilot_at] / pilot_deviation(spectrum, layout)
    return values.astype(np.complex128)


def moved(matrix: Map, shift: tuple[float, float], turned: bool) -> Map:
    """The map with a half turn, if ``turned``, and a translation applied after it."""
    sign = -1.0 if turned else 1.0
    x, y = shift
    return np.array([[sign, 0, x], [0, sign, y], [0, 0, 1.0]]) @ matrix


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
    values = (
        blocks.values * polarity / pilot_deviation(canvas.fold(layout.spec.tile), layout)
    ).real
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
