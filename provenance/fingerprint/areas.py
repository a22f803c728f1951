"""Where a picture differs from what was registered, by place and time.

1. Each frame seen is matched with the registered one that most of its best cells fit.
2. Each of its cells is compared with the registered cells around that moment, and the nearest
   counts: something that moves is met at one of them.  A cell that the registered frames
   themselves show changing from one to the next says little in one frame, and more in several.
3. A cell *differs* when it does so in most of the frames that tell anything of it.
4. Connected cells that differ are an area.  It is measured by how much of each cell differs.
5. Areas that are there for a part of the time are looked for in stretches of the clip.

A cell that is flat on both sides is not compared; one that is flat on one side and clearly textured
on the other differs, where the fingerprints tell textures (version 2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.aside import FITS, better_laid
from provenance.fingerprint.lattice import CELL, CELL_BITS, Extent

DIFFERS = 0.34
"""Share of a cell's bits from which it shows something else in a frame: of honest cells that stand
still 1 to 2 % come so far (H.264 at CRF 36, 240 lines, turned, keystone), of other content 97 %."""
CALM = 0.4
"""Share of its bits by which a registered cell may change to its neighbours in time and still tell
of itself in a single frame; of others, 15 % differ from the registered ones in honest copies."""
RESTLESS = 1.0 / 3.0
"""What a cell that changes more counts: it takes three frames to say anything."""
DENSE = 0.06
"""Seconds between registered frames within which nothing moves unseen."""
LASTING = 0.6
"""Share of its frames in which a cell must differ."""
FRINGE = 0.22
"""Mean share of differing bits from which a cell beside such a one belongs to its area in part."""
OTHER = 0.45
"""Mean share by which other content differs: the nearest of three frames."""
CLEARER = 0.2
"""How much more than the picture's best cells an area must differ: where all differ, as in a copy
that lies some pixels off, nothing is told by it."""
WORST = 0.15
"""More than the best cells of honest copies differ; where they do, most of the picture is other
content."""
BEST = 0.25
"""Share of the cells that are the best."""
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
LEAST_CELLS = 2
"""Cells of an area that must differ outright."""
LEAST_COMPARED = 6
"""Cells that must be compared before a part of them is an area."""
PLAIN = 8.0
"""Grey levels of texture that can't be overlooked."""
FADED = 4.0
"""How many times weaker than the rest of the picture has it such a texture must be to be gone."""
STEADY = 3.0
"""Grey levels of texture below which an encoder decides on the bits."""
THROUGHOUT = 0.9
"""Share of the frames in which an area is there for it to be there throughout."""
SPAN = 1.5
"""Seconds of the stretches in which an area is looked for."""
SPAN_FRAMES = 4
"""Frames that such a stretch must hold."""

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Area:
    """Connected cells that show something else than was registered.

    Attributes:
        share: its part of what was compared of the picture, 0 to 1.
        box: left, top, right and bottom in canonical pixels from the stamped picture's centre,
            as the watermark lays the seen picture (``Transform.matrix``).
        cells: (column, row) on that lattice of each cell; it is 64 pixels wide and its centre lies
            at 64 times that.
        differing: share of the bits that differ in it, 0.34 to 0.5.
        frames: how many frames show it.
        start: seconds of the seen clip; None for a still, or when it is there throughout.
        end: as ``start``.
    """

    share: float
    box: tuple[float, float, float, float]
    cells: tuple[tuple[int, int], ...]
    differing: float
    frames: int
    start: float | None = None
    end: float | None = None


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


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Every frame seen against the registered ones around its moment.

    Attributes:
        bits: (G, C) share of differing bits, not a number where there was nothing to compare.
        weight: (G, C) what each tells, 0 to 1.
        fits: (G, F) how far each frame is from each registered one, by the cells that fit best;
            infinite where they share too little.
        times: (G,) seconds of the seen clip.
    """

    bits: Floats
    weight: Floats
    fits: Floats
    times: Floats


def looked_at(old: Side, new: Side, extent: Extent) -> Cells:
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
    if len(laid) >= max(1, UNSTEADY * len(new.around)):
        told = np.full_like(told, np.nan)
        for index in new.around:
            row = laid.get(index, rows[index])
            if np.count_nonzero(row <= FITS) >= LAID * np.count_nonzero(~np.isnan(row)):
                told[index] = row
    weight = np.where(np.isnan(told), 0.0, np.array(weights))
    return Cells(told, weight, np.array(fits), new.times)


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


def areas_of(cells: Cells, extent: Extent) -> tuple[tuple[Area, ...], float]:
    """Steps 3 to 5.

    Args:
        cells: the comparison.
        extent: where the cells lie, as the seen picture has them.

    Returns:
        The areas, largest first, and how many cells were compared.
    """
    everything = np.arange(len(cells.times))
    compared = float(np.count_nonzero(_weighed(cells, everything)[0] >= 1.0))
    found = _found(cells, everything, extent)
    passing: list[Area] = []
    telling = np.flatnonzero(cells.weight.any(axis=1))
    for chosen in _stretches(cells.times, telling):
        for area in _found(cells, chosen, extent):
            if not any(_same(area, other) for other in found):
                times = cells.times[chosen]
                _merge(passing, replace(area, start=float(times[0]), end=float(times[-1])))
    lasting = [_timed(area, cells, extent) for area in found]
    every = sorted([*lasting, *passing], key=lambda area: -area.share)
    return tuple(every), compared


def _weighed(cells: Cells, chosen: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """(C,) weight, weighted share of frames that differ, weighted mean of differing bits."""
    weight = cells.weight[chosen]
    total = weight.sum(axis=0)
    bits = np.nan_to_num(cells.bits[chosen])
    scale = np.maximum(total, 1e-9)
    differing = (weight * (bits >= DIFFERS)).sum(axis=0) / scale
    return total, differing, (weight * bits).sum(axis=0) / scale


def _found(cells: Cells, chosen: NDArray[np.intp], extent: Extent) -> list[Area]:
    """The areas of some frames taken together, largest first."""
    total, lasting, mean = _weighed(cells, chosen)
    compared = total >= 1.0 - 1e-9
    count = int(np.count_nonzero(compared))
    if count < LEAST_COMPARED:
        return []
    base = min(float(np.quantile(mean[compared], BEST)), WORST)
    clear = base + CLEARER
    strong = compared & (lasting >= LASTING) & (mean >= clear)
    fringe = compared & (mean >= np.maximum(FRINGE, base + CLEARER / 2.0))
    part = np.clip((mean - base) / max(OTHER - base, 0.05), 0.0, 1.0)
    shape = (extent.rows, extent.columns)
    mask = (strong | fringe).reshape(shape).astype(np.uint8)
    number, labels = cv2.connectedComponents(mask, connectivity=8)
    areas = []
    for label in range(1, number):
        inside = (labels == label).ravel()
        if np.count_nonzero(inside & strong) < LEAST_CELLS:
            continue
        areas.append(
            Area(
                share=float(part[inside].sum()) / count,
                box=_box(inside.reshape(shape), extent),
                cells=tuple(
                    (extent.left + int(column), extent.top + int(row))
                    for row, column in np.argwhere(inside.reshape(shape))
                ),
                differing=float(mean[inside & strong].mean()),
                frames=len(chosen),
            )
        )
    return sorted(areas, key=lambda area: -area.share)


def _box(inside: NDArray[np.bool_], extent: Extent) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(inside)
    half = CELL / 2.0
    return (
        CELL * (extent.left + float(columns.min())) - half,
        CELL * (extent.top + float(rows.min())) - half,
        CELL * (extent.left + float(columns.max())) + half,
        CELL * (extent.top + float(rows.max())) + half,
    )


def _stretches(every: Floats, telling: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Indices of the frames that tell anything, in stretches that overlap by half."""
    times = every[telling]
    if len(times) < 2 * SPAN_FRAMES or times[-1] - times[0] < 2.0 * SPAN:
        return []
    starts = np.arange(times[0], times[-1] - SPAN / 2.0, SPAN / 2.0)
    chosen = [telling[(times >= start) & (times <= start + SPAN)] for start in starts]
    return [indices for indices in chosen if len(indices) >= SPAN_FRAMES]


def _timed(area: Area, cells: Cells, extent: Extent) -> Area:
    """An area with the times from its first frame to its last; none when it is there throughout."""
    at = [(row - extent.top) * extent.columns + column - extent.left for column, row in area.cells]
    weight = cells.weight[:, at]
    differing = (weight * (np.nan_to_num(cells.bits[:, at]) >= DIFFERS)).sum(axis=1)
    part = differing / np.maximum(weight.sum(axis=1), 1e-9)
    # Cells at its edge differ less: what is usual for the area counts.
    there = np.flatnonzero(part >= float(np.median(part)) / 2.0)
    if len(there) >= THROUGHOUT * len(part) or not len(there):
        return area
    return replace(area, start=float(cells.times[there[0]]), end=float(cells.times[there[-1]]))


def _same(one: Area, other: Area) -> bool:
    """Whether half of an area lies in another."""
    return 2 * len(set(one.cells) & set(other.cells)) >= len(one.cells)


def _merge(known: list[Area], area: Area) -> None:
    """Add a stretch's area, or make the one before longer that it goes on from."""
    for index, before in enumerate(known):
        if before.end is None or area.start is None or area.start > before.end + SPAN:
            continue
        if _same(area, before) or _same(before, area):
            larger = max(before, area, key=lambda each: each.share)
            frames = before.frames + area.frames
            known[index] = replace(larger, frames=frames, start=before.start, end=area.end)
            return
    known.append(area)
