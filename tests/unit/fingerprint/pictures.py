"""Pictures to fingerprint: soft texture with detail at every size, as photographs have."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint import (
    Cells,
    Collector,
    Extent,
    Fingerprint,
    cells,
    signs,
    values,
    waves,
)

SIZE = (360, 640)
Picture = NDArray[np.float32]


def texture(seed: int, size: tuple[int, int] = SIZE) -> Picture:
    """An (H, W) picture of its own for each seed."""
    rng = np.random.default_rng(seed)
    total = np.zeros(size, np.float32)
    for sigma in (3.0, 9.0, 27.0):
        layer = cv2.GaussianBlur(rng.normal(0, 1, size).astype(np.float32), (0, 0), sigma)
        total += layer / layer.std()
    return np.clip(128 + 22 * total, 16, 235).astype(np.float32)


def fingerprint(
    pictures: dict[float, Picture],
    extent: Extent | None = None,
    at: tuple[int, int] = (0, 0),
    most: int = 160,
    details: str = "",
) -> Fingerprint:
    """The fingerprint of pictures by time, of the cells of an extent or of all; ``at`` says where
    in cells the extent lies when it is not where the picture has it; ``details`` are kept as
    "registered" or as "seen".
    """
    height, width = next(iter(pictures.values())).shape
    whole = Extent.within(-width / 2, -height / 2, width / 2, height / 2)
    shown = extent or whole
    placed = Extent(shown.left + at[0], shown.top + at[1], shown.columns, shown.rows)
    collector = Collector(placed, most)
    squares = np.ones((2 * shown.rows, 2 * shown.columns), np.bool_)

    def kept(canvas: Picture) -> Cells:
        found = waves(canvas, squares, shown)
        finer = {"registered": signs(found), "seen": values(found, squares)}.get(details, b"")
        return cells(canvas, squares[::2, ::2], shown)._replace(details=finer)

    x, y = (round(c + s / 2 - 0.5) for c, s in zip(shown.corner, (width, height), strict=True))
    for time, picture in pictures.items():
        canvas = picture[y : y + shown.size[1], x : x + shown.size[0]]
        collector.add(picture, time, partial(kept, canvas))
    return collector.fingerprint()
