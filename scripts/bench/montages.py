"""Pictures of several pictures, made at random: side by side, in a grid, one laid over another.

Which stamp fills which part is known, so that the finds and their outlines can be held against it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.mixed import encode
from provenance import StampId, VerificationReport
from provenance.video import read_luma

WIDE, HIGH, RATE = 1280, 720, 25
SECONDS = 6.0
CRFS = (20, 24, 28)
WIDTHS = (0.25, 0.36, 0.45, 0.6)
"""Of insets, relative to the frame."""
SAME = 0.6
"""Intersection over union from which an outline is the right one: its long side is only known as
far as the mark was seen."""

Plane = NDArray[np.uint8]
Sides = tuple[int, int, int, int]
"""Left, top, width, height, pixels."""


@dataclass(frozen=True, slots=True)
class Montage:
    """One made file: ``kind``, and which stamp fills which part of the picture."""

    path: Path
    kind: str
    crf: int
    parts: dict[StampId, Sides]


@dataclass(slots=True)
class Count:
    """What came of many montages, by their kinds."""

    due: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    outlined: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    accused: int = 0

    def add(self, made: Montage, report: VerificationReport) -> list[str]:
        """Count one report; says what is not as it should be."""
        said = []
        read = {find.watermark.stamp_id: find.watermark.outline for find in report.finds}
        for stamp, sides in made.parts.items():
            self.due[made.kind] += 1
            if stamp not in read:
                said.append(f"missed {stamp} in {sides}")
                continue
            self.found[made.kind] += 1
            overlap = _overlap(sides, read[stamp])
            self.outlined[made.kind] += overlap >= SAME
            if overlap < SAME:
                said.append(f"{stamp} in {sides}: outline overlaps by {overlap:.2f}")
        strange = [str(stamp) for stamp in read if stamp not in made.parts]
        self.wrong += len(strange)
        said += [f"wrong {stamp}" for stamp in strange]
        if report.verdict == "CONFLICT":
            self.accused += 1
            said.append(f"accused: {report.summary}")
        return said

    def rows(self) -> list[str]:
        """One line a kind."""
        return [
            f"{kind:14s} {self.found[kind]:3d} of {due:3d} found, outline right in "
            f"{self.outlined[kind]:3d}"
            for kind, due in sorted(self.due.items())
        ]


def _overlap(sides: Sides, outline: tuple[tuple[float, float], ...]) -> float:
    if not outline:
        return 0.0
    left, top, wide, high = sides
    own = np.array([(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)])
    seen = np.clip(np.array(outline), 0.0, (WIDE, HIGH)).astype(np.float32)
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
        self._stamped, self._plain, self._folder = stamped, plain, folder
        self._random = np.random.default_rng(seed)
        self._made = 0

    def make(self) -> Montage:
        """One file of six seconds."""
        self._made += 1
        kind = ("side by side", "grid", *(f"inset {width:.0%}" for width in WIDTHS))[
            self._made % (2 + len(WIDTHS))
        ]
        ids = list(self._stamped)
        drawn = [ids[i] for i in self._random.permutation(len(ids))]
        if kind == "side by side":
            places = [(0, 0, WIDE // 2, HIGH), (WIDE // 2, 0, WIDE // 2, HIGH)]
            chosen = drawn[:2]
        elif kind == "grid":
            places = [(x, y, WIDE // 2, HIGH // 2) for y in (0, HIGH // 2) for x in (0, WIDE // 2)]
            chosen = drawn[:3]  # the last place shows a plain clip
        else:
            wide = 2 * round(float(kind.split()[1].rstrip("%")) / 200.0 * WIDE)
            high = 2 * round(wide * HIGH / WIDE / 2)
            x, y = (int(self._random.integers(8, most - size - 8)) for most, size in
                    ((WIDE, wide), (HIGH, high)))  # fmt: skip
            places, chosen = [(x, y, wide, high)], drawn[:1]
        crf = int(self._random.choice(CRFS))
        path = self._folder / f"montage{self._made}.mp4"
        encode(self._frames(places, chosen), path, crf, RATE)
        return Montage(path, kind, crf, dict(zip(chosen, places, strict=False)))

    def _frames(self, places: list[Sides], chosen: list[StampId]) -> list[Plane]:
        under = planes_of(self._any_plain(), WIDE, HIGH)
        over = []
        for place, stamp in zip(places, chosen, strict=False):
            over.append((place, planes_of(self._stamped[stamp], place[2], place[3])))
        frames = []
        for index in range(round(SECONDS * RATE)):
            frame = under[index % len(under)].copy()
            for (left, top, wide, high), clip in over:
                frame[top : top + high, left : left + wide] = clip[index % len(clip)]
            frames.append(frame)
        return frames

    def _any_plain(self) -> Path:
        return self._plain[int(self._random.integers(len(self._plain)))]


def planes_of(path: Path, wide: int, high: int) -> list[Plane]:
    """A clip's luma at a size that fills the place, its longer side cut off evenly."""
    planes: list[Plane] = []
    due = 0.0
    for frame in read_luma(path, end=SECONDS):
        if frame.time + 1e-6 < due:
            continue
        due += 1.0 / RATE
        luma = frame.upright()
        grey = luma if luma.dtype == np.uint8 else (luma >> (frame.depth - 8)).astype(np.uint8)
        scale = max(wide / grey.shape[1], high / grey.shape[0])
        size = (max(wide, round(grey.shape[1] * scale)), max(high, round(grey.shape[0] * scale)))
        how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
        scaled = cv2.resize(np.ascontiguousarray(grey), size, interpolation=how)
        top, left = (size[1] - high) // 2, (size[0] - wide) // 2
        planes.append(np.asarray(scaled[top : top + high, left : left + wide], np.uint8))
    return planes
