"""Where the mark is: insets of unmarked pixels, untouched copies, splices; how well each is told.

An inset is 15 % of the area, at a random place, taken from the clip as it was before stamping.  A
splice is unmarked video of another clip, the stamped clip (over and over), and unmarked video
again, cut at random times.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bench import render
from bench.frames import Frames, filtered, like
from bench.render import Pass, x264
from bench.runner import Run
from bench.stages import Resize, Scene
from bench.timing import Still, evenly, unmarked
from provenance import verify
from provenance.results import Detection, PictureMap, Segment

AREA = 0.15
INSET_CRFS = (28, 32)
SPLICES = ((10.0, 28), (10.0, 23), (40.0, 28), (40.0, 23))
"""Seconds of the whole, and CRF."""

Box = tuple[float, float, float, float]
"""left, top, right, bottom as fractions"""


@dataclass(frozen=True, slots=True)
class First(Still):
    """The first ``seconds``."""

    seconds: float

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Let them through."""
        scene.duration = min(scene.duration, self.seconds)
        return itertools.takewhile(lambda frame: (frame.time or 0.0) < self.seconds, frames)


@dataclass(frozen=True, slots=True)
class Patch(Still):
    """A part of the picture replaced by the same part of another file, frame by frame."""

    source: Path
    box: Box

    def apply(self, frames: Frames, _scene: Scene) -> Frames:
        """Paste."""
        with av.open(str(self.source)) as reader:
            for frame, other in zip(frames, reader.decode(video=0), strict=False):
                w, h = frame.width, frame.height
                left, top, right, bottom = self.box
                at = np.s_[
                    :, round(top * h) : round(bottom * h), round(left * w) : round(right * w)
                ]
                planes = frame.to_ndarray(format="yuv444p")
                planes[at] = other.to_ndarray(format="yuv444p")[at]
                yield like(frame, np.ascontiguousarray(np.moveaxis(planes, 0, 2)))


@dataclass(frozen=True, slots=True)
class Splice(Still):
    """``seconds`` of unmarked video with the stamped clip from ``start`` to ``end``."""

    clip: Path
    seconds: float
    start: float
    end: float

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Other, marked, other; everything at the marked clip's size and rate."""
        first = next(frames)
        size, rate = (first.width, first.height), scene.rate
        scene.duration = self.seconds

        def order() -> Frames:
            others, ours = unmarked(scene, size), self._over_and_over(scene)
            for index in range(round(self.seconds * rate)):
                inside = self.start <= index / rate < self.end
                yield next(ours if inside else others)

        return evenly(order(), rate)

    def _over_and_over(self, scene: Scene) -> Frames:
        while True:
            with av.open(str(self.clip)) as source:
                yield from filtered(source.decode(video=0), ("format=yuv420p",), scene.rate)


@dataclass(frozen=True, slots=True)
class InsetRow:
    """One inset: how well its cells are told from the others."""

    clip: str
    crf: int
    status: str
    auc: float | None
    auc_decided: float | None
    missing_inside: float
    missing_outside: float
    named: float | None


@dataclass(frozen=True, slots=True)
class CopyRow:
    """One untouched copy: whether anything is said to be missing."""

    clip: str
    copy: str
    status: str
    missing: float
    unmarked_seconds: float


@dataclass(frozen=True, slots=True)
class SpliceRow:
    """One splice: by how many seconds each boundary is off; None for one that is not stated."""

    clip: str
    seconds: float
    crf: int
    status: str
    start_error: float | None
    end_error: float | None


def insets(run: Run, clip: str, seconds: float, places: int) -> Iterator[InsetRow]:
    """Insets at random places, at each CRF."""
    rng = np.random.default_rng([run.seed, *clip.encode()])
    for _ in range(places):
        side = math.sqrt(AREA)
        left, top = (float(value) for value in rng.uniform(0.0, 1.0 - side, 2))
        box = (left, top, left + side, top + side)
        for crf in INSET_CRFS:
            stages = (First(seconds), Patch(run.clips[clip], box))
            found = _examined(run, clip, Pass(stages, x264(crf)))
            yield _inset_row(clip, crf, found, box)


def copies(run: Run, clip: str, seconds: float) -> Iterator[CopyRow]:
    """Copies in which nothing is missing."""
    made = {f"h264_crf{crf}": Pass((), x264(crf)) for crf in (23, 28, 32, 36)}
    made["360p_crf30"] = Pass((Resize(lines=360),), x264(30))
    for name, how in made.items():
        found = _examined(run, clip, replace(how, stages=(First(seconds), *how.stages)))
        states = () if found.picture is None else found.picture.states
        yield CopyRow(
            clip,
            name,
            found.status,
            states.count("missing") / max(len(states), 1),
            sum(s.end - s.start for s in found.segments if s.status == "unmarked"),
        )


def splices(run: Run, clip: str) -> Iterator[SpliceRow]:
    """Splices cut at random times."""
    rng = np.random.default_rng([run.seed, 1, *clip.encode()])
    for seconds, crf in SPLICES:
        start = float(rng.uniform(0.15, 0.4)) * seconds
        end = float(rng.uniform(0.6, 0.85)) * seconds
        stage = Splice(run.stamped(clip), seconds, start, end)
        found = _examined(run, clip, Pass((stage,), x264(crf)))
        yield SpliceRow(
            clip,
            seconds,
            crf,
            found.status,
            _error(found.segments, start, "unmarked", "marked"),
            _error(found.segments, end, "marked", "unmarked"),
        )


def _examined(run: Run, clip: str, how: Pass) -> Detection:
    with tempfile.TemporaryDirectory(dir=run.work) as folder:
        path = render.run(
            (how,), run.stamped(clip), Path(folder), run.other(clip), run.seed, threads=run.threads
        )
        return verify(path, watermark_keys=run.keyring.watermark_keys).watermark


def _inset_row(clip: str, crf: int, found: Detection, box: Box) -> InsetRow:
    picture = found.picture
    if picture is None:
        return InsetRow(clip, crf, found.status, None, None, 0.0, 0.0, None)
    inside = _inside(picture, box)
    odds, states = np.array(picture.odds), np.array(picture.states)
    decided = states != "unknown"
    return InsetRow(
        clip,
        crf,
        found.status,
        _auc(odds[~inside], odds[inside]),
        _auc(odds[decided & ~inside], odds[decided & inside]),
        float(np.mean(states[inside] == "missing")),
        float(np.mean(states[~inside] == "missing")),
        None if picture.missing is None else picture.missing.share,
    )


def _inside(picture: PictureMap, box: Box) -> NDArray[np.bool_]:
    x = (np.arange(picture.columns) + 0.5) / picture.columns
    y = (np.arange(picture.rows) + 0.5) / picture.rows
    left, top, right, bottom = box
    across, down = (x > left) & (x < right), (y > top) & (y < bottom)
    return np.asarray((down[:, None] & across[None, :]).ravel())


def _auc(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float | None:
    """Chance that a value of the first lies above one of the second; None when one is empty."""
    if not higher.size or not lower.size:
        return None
    difference = np.sign(higher[:, None] - lower[None, :])
    return float((1.0 + difference.mean()) / 2.0)


def _error(segments: tuple[Segment, ...], time: float, before: str, after: str) -> float | None:
    """Seconds between a cut and the stated change of that kind that is nearest to it."""
    stated = [
        second.start
        for first, second in itertools.pairwise(segments)
        if (first.status, second.status) == (before, after)
    ]
    return min((abs(at - time) for at in stated), default=None)


def mean(values: list[float | None], of: Callable[[list[float]], float] = np.mean) -> float | None:
    """``of`` what is there."""
    there = [value for value in values if value is not None]
    return float(of(there)) if there else None
