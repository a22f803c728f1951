"""Files of mixed content, made at random: stretches of stamped clips among unmarked footage.

What is in each file is known, so that what ``verify`` says of it can be held against that: which
stamps are in it, from when to when, whether one was withdrawn, and that nobody is accused of what
an honest cut is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from bench.outcomes import ENDS, Outcome, held
from provenance import StampId, VerificationReport
from provenance.video import read_luma

LINES, ACROSS, RATE = 360, 640, 25
CRFS = (18, 23, 28, 33)
LEAST = 3.0
"""Seconds of a stretch from which it is due to be found."""
Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds from ``start`` to ``end`` that carry ``stamp``."""

    stamp: StampId
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """One made file."""

    name: str
    path: Path
    crf: int
    seconds: float
    stretches: tuple[Stretch, ...]


def outcome(made: Mixture, report: VerificationReport, took: float, gone: StampId) -> Outcome:
    """What came of one file."""
    said, off, due, found = [], [], 0, 0
    ids = {stretch.stamp for stretch in made.stretches}
    read = {find.watermark.stamp_id: find.watermark.segments for find in report.finds}
    for stamp in ids:
        own = [one for one in made.stretches if one.stamp == stamp]
        long = [one for one in own if one.end - one.start >= LEAST]
        if not long:
            continue
        due, found = due + 1, found + (stamp in read)
        if stamp not in read:
            said.append(f"missed {stamp} in " + _times(long))
            continue
        marked = [(s.start, s.end) for s in read[stamp] if s.status == "marked"]
        for one in long:
            off.append(round(_off(one, marked), 3))
            if off[-1] > ENDS:
                said.append(f"{stamp} in {_times([one])} is off by {off[-1]:.1f} s")
    strange = held(report, ids, gone)
    if strange["wrong"] or strange["accused"]:
        said.append(f"{report.verdict}: {report.summary}")
    return Outcome(
        name=made.name,
        kind="compilation",
        crf=made.crf,
        seconds=made.seconds,
        due=due,
        found=found,
        outlined=found,
        off=tuple(off),
        took=took,
        said=tuple(said),
        **strange,
    )


def _times(stretches: Sequence[Stretch]) -> str:
    return ", ".join(f"{one.start:.1f}-{one.end:.1f} s" for one in stretches)


def _off(due: Stretch, marked: list[tuple[float, float]]) -> float:
    """By how much the nearest marked stretch begins or ends elsewhere, seconds."""
    over = [(s, e) for s, e in marked if min(e, due.end) > max(s, due.start)]
    if not over:
        return due.end - due.start
    return max(abs(min(s for s, _ in over) - due.start), abs(max(e for _, e in over) - due.end))


class Maker:
    """Makes mixtures of stamped clips and plain ones; everything follows from the seed.

    Args:
        stamped: clips and their ids.
        plain: clips without a mark.
        folder: where files go.
        seed: of the draws.
    """

    def __init__(
        self,
        stamped: dict[StampId, Path],
        plain: list[Path],
        folder: Path,
        seed: int,
    ) -> None:
        self._stamped = {stamp: _planes(path) for stamp, path in stamped.items()}
        self._plain = [_planes(path) for path in plain]
        self._folder, self._seed = folder, seed
        self._random = np.random.default_rng(seed)

    def name(self, number: int, longest: float) -> str:
        """Of a file, before it is made."""
        return f"{self._seed} compilation {number} up to {longest:g} s"

    def make(self, number: int, longest: float) -> Mixture:
        """One file of ten seconds to ``longest``, with up to three stamped stretches."""
        draw = self._random = np.random.default_rng((self._seed, number))
        seconds = float(np.exp(draw.uniform(np.log(10.0), np.log(longest))))
        ids = list(self._stamped)
        chosen = [ids[i] for i in draw.permutation(len(ids))[: int(draw.integers(0, 4))]]
        room = seconds / max(1, len(chosen))
        frames: list[Plane] = []
        stretches = []
        for stamp in chosen:
            length = float(np.exp(draw.uniform(np.log(2.0), np.log(max(2.1, min(20.0, room))))))
            before = draw.uniform(0.0, max(0.0, room - length))
            before = before if frames or draw.random() < 0.7 else 0.0
            frames += self._take(self._any_plain(), before)
            start = len(frames) / RATE
            frames += self._take(self._stamped[stamp], length)
            stretches.append(Stretch(stamp, start, len(frames) / RATE))
        if not chosen or draw.random() < 0.7:
            frames += self._take(self._any_plain(), max(2.0, seconds - len(frames) / RATE))
        crf = int(draw.choice(CRFS))
        path = self._folder / "compilation.mp4"
        encode(frames, path, crf, RATE)
        return Mixture(self.name(number, longest), path, crf, len(frames) / RATE, tuple(stretches))

    def _any_plain(self) -> list[Plane]:
        return self._plain[int(self._random.integers(len(self._plain)))]

    def _take(self, planes: list[Plane], seconds: float) -> list[Plane]:
        """Frames of a clip from some moment on, over and over."""
        first = int(self._random.integers(len(planes)))
        return [planes[(first + n) % len(planes)] for n in range(round(seconds * RATE))]


def _planes(path: Path) -> list[Plane]:
    """A clip's luma at 360 lines, letterboxed as sites do, 25 frames a second."""
    planes: list[Plane] = []
    for frame in read_luma(path):
        times = int((frame.time + 1e-6) * RATE) + 1 - len(planes)
        if times <= 0:
            continue
        luma = frame.upright()
        grey = luma if luma.dtype == np.uint8 else (luma >> (frame.depth - 8)).astype(np.uint8)
        scale = min(ACROSS / grey.shape[1], LINES / grey.shape[0])
        size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
        small = cv2.resize(np.ascontiguousarray(grey), size, interpolation=cv2.INTER_AREA)
        canvas = np.full((LINES, ACROSS), 16, np.uint8)
        top, left = (LINES - size[1]) // 2, (ACROSS - size[0]) // 2
        canvas[top : top + size[1], left : left + size[0]] = small
        planes += [canvas] * times
    return planes


def encode(frames: Sequence[Plane], path: Path, crf: int, rate: int) -> None:
    """Write luma planes (H, W) as H.264, with a key frame every two seconds."""
    height, width = frames[0].shape
    with av.open(str(path), "w") as out:
        options = {"crf": str(crf), "preset": "veryfast", "g": str(2 * rate)}
        track = out.add_stream("libx264", rate=Fraction(rate), options=options)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        grey = np.full((height // 2, width), 128, np.uint8)
        for index, plane in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.concatenate([plane, grey]), format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
