"""Which registered moment each frame seen shows, and how each of its cells differs from it.

1. Each frame seen is matched with the registered one that most of its best cells fit.
2. Each of its cells is compared with the registered cells around that moment, and the nearest
   counts: something that moves is met at one of them.  A cell that the registered frames
   themselves show changing from one to the next says little in one frame, and more in several.

A cell that is flat on both sides is not compared; one that is flat on one side and clearly textured
on the other differs, where the fingerprints tell textures (from version 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.aside import FITS, better_laid
from provenance.fingerprint.lattice import CELL, CELL_BITS, Extent

CALM = 0.4
"""Share of its bits by which a registered cell may change to its neighbours in time and still tell
of itself in a single frame; of others, 15 % differ from the registered ones in honest copies."""
RESTLESS = 1.0 / 3.0
"""What a cell that changes more counts: it takes three frames to say anything."""
DENSE = 0.06
"""Seconds between registered frames within which nothing moves unseen."""
NEAR = 0.02
"""Distance within which several registered frames match equally well; all cells decide then."""
MATCHING = 0.4
"""Share of the cells, the best, that match a frame: what is laid over the others doesn't count."""
LAID = 0.4
"""Share of its cells that must fit for such a frame to be laid right."""
UNSTEADY = 0.25
"""Share of the frames looked at again that must lie elsewhere for the picture to move."""
WINDOW = 1
"""Registered frames before and after the matched one that a cell is compared with."""
PLAIN = 8.0
"""Grey levels of texture that can't be overlooked."""
FADED = 4.0
"""How many times weaker than the rest of the picture has it such a texture must be to be gone."""
STEADY = 3.0
"""Grey levels of texture below which an encoder decides on the bits."""
OTHER = 0.45
"""Mean share by which other content differs: the nearest of three frames."""

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One fingerprint's frames over the cells that are compared.

    Attributes:
        words: (F, C) uint64, 0 where a cell is flat or out of view.
        textures: (F, C) grey levels, None where they aren't known.
        times: (F,) seconds.
        around: (S, C) words at every shift, by the index of the frames that have them.
    """

    words: Words
    textures: Floats | None
    times: Floats
    around: dict[int, Words]


@dataclass(frozen=True, slots=True)
class Scale:
    """How finely, and from where on, cells are told to differ.

    Attributes:
        side: of a cell, in canonical pixels: that of the lattice or a part of it.
        differs: share of a cell from which it shows something else in a frame.
        fringe: mean share from which a cell beside such a one belongs to its area in part.
        clearer: how much more than the picture's best cells an area must differ: where all
            differ, as in a copy that lies some pixels off, nothing is told by it.
        least: cells of an area that must differ outright.
    """

    side: int
    differs: float
    fringe: float
    clearer: float
    least: int

    def shape(self, extent: Extent) -> tuple[int, int]:
        """Rows and columns of its cells in an extent of the lattice."""
        parts = CELL // self.side
        return parts * extent.rows, parts * extent.columns

    def first(self, extent: Extent) -> tuple[int, int]:
        """The first row and column: those of cell (n, m) begin at n and m times the side, less
        half of a cell of the lattice."""
        parts = CELL // self.side
        return parts * extent.top, parts * extent.left


COARSE = Scale(CELL, 0.34, 0.22, 0.2, 2)
"""Of honest cells that stand still 1 to 2 % differ by 0.34 of their bits (H.264 at CRF 36, 240
lines, turned, keystone), of other content 97 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Cells of every frame seen, held against the registered ones around its moment.

    Attributes:
        bits: (G, C) share of what differs, not a number where there was nothing to compare.
        weight: (G, C) what each tells, 0 to 1.
        times: (G,) seconds of the seen clip.
        extent: where the cells lie, as the seen picture has them.
        scale: of the cells.
    """

    bits: Floats
    weight: Floats
    times: Floats
    extent: Extent
    scale: Scale


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What came of matching.

    Attributes:
        held: the cells.
        fits: (G, F) how far each frame is from each registered one, by the cells that fit best;
            infinite where they share too little.
        steady: whether frames lie where the watermark says.
    """

    held: Held
    fits: Floats
    steady: bool


def matched(old: Side, new: Side, extent: Extent) -> Matched:
    """Steps 1 and 2: match every frame, and compare its cells.

    Where frames lie beside the place they were laid to, only those count that could be laid anew.

    Args:
        old: what was registered.
        new: what is seen.
        extent: where the cells lie in the seen picture.
    """
    rows, weights, fits = [], [], []
    laid: dict[int, Floats] = {}
    moving = _moving(old.words)
    for index in range(len(new.words)):
        words = new.words[index]
        both = (old.words != 0) & (words != 0)
        bits = np.where(both, np.bitwise_count(old.words ^ words) / CELL_BITS, np.nan)
        fit, whole = _fits(bits, both)
        at = int(np.argmin(np.where(fit <= fit.min() + NEAR, whole, np.inf)))
        near = slice(max(0, at - WINDOW), at + WINDOW + 1)
        if old.textures is not None and new.textures is not None:
            _by_texture(bits[near], old.textures[near], new.textures[index])
        least = np.where(np.isnan(bits[near]), np.inf, bits[near]).min(axis=0)
        rows.append(np.where(np.isinf(least), np.nan, least))
        if index in new.around:
            better = better_laid(old.words, new.around[index], rows[-1], extent)
            if better is not None:
                laid[index] = better
        gap = float(np.diff(old.times[near]).max(initial=0.0))
        restless = 1.0 if gap <= DENSE else RESTLESS
        weights.append(np.where(moving[near].max(axis=0) < CALM, 1.0, restless))
        fits.append((fit + whole) / 2.0)
    told = np.array(rows)
    unsteady = len(laid) >= max(1, UNSTEADY * len(new.around))
    if unsteady:
        told = np.full_like(told, np.nan)
        for index in new.around:
            row = laid.get(index, rows[index])
            if np.count_nonzero(row <= FITS) >= LAID * np.count_nonzero(~np.isnan(row)):
                told[index] = row
    weight = np.where(np.isnan(told), 0.0, np.array(weights))
    return Matched(Held(told, weight, new.times, extent, COARSE), np.array(fits), not unsteady)


def _moving(words: Words) -> Floats:
    """(F, C) the share of its bits by which each cell changes to the frames beside."""
    moved = np.zeros(words.shape)
    if len(words) > 1:
        flat = (words[1:] == 0) != (words[:-1] == 0)
        step = np.where(flat, 0.5, np.bitwise_count(words[1:] ^ words[:-1]) / CELL_BITS)
        moved[1:] = step
        moved[:-1] = np.maximum(moved[:-1], step)
    return moved


def _fits(bits: Floats, both: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(F,) mean over the cells of each registered frame that fit best, and over all of them."""
    counts = both.sum(axis=1)
    order = np.sort(np.where(both, bits, np.inf), axis=1)
    used = np.maximum(1, np.ceil(MATCHING * counts).astype(int))
    sums = np.cumsum(np.where(np.isinf(order), 0.0, order), axis=1)
    best = sums[np.arange(len(bits)), used - 1] / used
    best[counts < max(2, counts.max() // 2)] = np.inf
    return best, sums[:, -1] / np.maximum(counts, 1)


def _by_texture(bits: Floats, old: Floats, new: Floats) -> None:
    """Leave out weak cells, and count those as different that are flat on one side only."""
    some = ~np.isnan(bits) & (old >= STEADY)
    ratio = float(np.median(np.broadcast_to(new, old.shape)[some] / old[some])) if some.any() else 1
    due = old * ratio
    gone = (np.minimum(old, due) >= PLAIN) & (new < due / FADED)
    came = (new >= PLAIN) & (due < new / FADED)
    weak = (old < STEADY) | (new < STEADY)
    bits[weak] = np.nan
    # Only where no frame around has a texture like it.
    apart = (gone | came).all(axis=0)
    bits[:, apart] = OTHER
