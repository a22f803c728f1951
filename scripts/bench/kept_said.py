"""What PyAV and MediaInfo say of the picture and the whole, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from bench.kept_facts import Facts
from bench.kept_files import Recipe
from bench.kept_pair import Found, Pair, is_coarse

_ESTIMATED: Final = ("frame_count", "duration")
"""What MediaInfo works out differently for each container."""
_LAYOUT: Final = ("chroma_subsampling", "chromasubsampling_position", "bit_depth", "scan_type")
_COLOUR: Final = (
    *("color_range", "matrix_coefficients", "color_primaries", "transfer_characteristics"),
)
_APERTURE: Final = ("clean_aperture_width", "clean_aperture_height")
_LEFT_OPEN: Final = 2
"""How libav numbers a matrix of colours that is not stated."""
_CONVERTED: Final = ("bgr0", "yuvj420p")
_ROUGH: Final = 200
"""Frames a second above which a millisecond is a rough unit."""


def said(pair: Pair) -> Iterator[Found]:
    """By PyAV."""
    for name in dict.fromkeys([*pair.before.said, *pair.after.said]):
        a, b = pair.before.said.get(name), pair.after.said.get(name)
        if a != b:
            yield name, a, b, _why_said(pair, name, a, b)


def _why_said(pair: Pair, name: str, a: Any, b: Any) -> str | None:
    recipe, codec = pair.recipe, pair.after.said["codec"]
    if name == "rate":
        return _why_rate(pair, b)
    if name == "chapters":
        return _why_chapters(pair, a, b)
    reason, holds = {
        "codec": ("encoded", b == (recipe.into or _usual(recipe))),
        "pixel format": ("encoded", b in ("yuv420p", "yuv422p10le")),
        "range": ("range", a in (0, 1) and b in (0, 1)),
        "matrix": ("range", a == _LEFT_OPEN and recipe.pix_fmt in _CONVERTED),
        "field order": ("range", a in (0, 1) and b in (0, 1)),
        "interlaced": ("interlaced", a and codec in ("hevc", "av1", "vp9")),
        "disposition": ("default", (a, b) == (0, 1) and "mov" in pair.after.format),
        "size": ("odd", isinstance(a, tuple) and b == tuple(n + n % 2 for n in a)),
    }.get(name, ("", False))
    return reason if holds else None


def _usual(recipe: Recipe) -> str:
    return "vp9" if recipe.target == "webm" else "h264"


def _why_chapters(pair: Pair, a: Any, b: Any) -> str | None:
    """Chapters of a film whose clock is moved move with it, and none starts before 0."""
    if pair.moved == "clock" or pair.shift == 0:
        due = [(max(s + pair.shift, 0), e + pair.shift, title) for s, e, title in a]
        due = [one for one in due if one[1] > 0]
        return "clock" if due == b else None
    return None


def _why_rate(pair: Pair, rate: Any) -> str | None:
    """Why a frame rate is not what the input says."""
    shown, movie = pair.after.shown, pair.after.movie
    length = shown[-1][1] - shown[0][0]
    if _near(rate, len(shown) / length) or _near(rate, pair.recipe.rate):
        return "rate" if not pair.same_container or pair.cut else None
    stored = [] if movie is None else [t.stored for t in movie.tracks if t.samples == len(shown)]
    return "mdhd" if any(_near(rate, len(shown) / one) for one in stored) else None


def _near(rate: Any, other: Fraction) -> bool:
    return rate is not None and abs(float(rate) - other) < 0.001 * other


def seen(pair: Pair) -> Iterator[Found]:
    """By MediaInfo."""
    for name in dict.fromkeys([*pair.before.seen, *pair.after.seen]):
        a, b = (_plain(facts.seen.get(name)) for facts in (pair.before, pair.after))
        field = name.split()[-1]
        if a == b or (field in _ESTIMATED and not pair.same_container):
            continue
        lacking = a is None or b is None
        if lacking and not pair.same_container and field not in (*_COLOUR, *_APERTURE):
            continue  # one of the two has no such field; PyAV's are compared in any case
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
    if field in ("width", "height"):
        return _why_size(pair, field, a, b)
    if field in _COLOUR or field in _LAYOUT:
        return _why_colour(pair, field, a, b)
    if field == "frame_rate":
        return _why_rate(pair, b)
    if field == "frame_rate_mode":
        return _why_mode(pair, b)
    if field in _ESTIMATED and pair.shift and pair.moved == "clock":
        return "clock"
    reason, holds = {
        "frame_count": ("gap", b == len(pair.after.shown)),
        "default": ("default", a is None and b == "Yes"),
        "time_code_of_first_frame": ("timecode", pair.recipe.codec == "mpeg2video"),
        "duration": _why_duration(pair, a, b) if field == "duration" else ("", False),
        "format": ("fields", a is None),
    }.get(field, ("", False))
    return reason if holds else None


def _why_size(pair: Pair, field: str, a: Any, b: Any) -> str | None:
    size: Any = pair.after.said["size"]
    if b != size[field == "height"]:
        return None
    if b == a + a % 2:
        return "odd"
    crops = pair.recipe.filter or "crop-rect" in str(pair.recipe.options)
    return "crop" if b < a and crops else None


def _why_colour(pair: Pair, field: str, a: Any, b: Any) -> str | None:
    encoded = pair.before.said["codec"] != pair.after.said["codec"]
    if field in _LAYOUT:
        return "encoded" if encoded else None
    open_ = a is None or b is None
    return "range" if open_ and (encoded or pair.recipe.pix_fmt in _CONVERTED) else None


def _why_mode(pair: Pair, mode: object) -> str | None:
    if mode == ("CFR" if _is_steady(pair.after) else "VFR"):
        return "rate"
    return "unit" if is_coarse(pair.after) and pair.recipe.rate > _ROUGH else None


def _is_steady(facts: Facts) -> bool:
    """Whether all frames but the last are as long as each other, to the container's unit."""
    lengths = [end - start for start, end in facts.shown[:-1]]
    return max(lengths) - min(lengths) <= 2 * facts.unit


def _why_duration(pair: Pair, a: Any, b: Any) -> tuple[str, bool]:
    """Milliseconds."""
    if a is None or b is None:
        return "", False
    apart = abs(float(a) - float(b))
    return ("unit", True) if apart <= 1 else ("padding", apart < 50 and is_coarse(pair.after))
