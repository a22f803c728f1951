"""The whole search with wrong keys: words compared, the largest score, the pilot's best."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration import words
from calibration.pilots import Pilots
from provenance.watermark.code import pattern
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.spec import LAYOUT_1
from provenance.watermark.detector import FINDERS, Detector
from provenance.watermark.find.crops import Crops
from provenance.watermark.picture import geometry
from provenance.watermark.picture.observation import Observation

TELLING = tuple(Crops(least=0.0) if isinstance(one, Crops) else one for one in FINDERS)
"""All strategies; crops are told of whatever their score, not only where it reaches a fit."""

KEPT = 2
"""Spectra kept of a search, at random among those it read soft bits from."""


@dataclass(slots=True)
class Tap:
    """What passed through the decoder during a search."""

    draw: np.random.Generator
    words: int = 0
    scores: list[float] = field(default_factory=list)
    spectra: list[pattern.Spectrum] = field(default_factory=list)
    seen: int = 0
    pilots: Pilots = field(default_factory=Pilots)

    def __call__(self, what: str, /, **values: Any) -> None:
        """The detector's trace: every decode and every spectrum, whatever the steps are."""
        self.pilots(what, **values)
        if what != "read":
            return
        self.keep(values["spectrum"])
        lists = values["words"]
        self.words += lists.shape[0] * lists.shape[1]
        best = np.unpackbits(lists[:, 0], axis=-1)
        self.scores += [words.score_of(*row) for row in zip(values["soft"], best, strict=True)]

    def keep(self, spectrum: pattern.Spectrum) -> None:
        """Reservoir sampling: every spectrum is kept with the same chance."""
        self.seen += 1
        if len(self.spectra) < KEPT:
            self.spectra.append(spectrum)
        elif (place := int(self.draw.integers(self.seen))) < KEPT:
            self.spectra[place] = spectrum


@dataclass(frozen=True, slots=True)
class Search:
    """One examination with one wrong key; ``heard`` is the pilot, by what was looked for."""

    words: int
    decodes: int
    best: float
    pilot: float
    status: str
    found: bool
    seconds: float
    heard: dict[str, list[float]]


def run(
    observation: Observation, key: WatermarkKey, draw: np.random.Generator
) -> tuple[Search, list[NDArray[np.float32]]]:
    """Search with a wrong key; also spectra to try more keys on, one of them at a random map."""
    tap, start = Tap(draw), time.perf_counter()
    detector = Detector([key], finders=TELLING, trace=tap)
    detection = detector.thorough(observation)
    spectra = [words.parts_of(spectrum) for spectrum in tap.spectra]
    canvas = geometry.unwarp(observation.upright(), random_map(draw))
    if canvas is not None:
        spectra.append(words.parts_of(canvas.fold(LAYOUT_1.tile)))
    return Search(
        words=tap.words,
        decodes=len(tap.scores),
        best=max(tap.scores, default=0.0),
        pilot=detector.reader.pilot,
        status=detection.status,
        found=detection.stamp_id is not None,
        seconds=time.perf_counter() - start,
        heard=dict(tap.pilots.scores),
    ), spectra


def random_map(draw: np.random.Generator) -> NDArray[np.float64]:
    """Any turn, half to one and a half times the size, a little shear and keystone."""
    turn, scale = draw.uniform(0, 2 * np.pi), draw.uniform(0.6, 1.5)
    matrix = np.eye(3)
    matrix[:2, :2] = scale * np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    ) + draw.normal(0, 0.04, (2, 2))
    matrix[:2, 2] = draw.uniform(-200, 200, 2)
    matrix[2, :2] = draw.normal(0, 1e-4, 2)
    return matrix
