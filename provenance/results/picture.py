"""What the pixels of a file say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from provenance.results.payload import StampId
from provenance.results.serial import (
    Decibels,
    Degrees,
    Digits,
    Document,
    Hidden,
    Ratio,
    Score,
    Seconds,
    Share,
)

WatermarkStatus = Literal["found", "partial", "weak", "absent", "not_checked"]
Point = tuple[float, float]
"""(x, y) in fractions of the shown picture, from its upper left corner."""
Pixel = tuple[Annotated[float, Digits(1)], Annotated[float, Digits(1)]]
"""(x, y) in pixels of the shown picture, from its upper left corner."""
SegmentStatus = Literal["marked", "unmarked", "unknown"]
CellStatus = Literal["marked", "missing", "unknown"]


@dataclass(frozen=True, slots=True)
class Transform(Document):
    """How the examined picture lies on the picture that was stamped."""

    scale: Ratio
    """Size of the examined picture's content relative to the stamped one on the canonical grid."""
    rotation_deg: Degrees
    """Turn, counter-clockwise."""
    mirrored: bool
    """Whether left and right are exchanged."""
    aspect: Ratio
    """Stretch of width against height."""
    matrix: tuple[Annotated[float, Digits(8)], ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    """Row-major 3 x 3 projective map from canonical pixels of the examined picture to those of the
    stamped one; with the first two numbers of its last row off zero it is seen at an angle."""


@dataclass(frozen=True, slots=True)
class Segment(Document):
    """A stretch of time, and whether the mark was seen in it."""

    start: Seconds
    """Seconds of presentation."""
    end: Seconds
    """Seconds of presentation."""
    status: SegmentStatus
    """``unknown``: too flat, dark or short to say."""
    score: Score
    """Strength of the mark in this stretch alone."""
    tolerance_s: Seconds = 0.0
    """Seconds by which the worse of its ends may be off."""


@dataclass(frozen=True, slots=True)
class MissingArea:
    """A connected area that was to show the mark and does not, beyond doubt.

    ``share`` is its part of the stamped picture that is in view; the sides are fractions of the
    shown picture, from its upper left corner.  ``error_rate`` bounds the chance that an honest copy
    which kept at least half of the mark there shows so little of it, corrected for all places where
    an area could have been found.  ``polygon`` is its border.
    """

    share: float
    left: float
    top: float
    right: float
    bottom: float
    error_rate: float | None = None
    polygon: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class PictureMap(Document):
    """Where in the shown picture the mark is, cell by cell, row by row from the upper left.

    ``scores`` are deviations of the correlation with the pattern: a standard normal where no mark
    is.  ``expected`` is what a mark would have given there, 0 outside the picture that was
    stamped.  ``odds`` are natural log-odds for marked against missing, neighbours considered;
    they order places, ``scores`` carry the error rates.  A flat cell, or one that promised too
    little, is ``unknown``.  ``heard`` and ``due`` are what each cell shows of the mark by itself,
    and what it would if it kept as much as the rest of the file: their sums over an area, one by
    the other, are the share of the mark that is there.
    """

    columns: int
    """Cells in a row."""
    rows: int
    """Rows of cells."""
    states: tuple[CellStatus, ...]
    """One word a cell, row by row from the upper left."""
    scores: Hidden[tuple[float, ...]] = ()
    expected: Hidden[tuple[float, ...]] = ()
    odds: Hidden[tuple[float, ...]] = ()
    areas: Hidden[tuple[MissingArea, ...]] = ()
    """Areas of missing cells that are of size, the largest first."""
    heard: Hidden[tuple[float, ...]] = ()
    due: Hidden[tuple[float, ...]] = ()
    outline: Hidden[tuple[Point, ...]] = ()
    """Corners of the stamped picture, clockwise from what was its upper left one; they may lie
    outside, and its long side reaches as far as the mark was seen."""

    @property
    def missing(self) -> MissingArea | None:
        """The largest area, if any is of size."""
        return self.areas[0] if self.areas else None

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the stamped picture's part of the shown one."""
        if not self.outline:
            return (0.0, 0.0, 1.0, 1.0)
        across = [min(max(x, 0.0), 1.0) for x, _ in self.outline]
        down = [min(max(y, 0.0), 1.0) for _, y in self.outline]
        return (min(across), min(down), max(across), max(down))

    def cell(self, x: float, y: float) -> int:
        """Which cell a point lies in, given in fractions of the shown picture from its upper left
        corner."""
        column = min(max(int(x * self.columns), 0), self.columns - 1)
        row = min(max(int(y * self.rows), 0), self.rows - 1)
        return row * self.columns + column

    def state(self, x: float, y: float) -> CellStatus:
        """The state at a point."""
        return self.states[self.cell(x, y)]


@dataclass(frozen=True, slots=True)
class Gap(Document):
    """An area of the shown picture that lacks the mark, in its pixels."""

    polygon: tuple[Pixel, ...]
    """Its border."""
    share: Share
    """Its part of the stamped picture that is in view."""
    error_rate: float | None
    """Bound of the chance that an honest copy which kept at least half of the mark there shows so
    little of it, corrected for all places where an area could have been found."""


@dataclass(frozen=True, slots=True)
class Place(Document):
    """Where a picture that slides over another lies at one moment."""

    at: Seconds
    """Seconds of presentation."""
    outline: tuple[Pixel, ...]
    """Its corners then, as :attr:`Detection.outline`."""


@dataclass(frozen=True, slots=True)
class Detection(Document):
    """What the pixels say."""

    status: WatermarkStatus
    """``weak``: a signal that does not decode; ``partial``: in some stretches or areas only."""
    stamp_id: StampId | None = None
    """The stamp id that was read, 16 hexadecimal digits."""
    key_id: str | None = None
    """Id of the watermark key it was read with."""
    layout: int | None = None
    """Version of the bit layout."""
    score: Score | None = None
    """C, the sum over the payload's degrees of freedom of (mean / deviation) squared."""
    margin_db: Decibels | None = None
    """``10 log10(C / C needed to decode)``."""
    false_positive_probability: float | None = None
    """Bound of the chance that an unmarked file gives such a find, corrected for everything
    searched."""
    frames: int = 0
    """Frames that were looked at."""
    transform: Transform | None = None
    """How the picture lies on the one that was stamped."""
    segments: tuple[Segment, ...] = ()
    """The timeline; of a still, one."""
    picture: PictureMap | None = None
    """Where in the picture the mark is, if that was looked at."""
    outline: tuple[Pixel, ...] = ()
    """The stamped picture's corners in pixels of the shown one, clockwise from what was its upper
    left one; they may lie outside.  Its long side reaches as far as the mark was seen."""
    path: tuple[Place, ...] = ()
    """Where the stamped picture lies from moment to moment, if it slides over another; ``outline``,
    ``missing`` and ``transform`` are then told for the first of them."""
    box: Hidden[tuple[float, float, float, float] | None] = None
    """Left, top, right and bottom of the part of the shown picture that was looked at by itself, in
    its fractions: what lies beyond is another picture."""
    moves: Hidden[tuple[tuple[float, float, float], ...]] = ()
    """Of such a picture, wherever it was seen: seconds, and how far it lies from ``outline``, in
    fractions of the shown picture."""
    missing: tuple[Gap, ...] = ()
    """Areas that were to show the mark and do not."""
    reason: str | None = None
    """Why it was not checked, for people."""


def joined(parts: list[Segment]) -> list[Segment]:
    """Neighbours of one status made one, empty parts left out."""
    kept: list[Segment] = []
    for part in parts:
        if part.end <= part.start:
            continue
        if kept and kept[-1].status == part.status:
            last = kept[-1]
            kept[-1] = replace(last, end=part.end, score=max(last.score, part.score))
        else:
            kept.append(part)
    return kept
