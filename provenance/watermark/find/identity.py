"""Step 1: the picture where it lay when it was stamped, as it is and after a small correction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from provenance.watermark.alarms import IDENTITY_READ_FROM as READ_FROM
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.picture.geometry import Canvas
from provenance.watermark.pilot import correlation, fitting
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import IDENTITY_CLEAR as CLEAR


class Identity:
    """The commonest copy: scaled, encoded, not moved."""

    name = "identity"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """No map at all; then the best translation, fitted."""
        yield Hypothesis(np.eye(3), clear=CLEAR)
        here = Canvas.of(scene.plane)
        place = correlation.locate(here, layout, np.eye(3))
        matrix, score = fitting.fit(scene.sight, place.matrix, layout, place.polarity, (6, 8))
        yield Hypothesis(matrix, place.polarity, score, heard=True, least=READ_FROM, clear=CLEAR)
