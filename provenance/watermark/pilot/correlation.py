"""Hear the pilot: over every translation, and block by block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

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


def locate(canvas: Canvas, layout: Layout, matrix: Map, *, upright: bool = False) -> Hypothesis:
    """Correlate with the pilot over every translation, as is and turned by 180 degrees.

    Returns ``matrix``, under which the canvas was laid, with the best of them applied after it.

    The score is in deviations of one translation; the best of all stands near 4.5 on
    material without a mark, and near 7 where a still texture has added up.  ``upright``: as is
    only, not inverted, and within ``NEARBY``, where chance has a hundredth of the places.
    """
    pilot = in_deviations(canvas.fold(layout.spec.tile), layout)
    phases = np.exp(-1j * layout.pilot_phases)
    shifts = translations(layout, reach=NEARBY if upright else layout.spec.tile // 2)
    best = Hypothesis(matrix)
    for turned in (False,) if upright else (False, True):
        surface = shifts.surface((np.conj(pilot) if turned else pilot) * phases)
        for polarity in (1,) if upright else (1, -1):
            peak = int(surface.argmax() if polarity > 0 else surface.argmin())
            score = float(surface.flat[peak] * polarity)
            if score > best.score:
                # A peak at t means the canvas is the pattern at x + t.
                best = Hypothesis(moved(matrix, shifts.at(peak), turned), polarity, score)
    return best


def heard_in(canvas: Canvas, layout: Layout) -> float:
    """The pilot's score where the canvas lies: a standard normal without a mark, of either sign."""
    points = in_deviations(canvas.fold(layout.spec.tile), layout)
    return pilot_score((points * np.exp(-1j * layout.pilot_phases)).real)


@dataclass(frozen=True, slots=True, eq=False)
class Translations:
    """A square of translations under which the pilot's points are added up.

    Attributes:
        offsets: (n,) canonical pixels, the same across and down.
        down: (n, P) complex64, what each does to the pilot's points.
        across: (2 P, n) float32, the same, real above imaginary.
    """

    offsets: NDArray[np.float64]
    down: NDArray[np.complex64]
    across: NDArray[np.float32]

    def surface(self, points: NDArray[np.complexfloating]) -> Plane:
        """(n, n): the pilot's score, in deviations, at each.

        Entry (i, j) is for a stamped picture whose point (offsets[j], offsets[i]), modulo the
        tile, is seen in the centre.  ``points`` (P,): each in deviations, without its keyed phase.
        With a few points one small product of matrices is many times as fast as a transform.
        """
        turned = self.down * (points / np.sqrt(len(points))).astype(np.complex64)
        return np.asarray(np.hstack([turned.real, -turned.imag]) @ self.across, np.float32)

    def at(self, peak: int) -> tuple[float, float]:
        """(x, y) of a flat index."""
        row, column = divmod(peak, len(self.offsets))
        return float(self.offsets[column]), float(self.offsets[row])


@lru_cache(maxsize=16)
def translations(layout: Layout, *, reach: int, step: int = 1) -> Translations:
    """All from -reach to below reach canonical pixels, ``step`` apart, those from 0 on first."""
    near = np.arange(0, reach, step, dtype=np.float64)
    offsets = np.concatenate([near, near - len(near) * step])
    ky, kx = layout.pilot_points.T / layout.spec.tile
    down = np.exp(-2j * np.pi * np.outer(offsets, ky)).astype(np.complex64)
    across = np.exp(-2j * np.pi * np.outer(kx, offsets)).astype(np.complex64)
    return Translations(offsets, down, np.concatenate([across.real, across.imag]))


def in_deviations(spectrum: pattern.Spectrum, layout: Layout) -> NDArray[np.complex64]:
    """(P,) the pilot's DFT points, each in deviations of its own neighbourhood."""
    at = layout.pilot_at(len(spectrum))
    return np.asarray(spectrum[at] / pilot_deviation(spectrum, layout), np.complex64)


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
    side = BLOCK // canvas.step
    rows, columns = -(-height // side), -(-width // side)
    padded = np.zeros((rows * side, columns * side), np.float32)
    padded[:height, :width] = canvas.plane
    x = canvas.left + canvas.step * np.arange(columns * side)
    y = canvas.top + canvas.step * np.arange(rows * side)
    fx, fy = layout.pilot_frequencies.T
    across = waves(np.outer(x, fx))
    both = np.concatenate([across.real, across.imag], axis=1).reshape(columns, side, -1)
    # Block by block: products so small stay on one thread, whatever BLAS is set to.
    squares = np.ascontiguousarray(padded.reshape(rows, side, columns, side).swapaxes(1, 2))
    inner = np.matmul(squares, both)  # (rows, columns, side, 2 P)
    inner = inner[..., : len(fx)] + 1j * inner[..., len(fx) :]
    down = waves(np.outer(y, fy) + layout.pilot_phases / (2.0 * np.pi))
    total = (inner * down.reshape(rows, 1, side, -1)).sum(axis=2)
    centre_x = x.reshape(columns, side).mean(axis=1)
    centre_y = y.reshape(rows, side).mean(axis=1)
    centres = np.stack(np.meshgrid(centre_x, centre_y), axis=-1).reshape(-1, 2)
    values = total.reshape(rows * columns, -1).astype(np.complex128)
    return Blocks(values, centres, (rows, columns))


def waves(turns: NDArray[np.float64]) -> NDArray[np.complex64]:
    """``exp(-2 pi i turns)``; in single precision once whole turns are taken off."""
    angle = (-2.0 * np.pi * (turns - np.rint(turns))).astype(np.float32)
    wave = np.empty(turns.shape, np.complex64)
    wave.real, wave.imag = np.cos(angle), np.sin(angle)
    return wave


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
    side = BLOCK // canvas.step
    size = (blocks.shape[1] * side, blocks.shape[0] * side)
    whole = cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return replace(canvas, plane=canvas.plane * whole)


def pilot_deviation(spectrum: pattern.Spectrum, layout: Layout) -> Plane:
    """(P,) deviation of each pilot point, from its neighbourhood in a folded spectrum."""
    return pattern.noise_at(spectrum, layout.pilot_at(len(spectrum)))
