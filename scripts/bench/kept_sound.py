"""Sound, subtitles and all else that is copied: packets, times, lengths."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from bench import kept_tags
from bench.kept_facts import Other, digest, is_plain

if TYPE_CHECKING:
    from bench.kept_pair import Found, Pair

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
    if is_plain(a.said):
        before, after = _whole(a), _whole(b)
    else:
        before, after = _data(a), _data(b)
    if before == after:
        if len(a.leads) != len(b.leads):
            reason = "lead" if "matroska" in pair.after.format or not a.leads else None
            first = b.parts[max(0, len(a.leads) - len(b.leads) - 1)]
            if reason is None and first.end - first.start <= pair.rounding:
                reason = "unit"
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
    yield (
        f"packets of {name}",
        f"{len(before)} {digest(before)}",
        f"{len(after)} {digest(after)}",
        reason,
    )


def _whole(other: Other) -> list[bytes]:
    return [one.data for one in other.parts]


def _data(other: Other) -> list[bytes]:
    data = [*other.leads, *(one.data for one in other.parts)]
    if other.said["codec"] == "mov_text":
        return [one for one in data if len(one) > 2]  # empty ones fill the time between
    return data


def _times(pair: Pair, name: str, a: Other, b: Other) -> Iterator[Found]:
    before, after = _starts(a), _starts(b)
    if not before or len(before) != len(after):
        common = min(len(before), len(after))
        before, after = before[len(before) - common :], after[len(after) - common :]
    off = [(x, y - pair.shift) for x, y in zip(before, after, strict=True) if x != y - pair.shift]
    if off:
        worst = max(off, key=_apart)
        small = pair.rounding + Fraction(1, 48000)
        far = [one for one in off if _apart(one) > small]
        reason = None if far else "unit"
        if far and _apart(worst) < _PACKET:
            # The first packet is played in part; by an edit list, the clock starts there.
            if far == off[:1] and off[0][0] == before[0] and "matroska" in pair.after.format:
                reason = "lead"
            elif pair.cut and len(far) <= pair.pieces:
                reason = "join"
        yield f"times of {len(off)} packets of {name}, beside the picture", *worst, reason
    if a.kind == "audio" and a.parts and b.parts:
        ends = a.parts[-1].end, b.parts[-1].end - pair.shift
        if _apart(ends) > pair.rounding:
            vague = not (pair.before.movie and pair.after.movie)
            reason = "padding" if vague and _apart(ends) < _PACKET else None
            yield f"end of {name}, beside the picture", *ends, reason


def _apart(times: tuple[Fraction, Fraction]) -> Fraction:
    return abs(times[0] - times[1])


def _starts(other: Other) -> list[Fraction]:
    parts = other.parts
    if other.said["codec"] == "mov_text":
        parts = [one for one in parts if len(one.data) > 2]
    return [one.start for one in parts]
