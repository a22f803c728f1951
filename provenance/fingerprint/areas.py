"""Where a picture differs from what was registered: connected cells that differ, and when.

Steps 1 and 2, each frame's cells held against the registered ones, are :mod:`.matching`'s and
:mod:`.details`'.

3. A cell *differs* when it does so in most of the frames that tell anything of it.
4. Connected cells that differ are an area.  It is measured by how much of each cell differs.
5. Areas that are there for a part of the time are looked for in stretches of the clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.lattice import CELL
from provenance.fingerprint.matching import OTHER, Floats, Held

LASTING = 0.6
"""Share of its frames in which a cell must differ."""
TELLING = 0.5
"""Share of the frames that must tell of such a cell: where it is flat in all but one on both sides,
that one may be a frame beside a cut."""
WORST = 0.15
"""More than the best cells of honest copies differ; where they do, most of the picture is other
content."""
BEST = 0.25
"""Share of the cells that are the best."""
LEAST_COMPARED = 6
"""Cells that must be compared before a part of them is an area."""
LEAST_SQUARES = 6
"""Squares that an area must have which they alone tell: highlights that a brighter copy clipped
were taken for one of four, 2.2 % of the picture; what covers 4 % of it touches seven and more."""
MOST_OF = 0.5
"""Of an area of cells, what smaller squares must tell at least to measure it."""
THROUGHOUT = 0.9
"""Share of the frames in which an area is there for it to be there throughout."""
SPAN = 1.5
"""Seconds of the stretches in which an area is looked for."""
SPAN_FRAMES = 4
"""Frames that such a stretch must hold."""


@dataclass(frozen=True, slots=True)
class Area:
    """Connected cells that show something else than was registered.

    Attributes:
        share: its part of the stamped picture that is in view, 0 to 1.
        box: left, top, right and bottom in canonical pixels from the stamped picture's centre,
            as the watermark lays the seen picture (``Transform.matrix``).
        cells: (column, row) of each of its cells, as :meth:`Scale.first` counts.
        differing: share of the bits that differ in it, about 0.34 to 0.5.
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
    side: int = CELL
    """Of its cells, in canonical pixels."""


def areas_of(held: Held, shares: Floats) -> tuple[tuple[Area, ...], float]:
    """Steps 3 to 5.

    Args:
        held: cells held against the registered ones.
        shares: (C,) the part of the picture in view that each stands for.

    Returns:
        The areas, largest first, and how many cells were compared.
    """
    everything = np.arange(len(held.times))
    compared = float(np.count_nonzero(_weighed(held, everything)[0] >= 1.0))
    found = _found(held, shares, everything)
    passing: list[Area] = []
    telling = np.flatnonzero(held.weight.any(axis=1))
    for chosen in _stretches(held.times, telling):
        for area in _found(held, shares, chosen):
            if not any(_same(area, other) for other in found):
                times = held.times[chosen]
                _merge(passing, replace(area, start=float(times[0]), end=float(times[-1])))
    lasting = [_timed(area, held) for area in found]
    every = sorted([*lasting, *passing], key=lambda area: -area.share)
    return tuple(every), compared


def with_finer(areas: tuple[Area, ...], finer: tuple[Area, ...]) -> tuple[Area, ...]:
    """Areas of cells, measured by the smaller squares that differ there, and those of such squares
    that touch none of them and are of size."""
    apart = [
        one
        for one in finer
        if len(one.cells) >= LEAST_SQUARES and not any(_overlap(one, area) for area in areas)
    ]
    measured = [_measured(area, [one for one in finer if _overlap(one, area)]) for area in areas]
    return tuple(sorted([*measured, *apart], key=lambda area: -area.share))


def _measured(area: Area, finer: Sequence[Area]) -> Area:
    """An area with the size of the smaller squares in it, if those are not just a part of it.

    A cell differs as soon as a good part of it does, so that cells alone tell too large an area.
    """
    share = sum(one.share for one in finer)
    if share < MOST_OF * area.share:
        return area
    boxes = np.array([one.box for one in finer])
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    box = (float(left), float(top), float(right), float(bottom))
    return replace(area, share=min(share, area.share), box=box)


def _overlap(one: Area, other: Area) -> bool:
    left, top = (max(a, b) for a, b in zip(one.box[:2], other.box[:2], strict=True))
    right, bottom = (min(a, b) for a, b in zip(one.box[2:], other.box[2:], strict=True))
    return left < right and top < bottom


def _weighed(held: Held, chosen: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """(C,) weight, weighted share of frames that differ, weighted mean of differing bits."""
    weight = held.weight[chosen]
    total = weight.sum(axis=0)
    bits = np.nan_to_num(held.bits[chosen])
    scale = np.maximum(total, 1e-9)
    differing = (weight * (bits >= held.scale.differs)).sum(axis=0) / scale
    return total, differing, (weight * bits).sum(axis=0) / scale


def _found(held: Held, shares: Floats, chosen: NDArray[np.intp]) -> list[Area]:
    """The areas of some frames taken together, largest first."""
    total, lasting, mean = _weighed(held, chosen)
    compared = total >= 1.0 - 1e-9
    if np.count_nonzero(compared) < LEAST_COMPARED:
        return []
    base = min(float(np.quantile(mean[compared], BEST)), WORST)
    clear = base + held.scale.clearer
    tells = held.weight[chosen] > 0.0
    often = tells.sum(axis=0) >= TELLING * np.count_nonzero(tells.any(axis=1))
    strong = compared & often & (lasting >= LASTING) & (mean >= clear)
    fringe = compared & (mean >= np.maximum(held.scale.fringe, base + held.scale.clearer / 2.0))
    part = np.clip((mean - base) / max(OTHER - base, 0.05), 0.0, 1.0)
    shape = held.scale.shape(held.extent)
    top, left = held.scale.first(held.extent)
    mask = (strong | fringe).reshape(shape).astype(np.uint8)
    number, labels = cv2.connectedComponents(mask, connectivity=8)
    areas = []
    for label in range(1, number):
        inside = (labels == label).ravel()
        if np.count_nonzero(inside & strong) < held.scale.least:
            continue
        areas.append(
            Area(
                share=float((part * shares)[inside].sum()),
                box=_box(inside.reshape(shape), held),
                cells=tuple(
                    (left + int(column), top + int(row))
                    for row, column in np.argwhere(inside.reshape(shape))
                ),
                differing=float(mean[inside & strong].mean()),
                frames=len(chosen),
                side=held.scale.side,
            )
        )
    return sorted(areas, key=lambda area: -area.share)


def _box(inside: NDArray[np.bool_], held: Held) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(inside)
    top, left = held.scale.first(held.extent)
    side, edge = held.scale.side, CELL / 2.0
    return (
        side * (left + float(columns.min())) - edge,
        side * (top + float(rows.min())) - edge,
        side * (left + float(columns.max()) + 1.0) - edge,
        side * (top + float(rows.max()) + 1.0) - edge,
    )


def _stretches(every: Floats, telling: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Indices of the frames that tell anything, in stretches that overlap by half."""
    times = every[telling]
    if len(times) < 2 * SPAN_FRAMES or times[-1] - times[0] < 2.0 * SPAN:
        return []
    starts = np.arange(times[0], times[-1] - SPAN / 2.0, SPAN / 2.0)
    chosen = [telling[(times >= start) & (times <= start + SPAN)] for start in starts]
    return [indices for indices in chosen if len(indices) >= SPAN_FRAMES]


def _timed(area: Area, held: Held) -> Area:
    """An area with the times from its first frame to its last; none when it is there throughout."""
    (top, left), (_, columns) = held.scale.first(held.extent), held.scale.shape(held.extent)
    at = [(row - top) * columns + column - left for column, row in area.cells]
    weight = held.weight[:, at]
    differing = (weight * (np.nan_to_num(held.bits[:, at]) >= held.scale.differs)).sum(axis=1)
    part = differing / np.maximum(weight.sum(axis=1), 1e-9)
    # Cells at its edge differ less: what is usual for the area counts.
    there = np.flatnonzero(part >= float(np.median(part)) / 2.0)
    if len(there) >= THROUGHOUT * len(part) or not len(there):
        return area
    return replace(area, start=float(held.times[there[0]]), end=float(held.times[there[-1]]))


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
