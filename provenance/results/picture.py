"""What the pixels of a file say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provenance.results.payload import StampId

WatermarkStatus = Literal["found", "partial", "weak", "absent", "not_checked"]
SegmentStatus = Literal["marked", "unmarked", "unknown"]
CellStatus = Literal["marked", "missing", "unknown"]


@dataclass(frozen=True, slots=True)
class Transform:
    """How the examined picture lies on the picture that was stamped.

    ``scale`` is the size of the examined picture's content relative to the stamped one on the
    canonical grid, ``rotation_deg`` is counter-clockwise, ``aspect`` is the stretch of width
    against height.  ``matrix`` is the row-major 3 x 3 projective map from canonical pixels of the
    examined picture to canonical pixels of the stamped one.
    """

    scale: float
    rotation_deg: float
    mirrored: bool
    aspect: float
    matrix: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "scale": round(self.scale, 4),
            "rotation_deg": round(self.rotation_deg, 2),
            "mirrored": self.mirrored,
            "aspect": round(self.aspect, 4),
        }


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time, in seconds of presentation, and whether the mark was seen in it."""

    start: float
    end: float
    status: SegmentStatus
    score: float

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "status": self.status,
            "score": round(self.score, 2),
        }


@dataclass(frozen=True, slots=True)
class MissingArea:
    """A connected area that was to show the mark and does not, beyond doubt.

    ``share`` is its part of the stamped picture that is in view; the sides are fractions of the
    shown picture, from its upper left corner.
    """

    share: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PictureMap:
    """Where in the shown picture the mark is, cell by cell, row by row from the upper left.

    ``scores`` are deviations of the correlation with the pattern: a standard normal where no mark
    is.  ``expected`` is what a mark would have given there, 0 outside the picture that was
    stamped.  ``odds`` are natural log-odds for marked against missing, neighbours considered;
    they order places, ``scores`` carry the error rates.  A flat cell, or one that promised too
    little, is ``unknown``.  ``missing`` is the largest area of missing cells, if it is of size.
    ``heard`` and ``due`` are what each cell shows of the mark by itself, and what it would if it
    kept as much as the rest of the file: their sums over an area, one by the other, are the share
    of the mark that is there.  ``outline`` has the corners of the stamped picture, clockwise from
    what was its upper left one, as (x, y) in fractions of the shown picture; they may lie outside,
    and its long side reaches as far as the mark was seen.
    """

    columns: int
    rows: int
    states: tuple[CellStatus, ...]
    scores: tuple[float, ...]
    expected: tuple[float, ...]
    odds: tuple[float, ...]
    missing: MissingArea | None = None
    heard: tuple[float, ...] = ()
    due: tuple[float, ...] = ()
    outline: tuple[tuple[float, float], ...] = ()

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
class Detection:
    """What the pixels say.

    ``score`` is C, the sum over the payload's degrees of freedom of (mean / deviation) squared;
    ``margin_db`` is ``10 log10(C / C needed to decode)``.  ``false_positive_probability`` bounds
    the chance that an unmarked file gives such a find, corrected for everything searched.
    """

    status: WatermarkStatus
    stamp_id: StampId | None = None
    key_id: str | None = None
    layout: int | None = None
    score: float | None = None
    margin_db: float | None = None
    false_positive_probability: float | None = None
    frames: int = 0
    transform: Transform | None = None
    segments: tuple[Segment, ...] = ()
    picture: PictureMap | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return {
            "status": self.status,
            "stamp_id": None if self.stamp_id is None else self.stamp_id.hex,
            "key_id": self.key_id,
            "layout": self.layout,
            "score": None if self.score is None else round(self.score, 2),
            "false_positive_probability": self.false_positive_probability,
            "frames": self.frames,
            "transform": None if self.transform is None else self.transform.as_json(),
            "segments": [segment.as_json() for segment in self.segments],
            "reason": self.reason,
        }
