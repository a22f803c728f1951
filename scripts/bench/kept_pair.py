"""A file and its copy side by side, and what follows from the two."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeAlias

from bench.kept_facts import Facts
from bench.kept_files import Recipe
from provenance.video import Foresight

Found: TypeAlias = "tuple[str, object, object, str | None]"
"""A field, what it was, what it is, and the short name of the reason if there is one."""
PACKET: Final = Fraction(1, 20)
"""Seconds that no packet of sound is longer than."""
_LEAD: Final = Fraction(1, 8)
"""Seconds that no decoder of sound needs more of to start with."""
_FRAME: Final = Fraction(1, 15)
_FAR: Final = 10
_CLOCKLESS: Final = ("mpegts", "flv")
_COARSE: Final = ("matroska", "mpegts", "flv")


@dataclass(frozen=True, slots=True)
class Pair:
    """A file and its copy, and what was foreseen."""

    recipe: Recipe
    before: Facts
    after: Facts
    foresight: Foresight

    @property
    def shift(self) -> Fraction:
        """How much later the picture starts."""
        return self.after.shown[0][0] - self.before.shown[0][0]

    @property
    def cut(self) -> bool:
        """Whether the input's edit lists leave something out, or hold several pieces."""
        movie = self.before.movie
        return movie is not None and any(
            sum(span.media is not None for span in track.spans) > 1
            or (bool(track.spans) and track.stored - track.played > _FRAME)
            for track in movie.tracks
        )

    @property
    def pieces(self) -> int:
        """Of how many pieces the input's edit lists consist at most."""
        movie = self.before.movie
        return 0 if movie is None else max(len(track.spans) for track in movie.tracks)

    @property
    def rounding(self) -> Fraction:
        """By how much times may be off: what the containers round them to."""
        units = [facts.unit for facts in (self.before, self.after) if is_coarse(facts)]
        return sum(units, self.before.unit)  # an edit list's start is rounded to the last

    @property
    def same_container(self) -> bool:
        """Whether both are of one kind, also as to fragments."""
        kinds = self.before.format == self.after.format
        return kinds and (self.before.movie is None) == (self.after.movie is None)

    @property
    def moved(self) -> str | None:
        """Why the picture starts at another time, if it does so on purpose."""
        first = self.before.shown[0][0]
        anywhere = any(name in self.before.format for name in _CLOCKLESS) or first > _FAR
        if anywhere and abs(_earliest(self.after)) < Fraction(1, 1000):
            return "clock"
        if abs(self.shift) <= self.rounding:
            return "unit"
        # AC-3 has no packet of its own before the first, but part of one.
        hidden = any(o.leads or o.said["codec"] == "ac3" for o in self.before.others)
        if "matroska" in self.after.format and hidden and 0 < self.shift < _LEAD:
            return "lead"
        return None


def is_coarse(facts: Facts) -> bool:
    """Whether a file's container counts in units of its own, whatever the frame rate is."""
    return any(name in facts.format for name in _COARSE)


def _earliest(facts: Facts) -> Fraction:
    """When the first picture or sound is played."""
    sounds = [one.parts[0].start for one in facts.others if one.kind == "audio" and one.parts]
    return min([facts.shown[0][0], *sounds])
