"""A part of the shown picture as a picture of its own, and back: finds placed in the whole.  Pure.

A region has its own canonical grid: a panel of a quarter of the width is looked at with all the
lines that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.results import Detection, Gap, MissingArea, PictureMap, Transform
from provenance.results.picture import Place, Point
from provenance.watermark.arrays import Luma, Map, Plane
from provenance.watermark.code.grid import Grid
from provenance.watermark.find.panels import Box
from provenance.watermark.where.picture_map import cells_over
from provenance.watermark.where.report import transform_of

SMALLEST = 48
"""Pixels, a region's short side: less holds no mark that can be read."""
PART = 0.06
"""Share of the picture from which what no find explains is looked at by itself."""

WIDTH = 640
"""Canonical pixels of a picture of 16:9, the commonest."""
TILES = 3
"""Repetitions of the pattern either way in which a small picture is looked for."""

MOST_PLACES = 40
"""Of a picture that slides, as told; all are kept for comparing it."""

Cells = NDArray[np.bool_]
"""(rows, columns) over the shown picture."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a coded picture: ``box`` in the shown one, pixel by pixel."""

    whole: Grid
    rows: slice
    columns: slice

    @classmethod
    def of(cls, whole: Grid, box: Box) -> Region | None:
        """The pixels under a box of the shown picture; None where they are too few."""
        coded = _turned(box, whole.rotation)
        columns = slice(round(coded.left * whole.width), round(coded.right * whole.width))
        rows = slice(round(coded.top * whole.height), round(coded.bottom * whole.height))
        if min(columns.stop - columns.start, rows.stop - rows.start) < SMALLEST:
            return None
        return cls(whole, rows, columns)

    @classmethod
    def all_of(cls, whole: Grid) -> Region:
        """The whole picture."""
        return cls(whole, slice(0, whole.height), slice(0, whole.width))

    def moved(self, box: Box) -> Region:
        """One of the same size at the upper left corner of a box, kept within the picture."""
        coded = _turned(box, self.whole.rotation)
        wide, high = (side.stop - side.start for side in (self.columns, self.rows))
        left = min(max(round(coded.left * self.whole.width), 0), self.whole.width - wide)
        top = min(max(round(coded.top * self.whole.height), 0), self.whole.height - high)
        return Region(self.whole, slice(top, top + high), slice(left, left + wide))

    def of_frame(self, luma: Luma) -> Luma:
        """The region's part of a frame (H, W)."""
        return luma[self.rows, self.columns]

    @property
    def grid(self) -> Grid:
        """Its own."""
        wide, high = (side.stop - side.start for side in (self.columns, self.rows))
        return Grid(wide, high, self.whole.sar, self.whole.rotation)

    @property
    def box(self) -> Box:
        """In fractions of the shown picture."""
        left, right = (at / self.whole.width for at in (self.columns.start, self.columns.stop))
        top, bottom = (at / self.whole.height for at in (self.rows.start, self.rows.stop))
        return _turned(Box(left, top, right, bottom), -self.whole.rotation)

    def window(self, rest: Cells) -> Plane:
        """(h, w) on the region's grid as coded: 1 where a cell of the picture is to be seen."""
        box, grid = self.box, self.grid
        width, height = grid.upright_size
        x = box.left + (np.arange(width) + 0.5) / width * (box.right - box.left)
        y = box.top + (np.arange(height) + 0.5) / height * (box.bottom - box.top)
        rows, columns = rest.shape
        at = np.ix_((y * rows).astype(int).clip(0, rows - 1), (x * columns).astype(int))
        return grid.as_coded(rest[at].astype(np.float32))

    def placed(self, found: Detection) -> Detection:
        """A find in the region, in terms of the whole picture."""
        transform = found.transform
        if transform is not None:
            matrix = np.reshape(transform.matrix, (3, 3)) @ self._into()
            transform = transform_of(matrix / matrix[2, 2])
        picture = None if found.picture is None else self._spread(found.picture)
        box = self.box
        sides = (box.left, box.top, box.right, box.bottom)
        return replace(found, transform=transform, picture=picture, box=sides)

    def _shown(self, x: float, y: float) -> tuple[float, float]:
        box = self.box
        return (
            box.left + min(max(x, 0.0), 1.0) * (box.right - box.left),
            box.top + min(max(y, 0.0), 1.0) * (box.bottom - box.top),
        )

    def _into(self) -> Map:
        """From canonical pixels of the whole to those of the region, both from their centres."""
        box = self.box
        whole, own = self.whole.upright_size, self.grid.upright_size
        across = own[0] / (box.right - box.left) / whole[0]
        down = own[1] / (box.bottom - box.top) / whole[1]
        x, y = (box.left + box.right - 1.0) / 2.0, (box.top + box.bottom - 1.0) / 2.0
        return np.array(
            [[across, 0, -x * whole[0] * across], [0, down, -y * whole[1] * down], [0, 0, 1.0]]
        )

    def _spread(self, part: PictureMap) -> PictureMap:
        """A map of the region over the cells of the whole; outside it nothing is expected."""
        box = self.box
        columns, rows = cells_over(*self.whole.upright_size)
        x = ((np.arange(columns) + 0.5) / columns - box.left) / (box.right - box.left)
        y = ((np.arange(rows) + 0.5) / rows - box.top) / (box.bottom - box.top)
        at = [
            part.cell(float(a), float(b)) if 0.0 <= a < 1.0 and 0.0 <= b < 1.0 else None
            for b in y
            for a in x
        ]

        def over(values: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(0.0 if one is None else values[one] for one in at) if values else ()

        return PictureMap(
            columns=columns,
            rows=rows,
            states=tuple("unknown" if one is None else part.states[one] for one in at),
            scores=over(part.scores),
            expected=over(part.expected),
            odds=over(part.odds),
            areas=tuple(self._moved(area) for area in part.areas),
            heard=over(part.heard),
            due=over(part.due),
            outline=tuple(self._shown(*corner) for corner in part.outline),
        )

    def _moved(self, area: MissingArea) -> MissingArea:
        left, top = self._shown(area.left, area.top)
        right, bottom = self._shown(area.right, area.bottom)
        polygon = tuple(self._shown(*point) for point in area.polygon)
        return replace(area, left=left, top=top, right=right, bottom=bottom, polygon=polygon)


def in_pixels(found: Detection, size: tuple[int, int]) -> Detection:
    """A find with outline, path and areas in pixels of the shown picture (width, height)."""
    if found.picture is None:
        return found

    def pixels(points: Sequence[Point]) -> tuple[Point, ...]:
        return tuple((x * size[0], y * size[1]) for x, y in points)

    outline = pixels(found.picture.outline)
    apart = max(1, -(-len(found.moves) // MOST_PLACES))
    return replace(
        found,
        outline=outline,
        path=tuple(
            Place(at, tuple((x + across * size[0], y + down * size[1]) for x, y in outline))
            for at, across, down in found.moves[::apart]
        ),
        missing=tuple(
            Gap(pixels(area.polygon), area.share, area.error_rate) for area in found.picture.areas
        ),
    )


def _turned(box: Box, degrees: int) -> Box:
    """A box of a picture, in that picture turned counter-clockwise by quarters."""
    for _ in range(degrees % 360 // 90):
        box = Box(box.top, 1.0 - box.right, box.bottom, 1.0 - box.left)
    return box


def places(whole: Grid, transform: Transform, tile: int) -> list[Box]:
    """Where the stamped picture may lie in the shown one, of which it is a small part.

    The pattern repeats every ``tile`` pixels, so a map by itself leaves several places.  Each is as
    wide as :data:`WIDTH`, and at least half of it in view.
    """
    back = np.linalg.inv(np.reshape(transform.matrix, (3, 3)))
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * (WIDTH / 2.0, 180.0)
    found = []
    for across, down in product(range(-TILES, TILES + 1), repeat=2):
        own = corners + np.array([across, down]) * tile
        moved = np.column_stack([own, np.ones(4)]) @ back.T
        shown = moved[:, :2] / moved[:, 2:] / whole.upright_size + 0.5
        (left, top), (right, bottom) = shown.min(axis=0).tolist(), shown.max(axis=0).tolist()
        box = Box(max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))
        if (moved[:, 2] > 0.0).all() and box.share >= 0.5 * (right - left) * (bottom - top):
            found.append(box)
    return found


def unexplained(grid: Grid, finds: list[Detection]) -> Cells | None:
    """The cells in which no find's stamped picture lies, or lies no more.

    None where a find has no map, so that nothing is known of the rest.
    """
    columns, rows = cells_over(*grid.upright_size)
    rest = np.ones((rows, columns), np.bool_)
    for find in finds:
        if find.picture is None:
            return None
        shape = (find.picture.rows, find.picture.columns)
        expected = np.reshape(find.picture.expected, shape) > 0.0
        missing = np.reshape([state == "missing" for state in find.picture.states], shape)
        # The mark reaches a little over the edge of what is said to be its picture.
        own = cv2.dilate((expected & ~missing).astype(np.uint8), np.ones((3, 3), np.uint8))
        rest &= cv2.resize(own, (columns, rows), interpolation=cv2.INTER_NEAREST) == 0
    return rest


def parts(rest: Cells) -> list[Box]:
    """Around each connected part of cells, the largest first, of those that are of size."""
    _, _, sizes, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8), connectivity=4)
    rows, columns = rest.shape
    return [
        Box(left / columns, top / rows, (left + wide) / columns, (top + high) / rows)
        for left, top, wide, high, count in sorted(
            (tuple(int(one) for one in size) for size in sizes[1:]), key=lambda one: -one[4]
        )
        if count >= PART * rest.size
    ]


def covered(box: Box, rest: Cells) -> float:
    """Share of a box that is of these cells."""
    rows, columns = rest.shape
    x, y = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    inside = ((y >= box.top) & (y < box.bottom))[:, None] & ((x >= box.left) & (x < box.right))
    return float(rest[inside].mean()) if inside.any() else 0.0
