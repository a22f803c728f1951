"""Step 9: maps of what shows in a part of the frame only."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.watermark.arrays import Map
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.find.fits import best_fits
from provenance.watermark.picture.geometry import Canvas, Sight
from provenance.watermark.pilot import peaks
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.pilot.windows import WindowSpectra
from provenance.watermark.tuning import PARTS_MAPS as PART


class Parts:
    """A picture in a picture, by the spectra of the windows about nine places."""

    name = "parts"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """The likeliest linear maps of each part, located there and fitted."""
        starts: list[tuple[Map, Canvas | None]] = []
        for level, weight in WindowSpectra(Canvas.of(scene.plane)).parts():
            part = Sight(scene.plane * weight)
            found = peaks.candidates(level, layout.pilot_frequencies, PART)
            scene.tell(self.name, found)
            starts += [(one.matrix, part.under(one.matrix)) for one in found]
        yield from best_fits(scene, starts, layout, self.name)
