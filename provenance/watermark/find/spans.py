"""Step 2: a stretch of time by itself, where it lies: a splice dilutes the sum of the whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from provenance.watermark.alarms import SPANS_HEARD as HEARD
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.picture.geometry import Sight
from provenance.watermark.pilot import correlation
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import SPANS_TOGETHER as TOGETHER


class Spans:
    """Marked seconds between others."""

    name = "spans"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """Neighbouring spans, then single ones; what reads is not fitted any further."""
        observation, spans = scene.observation, scene.observation.spans
        if len(spans) < 2:
            return
        parts = [spans[i : i + TOGETHER] for i in range(0, len(spans), 2) if len(spans) > TOGETHER]
        parts += [[span] for span in spans]
        for part in parts:
            plane = observation.upright(part)
            score = correlation.heard_in(Sight(plane).half, layout)
            scene.trace("heard", step=self.name, score=score)
            if abs(score) >= HEARD:
                yield Hypothesis(np.eye(3), plane=plane, clear=0.0)
