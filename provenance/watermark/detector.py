"""Find and read the mark in what was observed of a clip, without the original.

The steps, numbered as in docs/watermark.md.  Guessing where the mark lies, by likelihood; each
guess is read (:mod:`.read.reader`), and the first authenticated payload ends it:

1. where it lay (:mod:`.find.identity`)
2. a stretch of time by itself (:mod:`.find.spans`)
3. crops (:mod:`.find.crops`)
4. linear maps (:mod:`.find.linear`)
5. projective maps (:mod:`.find.windows`)
6. maps that change with time (:mod:`.find.courses`)
7. pictures whose outline shows (:mod:`.find.outlines`)
8. tilted pictures that only the pilot's phases give away (:mod:`.find.tilts`)
9. maps of a part of the frame (:mod:`.find.parts`)

Then, where the mark is:

10. which seconds carry it (:mod:`.where.timeline`)
11. where some don't: does the map move? (:mod:`.find.following`)
12. which part of the picture carries it (:mod:`.where.picture_map`)
13. a second look where the seconds disagree (:mod:`.where.boundaries`)

Keys of one organisation share a pilot, so each guess is made once and read for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provenance.results import Detection
from provenance.results.payload import StampId
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.spec import LAYOUTS, LayoutSpec
from provenance.watermark.find.courses import Courses
from provenance.watermark.find.crops import Crops
from provenance.watermark.find.finder import Finder, Scene
from provenance.watermark.find.following import following
from provenance.watermark.find.identity import Identity
from provenance.watermark.find.linear import Linear
from provenance.watermark.find.outlines import Outlines
from provenance.watermark.find.parts import Parts
from provenance.watermark.find.spans import Spans
from provenance.watermark.find.tilts import Tilts
from provenance.watermark.find.windows import Windows
from provenance.watermark.picture.observation import Observation
from provenance.watermark.pilot.hypothesis import Hypothesis
from provenance.watermark.read.reader import KeysOfPilot, Reader
from provenance.watermark.read.reading import Reading
from provenance.watermark.trace import Trace, silent
from provenance.watermark.tuning import FOLLOWING_FAR_BETTER as FAR_BETTER
from provenance.watermark.tuning import FOLLOWING_MUCH_BETTER as MUCH_BETTER
from provenance.watermark.tuning import FOLLOWING_MUCH_MORE as MUCH_MORE
from provenance.watermark.where.boundaries import Look, settled
from provenance.watermark.where.centring import centred
from provenance.watermark.where.picture_map import picture_map
from provenance.watermark.where.report import absent, found
from provenance.watermark.where.timeline import Timeline, timeline

_Step = tuple[int, Finder]

FINDERS: tuple[Finder, ...] = (
    Identity(), Spans(), Crops(), Linear(), Windows(), Courses(), Outlines(), Tilts(), Parts(),
)  # fmt: skip
"""Steps 1 to 9."""


class Detector:
    """Reads what an :class:`Observation` gathered; keeps count of everything it tried.

    Call :meth:`quick` after the first frames, :meth:`thorough` when that did not decide; add more
    frames to the observation in between as needed.

    Args:
        keys: every key to try.
        layouts: every layout to try.
        finders: steps 1 to 9, in their order.
        parts: how many parts of a file are searched at most, one by one: what is said of chance
            counts as many searches from the start.
        trace: is told what every step saw.

    Raises:
        ValueError: without a key, or without a layout.
    """

    def __init__(
        self,
        keys: Sequence[WatermarkKey],
        layouts: Sequence[LayoutSpec] = LAYOUTS,
        *,
        finders: Sequence[Finder] = FINDERS,
        parts: int = 1,
        trace: Trace = silent,
    ) -> None:
        if not keys or not layouts:
            raise ValueError("a detector needs at least one key and one layout")
        self.reader = Reader(keys, layouts, trace, parts=parts)
        self._finders = tuple(enumerate(finders, start=1))
        self._trace = trace

    def quick(self, observation: Observation, look: Look | None = None) -> Detection:
        """Step 1, and what follows a find.  ``look`` reads frames again, for step 13."""
        return self._examined(observation, self._finders[:1], look)

    def brief(self, observation: Observation, look: Look | None = None) -> Detection:
        """Steps 1 and 2, in the whole and in stretches of time, and what follows a find."""
        return self._examined(observation, self._finders[:2], look)

    def aligned(self, observation: Observation, look: Look | None = None) -> Detection:
        """Steps 1 to 4, and what follows a find: pictures that stand upright, or are turned."""
        return self._examined(observation, self._finders[:4], look)

    def framed(self, observation: Observation, look: Look | None = None) -> Detection:
        """Steps 1, 3 and 4, and what follows a find: a picture by its borders, all along."""
        return self._examined(observation, (self._finders[0], *self._finders[2:4]), look)

    def thorough(self, observation: Observation, look: Look | None = None) -> Detection:
        """Every step."""
        return self._examined(observation, self._finders, look)

    def measure(self, observation: Observation, stamp_id: StampId) -> float:
        """Margin, dB, of a stamp id known to be there, where it lies; negative if unreadable."""
        return self.reader.margin_db(observation.upright(), stamp_id)

    def _examined(
        self, observation: Observation, finders: Sequence[_Step], look: Look | None
    ) -> Detection:
        scene = Scene(observation, self._trace)
        reading, seen = self._read_first(scene, finders)  # 1 to 9
        if reading is None:
            return absent(observation, self.reader.pilot)
        self._trace("found", reading=reading)
        times = timeline(seen, reading, self._trace)  # 10
        if seen is observation and not times.throughout:  # 11
            reading, seen, times = self._followed(scene, reading, times)
        if seen is not observation:
            # Frames read again lie where they lay, and edges come and go: 12 and 13 are for what
            # stands still.  Silence may be a course that was lost.
            return found(
                observation, reading, self.reader.chance(reading), times.without_silence(), None
            )
        picture = picture_map(observation, times.carriers, reading, self._trace)  # 12
        if picture is not None:
            lies = centred(reading, picture, observation.grid.upright_size)
            if lies is not reading:
                reading = lies
                picture = picture_map(observation, times.carriers, reading, self._trace)
        segments = times.segments
        if look is not None:
            segments = settled(segments, observation, reading, look)  # 13
        return found(observation, reading, self.reader.chance(reading), segments, picture)

    def _read_first(
        self, scene: Scene, finders: Iterable[_Step]
    ) -> tuple[Reading | None, Observation]:
        """The first reading of all steps, and the observation in which its map holds."""
        for number, finder in finders:
            for group in self.reader.groups:
                self._trace("step", number=number, name=finder.name, layout=group.spec.version)
                for guess in finder.hypotheses(scene, group.layout):
                    self._trace("guess", step=number, hypothesis=guess)
                    reading, seen = self._read(scene, guess, group)
                    if reading is not None:
                        return reading, seen
        return None, scene.observation

    def _read(
        self, scene: Scene, guess: Hypothesis, group: KeysOfPilot
    ) -> tuple[Reading | None, Observation]:
        """Read under one hypothesis; of a map that moves, with every moment laid over one."""
        if guess.maps:
            steady = scene.observation.steadied(guess.moves)
            return self.reader.read(steady.upright(), guess, group), steady
        plane = scene.plane if guess.plane is None else guess.plane
        return self.reader.read(plane, guess, group), scene.observation

    def _followed(
        self, scene: Scene, still: Reading, times: Timeline
    ) -> tuple[Reading, Observation, Timeline]:
        """The reading under a map that moves, where that explains more than the still one."""
        best, seen, group = still, scene.observation, KeysOfPilot(still.layout.spec, (still.key,))
        for guess in following(scene, still.matrix, still.polarity, still.layout):
            reading, steady = self._read(scene, guess, group)
            if reading is not None and reading.stamp_id == still.stamp_id:
                self._trace("followed", reading=reading)
                if reading.score > best.score:
                    best, seen = reading, steady
        if best.score > MUCH_BETTER * still.score:
            moving = timeline(seen, best, self._trace)
            needed = 1.0 if best.score > FAR_BETTER * still.score else MUCH_MORE
            if moving.marked > needed * times.marked:
                return best, seen, moving
        return still, scene.observation, times
