"""A file and its copy, field by field: what differs, and whether that is on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias

import numpy as np

from bench import kept_sound, kept_tags
from bench.kept_facts import Facts
from bench.kept_files import Recipe
from provenance.video import Foresight

Found: TypeAlias = "tuple[str, object, object, str | None]"
"""A field, what it was, what it is, and the short name of the reason if there is one."""
_CLOCKLESS: Final = ("mpegts", "flv")
_COARSE: Final = ("matroska", "mpegts", "flv")
_FAR: Final = 10
_PACKET: Final = Fraction(1, 20)
"""Seconds that no packet of sound is longer than."""
_ESTIMATED: Final = ("frame_count", "duration")
_LAYOUT: Final = ("chroma_subsampling", "chromasubsampling_position", "bit_depth")
_COLOUR: Final = ("color_range", "matrix_coefficients", "color_primaries", "transfer_characteristics")
_STORED: Final = ("mdhd", "stts", "samples", "elst")


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs; ``reason`` None: it is to be the same."""

    field: str
    before: str
    after: str
    reason: str | None


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
            len([s for s in track.spans if s.media is not None]) > 1
            or (track.spans and track.stored - track.played > Fraction(1, 15))
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
        units = [facts.unit for facts in (self.before, self.after) if _coarse(facts)]
        return sum(units, self.before.unit)  # an edit list's start is rounded to the last

    @property
    def same_container(self) -> bool:
        """Whether both are of one kind, also as to fragments."""
        kinds = self.before.format == self.after.format
        return kinds and (self.before.movie is None) == (self.after.movie is None)


def differences(pair: Pair) -> list[Difference]:
    """Everything that differs."""
    found = [*_times(pair), *_said(pair), *_seen(pair), *_pictures(pair), *_lengths(pair)]
    found += [*kept_tags.tags(pair), *kept_tags.tracks(pair), *kept_sound.sounds(pair)]
    return [Difference(f, short(a), short(b), reason) for f, a, b, reason in found]


def short(value: object) -> str:
    """A value for a table."""
    if isinstance(value, Fraction):
        return f"{float(value):.6f}".rstrip("0").rstrip(".")
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(short, value)) + ")"
    return "-" if value is None else str(value)


def _coarse(facts: Facts) -> bool:
    return any(name in facts.format for name in _COARSE)


def _times(pair: Pair) -> Iterator[Found]:
    before, after = pair.before.shown, pair.after.shown
    first, start = before[0][0], after[0][0]
    if len(before) != len(after):
        begun = len(before) == len(after) + 1 and pair.cut
        yield "frames", len(before), len(after), "begun" if begun and _starts_within(pair) else None
        return
    if first != start:
        yield "start of the picture", first, start, _moved(pair)
    off = [
        (a[0] - first, b[0] - start)
        for a, b in zip(before, after, strict=True)
        if a[0] - first != b[0] - start
    ]
    if off:
        worst = max(off, key=lambda one: abs(one[0] - one[1]))
        small = abs(worst[0] - worst[1]) <= pair.rounding
        yield f"times of {len(off)} frames", *worst, "unit" if small else None
    length, lasts = before[-1][1] - first, after[-1][1] - start
    if length != lasts:
        small = abs(length - lasts) <= pair.rounding
        yield "length of the picture", length, lasts, "unit" if small else None
    gaps = [(a, b) for a, b in zip(before, before[1:], strict=False) if a[1] != b[0]]
    if gaps:
        yield "gap", gaps[0][0][1], gaps[0][1][0], "gap"


def _starts_within(pair: Pair) -> bool:
    (start, end), (_, after) = pair.before.shown[:2]
    return end - start < after - end


def _moved(pair: Pair) -> str | None:
    first = pair.before.shown[0][0]
    anywhere = any(name in pair.before.format for name in _CLOCKLESS) or first > _FAR
    earliest = [facts_start(pair.after)]
    if anywhere and 0 <= min(earliest) < Fraction(1, 1000):
        return "clock"
    if abs(pair.shift) <= pair.rounding:
        return "unit"
    hidden = any(other.leads for other in pair.before.others if other.kind == "audio")
    hidden = hidden or any(other.said["codec"] == "ac3" for other in pair.before.others)
    if "matroska" in pair.after.format and hidden and 0 < pair.shift < Fraction(1, 8):
        return "lead"
    return None


def facts_start(facts: Facts) -> Fraction:
    """When the first picture or sound is played."""
    sounds = [one.parts[0].start for one in facts.others if one.kind == "audio" and one.parts]
    return min([facts.shown[0][0], *sounds])


def _said(pair: Pair) -> Iterator[Found]:
    for name in dict.fromkeys([*pair.before.said, *pair.after.said]):
        a, b = pair.before.said.get(name), pair.after.said.get(name)
        if a != b:
            yield name, a, b, _why_said(pair, name, a, b)


def _why_said(pair: Pair, name: str, a: Any, b: Any) -> str | None:
    recipe = pair.recipe
    reasons: dict[str, tuple[str, bool]] = {
        "codec": ("encoded", b == (recipe.into or ("vp9" if recipe.target == "webm" else "h264"))),
        "range": ("range", {a, b} == {0, 1}),
        "matrix": ("range", a == 2 and recipe.pix_fmt in ("bgr0", "yuvj420p")),
        "field order": ("range", {a, b} <= {0, 1}),
        "pixel format": ("encoded", b in ("yuv420p", "yuv422p10le", "yuvj420p")),
        "rate": _why_rate(pair, b) if name == "rate" else ("", False),
        "disposition": ("default", a == 0 and b == 1 and "mov" in pair.after.format),
        "size": ("odd", b == tuple(n + n % 2 for n in a) if name == "size" else False),
        "chapters": ("unit", _chapters_moved(pair) if name == "chapters" else False),
    }
    reason, holds = reasons.get(name, ("", False))
    return reason if holds else None


def _why_rate(pair: Pair, rate: Any) -> tuple[str, bool]:
    """Why a frame rate is not what the input says."""
    shown, movie = pair.after.shown, pair.after.movie
    length = shown[-1][1] - shown[0][0]
    if _near(rate, len(shown) / length) or _near(rate, pair.recipe.rate):
        return "rate", not pair.same_container or pair.cut
    stored = [] if movie is None else [t.stored for t in movie.tracks if t.samples == len(shown)]
    return "mdhd", any(_near(rate, len(shown) / one) for one in stored)


def _near(rate: Any, other: Fraction) -> bool:
    return rate is not None and abs(float(rate) - other) < 0.001 * other


def _is_steady(facts: Facts) -> bool:
    """Whether all frames but the last are as long as each other, to the container's unit."""
    lengths = [end - start for start, end in facts.shown[:-1]]
    return max(lengths) - min(lengths) <= 2 * facts.unit


def _chapters_moved(pair: Pair) -> bool:
    pairs = zip(pair.before.said["chapters"], pair.after.said["chapters"], strict=False)  # type: ignore[call-overload]
    return all(a[2] == b[2] and abs(a[0] - b[0]) <= pair.rounding for a, b in pairs)


def _seen(pair: Pair) -> Iterator[Found]:
    for name in dict.fromkeys([*pair.before.seen, *pair.after.seen]):
        a, b = (_plain(facts.seen.get(name)) for facts in (pair.before, pair.after))
        field = name.split()[-1]
        if a == b or (field in _ESTIMATED and not pair.same_container):
            continue
        if (a is None or b is None) and not pair.same_container and field not in _COLOUR:
            continue  # one of them has no such field; PyAV's are compared in any case
        yield f"MediaInfo: {name}", a, b, _why_seen(pair, field, a, b)


def _plain(value: object) -> object:
    """MediaInfo's values in one form: numbers as numbers, what says nothing as None."""
    if value in ("No", "0.000"):
        return None
    try:
        return float(str(value))
    except ValueError:
        return value


def _why_seen(pair: Pair, field: str, a: Any, b: Any) -> str | None:
    recipe = pair.recipe
    stated = pair.after.said
    encoded = pair.before.said["codec"] != stated["codec"]
    if field in ("width", "height"):
        shown = stated["size"][field == "height"]  # type: ignore[index]
        grown = b == shown and shown - a == 1
        return "odd" if grown else "crop" if b == shown < a and _crops(recipe) else None
    if field in _COLOUR and (a is None or b is None):
        return "range" if encoded or recipe.pix_fmt in ("bgr0", "yuvj420p") else None
    if field in _LAYOUT or field == "scan_type":
        return "encoded" if encoded else None
    if field == "frame_rate":
        reason, holds = _why_rate(pair, b)
        return reason if holds else None
    if field == "frame_rate_mode":
        return "rate" if b == ("CFR" if _is_steady(pair.after) else "VFR") else None
    if field == "frame_count":
        return "gap" if b == len(pair.after.shown) else None
    if field == "default":
        return "default" if a is None and b == "Yes" else None
    if field == "time_code_of_first_frame":
        return "timecode" if recipe.codec == "mpeg2video" else None
    if field == "duration" and abs(a - b) <= 1:
        return "unit"
    if field == "duration" and pair.same_container:
        return "padding" if abs(a - b) < 50 and "matroska" in pair.after.format else None
    if field == "format":
        return "fields" if a is None else None
    return None


def _crops(recipe: Recipe) -> bool:
    return bool(recipe.filter) or "crop-rect" in str(recipe.options)


def _pictures(pair: Pair) -> Iterator[Found]:
    """Every frame shows what its own shows, not what a neighbour does."""
    before, after = pair.before.frames, pair.after.frames
    if len(before) != len(after):
        return
    for number, made in enumerate(after):
        near = range(max(0, number - 2), min(len(before), number + 3))
        height, width = before[number].shape
        off = {n: float(np.abs(before[n] - made[:height, :width]).mean()) for n in near}
        if off[number] > min(off.values()) + 0.5 or off[number] > 8:
            yield f"picture of frame {number}", "its own", f"{off[number]:.1f} off", None
            return


def _lengths(pair: Pair) -> Iterator[Found]:
    """The boxes of an mp4 or mov agree with each other, and with those of the input."""
    before, after = pair.before.movie, pair.after.movie
    if after is None:
        return
    tick = Fraction(1, after.clock)
    longest = max(track.played for track in after.tracks)
    if abs(longest - after.length) > tick:
        yield "mvhd and the longest tkhd", longest, after.length, None
    for number, track in enumerate(after.tracks):
        spans = sum((span.length for span in track.spans), Fraction(0))
        if track.spans and abs(spans - track.played) > tick:
            yield f"tkhd and elst of track {number}", track.played, spans, None
        if track.stored != track.media:
            hidden = track.spans[0].media if track.spans else None
            near = abs(track.stored - track.media) <= (hidden or 0) + _PACKET
            reason = "mdhd" if near else None
            yield f"mdhd and stts of track {number}", track.media, track.stored, reason
    if before is None or len(before.tracks) != len(after.tracks):
        return
    tick = max(tick, Fraction(1, before.clock))
    if abs(before.length - after.length) > tick:
        yield "mvhd", before.length, after.length, None
    for number, (a, b) in enumerate(zip(before.tracks, after.tracks, strict=True)):
        if abs(a.played - b.played) > tick:
            yield f"tkhd of track {number}", a.played, b.played, None
        stored = (("stts", a.stored, b.stored), ("samples", a.samples, b.samples),
                  ("elst", len(a.spans), len(b.spans)))  # fmt: skip
        for name, one, other in stored:
            if one != other and (name == "samples" or abs(one - other) > 0):
                near = name == "stts" and abs(one - other) <= tick
                yield f"{name} of track {number}", one, other, (
                    "pieces" if pair.cut else "unit" if near else None
                )
