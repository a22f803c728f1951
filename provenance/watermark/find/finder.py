"""What a strategy is given, and what it gives.

A finder looks for one kind of map.  It says nothing about whether a mark is there: it yields
hypotheses, likeliest first, and the detector reads under each until one gives a codeword.  A new
one is a class with ``name`` and ``hypotheses`` handed to the detector (a test adds one in under 30
lines); none knows of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

from provenance.watermark.arrays import Plane
from provenance.watermark.code.layout import Layout
from provenance.watermark.picture.geometry import Canvas, Sight
from provenance.watermark.picture.observation import Observation
from provenance.watermark.pilot import peaks
from provenance.watermark.pilot.families import Level
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.pilot.windows import WindowSpectra
from provenance.watermark.trace import Trace, silent


class Scene:
    """What was observed, and what several strategies want of it, made when first asked for."""

    def __init__(self, observation: Observation, trace: Trace = silent) -> None:
        self.observation = observation
        self.trace = trace

    def tell(self, step: str, found: Sequence[Hypothesis]) -> None:
        """Tell the trace of a search's candidates, before any fit."""
        scores = [one.score for one in found]
        self.trace("candidates", step=step, maps=[one.matrix for one in found], scores=scores)

    @cached_property
    def plane(self) -> Plane:
        """(h, w) levelled sum of all residuals, upright."""
        return self.observation.upright()

    @cached_property
    def sight(self) -> Sight:
        """The same, to listen to the pilot in."""
        return Sight(self.plane)

    @cached_property
    def moments(self) -> list[Plane]:
        """(h, w) each: the clip in short pieces, see :meth:`Observation.moments`."""
        return self.observation.moments()

    @cached_property
    def level(self) -> Level:
        """Power spectrum of the whole, see :func:`peaks.power_spectrum`."""
        return peaks.power_spectrum(Canvas.of(self.plane))

    @cached_property
    def windows(self) -> WindowSpectra:
        """Those of its windows, as far as half its size holds them."""
        return WindowSpectra(self.sight.half)


class Finder(Protocol):
    """One strategy."""

    @property
    def name(self) -> str:
        """One word, for a trace."""

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """Guesses at where the mark lies, likeliest first.

        Args:
            scene: what was observed.
            layout: whose pilot to listen to; every key that has it reads under each guess.
        """
