"""Look for all watermarks in a file: few frames first, more only while undecided.

1. A few dozen frames, spread over the clip (its key frames, when it is long), read where they lie.
2. Panels whose borders show in them, each as a picture of its own: insets, also one that slides
   over the rest, and pictures side by side.
3. A long clip piece by piece, so that a frame is heard every few seconds.
4. A few hundred frames (of a long clip those of step 3), the whole search for geometry, and
   panels again.
5. Up to several hundred more, and the whole search again.
6. Where a find's timeline disagrees with itself (a splice), short runs around the places in
   question; a file that is marked throughout is not read again.
7. Other stamps: in moments that carry none of the finds, then in parts of the picture that no find
   explains, until nothing more is found.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from provenance.errors import UnreadableFileError
from provenance.results import Coverage, Detection, Effort
from provenance.results.payload import StampId
from provenance.verifying.clock import Clock
from provenance.verifying.insets import LEAST, Insets, follow, shifts
from provenance.verifying.regions import (
    PART,
    Cells,
    Region,
    covered,
    in_pixels,
    parts,
    places,
    unexplained,
)
from provenance.verifying.sampling import (
    FIRST_LOOK,
    Footage,
    coverage_of,
    grid_of,
    too_narrow,
)
from provenance.verifying.stretches import filled, heard_to, strength, together, unmarked
from provenance.verifying.views import TEXTURE, View, laid_in, look_into, texture, watch
from provenance.video import LumaFrame, MediaInfo
from provenance.watermark.alarms import PANELS_HEARD
from provenance.watermark.arrays import Plane
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.spec import LAYOUTS
from provenance.watermark.detector import Detector
from provenance.watermark.find.panels import Box, distinct, panels
from provenance.watermark.picture.observation import Observation
from provenance.watermark.where.boundaries import Look

MANY = 240
"""Frames of the first whole search for geometry, and of a search for other stamps."""
LOOKS: dict[Effort, tuple[int, ...]] = {
    "quick": (),
    "normal": (MANY, 640),
    "exhaustive": (MANY, 640, 1600),
}
"""Frames in the rounds of that search."""
AGAIN = 3
"""Panels that are looked at again with more frames: those in which the pilot's score, once fitted,
was at least ``PANELS_HEARD``, and as high as its step asks for."""
MORE = 1.6
"""Times as many frames as before for which the whole search is worth repeating."""
MOST_OTHERS = 8
"""Stamps besides the first that are looked for."""
PIECE = 60.0
"""Seconds of a long clip that are looked at together, and up to which another stamp is looked for
that was cropped, turned or scaled."""
OVERLAP = 3.0
"""Seconds by which a piece reaches into its neighbours."""
LEAST_STRETCH = 1.0
"""Seconds without the first stamp in which another one is looked for."""
SMALL = 0.7
"""Size of a find's picture, relative to the frame's, below which it is looked at by itself."""
TURNED = 10.0
"""Degrees by which such a picture may be turned."""
PARTS = 4
"""Searches that what is said of chance counts from the start: of the whole, at several depths, and
of panels.  A piece of a long clip takes less than half of one (a test holds that)."""
IN_VIEW = 0.6
"""Share of a panel that no find explains, from which it is looked at."""

_Steps = Callable[[Observation, Look | None], Detection]

_log = logging.getLogger(__name__)


def examine(
    path: Path,
    info: MediaInfo,
    keys: Sequence[WatermarkKey],
    *,
    expected: StampId | None = None,
) -> Detection:
    """Find and read the watermark of a video or still image.

    Args:
        path: the file.
        info: what :func:`provenance.video.probe` said of it.
        keys: every key to try, newest first.
        expected: the stamp id of a file this program just wrote: it is looked for where it lies
            only, and its margin is measured also when it cannot be read.

    Raises:
        UnreadableFileError: when nothing of it decodes.
    """
    search = Search(path, info, keys)
    return search.find() if expected is None else search.where_it_lies(expected)


class Search:
    """One file's search.

    One detector serves all of it, so that what is said of chance counts everything that was tried.

    Args:
        path: the file.
        info: what :func:`provenance.video.probe` said of it.
        keys: every key to try, newest first; with none nothing is searched.
        effort: ``quick`` ends after step 2, ``exhaustive`` looks at more frames, and tries every
            kind of map in every piece of a long clip.
        footage: of the file, where somebody else looks at it, too.
    """

    def __init__(
        self,
        path: Path,
        info: MediaInfo,
        keys: Sequence[WatermarkKey],
        effort: Effort = "normal",
        footage: Footage | None = None,
    ) -> None:
        self._footage, self._info, self._effort = footage or Footage(path, info), info, effort
        self._clock = Clock()
        self._idle: str | None = None
        if not keys:
            self._idle = "no watermark key was given"
        elif too_narrow(info):
            self._idle = "the picture is too small or too narrow to look at"
        else:
            searches = PARTS + math.ceil(self._length / (2.0 * PIECE))
            deep = 4 if self._deep else 1
            self._detector = Detector(keys, parts=searches * deep, trace=self._told)
        self._whole = grid_of(info)
        self._look: Look | None = self._footage.between if info.kind == "video" else None
        self._insets = Insets(self._whole)
        self._panels: list[Box] = []
        self._sliding: Box | None = None
        self._audible: list[Box] = []
        self._heard = False
        self._texture = 0.0
        self._pieced: list[Detection] | None = None
        self._times: list[float] = []

    def where_it_lies(self, expected: StampId) -> Detection:
        """A mark that was just written, where it was written; with its margin in any case."""
        observation = self._observe(self._footage.survey())
        found = self._detector.quick(observation)
        if found.margin_db is None:
            found = replace(found, margin_db=self._detector.measure(observation, expected))
        return found

    def find(self) -> Detection:
        """The first mark: steps 1 to 6.

        Raises:
            UnreadableFileError: when nothing of the file decodes.
        """
        if self._idle is not None:
            return Detection("not_checked", reason=self._idle)
        observation = self._observe(self._insets.seen(self._footage.survey()))
        found = self._detector.quick(observation, self._look)  # 1
        self._clock.begin("borders")
        plane = observation.upright()
        self._texture = texture(plane)
        self._panels = distinct([*self._insets.still(), *panels(plane)])
        self._sliding = self._insets.sliding()
        if found.stamp_id is None:
            found = self._in_sliding() or self._in_panels(self._panels, FIRST_LOOK) or found  # 2
        if found.stamp_id is None and self._length > PIECE and self._effort != "quick":
            pieces = self._piecewise([(0.0, self._length)], observation)  # 3
            self._pieced = sorted(pieces, key=strength)
            found = self._pieced.pop() if self._pieced else found
        seen = 0
        for frames in LOOKS[self._effort] if found.stamp_id is None else ():
            if seen and min(frames, self._footage.total or frames) < MORE * seen:
                break
            if self._info.kind == "video" and observation.frames < frames:
                self._observe(self._footage.sampled(frames), observation)
            if seen and observation.frames < MORE * seen:
                break
            seen = observation.frames
            found = self._detector.thorough(observation, self._look)  # 4, 5
            if found.stamp_id is None and frames == MANY and seen >= MORE * FIRST_LOOK:
                again = self._panels if self._deep else self._audible
                found = self._in_panels(again[:AGAIN], frames // 2) or found
            _log.debug("%s: %s after %d frames", self._info.path, found.status, seen)
            if found.stamp_id is not None:
                break
        found = in_pixels(self._enlarged(found), self._info.video.display_size)
        if found.status == "found" and (found.moves or laid_in(found, plane)):
            found = replace(found, status="partial")
        if self._info.truncated and found.segments:
            found = heard_to(found, max(self._times))
        self._clock.begin(None)
        return found

    def _enlarged(self, found: Detection) -> Detection:
        """A small picture laid in another, looked at by itself, with all the lines that it has."""
        where = found.transform
        if where is None or where.scale > SMALL or abs(where.rotation_deg) > TURNED or found.moves:
            return found
        tile = next(spec.tile for spec in LAYOUTS if spec.version == found.layout)
        boxes = places(self._whole, where, tile)
        frames = max(FIRST_LOOK, found.frames)
        own = self._in_panels(boxes, frames, wanted=found.stamp_id)
        better = own is not None and strength(own) > strength(found)
        return own if own is not None and better else found

    def others(self, first: Detection) -> tuple[Detection, ...]:
        """The other stamps of a file in which :meth:`find` found one: step 7.

        Compilations, reactions and news pieces are made of many clips, and so are pictures of
        several panels.  What is left is searched as a file of its own would be.
        """
        finds = [first]
        if first.stamp_id is not None and self._effort != "quick":
            if self._info.kind == "video":
                self._in_other_moments(finds)
            self._in_other_places(finds)
            self._clock.begin(None)
        return tuple(in_pixels(find, self._info.video.display_size) for find in finds[1:])

    @property
    def _deep(self) -> bool:
        return self._effort == "exhaustive"

    @property
    def _length(self) -> float:
        """Seconds that a video lasts, as far as is known; 0 of a still image."""
        return (self._info.duration or 0.0) if self._info.kind == "video" else 0.0

    @property
    def coverage(self) -> Coverage | None:
        """How much was looked at so far; None where nothing was."""
        return coverage_of(self._times, self._length, self._effort, self._clock.spent)

    def _told(self, what: str, /, **values: Any) -> None:
        """A trace of the detector's: what its time goes to."""
        if what == "step":
            self._clock.begin(f"{values['number']} {values['name']}")
        elif what == "guess" and values["hypothesis"].heard:
            guess = values["hypothesis"]
            self._heard |= guess.score >= max(guess.least, PANELS_HEARD)
        elif what == "found":
            self._clock.begin("where it is")

    def _watch(
        self,
        views: Sequence[View],
        frames: Iterator[LumaFrame],
        known: Collection[float] = (),
        also: Observation | None = None,
    ) -> None:
        self._clock.begin("looking")
        self._times += watch(views, frames, known, also)

    def _in_other_moments(self, finds: list[Detection]) -> None:
        rest = unmarked([(s.start, s.end) for s in finds[0].segments], finds[0])
        while len(finds) <= MOST_OTHERS:
            rest = [(start, end) for start, end in rest if end - start >= LEAST_STRETCH]
            if sum(end - start for start, end in rest) > PIECE:
                others = self._piecewise(rest) if self._pieced is None else self._pieced
            else:
                steps = self._detector.thorough if self._deep else self._detector.aligned
                others = [self._searched(rest, steps)] if rest else []
            new = [other for other in others if _new(other, finds)]
            finds += new
            if not new:
                break
            for other in new:
                rest = unmarked(rest, other)

    def _piecewise(
        self, stretches: Sequence[tuple[float, float]], whole: Observation | None = None
    ) -> list[Detection]:
        """The marks of long stretches of time, looked for where they lie in each minute.

        What is seen of them is added to ``whole``, so that the search there need not look again.
        """
        finds: dict[StampId, Detection] = {}
        steps = self._detector.aligned if self._deep else self._detector.brief
        for start, end in stretches:
            count = max(1, math.ceil((end - start) / PIECE))
            edges = np.linspace(start, end, count + 1).tolist()
            for piece in itertools.pairwise(edges):
                one = self._searched([piece], steps, OVERLAP, whole)
                if one.stamp_id is not None:
                    known = finds.get(one.stamp_id)
                    finds[one.stamp_id] = one if known is None else together(known, one)
        return [replace(find, segments=filled(find.segments, stretches)) for find in finds.values()]

    def _searched(
        self,
        stretches: Sequence[tuple[float, float]],
        search: _Steps,
        beyond: float = 0.0,
        whole: Observation | None = None,
    ) -> Detection:
        """What a search finds in stretches of time, told of these alone."""
        wider = [(max(0.0, start - beyond), end + beyond) for start, end in stretches]
        view = self._view(seconds=sum(end - start for start, end in wider))
        self._watch([view], self._footage.within(wider, MANY), also=whole)
        if not view.observation.frames:
            return Detection("absent")
        other = search(view.observation, self._look)
        kept = tuple(
            replace(s, start=max(s.start, start), end=min(s.end, end))
            for s in other.segments
            for start, end in stretches
            if min(s.end, end) > max(s.start, start)
        )
        return replace(other, status="partial", segments=kept)

    def _in_other_places(self, finds: list[Detection]) -> None:
        other = None if any(find.moves for find in finds) else self._in_sliding()
        if other is not None and _new(other, finds):
            finds.append(replace(other, status="partial"))
        while len(finds) <= MOST_OTHERS:
            rest = unexplained(self._whole, finds)
            if rest is None or rest.mean() < PART:
                break
            boxes = [box for box in self._panels if covered(box, rest) >= IN_VIEW]
            # As many frames as it took to find the first.
            frames = max(FIRST_LOOK, finds[0].frames)
            other = self._in_panels([*boxes[:4], *parts(rest)[:2]], frames, rest, finds)
            if other is None:
                break
            finds.append(replace(other, status="partial"))

    def _in_panels(
        self,
        boxes: Sequence[Box],
        frames: int,
        rest: Cells | None = None,
        finds: Sequence[Detection] = (),
        wanted: StampId | None = None,
    ) -> Detection | None:
        """The first mark that is new in panels of the picture, each as one of its own.

        Args:
            boxes: the panels, likeliest first.
            frames: about how many to look at, in one pass for all of them.
            rest: the cells to look at; default: all.
            finds: what is known already.
            wanted: the one stamp that is looked for.
        """
        regions = [region for region in (Region.of(self._whole, box) for box in boxes) if region]
        if not regions:
            return None
        views = [self._view(one, None if rest is None else one.window(rest)) for one in regions]
        self._watch(views, self._footage.sampled(frames))
        steps = self._detector.quick if self._effort == "quick" else self._detector.framed
        for view in views:
            seen = view.observation
            if seen.frames and texture(seen.upright(), seen.window) > TEXTURE * self._texture:
                self._heard = False
                found = steps(seen, look_into(view.region, self._look))
                if self._heard:
                    self._audible.append(view.region.box)
                if _new(found, finds) and wanted in (None, found.stamp_id):
                    return view.region.placed(found)
        return None

    def _in_sliding(self) -> Detection | None:
        """The mark of a picture that slides over the rest."""
        region = None if self._sliding is None else Region.of(self._whole, self._sliding)
        if region is None:
            return None
        for frames in (FIRST_LOOK, MANY):
            view = self._view(region)
            self._clock.begin("looking")
            track = follow(view, self._footage.sampled(frames))
            self._times += [time for time, _ in track]
            if len(track) < LEAST:
                break
            found = self._detector.framed(view.observation)
            if found.stamp_id is not None:
                region = region.moved(track[0][1])
                return replace(region.placed(found), moves=shifts(track, region))
        return None

    def _observe(
        self, frames: Iterator[LumaFrame], before: Observation | None = None
    ) -> Observation:
        """The whole picture in some frames, besides those that it was observed in ``before``."""
        view = self._view() if before is None else View(Region.all_of(self._whole), before)
        self._watch([view], frames, frozenset(view.observation.times))
        if not view.observation.frames:
            raise UnreadableFileError(
                f"No picture could be decoded from {self._info.path}",
                advice="get a complete copy of the file",
            )
        return view.observation

    def _view(
        self,
        region: Region | None = None,
        window: Plane | None = None,
        seconds: float | None = None,
    ) -> View:
        region = region or Region.all_of(self._whole)
        depth, length = self._info.video.bit_depth, seconds or self._info.duration
        return View(region, Observation(region.grid, depth, length, window))


def _new(found: Detection, finds: Sequence[Detection]) -> bool:
    known = {find.stamp_id for find in finds}
    return found.stamp_id is not None and found.stamp_id not in known
