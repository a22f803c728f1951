"""Read under a hypothesis: soft bits, decoding, and whether a decode is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from provenance.results.payload import StampId
from provenance.watermark.arrays import Plane
from provenance.watermark.code import codeword, pattern
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.layout import Layout, layout_for
from provenance.watermark.code.spec import LayoutSpec
from provenance.watermark.picture import geometry
from provenance.watermark.pilot import correlation, fitting
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.read import evidence
from provenance.watermark.read.reading import Reading
from provenance.watermark.trace import Trace, silent
from provenance.watermark.tuning import READ_REFINEMENTS as REFINEMENTS


@dataclass(frozen=True, slots=True)
class KeysOfPilot:
    """Keys that share a pilot, in one layout: one search for geometry serves them all."""

    spec: LayoutSpec
    keys: tuple[WatermarkKey, ...]

    @property
    def layout(self) -> Layout:
        """One key's deal; the pilot's part is that of all."""
        return layout_for(self.keys[0], self.spec)


class Reader:
    """Reads with every key in every layout, and counts what was tried.

    ``parts`` is how many parts of a file are searched at most.  Counts only grow, and nothing else
    is kept: in what order an examination asks does not matter for what it may still believe.

    Attributes:
        words: decoded words that were compared with an authentication code.
        pilot: highest score of the pilot under a still map fitted to the whole.
        groups: the keys by their pilots, in every layout.
    """

    def __init__(
        self,
        keys: Sequence[WatermarkKey],
        layouts: Sequence[LayoutSpec],
        trace: Trace = silent,
        *,
        parts: int = 1,
    ) -> None:
        by_pilot: dict[bytes, list[WatermarkKey]] = {}
        for key in keys:
            by_pilot.setdefault(key.pilot_secret, []).append(key)
        self.groups = [
            KeysOfPilot(spec, tuple(own)) for spec in layouts for own in by_pilot.values()
        ]
        self.words = 0
        self.pilot = 0.0
        self._charged = len(keys) * len(layouts) * parts
        self._trace = trace

    def read(self, plane: Plane, guess: Hypothesis, group: KeysOfPilot) -> Reading | None:
        """Read a residual (h, w) under a hypothesis; None when it gives no codeword.

        What reads is fitted on, as long as its score grows: it may hold in part only.
        """
        if guess.heard:
            self.pilot = max(self.pilot, guess.score)
        if guess.score < guess.least:
            return None
        reading = self._decoded(plane, guess, group)
        if reading is None or reading.score >= guess.clear:
            return reading
        own, sight = replace(group, keys=(reading.key,)), geometry.Sight(plane)
        for _ in range(REFINEMENTS):
            polarity = reading.polarity
            matrix, _ = fitting.fit(sight, reading.matrix, reading.layout, polarity, (8, 8))
            better = self._decoded(plane, Hypothesis(matrix, polarity, partly=True), own)
            if (
                better is None
                or better.stamp_id != reading.stamp_id
                or better.score <= reading.score
            ):
                break
            reading = better
        return reading

    def chance(self, reading: Reading) -> float:
        """Bound on the chance of such a reading from an unmarked file, all tries considered."""
        return evidence.false_positive_probability(
            reading.score, self.words, self._charged, reading.layout.spec
        )

    def margin_db(self, plane: Plane, stamp_id: StampId) -> float:
        """Margin of a stamp id known to be in a residual (h, w) where it lies."""
        best = 0.0
        for group in self.groups:
            spectrum = pattern.fold_centred(plane, group.spec.tile)
            for key in group.keys:
                word = codeword.encode(stamp_id, key, group.spec)
                best = max(best, best_slope(spectrum, layout_for(key, group.spec), word)[0])
        return evidence.margin_db(best)

    def _decoded(self, plane: Plane, guess: Hypothesis, group: KeysOfPilot) -> Reading | None:
        """Soft bits under a map, decoded for keys that share a pilot, in order."""
        canvas = geometry.unwarp(plane, guess.matrix)
        if canvas is None:
            return None
        spec, keys, sign = group.spec, group.keys, np.float32(guess.polarity)
        layouts = [layout_for(key, spec) for key in keys]
        if guess.partly:
            canvas = correlation.where_agreed(canvas, layouts[0], guess.polarity)
        spectrum = canvas.fold(spec.tile)
        parts = sign * pattern.whitened(spectrum, layouts[0].data_at)
        soft = np.stack([pattern.gathered(parts, own, s) for own in layouts for s in spec.slopes])
        lists = codeword.likely_words(soft)
        self._trace("read", spectrum=spectrum, soft=soft, words=lists)
        for place, words in enumerate(lists):
            which = place // len(spec.slopes)
            key, layout = keys[which], layouts[which]
            decoded = codeword.authenticated(words, key, spec)
            self.words += decoded.tries
            if decoded.stamp_id is None:
                continue
            word = codeword.encode(decoded.stamp_id, key, spec)
            score, slope = best_slope(spectrum, layout, sign * word)
            if evidence.believed(score, self.words, self._charged, spec):
                return Reading(
                    key,
                    decoded.stamp_id,
                    guess.matrix,
                    guess.polarity,
                    slope,
                    layout,
                    word,
                    score,
                )
        return None


def best_slope(
    spectrum: pattern.Spectrum, layout: Layout, word: NDArray[np.float32]
) -> tuple[float, float]:
    """(score, slope) at which a known codeword (N,) reads best: the slope it was written with
    is not known, and a copy's encoder changed it."""
    return max(
        (evidence.score(pattern.soft_bits(spectrum, layout, slope), word), slope)
        for slope in layout.spec.slopes
    )
