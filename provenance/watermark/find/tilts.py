"""Step 8: pictures seen from the side that only the pilot's phases give away.

Power spectra of windows give a keystone to within a dozen pixels at the edges, and a fit needs two
or three.  In between lie some thousand maps.  They are drawn at random: of each, the local phases
(:func:`correlation.demodulate`) are turned by the field of displacements and added up over the
whole picture, for every translation nearby.  That is one product of small matrices for all of them,
and hears a pilot that is too faint for any window alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.alarms import TILTS_HEARD as HEARD
from provenance.watermark.arrays import Map
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.find.fits import fit_on
from provenance.watermark.picture.geometry import Sight
from provenance.watermark.pilot import correlation, fitting
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.tuning import TILTS_AROUND as AROUND
from provenance.watermark.tuning import TILTS_ROUNDS as ROUNDS
from provenance.watermark.tuning import TILTS_SHIFT as SHIFT
from provenance.watermark.tuning import TILTS_SHIFT_STEP as SHIFT_STEP

LINEAR, TERMS = 2, 8
"""Of the terms of :func:`fitting.basis`: the first that are no translation, and all."""
DRAWS = np.random.default_rng(0).uniform(-1.0, 1.0, (1024, TERMS - LINEAR))


class Tilts:
    """The tilted maps of the windows' spectra once more, each with a thousand around it."""

    name = "tilts"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """The best around each tilted map, fitted where it is heard."""
        for start in scene.windows.tilted(layout.pilot_frequencies)[:AROUND]:
            best = best_around(scene.sight, start, layout)
            scene.tell(self.name, [best])
            if best.score >= HEARD:
                yield fit_on(scene.sight, best, layout)


def best_around(sight: Sight, matrix: Map, layout: Layout) -> Hypothesis:
    """The best map near one, with its score in deviations: 5 to 6.3 by chance.

    Args:
        sight: what was observed.
        matrix: good to a dozen canonical pixels, but for ``SHIFT`` of translation.
        layout: whose pilot.
    """
    canvas = sight.under(matrix)
    if canvas is None:
        return Hypothesis(matrix)
    blocks = correlation.demodulate(canvas, layout)
    values = np.asarray(
        blocks.values / correlation.pilot_deviation(canvas.fold(layout.spec.tile), layout),
        np.complex64,
    )
    bases = fitting.basis(blocks.centres)[..., LINEAR:]
    slopes = 2.0 * np.pi * np.einsum("pd,bdt->pbt", layout.pilot_frequencies, bases)
    steps = np.arange(-SHIFT, SHIFT + 1, SHIFT_STEP, dtype=np.float64)
    shifts = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    turns = correlation.waves(layout.pilot_frequencies @ shifts.T)
    moves = np.concatenate([turns.real, -turns.imag]) / np.float32(np.sqrt(len(turns)))
    best, score = np.zeros(TERMS), 0.0
    for reach, count in ROUNDS:
        fields = best[LINEAR:] + reach * DRAWS[:count]
        points = _points(values, slopes.astype(np.float32), fields.astype(np.float32))
        correlation.limit(points)
        surface = np.hstack([points.real, points.imag]) @ moves
        field, shift = np.unravel_index(int(np.argmax(surface)), surface.shape)
        if surface[field, shift] > score:
            score = float(surface[field, shift])
            best = np.concatenate([shifts[shift], fields[field]])
    found = fitting.displacement(best) @ matrix
    return Hypothesis(found / found[2, 2], score=score)


def _points(
    values: NDArray[np.complex64], slopes: NDArray[np.float32], fields: NDArray[np.float32]
) -> NDArray[np.complex64]:
    """(N, P): the pilot's points of blocks (B, P) under each field (N, T), slopes (P, B, T)."""
    points = np.empty((len(fields), len(slopes)), np.complex64)
    for point, slope in enumerate(slopes):
        angle = fields @ slope.T
        cosine, sine = np.cos(angle), np.sin(angle)
        real, imag = values[:, point].real.copy(), values[:, point].imag.copy()
        points[:, point].real = cosine @ real + sine @ imag
        points[:, point].imag = cosine @ imag - sine @ real
    return points
