"""Is the picture that carries a watermark the one it was made for, everywhere and in order?

Every frame seen is compared with every registered one, cell by cell: a fifth of the cells that both
show, two at least, differ in no more bits than the distance says.  So captions and stickers may
cover the rest.  The nearest registered frame counts: cuts, speed and order do not matter.  The
clip's distance is a low quantile over the frames seen: a copy may show moments between those that
were registered, but a mark on another clip is far from it at every moment.

So that distance says whether it is the same clip at all.  What of it was replaced is found by place
and time (:mod:`provenance.fingerprint.areas`), and in which order and how fast its moments follow
(:mod:`provenance.fingerprint.timeline`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.areas import Area, areas_of, with_finer
from provenance.fingerprint.details import DETAIL, held
from provenance.fingerprint.lattice import CELL, CELL_BITS, PERIOD, Extent
from provenance.fingerprint.matching import Side, matched
from provenance.fingerprint.model import Fingerprint
from provenance.fingerprint.timeline import Order, moments, order_of, speed_of

LIMIT = 0.25
"""Share of the bits above which the registered content is another one."""
MIN_CELLS = 2
"""Cells that a frame has to share with a registered one to be compared."""
CLEAR = 5
"""One cell in so many has to be clear of what was laid over the picture."""
QUANTILE = 0.1
STRETCH = 3.0
"""Seconds of other content that are worth naming: honest copies show up to one or two between the
moments that were registered."""
STRETCH_FRAMES = 3
STRETCH_CELLS = 12
"""Cells in view from which a stretch is named: in a small part, one thing that moves is all."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it.

    Attributes:
        distance: share of differing bits, 0 to about 0.5; None when nothing could be compared.
        share: of the frames seen that could be compared, how many lie within the limit.
        frames: how many could be compared.
        strange: stretches (start, end), in seconds of the seen clip, that show something else.
        reason: why there is no distance.
        areas: connected parts of the picture that show something else than was registered, largest
            first.
        square: share of the picture that each square is of in which areas were looked for; None
            where the picture's size isn't known.
        compared: share of the registered picture's cells that were compared.
        in_view: share of them that are in view, flat ones too.
        order: how the moments follow one another; None when that can't be told.
        speed: registered seconds a seen second, negative backwards; None when it can't be told.
    """

    distance: float | None
    share: float | None = None
    frames: int = 0
    strange: tuple[tuple[float, float], ...] = ()
    reason: str | None = None
    areas: tuple[Area, ...] = ()
    square: float | None = None
    compared: float | None = None
    in_view: float | None = None
    order: Order | None = None
    speed: float | None = None

    @property
    def judged(self) -> bool:
        """Whether there was enough to compare."""
        return self.distance is not None

    @property
    def fits(self) -> bool | None:
        """Whether it is the registered content; None when that could not be judged."""
        return None if self.distance is None else self.distance <= LIMIT


def compare(registered: Fingerprint, seen: Fingerprint) -> Comparison:
    """Compare what was registered with what is seen, laid back onto the stamped picture's place.

    The watermark's pattern repeats every 512 canonical pixels, so the place is known but for that:
    every one that shows something of the registered picture is tried; and, as the watermark is
    found in it, the picture as a negative.
    """
    if not registered.frames or not seen.frames:
        return Comparison(None, reason="no frame is textured enough to be compared")
    old, new = registered.extent, seen.extent
    times = [frame.time for frame in seen.frames]
    tried = [
        (comparison, _Place(overlap, across, down, negative))
        for across in _repeats(old.left, old.columns, new.left, new.columns)
        for down in _repeats(old.top, old.rows, new.top, new.rows)
        if (overlap := _overlap(old, new, across, down)).count >= MIN_CELLS
        for negative in (False, True)
        if (
            comparison := _compared(
                _cut(registered, overlap),
                _turned(_cut(seen, overlap, across, down), negative),
                times,
            )
        )
        is not None
    ]
    if not tried:
        return Comparison(None, reason="too little that is not flat is in view of both")
    best, place = min(tried, key=lambda each: (each[0].distance or 0.0, -(each[0].share or 0.0)))
    return (
        best
        if best.distance is None or best.distance > LIMIT
        else _placed(best, place, registered, seen)
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Which cells the two share, by how many cells the seen ones are moved there, and whether they
    are a negative's."""

    overlap: Extent
    across: int
    down: int
    negative: bool


def _placed(
    comparison: Comparison, place: _Place, registered: Fingerprint, seen: Fingerprint
) -> Comparison:
    """A comparison of the same clip with what differs in it, by place and time."""
    overlap = place.overlap
    old = _side(registered, overlap)
    new = _side(seen, overlap, place.across, place.down, place.negative)
    shown = Extent(
        overlap.left - place.across, overlap.top - place.down, overlap.columns, overlap.rows
    )
    cells = matched(old, new, shown)
    areas, compared = areas_of(cells.held, _shares(registered, overlap, CELL))
    finer = _finely(place, registered, seen, shown) if cells.steady else None
    named = moments(cells.fits, new.times, old.times)
    return replace(
        comparison,
        areas=areas if finer is None else with_finer(areas, finer),
        square=_square(registered, CELL if finer is None else DETAIL),
        compared=compared / max(registered.extent.count, 1),
        in_view=overlap.count / max(registered.extent.count, 1),
        order=order_of(named),
        speed=speed_of(named),
    )


def _square(registered: Fingerprint, side: int) -> float | None:
    """The share of the stamped picture that a square is of."""
    return None if registered.size is None else side**2 / math.prod(registered.size)


def _shares(registered: Fingerprint, part: Extent, side: int) -> NDArray[np.float64]:
    """(C,) the part of the stamped picture in view that each square stands for, 1 together.

    The picture's margin holds no whole square; those beside it stand for it.
    """
    whole = registered.extent
    wide, high = registered.size or (CELL * whole.columns, CELL * whole.rows)
    across = _lengths(part.left, part.columns, whole.left, whole.columns, wide / 2.0, side)
    down = _lengths(part.top, part.rows, whole.top, whole.rows, high / 2.0, side)
    areas = np.outer(down, across).ravel()
    return np.asarray(areas / areas.sum())


def _lengths(  # noqa: PLR0917 - a span in a span
    first: int, count: int, begins: int, counts: int, half: float, side: int
) -> NDArray[np.float64]:
    """Canonical pixels along one axis that each square of a span of cells stands for.

    Args:
        first: the span's first cell, and ``count`` how many it has.
        begins: that of the registered picture, and ``counts`` how many that has.
        half: canonical pixels from the stamped picture's middle to its edge.
        side: of a square.
    """
    lengths = np.full(count * CELL // side, float(side))
    last = first + count - 1
    if first == begins:
        lengths[0] += max(0.0, half + CELL * (first - 0.5))
    if last == begins + counts - 1:
        lengths[-1] += max(0.0, half - CELL * (last + 0.5))
    return lengths


def _finely(
    place: _Place, registered: Fingerprint, seen: Fingerprint, shown: Extent
) -> tuple[Area, ...] | None:
    """Areas told by details; None where not both fingerprints have them."""
    signs, waves = registered.signs(), seen.waves()
    if signs is None or waves is None:
        return None
    old, new = place.overlap, shown
    signs = _part(signs, registered.extent, old).reshape(len(signs), -1)
    waves = _part(waves, seen.extent, new).reshape(len(waves), signs.shape[1], -1)
    if place.negative:
        waves = np.concatenate([-waves[..., :-1], waves[..., -1:]], axis=-1)
    times = (
        np.array([frame.time for frame in registered.frames]),
        np.array([frame.time for frame in seen.frames]),
    )
    squares = held(signs, waves, times, shown)
    return areas_of(squares, _shares(registered, old, DETAIL))[0]


def _part(squares: NDArray[Any], whole: Extent, part: Extent) -> NDArray[Any]:
    """(F, rows, columns, ...) of a part of an extent of the lattice."""
    row, column = 2 * (part.top - whole.top), 2 * (part.left - whole.left)
    return squares[:, row : row + 2 * part.rows, column : column + 2 * part.columns]


def _side(
    whole: Fingerprint, part: Extent, across: int = 0, down: int = 0, negative: bool = False
) -> Side:
    row, column = part.top - whole.extent.top - down, part.left - whole.extent.left - across
    textures = whole.textures()
    if textures is not None:
        textures = textures[:, row : row + part.rows, column : column + part.columns]
        textures = textures.reshape(len(whole.frames), -1)
    words = _turned(_cut(whole, part, across, down), negative)
    around = {
        index: _turned(
            every[:, row : row + part.rows, column : column + part.columns].reshape(len(every), -1),
            negative,
        )
        for index, every in whole.around().items()
    }
    return Side(words, textures, np.array([frame.time for frame in whole.frames]), around)


def _repeats(old: int, olds: int, new: int, news: int) -> range:
    """Shifts, in cells, of the new span under which it meets the old one."""
    first = -((new + news - 1 - old) // PERIOD)
    last = (old + olds - 1 - new) // PERIOD
    return range(PERIOD * first, PERIOD * last + 1, PERIOD)


def _overlap(old: Extent, new: Extent, across: int, down: int) -> Extent:
    left, top = max(old.left, new.left + across), max(old.top, new.top + down)
    right = min(old.left + old.columns, new.left + across + new.columns)
    bottom = min(old.top + old.rows, new.top + down + new.rows)
    return Extent(left, top, max(0, right - left), max(0, bottom - top))


def _cut(whole: Fingerprint, part: Extent, across: int = 0, down: int = 0) -> NDArray[np.uint64]:
    """(F, C) the words of the cells in a part of the lattice, the fingerprint shifted before."""
    row, column = part.top - whole.extent.top - down, part.left - whole.extent.left - across
    words = whole.words()[:, row : row + part.rows, column : column + part.columns]
    return words.reshape(len(whole.frames), -1)


def _turned(words: NDArray[np.uint64], negative: bool) -> NDArray[np.uint64]:
    """The cells of a picture, or of its negative."""
    return np.where(words == 0, words, ~words) if negative else words


def _compared(
    old: NDArray[np.uint64], new: NDArray[np.uint64], times: list[float]
) -> Comparison | None:
    """Compare frames (F, C) with frames (G, C) of the same cells, shown at G times."""
    nearest: list[tuple[float, float]] = []
    most = 0
    for time, words in zip(times, new, strict=True):
        both = (words != 0) & (old != 0)
        counts = both.sum(axis=1)
        enough = counts >= MIN_CELLS
        if not enough.any():
            continue
        most = max(most, int(counts.max()))
        bits = np.where(both, np.bitwise_count(old ^ words), np.uint8(CELL_BITS))
        bits.sort(axis=1)
        rank = np.maximum(MIN_CELLS, -(-counts // CLEAR))
        clear = bits[np.arange(len(bits)), np.minimum(rank, bits.shape[1]) - 1]
        nearest.append((time, float(clear[enough].min()) / CELL_BITS))
    if not nearest:
        return None
    distances = np.array(nearest)[:, 1]
    return Comparison(
        float(np.quantile(distances, QUANTILE)),
        float(np.mean(distances <= LIMIT)),
        len(distances),
        _strange(nearest) if most >= STRETCH_CELLS else (),
    )


def _strange(nearest: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Stretches of (time, distance) of which none lies within the limit."""
    found = []
    for beyond, run in groupby(sorted(nearest), lambda entry: entry[1] > LIMIT):
        times = [time for time, _ in run]
        if beyond and len(times) >= STRETCH_FRAMES and times[-1] - times[0] >= STRETCH:
            found.append((times[0], times[-1]))
    return tuple(found)
