"""Pictures of several pictures, made at random: side by side, in a grid, one laid over another,
still, sliding, or scrolled through in a feed.

Which stamp fills which part is known, so that the finds and their outlines can be held against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.mixed import encode
from bench.outcomes import Outcome, held
from provenance import StampId, VerificationReport
from provenance.results import Detection
from provenance.video import read_luma

WIDE, HIGH, RATE = 1280, 720, 25
SECONDS = 6.0
CRFS = (20, 24, 28)
FRAMES = round(SECONDS * RATE)
WIDTHS = (0.25, 0.36, 0.45, 0.6)
"""Of insets, relative to the frame."""
FEED = 0.9
"""Of the pictures of a feed, on a phone held upright."""
KINDS = (
    "side by side", "grid", *(f"inset {width:.0%}" for width in WIDTHS),
    *(f"moving {width:.0%}" for width in WIDTHS), "feed",
)  # fmt: skip
EDGE = 8
"""Pixels that an inset keeps from the frame's edges."""
SAME = 0.6
"""Intersection over union from which an outline is the right one: its long side is only known as
far as the mark was seen."""

Plane = NDArray[np.uint8]
Sides = tuple[int, int, int, int]
"""Left, top, width, height, pixels."""


@dataclass(frozen=True, slots=True)
class Montage:
    """One made file: ``kind``, and which stamp fills which part of the picture, frame by frame."""

    name: str
    path: Path
    kind: str
    crf: int
    parts: dict[StampId, list[Sides]]


def outcome(made: Montage, report: VerificationReport, took: float, gone: StampId) -> Outcome:
    """What came of one file."""
    said, found, outlined = [], 0, 0
    read = {find.watermark.stamp_id: find.watermark for find in report.finds}
    for stamp, sides in made.parts.items():
        if stamp not in read:
            said.append(f"missed {stamp} in {sides[0]} to {sides[-1]}")
            continue
        overlap = _seen(sides, read[stamp])
        found, outlined = found + 1, outlined + (overlap >= SAME)
        if overlap < SAME:
            said.append(f"{stamp} in {sides[0]} to {sides[-1]}: outline overlaps by {overlap:.2f}")
    strange = held(report, made.parts, gone)
    if strange["wrong"] or strange["accused"]:
        said.append(f"{report.verdict}: {report.summary}")
    return Outcome(
        name=made.name,
        kind=made.kind,
        crf=made.crf,
        seconds=SECONDS,
        due=len(made.parts),
        found=found,
        outlined=outlined,
        off=(),
        took=took,
        said=tuple(said),
        **strange,
    )


def _seen(sides: Sequence[Sides], found: Detection) -> float:
    """How much an outline has of the true one, on the mean over the moments it is told for."""
    told = [(sides[round(place.at * RATE) % len(sides)], place.outline) for place in found.path]
    return float(np.mean([_overlap(*one) for one in told or [(sides[0], found.outline)]]))


def _overlap(sides: Sides, outline: tuple[tuple[float, float], ...]) -> float:
    if not outline:
        return 0.0
    left, top, wide, high = sides
    own = np.array([(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)])
    seen = np.array(outline, np.float32)
    both, _ = cv2.intersectConvexConvex(own.astype(np.float32), seen)
    return float(both / (wide * high + cv2.contourArea(seen) - both + 1e-9))


class Monteur:
    """Makes montages; everything follows from the seed.

    Args:
        stamped: clips and their ids.
        plain: clips without a mark.
        folder: where files go.
        seed: of the draws.
    """

    def __init__(
        self, stamped: dict[StampId, Path], plain: list[Path], folder: Path, seed: int
    ) -> None:
        self._stamped, self._plain, self._folder, self._seed = stamped, plain, folder, seed

    def name(self, number: int) -> str:
        """Of a file, before it is made."""
        return f"{self._seed} montage {number}"

    def make(self, number: int) -> Montage:
        """One file of six seconds."""
        draw = np.random.default_rng((self._seed, number))
        kind = KINDS[number % len(KINDS)]
        ids = list(self._stamped)
        drawn = [ids[i] for i in draw.permutation(len(ids))]
        size = (HIGH, WIDE) if kind == "feed" else (WIDE, HIGH)
        if kind == "side by side":
            places = [(0, 0, WIDE // 2, HIGH), (WIDE // 2, 0, WIDE // 2, HIGH)]
            courses, chosen = [[place] for place in places], drawn[:2]
        elif kind == "grid":
            places = [(x, y, WIDE // 2, HIGH // 2) for y in (0, HIGH // 2) for x in (0, WIDE // 2)]
            courses, chosen = [[place] for place in places], drawn[:3]  # the last place is plain
        else:
            share = FEED if kind == "feed" else float(kind.split()[1].rstrip("%")) / 100.0
            courses, chosen = [_course(kind.split()[0], share, size, draw)], drawn[:1]
        crf = int(draw.choice(CRFS))
        path = self._folder / "montage.mp4"
        under = planes_of(self._plain[int(draw.integers(len(self._plain)))], *size)
        encode(self._frames(under, courses, chosen), path, crf, RATE)
        return Montage(self.name(number), path, kind, crf, dict(zip(chosen, courses, strict=False)))

    def _frames(
        self, under: list[Plane], courses: list[list[Sides]], chosen: list[StampId]
    ) -> list[Plane]:
        over = [
            (course, planes_of(self._stamped[stamp], *course[0][2:]))
            for course, stamp in zip(courses, chosen, strict=False)
        ]
        frames = []
        for index in range(FRAMES):
            frame = under[index % len(under)].copy()
            for course, clip in over:
                left, top, wide, high = course[index % len(course)]
                frame[top : top + high, left : left + wide] = clip[index % len(clip)]
            frames.append(frame)
        return frames


def _course(
    kind: str, share: float, size: tuple[int, int], draw: np.random.Generator
) -> list[Sides]:
    """Where an inset lies in every frame: still, sliding steadily, or scrolled by a thumb."""
    wide = 2 * round(share / 2.0 * size[0])
    high = 2 * round(wide * HIGH / WIDE / 2)
    room = np.array([most - 2 * EDGE - own for most, own in zip(size, (wide, high), strict=True)])
    start, end = draw.uniform(0.0, 1.0, (2, 2)) * room
    passed = np.linspace(0.0, 1.0, FRAMES)
    if kind == "inset":
        end = start
    elif kind == "feed":
        # Flicks: it rests, glides off fast, and slows down.
        passed = np.clip(
            2.0 * np.floor(3 * passed) / 6 + (1 - np.exp(-9 * (3 * passed % 1))) / 3, 0, 1
        )
        end[0] = start[0]
        start[1], end[1] = 0.9 * room[1], 0.1 * room[1]
    elif draw.random() < 0.5:
        passed = passed**2 * (3.0 - 2.0 * passed)
    at = np.rint(start + (end - start) * passed[:, None]).astype(int) + EDGE
    return [(int(x), int(y), wide, high) for x, y in at]


def planes_of(path: Path, wide: int, high: int) -> list[Plane]:
    """A clip's luma at a size that fills the place, its longer side cut off evenly."""
    planes: list[Plane] = []
    for frame in read_luma(path, end=SECONDS):
        times = int((frame.time + 1e-6) * RATE) + 1 - len(planes)
        if times <= 0:
            continue
        luma = frame.upright()
        grey = luma if luma.dtype == np.uint8 else (luma >> (frame.depth - 8)).astype(np.uint8)
        scale = max(wide / grey.shape[1], high / grey.shape[0])
        size = (max(wide, round(grey.shape[1] * scale)), max(high, round(grey.shape[0] * scale)))
        how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
        scaled = cv2.resize(np.ascontiguousarray(grey), size, interpolation=how)
        top, left = (size[1] - high) // 2, (size[0] - wide) // 2
        planes += [np.asarray(scaled[top : top + high, left : left + wide], np.uint8)] * times
    return planes
