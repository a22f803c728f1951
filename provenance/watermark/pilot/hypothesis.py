"""The one type for a guess at how the stamped picture lies in what was observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from provenance.watermark.arrays import Map, Plane


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """A map under which the mark may read, and how to read under it.

    Attributes:
        matrix: from observed to stamped canonical pixels; of a map that moves, in the middle of
            the clip.
        polarity: -1 for an inverted mark.
        score: of the pilot under it, in whatever the strategy measures; orders hypotheses of one
            strategy.
        heard: whether ``score`` is that of a still map fitted to the whole.  Such scores can be
            compared with one another, and a high one without a codeword is suspicious.
        least: ``score`` below which reading is not worth its while.
        partly: read only where the pilot is.
        plane: (h, w) residual to read from, in which the map holds; None for the whole clip's sum.
        maps: of a map that moves, one for each of the clip's moments.
        clear: score of a codeword from which the map is good enough as it is; below, it is fitted
            on as long as that score grows.
    """

    matrix: Map
    polarity: int = 1
    score: float = 0.0
    heard: bool = False
    least: float = float("-inf")
    partly: bool = False
    plane: Plane | None = None
    maps: tuple[Map, ...] = ()
    clear: float = float("inf")

    @property
    def moves(self) -> list[Map]:
        """What brings each moment to where the mark lies in the middle of the clip."""
        back = np.linalg.inv(self.matrix)
        return [back @ matrix for matrix in self.maps]


def moving(maps: list[Map], polarity: int, score: float) -> Hypothesis:
    """One map a moment, or a group of them."""
    return Hypothesis(maps[len(maps) // 2], polarity, score, partly=True, maps=tuple(maps))
