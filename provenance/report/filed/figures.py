"""What the pictures of a report show, in numbers: which frames, the map over them, the time.  Pure.

Both forms draw the same: HTML as SVG, PDF as lines and boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import cv2
import numpy as np
from cv2.typing import MatLike

from provenance.results import Detection, Other, PictureMap, SegmentStatus, VerificationReport
from provenance.results.payload import StampId
from provenance.system.text import clock
from provenance.system.tongue import say, worded
from provenance.verifying.wording import placed
from provenance.video import Still

FRAMES: Final = 6
LONGEST: Final = 480
"""Pixels of a frame's longer side."""
_QUALITY: Final = 82

STATES: Final[dict[SegmentStatus, str]] = {
    "marked": worded("marked"),
    "unmarked": worded("unmarked"),
    "unknown": worded("unknown"),
}
"""What is said of a stretch."""

_CORNERS: Final = 4
_TURNED, _STRETCHED, _LEANING = 0.5, 0.01, 1e-5
"""From how many degrees, which stretch and which slope a picture is laid back."""

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the shown picture."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is drawn over a picture, in its pixels: cells that lack the mark, borders of areas that
    do, and around the stamped picture."""

    missing: tuple[Box, ...] = ()
    areas: tuple[Points, ...] = ()
    outline: Points = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a picture: its sides as it is shown here, and in its own pixels, which may be oblong and
    which all that is drawn over it counts in."""

    width: int
    height: int
    across: int
    down: int

    @classmethod
    def of(cls, still: Still) -> Shape:
        """That of a frame."""
        height, width, _ = still.rgb.shape
        return cls(width, height, still.across, still.down)

    @property
    def scale(self) -> tuple[float, float]:
        """From its own pixels to those shown here."""
        return (self.width / self.across, self.height / self.down)


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of the contact sheet; ``seconds`` is None of a still image."""

    jpeg: bytes
    shape: Shape
    seconds: float | None
    state: SegmentStatus | None
    stamp: StampId | None
    over: Overlay
    as_stamped: bytes | None = None
    """The stamped picture out of it, laid as it was stamped, where it lies otherwise."""

    @property
    def mapped(self) -> bool:
        """Whether anything is drawn over it."""
        return self.over != Overlay()

    @property
    def caption(self) -> str:
        """When it is, and whether the mark is there: of which stamp, where there are several."""
        when = "" if self.seconds is None else clock(self.seconds)
        what = "" if self.state is None else say(STATES[self.state])
        if self.stamp is not None:
            what = say("stamp {stamp}", stamp=self.stamp)
        return say(", ").join(part for part in (when, what) if part) or say("the picture")


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a lane, in shares of the time; ``told`` is the same in words."""

    start: float
    end: float
    status: SegmentStatus
    told: str


@dataclass(frozen=True, slots=True)
class Lane:
    """The time of one stamp."""

    name: str
    bars: tuple[Bar, ...]


def moments(report: VerificationReport) -> tuple[float, ...]:
    """The seconds whose frames are shown: each stretch, the longest first, then more of these."""
    length = report.file.seconds
    if report.file.kind == "image" or not length:
        return (0.0,)
    segments = report.watermark.segments
    pieces = [(min(one.start, length), min(one.end, length)) for one in segments]
    pieces = sorted(pieces or [(0.0, length)], key=lambda piece: piece[0] - piece[1])[:FRAMES]
    counts = [1] * len(pieces)
    while sum(counts) < FRAMES:
        apart = [(end - start) / count for (start, end), count in zip(pieces, counts, strict=True)]
        counts[apart.index(max(apart))] += 1
    return tuple(
        sorted(
            start + (end - start) * (number + 0.5) / count
            for (start, end), count in zip(pieces, counts, strict=True)
            for number in range(count)
        )
    )


def sheet(report: VerificationReport, stills: Sequence[Still]) -> tuple[Frame, ...]:
    """The frames as small pictures, with the map where the mark is."""
    return tuple(_frame(report, still) for still in stills)


def _frame(report: VerificationReport, still: Still) -> Frame:
    # The map is that of the frames with the mark: over any other it would say what isn't so.
    finds = [one.watermark for one in report.finds]
    shown = [found for found in finds if _state(report, found, still.time) == "marked"]
    state = "marked" if shown else _state(report, report.watermark, still.time)
    bgr = cv2.cvtColor(still.rgb, cv2.COLOR_RGB2BGR)
    return Frame(
        _jpeg(bgr),
        (shape := Shape.of(still)),
        None if report.file.kind == "image" else still.time,
        state,
        shown[0].stamp_id if shown and len(finds) > 1 else None,
        overlay(shown[0], shape) if shown else Overlay(),
        _as_stamped(bgr, shown[0], shape) if shown else None,
    )


def _jpeg(bgr: MatLike) -> bytes:
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return np.asarray(jpeg).tobytes()


def _as_stamped(bgr: MatLike, found: Detection, shape: Shape) -> bytes | None:
    """The stamped picture, upright and in its own proportions; None where it fills the frame so."""
    transform, corners = found.transform, np.array(found.outline, np.float32)
    if transform is None or len(corners) != _CORNERS:
        return None
    turned = transform.mirrored or abs(transform.rotation_deg) > _TURNED
    leaning = max(abs(transform.matrix[6]), abs(transform.matrix[7])) > _LEANING
    if not (turned or leaning or abs(transform.aspect - 1.0) > _STRETCHED or placed(found)):
        return None
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    wide, high = (sides[0] + sides[2]) / transform.aspect, sides[1] + sides[3]
    if min(wide, high) <= 0.0:
        return None
    by = LONGEST / max(wide, high)
    width, height = max(1, round(float(wide * by))), max(1, round(float(high * by)))
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    laid = cv2.getPerspectiveTransform(corners * np.array(shape.scale, np.float32), target)
    return _jpeg(cv2.warpPerspective(bgr, laid, (width, height), flags=cv2.INTER_AREA))


def _state(report: VerificationReport, found: Detection, time: float) -> SegmentStatus | None:
    """Whether a stamp is in the frame of a moment; None where that was not looked at."""
    if report.file.kind == "image":
        return "marked" if found.stamp_id is not None else None
    return next((one.status for one in found.segments if one.start <= time < one.end), None)


def overlay(found: Detection, shape: Shape) -> Overlay:
    """What is drawn over a picture; the border of the stamped one only where it isn't its own."""
    across, down = shape.across, shape.down
    return Overlay(
        tuple(_missing(found.picture, across, down)),
        tuple(tuple(gap.polygon) for gap in found.missing),
        () if _fills(found, shape) else tuple(found.outline),
    )


def _fills(found: Detection, shape: Shape) -> bool:
    """Whether the stamped picture's border is the shown one's own."""
    across, down = shape.across, shape.down
    inner = 0.03 * min(across, down)
    return all(
        min(abs(x), abs(x - across)) < inner and min(abs(y), abs(y - down)) < inner
        for x, y in found.outline
    )


def _missing(picture: PictureMap | None, across: int, down: int) -> Iterator[Box]:
    """Cells that lack the mark, those beside one another as one."""
    if picture is None:
        return
    wide, high = across / picture.columns, down / picture.rows
    for row in range(picture.rows):
        cells = enumerate(picture.states[row * picture.columns : (row + 1) * picture.columns])
        for state, run in groupby(cells, lambda cell: cell[1]):
            first, *more = (column for column, _ in run)
            if state == "missing":
                yield Box(first * wide, row * high, (1 + len(more)) * wide, high)


def lanes(report: VerificationReport) -> tuple[Lane, ...]:
    """The time of each stamp that was read, or of the search where none was."""
    length = report.file.seconds
    if report.file.kind != "video" or not length:
        return ()
    finds = report.finds or (Other(report.watermark),)
    return tuple(_lane(one.watermark, length) for one in finds if one.watermark.segments)


def _lane(found: Detection, length: float) -> Lane:
    stamp = found.stamp_id
    named = say("no stamp") if stamp is None else say("stamp {stamp}", stamp=stamp)
    return Lane(
        named,
        tuple(
            Bar(
                min(one.start / length, 1.0),
                min(one.end / length, 1.0),
                one.status,
                f"{say(STATES[one.status])} {clock(one.start)}-{clock(one.end)}",
            )
            for one in found.segments
        ),
    )
