"""Step 4: linear maps, from the pilot's peaks in the power spectrum of the whole."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.find.fits import best_fits
from provenance.watermark.pilot import peaks
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import LINEAR_MAPS as LINEAR


class Linear:
    """Turned, scaled, mirrored, stretched, sheared."""

    name = "linear"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """The likeliest linear maps, located and fitted."""
        scene.trace("spectrum", step=self.name, level=scene.level)
        found = peaks.candidates(scene.level, layout.pilot_frequencies, LINEAR)
        scene.tell(self.name, found)
        starts = ((one.matrix, scene.sight.under(one.matrix)) for one in found)
        yield from best_fits(scene, starts, layout, self.name)
