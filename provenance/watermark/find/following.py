"""Step 11: follow a map that read but did not hold throughout, as in a slow zoom."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.watermark.arrays import Map
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.courses import courses_from
from provenance.watermark.find.finder import Scene
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import FOLLOWING_MOMENTS as MOMENTS


def following(scene: Scene, matrix: Map, polarity: int, layout: Layout) -> Iterator[Hypothesis]:
    """Maps that move, from a still one; none where the clip has too few moments."""
    if len(scene.moments) >= MOMENTS:
        yield from courses_from(scene.moments, matrix, polarity, layout)
