"""Maps under which the pilot shows, most likely first: for pictures that do not lie where they did.

Crops, scaled or mirrored, come from the pilot's phases in the spectrum of the whole
(:mod:`.crops`), linear maps from its peaks in the power spectrum of the whole
(:mod:`provenance.watermark.pilot.peaks`), projective ones from the spectra of windows
(:mod:`.windows`), those of a picture in a picture from the windows about one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.around import best_around
from provenance.watermark.find.crops import cropped
from provenance.watermark.find.windows import WindowSpectra
from provenance.watermark.picture import geometry
from provenance.watermark.pilot import correlation, fitting, peaks

CROPPED = 12
LINEAR = 8
MIDDLE = 12
PROJECTIVE = 28
ANYWHERE = 14
"""Projective maps that are also tried turned, inverted and far off: of a part of the picture."""
PART = 5
AUDIBLE = 5.0
"""Pilot score near where the picture lay from which a map is fitted: chance seldom gives more."""
AROUND = 12
"""Tilted maps around which better ones are looked for."""
HEARD = 6.0
"""Score from which what was found around one is fitted: the best by chance is about that."""
FITTED = 7
"""Maps of each kind that are fitted, after all were located."""
PROMISING = 7.0
"""Pilot score from which a fit goes on as long as it grows."""
LONGER = 3


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A map from observed to stamped coordinates, the sign of the mark, the pilot's score."""

    matrix: Map
    polarity: int
    score: float


class Spectra:
    """The spectra of one summed residual (h, w), made when first asked for."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane

    @cached_property
    def level(self) -> Plane:
        """Of the whole."""
        return peaks.power_spectrum(self.plane)

    @cached_property
    def windows(self) -> WindowSpectra:
        """Of its windows."""
        return WindowSpectra(self.plane)


def fitted_maps(spectra: Spectra, layout: Layout) -> Iterator[Fitted]:
    """Locate and fit the likely maps, the best of each kind first."""
    frequencies, plane = layout.pilot_frequencies, spectra.plane
    for matrix in cropped(plane, layout, CROPPED):
        yield fit_on(plane, matrix, layout, 1)
    linear = [
        geometry.projective(c.matrix) for c in peaks.candidates(spectra.level, frequencies, LINEAR)
    ]
    yield from _fits(plane, ((matrix, plane) for matrix in linear), layout)
    windows = spectra.windows
    middle = peaks.candidates(windows.middle(), frequencies, MIDDLE)
    maps = windows.projective(middle, frequencies, PROJECTIVE)
    yield from _fits(plane, ((matrix, plane) for matrix in maps), layout, upright=True)
    yield from _fits(plane, ((matrix, plane) for matrix in maps[:ANYWHERE]), layout)


def tilted_maps(spectra: Spectra, layout: Layout) -> Iterator[Fitted]:
    """Maps of a whole picture seen from the side that only its phases give away."""
    for start in spectra.windows.tilted(layout.pilot_frequencies)[:AROUND]:
        matrix, score = best_around(spectra.plane, start, layout)
        if score >= HEARD:
            yield fit_on(spectra.plane, matrix, layout, 1)


def partial_maps(spectra: Spectra, layout: Layout) -> Iterator[Fitted]:
    """Maps of what shows in a part of the frame only."""
    plane = spectra.plane
    starts: list[tuple[Map, Plane]] = []
    for level, weight in spectra.windows.parts():
        part = plane * weight
        found = peaks.candidates(level, layout.pilot_frequencies, PART)
        starts += [(geometry.projective(candidate.matrix), part) for candidate in found]
    yield from _fits(plane, starts, layout)


def _fits(
    plane: Plane,
    starts: Iterable[tuple[Map, Plane]],
    layout: Layout,
    *,
    upright: bool = False,
) -> Iterator[Fitted]:
    """Locate the pilot under each map, in the residual given with it, and fit the best."""
    located = []
    for matrix, part in starts:
        canvas = geometry.unwarp(part, matrix)
        if canvas is not None:
            place = correlation.locate(canvas.fold(layout.spec.tile), layout, upright=upright)
            if place.score >= AUDIBLE or not upright:
                located.append((place, matrix))
    located.sort(key=lambda entry: -entry[0].score)
    for place, matrix in located[:FITTED]:
        yield fit_on(plane, correlation.shifted(matrix, place), layout, place.polarity)


def fit_on(plane: Plane, matrix: Map, layout: Layout, polarity: int) -> Fitted:
    """Fit a map; one that promises something, for as long as it grows."""
    matrix, score = fitting.fit(plane, matrix, layout, polarity)
    for _ in range(LONGER):
        if score < PROMISING:
            break
        better, grown = fitting.fit(plane, matrix, layout, polarity, (8, 8))
        if grown <= score:
            break
        matrix, score = better, grown
    return Fitted(matrix, polarity, score)
