"""Sound, subtitles and all else that is copied: packets, times, lengths."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from bench import kept_tags
from bench.kept_facts import Other, Part, digest

if TYPE_CHECKING:
    from bench.kept import Found, Pair

_PACKET: Final = Fraction(1, 20)
"""Seconds that no packet of sound is longer than."""
_HEADERS: Final = (7, 9)
"""Bytes of an ADTS header."""


def sounds(pair: Pair) -> Iterator[Found]:
    """Every other track's packets."""
    kept = [pair.before.others[n] for n in kept_tags.kept_tracks(pair)]
    if [one.kind for one in kept] != [one.kind for one in pair.after.others]:
        return  # told already
    for number, (a, b) in enumerate(zip(kept, pair.after.others, strict=True)):
        name = f"{a.kind} {number}"
        yield from _bytes(pair, name, a, b)
        if a.kind in ("audio", "subtitle"):
            yield from _times(pair, name, a, b)


def _bytes(pair: Pair, name: str, a: Other, b: Other) -> Iterator[Found]:
    before, after = _data(a), _data(b)
    if str(a.said["codec"]).startswith("pcm"):
        # Its packets are of any length: only the samples count.
        before, after = [b"".join(before)], [b"".join(after)]
    if before == after:
        if len(a.leads) != len(b.leads):
            reason = "lead" if "matroska" in pair.after.format or not a.leads else None
            yield f"hidden packets of {name}", len(a.leads), len(b.leads), reason
        return
    bare = [one[len(one) - len(b) :] for one, b in zip(before, after, strict=False)]
    heads = {len(one) - len(b) for one, b in zip(before, after, strict=False)}
    if len(before) == len(after) and bare == after and heads <= set(_HEADERS):
        yield f"packets of {name}", digest(before), digest(after), "framing"
        return
    reason = None
    if pair.cut and after[len(b.leads) :] == before[len(a.leads) :]:
        reason = "pieces"  # the same, but for what comes before the first
    yield f"packets of {name}", f"{len(before)} {digest(before)}", f"{len(after)} {digest(after)}", reason


def _data(other: Other) -> list[bytes]:
    data = [*other.leads, *(one.data for one in other.parts)]
    if other.said["codec"] == "mov_text":
        return [one for one in data if len(one) > 2]  # empty ones fill the time between
    return data


def _times(pair: Pair, name: str, a: Other, b: Other) -> Iterator[Found]:
    from bench.kept import rounding

    if str(a.said["codec"]).startswith("pcm"):
        before, after = _span(a.parts), _span(b.parts)
    else:
        before, after = _starts(a), _starts(b)
    if not before or len(before) != len(after):
        common = min(len(before), len(after))
        before, after = before[len(before) - common :], after[len(after) - common :]
    off = [(x, y - pair.shift) for x, y in zip(before, after, strict=True) if x != y - pair.shift]
    if off:
        worst = max(off, key=lambda one: abs(one[0] - one[1]))
        apart = abs(worst[0] - worst[1])
        small = rounding(pair) + Fraction(1, 48000)
        reason = "unit" if apart <= small else None
        if reason is None and pair.cut and apart < _PACKET and _is_joined(off, before):
            reason = "join"
        yield f"times of {len(off)} packets of {name}, beside the picture", *worst, reason
    if a.kind == "audio" and a.parts and b.parts:
        ends = a.parts[-1].end, b.parts[-1].end - pair.shift
        if abs(ends[0] - ends[1]) > rounding(pair):
            vague = not (pair.before.movie and pair.after.movie)
            reason = "padding" if vague and abs(ends[0] - ends[1]) < _PACKET else None
            yield f"end of {name}, beside the picture", *ends, reason


def _is_joined(off: list[tuple[Fraction, Fraction]], before: list[Fraction]) -> bool:
    """Whether only a few packets are off, those where pieces meet."""
    return len(off) <= max(2, len(before) // 10)


def _starts(other: Other) -> list[Fraction]:
    parts = other.parts
    if other.said["codec"] == "mov_text":
        parts = [one for one in parts if len(one.data) > 2]
    return [one.start for one in parts]


def _span(parts: list[Part]) -> list[Fraction]:
    return [parts[0].start] if parts else []
