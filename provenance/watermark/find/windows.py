"""Step 5: projective maps, from the spectra of windows."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.watermark.alarms import FITS_NEARBY as NEARBY
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.find.fits import best_fits
from provenance.watermark.pilot import peaks
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import PROJECTIVE_ANYWHERE as ANYWHERE
from provenance.watermark.tuning import PROJECTIVE_MIDDLE as MIDDLE
from provenance.watermark.tuning import PROJECTIVE_NEAR as PROJECTIVE


class Windows:
    """Keystones: first near where the picture lay, then anywhere."""

    name = "windows"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """The likeliest projective maps, located and fitted."""
        frequencies, sight, windows = layout.pilot_frequencies, scene.sight, scene.windows
        scene.trace("spectrum", step=self.name, levels=windows.levels)
        middle = peaks.candidates(windows.middle(), frequencies, MIDDLE)
        scene.tell(self.name, middle)
        maps = windows.projective(middle, frequencies, PROJECTIVE)
        laid = [(matrix, sight.under(matrix)) for matrix in maps]
        yield from best_fits(scene, laid, layout, self.name, upright=True, audible=NEARBY)
        yield from best_fits(scene, laid[:ANYWHERE], layout, self.name)
