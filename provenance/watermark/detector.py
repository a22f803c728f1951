"""Find and read the mark in what was observed of a clip, without the original.

The work is ordered by likelihood and stops at the first authenticated payload:

1. the whole, where it lies (identity), as it is and after a small correction by the pilot;
2. each stretch of time by itself, where it lies (a splice, a cut to unmarked video);
3. linear and projective maps (:mod:`.geometry`);
4. maps that change with time (:mod:`.motion`);
5. pictures whose outline shows (:mod:`.outlines`);
6. pictures seen from the side that only the pilot's phases give away (:mod:`.around`);
7. maps of a part of the frame (:mod:`.geometry`).

All are done for every key; keys of one organisation share a pilot, so the search for
geometry is done once for all of them, and each map found is read for all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from provenance.results import Detection, PictureMap, Segment, Transform, WatermarkStatus
from provenance.results.payload import LAYOUT, StampId
from provenance.watermark import alignment, codeword, evidence, pattern
from provenance.watermark.boundaries import Look, joined, settled
from provenance.watermark.geometry import Fitted, Spectra, fitted_maps, partial_maps, tilted_maps
from provenance.watermark.keys import WatermarkKey
from provenance.watermark.layout import Layout, layout_for
from provenance.watermark.motion import Course, courses, courses_from
from provenance.watermark.observation import Observation
from provenance.watermark.outlines import outlined
from provenance.watermark.presence import LARGE_AREA, picture_map
from provenance.watermark.reading import Reading
from provenance.watermark.residual import Plane
from provenance.watermark.timeline import segments

REFINEMENTS = 3
CLEAR_SCORE = 2000.0
READ_FROM = 5.0
"""Pilot score, after fitting, from which a map is read under; what reads has at least 7."""
MOMENTS = 8
MUCH_BETTER = 1.3
"""Times the score by which following must gain on a still map that read."""
MUCH_MORE = 1.25
"""Times the marked seconds that it must show: in a splice it gains in score, and nothing else..."""
FAR_BETTER = 3.0
"""...and there never this many times the score, which a camera held by hand does."""
WEAK_PILOT = 14.0
"""Pilot score, after fitting, from which an unread mark is suspected; 16 is the most there is.
With wrong keys the best of the whole search stayed under 9 on clips and reached 13.3 on a weave
(docs/false-finds.md)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Find:
    key: WatermarkKey
    stamp_id: StampId
    matrix: alignment.Map
    polarity: int
    slope: float
    score: float
    steady: Observation | None = None


class Detector:
    """Reads what an :class:`Observation` gathered; keeps count of everything it tried.

    Call :meth:`quick` after the first frames, :meth:`thorough` when that did not decide; add more
    frames to the observation in between as needed.
    """

    def __init__(self, keys: Sequence[WatermarkKey]) -> None:
        if not keys:
            raise ValueError("a detector needs at least one key")
        self._keys = keys
        pilots: dict[bytes, list[WatermarkKey]] = {}
        for key in keys:
            pilots.setdefault(key.pilot_secret, []).append(key)
        self._organisations = list(pilots.values())
        self._words = 0
        self._pilot = 0.0
        self._reading: Reading | None = None

    def quick(self, observation: Observation) -> Detection:
        """Look at the identity only (step 1)."""
        return self._report(observation, self._identity(observation.upright()))

    def measure(self, observation: Observation, stamp_id: StampId) -> float:
        """Margin, dB, of a stamp id known to be there, where it lies; negative if unreadable."""
        spectrum = pattern.fold_centred(observation.upright())
        return max(
            evidence.margin_db(
                best_slope(spectrum, layout_for(key), codeword.encode(stamp_id, key))[0]
            )
            for key in self._keys
        )

    def brief(self, observation: Observation) -> Detection:
        """Steps 1 and 2: where it lies, in the whole and in stretches of time."""
        find = self._identity(observation.upright()) or self._spans(observation)
        return self._report(observation, find)

    def thorough(self, observation: Observation) -> Detection:
        """Steps 1 to 7."""
        plane = observation.upright()
        find = self._identity(plane)
        if find is None:
            find = self._spans(observation)
        if find is None:
            find = self._searched(observation, plane)
        return self._report(observation, find)

    def settled(self, detection: Detection, observation: Observation, look: Look) -> Detection:
        """The last find with its timeline looked at again where that disagrees with itself."""
        if self._reading is None or detection.status not in ("found", "partial"):
            return detection
        timeline = settled(detection.segments, observation, self._reading, look)
        return replace(detection, status=_status(timeline, detection.picture), segments=timeline)

    def _identity(self, plane: Plane) -> _Find | None:
        find = self._first(
            self._read(plane, keys, matrix, polarity)
            for keys in self._organisations
            for matrix, polarity in self._near_identity(plane, layout_for(keys[0]))
        )
        if find is not None and find.score < CLEAR_SCORE:
            # A picture turned by a degree still reads here, barely, and lies elsewhere.
            return self._refined(plane, find)
        return find

    def _near_identity(self, plane: Plane, layout: Layout) -> Iterator[tuple[alignment.Map, int]]:
        matrix = np.eye(3)
        yield matrix, 1
        place = alignment.locate(pattern.fold_centred(plane), layout)
        corrected, score = alignment.fit(
            plane, alignment.shifted(matrix, place), layout, place.polarity, (6, 8)
        )
        self._pilot = max(self._pilot, score)
        yield corrected, place.polarity

    def _spans(self, observation: Observation) -> _Find | None:
        """Pairs of neighbouring spans, then single ones: a splice dilutes the sum of the whole."""
        spans = observation.spans
        if len(spans) < 2:
            return None
        parts = [spans[i : i + 4] for i in range(0, len(spans), 2) if len(spans) > 4]
        parts += [[span] for span in spans]
        return self._first(
            self._read(plane, keys, np.eye(3), 1)
            for plane in (observation.upright(part) for part in parts)
            for keys in self._organisations
        )

    def _searched(self, observation: Observation, plane: Plane) -> _Find | None:
        """Steps 3 to 7, for each pilot; every key that has this pilot reads at each map found."""
        spectra, moments = Spectra(plane), observation.moments()
        for keys in self._organisations:
            layout = layout_for(keys[0])
            find = (
                self._tried(plane, keys, fitted_maps(spectra, layout))
                or self._first(
                    self._steadied(observation, keys, course) for course in courses(moments, layout)
                )
                or self._outlined(plane, keys)
                or self._tried(plane, keys, tilted_maps(spectra, layout))
                or self._tried(plane, keys, partial_maps(spectra, layout))
            )
            if find is not None:
                return find
        return None

    def _tried(
        self, plane: Plane, keys: Sequence[WatermarkKey], maps: Iterable[Fitted]
    ) -> _Find | None:
        for fitted in maps:
            self._pilot = max(self._pilot, fitted.score)
            if fitted.score < READ_FROM:
                continue
            find = self._read(plane, keys, fitted.matrix, fitted.polarity, partly=True)
            if find is not None:
                return self._refined(plane, find)
        return None

    def _outlined(self, plane: Plane, keys: Sequence[WatermarkKey]) -> _Find | None:
        for picture in outlined(plane, layout_for(keys[0])):
            find = self._read(picture.part, keys, picture.matrix, picture.polarity)
            if find is not None:
                return self._refined(picture.part, find)
        return None

    def _steadied(
        self, observation: Observation, keys: Sequence[WatermarkKey], course: Course
    ) -> _Find | None:
        """Read with every moment laid over the middle one.

        The pilot's score tells nothing here: a course has hundreds of terms fitted to it.
        """
        steady = observation.steadied(course.moves)
        plane = steady.upright()
        find = self._read(plane, keys, course.reference, course.polarity, partly=True)
        return None if find is None else replace(self._refined(plane, find), steady=steady)

    def _moving(self, observation: Observation, find: _Find) -> _Find | None:
        """Follow a map that read, if that reads much better: a slow zoom is found in part."""
        moments = observation.moments()
        if len(moments) < MOMENTS:
            return None
        better = find
        for course in courses_from(moments, find.matrix, find.polarity, layout_for(find.key)):
            steadied = self._steadied(observation, [find.key], course)
            if steadied is not None and steadied.stamp_id == find.stamp_id:
                better = max(better, steadied, key=lambda one: one.score)
        return better if better.score > MUCH_BETTER * find.score else None

    def _refined(self, plane: Plane, find: _Find) -> _Find:
        """Fit on from a map that read, as long as the score grows: it may hold in part only."""
        for _ in range(REFINEMENTS):
            layout = layout_for(find.key)
            matrix, _ = alignment.fit(plane, find.matrix, layout, find.polarity, (8, 8))
            better = self._read(plane, [find.key], matrix, find.polarity, partly=True)
            if better is None or better.stamp_id != find.stamp_id or better.score <= find.score:
                break
            find = better
        return find

    def _read(
        self,
        plane: Plane,
        keys: Sequence[WatermarkKey],
        matrix: alignment.Map,
        polarity: int,
        *,
        partly: bool = False,
    ) -> _Find | None:
        """Read the soft bits under a map and decode them for keys that share a pilot, in order.

        ``partly``: only where the pilot is.
        """
        canvas = alignment.unwarp(plane, matrix)
        if canvas is None:
            return None
        layouts, sign = [layout_for(key) for key in keys], np.float32(polarity)
        if partly:
            canvas = alignment.where_agreed(canvas, layouts[0], polarity)
        spectrum = canvas.fold()
        parts = sign * pattern.whitened(spectrum, layouts[0].data_at)
        soft = [pattern.gathered(parts, layout, s) for layout in layouts for s in pattern.SLOPES]
        lists = codeword.likely_words(np.stack(soft))
        for place, words in enumerate(lists):
            key = keys[place // len(pattern.SLOPES)]
            decoded = codeword.authenticated(words, key)
            self._words += decoded.tries
            if decoded.stamp_id is None:
                continue
            word = sign * codeword.encode(decoded.stamp_id, key)
            score, best = best_slope(spectrum, layout_for(key), word)
            if evidence.believed(score, self._words, len(self._keys)):
                return _Find(key, decoded.stamp_id, matrix, polarity, best, score)
        return None

    @staticmethod
    def _first(finds: Iterable[_Find | None]) -> _Find | None:
        return next((find for find in finds if find is not None), None)

    def _report(self, observation: Observation, find: _Find | None) -> Detection:
        if find is None:
            weak = self._pilot >= WEAK_PILOT
            return Detection(
                status="weak" if weak else "absent",
                frames=observation.frames,
                reason="a pilot signal stands out, but no payload could be read" if weak else None,
            )
        reading = Reading(
            find.matrix,
            find.polarity,
            find.slope,
            layout_for(find.key),
            codeword.encode(find.stamp_id, find.key),
        )
        seen = observation if find.steady is None else find.steady
        timeline, carriers = segments(seen, reading)
        if find.steady is None and any(segment.status != "marked" for segment in timeline):
            moving = self._moving(observation, find)
            if moving is not None:
                followed = self._report(observation, moving)
                needed = 1.0 if moving.score > FAR_BETTER * find.score else MUCH_MORE
                if _marked(followed.segments) > needed * _marked(timeline):
                    return followed
        picture = picture_map(seen, carriers, reading) if find.steady is None else None
        if find.steady is not None:
            # Silence may be a course that was lost, and the edges come and go.
            silent = [
                replace(s, status="unknown") if s.status == "unmarked" else s for s in timeline
            ]
            timeline = tuple(joined(silent))
        # Frames read again lie where they lay: a second look is for what stands still.
        self._reading = reading if find.steady is None else None
        return Detection(
            status=_status(timeline, picture),
            stamp_id=find.stamp_id,
            key_id=find.key.key_id,
            layout=LAYOUT,
            score=find.score,
            margin_db=evidence.margin_db(find.score),
            false_positive_probability=evidence.false_positive_probability(
                find.score, self._words, len(self._keys)
            ),
            frames=observation.frames,
            transform=_transform(find.matrix),
            segments=timeline,
            picture=picture,
        )


def best_slope(
    spectrum: pattern.Spectrum, layout: Layout, word: NDArray[np.float32]
) -> tuple[float, float]:
    """(score, slope) at which a known codeword (1024,) reads best: the slope it was written with
    is not known, and a copy's encoder changed it."""
    return max(
        (evidence.score(pattern.soft_bits(spectrum, layout, slope), word), slope)
        for slope in pattern.SLOPES
    )


def _marked(timeline: tuple[Segment, ...]) -> float:
    """Marked seconds."""
    return sum(segment.end - segment.start for segment in timeline if segment.status == "marked")


def _status(timeline: tuple[Segment, ...], picture: PictureMap | None) -> WatermarkStatus:
    area = None if picture is None else picture.missing
    large = area is not None and area.share >= LARGE_AREA
    return "partial" if large or any(s.status == "unmarked" for s in timeline) else "found"


def _transform(matrix: alignment.Map) -> Transform:
    """Name the linear part, at the picture's centre, of a map from observed to stamped pixels."""
    inverse = np.linalg.inv(matrix)
    inverse = inverse / inverse[2, 2]
    linear = inverse[:2, :2] - np.outer(inverse[:2, 2], inverse[2, :2])
    determinant = float(np.linalg.det(linear))
    mirrored = determinant < 0
    upright = linear @ np.diag([-1.0, 1.0]) if mirrored else linear
    # y points down, so a counter-clockwise turn has a negative angle in these coordinates.
    angle = float(np.degrees(np.arctan2(upright[1, 0] - upright[0, 1], upright.trace())))
    across, down = np.linalg.norm(upright, axis=0)
    return Transform(
        scale=float(np.sqrt(abs(determinant))),
        rotation_deg=-angle + 0.0,
        mirrored=mirrored,
        aspect=float(across / down),
        matrix=tuple(float(value) for value in matrix.ravel()),
    )
