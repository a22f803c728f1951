"""Pictures laid over another, by their borders: where they lie, and whether they slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from provenance.verifying.regions import Region
from provenance.verifying.views import View
from provenance.video import LumaFrame, LumaPlane
from provenance.watermark.code.grid import Grid
from provenance.watermark.find.borders import Borders, alike
from provenance.watermark.find.panels import Box

EVERY = 5
"""Of the first frames that are looked at, every fifth is looked at for borders..."""
ALONE = (0, 6)
"""...and these of them by themselves too, so that what slides is seen..."""
MORE = (2, 4, 1, 5)
"""...and where one of them shows an inset these, since a single frame may hide some border."""
SLID = 0.01
"""Share of the frame's side from which a picture has moved."""
LEAST = 6
"""Frames in which a sliding picture must be seen for it to be followed."""


class Insets:
    """What the first frames of a file show of pictures laid over others.

    Args:
        whole: size, pixel aspect and rotation of the coded picture.
    """

    def __init__(self, whole: Grid) -> None:
        self._whole = whole
        self._all, self._kept = Borders(whole), dict[int, LumaPlane]()

    def seen(self, frames: Iterator[LumaFrame]) -> Iterator[LumaFrame]:
        """The same frames, looked at in passing."""
        for number, frame in enumerate(frames):
            count, rest = divmod(number, EVERY)
            if not rest and frame.luma.shape == (self._whole.height, self._whole.width):
                self._all.add(frame.luma)
                if count in {*ALONE, *MORE}:
                    self._kept[count] = frame.luma.copy()
            yield frame

    def still(self) -> list[Box]:
        """Those that stay where they are."""
        return self._all.insets()

    def sliding(self) -> Box | None:
        """One that is seen in two single frames, at two places."""
        seen = [self._seen_in(number) for number in ALONE]
        if any(seen):
            seen += [self._seen_in(number) for number in MORE]
        for some, others in combinations(seen, 2):
            for box, other in product(some, others):
                if alike(box, other) and _apart(box, other) >= SLID:
                    return box
        return None

    def _seen_in(self, number: int) -> list[Box]:
        if number not in self._kept:
            return []
        alone = Borders(self._whole)
        alone.add(self._kept[number])
        return alone.insets()


def follow(view: View, frames: Iterator[LumaFrame]) -> list[tuple[float, Box]]:
    """Look at a sliding picture wherever it is: in the frames in which all of it is seen.

    Args:
        view: of the region where it was seen; its size counts.
        frames: of the file.

    Returns:
        When it was seen, and where.
    """
    region, track = view.region, list[tuple[float, Box]]()
    whole = region.whole
    for frame in frames:
        if frame.luma.shape != (whole.height, whole.width):
            continue
        here = Borders(whole)
        here.add(frame.luma)
        own = [box for box in here.insets() if alike(box, region.box)]
        if own:
            now = region.moved(own[0])
            view.observation.add(now.of_frame(frame.luma), frame.time)
            track.append((frame.time, now.box))
    return track


def shifts(
    track: Sequence[tuple[float, Box]], region: Region
) -> tuple[tuple[float, float, float], ...]:
    """Of a track: seconds, and how far the picture lies from a region then, in fractions."""
    left, top = region.box.left, region.box.top
    return tuple((time, box.left - left, box.top - top) for time, box in track)


def _apart(one: Box, other: Box) -> float:
    return max(abs(one.left - other.left), abs(one.top - other.top))
