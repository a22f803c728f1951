"""From a likely map to a fitted one: locate the pilot under it, then fit while that grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from provenance.watermark.alarms import FITS_AUDIBLE as AUDIBLE
from provenance.watermark.alarms import FITS_PROMISING as PROMISING
from provenance.watermark.alarms import FITS_READ_FROM as READ_FROM
from provenance.watermark.arrays import Map
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.picture.geometry import Canvas, Sight
from provenance.watermark.pilot import correlation, fitting
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import FITS_LONGER as LONGER
from provenance.watermark.tuning import FITS_MOST as FITTED


def best_fits(
    scene: Scene,
    starts: Iterable[tuple[Map, Canvas | None]],
    layout: Layout,
    step: str,
    *,
    upright: bool = False,
    audible: float = AUDIBLE,
) -> Iterator[Hypothesis]:
    """Locate the pilot under each map, in what is given with it, and fit the best.

    Args:
        scene: whose whole residual is fitted in.
        starts: linear or projective maps, and what was seen laid out under each.
        layout: whose pilot.
        step: the strategy, for the trace.
        upright: not turned, not inverted and not far off, see :func:`correlation.locate`.
        audible: score, once located, from which a map is fitted.
    """
    located, scores = [], []
    for matrix, canvas in starts:
        if canvas is not None:
            place = correlation.locate(canvas, layout, matrix, upright=upright)
            scores.append(place.score)
            if place.score >= audible:
                located.append(place)
    scene.trace("located", step=step, nearby=upright, scores=scores)
    located.sort(key=lambda place: -place.score)
    for place in located[:FITTED]:
        yield fit_on(scene.sight, place, layout)


def fit_on(sight: Sight, start: Hypothesis, layout: Layout, least: float = READ_FROM) -> Hypothesis:
    """Fit a map; one that promises something, for as long as it grows.

    ``least``: score from which it is then read.
    """
    polarity = start.polarity
    matrix, score = fitting.fit(sight, start.matrix, layout, polarity)
    for _ in range(LONGER):
        if score < PROMISING:
            break
        better, grown = fitting.fit(sight, matrix, layout, polarity, (8, 8))
        if grown <= score:
            break
        matrix, score = better, grown
    return replace(start, matrix=matrix, score=score, heard=True, least=least, partly=True)
