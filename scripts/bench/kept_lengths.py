"""The lengths that mp4 and mov state: of one mind with each other, and with the input's."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from bench.kept_boxes import Movie
from bench.kept_pair import PACKET, Found, Pair


def lengths(pair: Pair) -> Iterator[Found]:
    """What differs."""
    before, after = pair.before.movie, pair.after.movie
    if after is None:
        return
    yield from _within(after)
    if before is None or len(before.tracks) != len(after.tracks):
        return
    tick = Fraction(1, min(before.clock, after.clock))
    moved = pair.moved if pair.shift else None
    if abs(before.length - after.length) > tick:
        yield "mvhd", before.length, after.length, moved
    for number, (a, b) in enumerate(zip(before.tracks, after.tracks, strict=True)):
        if abs(a.played - b.played) > tick:
            yield f"tkhd of track {number}", a.played, b.played, moved
        if a.stored != b.stored:
            yield (
                f"stts of track {number}",
                a.stored,
                b.stored,
                _why_stored(pair, a.stored, b.stored),
            )
        for name, one, other in (
            ("samples", a.samples, b.samples),
            ("pieces in elst", len(a.spans), len(b.spans)),
        ):
            if one != other:
                reason = "pieces" if pair.cut else moved if name != "samples" else None
                yield f"{name} of track {number}", one, other, reason


def _within(movie: Movie) -> Iterator[Found]:
    """Whether the boxes of one file agree."""
    tick = Fraction(1, movie.clock)
    longest = max(track.played for track in movie.tracks)
    if abs(longest - movie.length) > tick:
        yield "mvhd and the longest tkhd", longest, movie.length, None
    for number, track in enumerate(movie.tracks):
        spans = sum((span.length for span in track.spans), Fraction(0))
        if track.spans and abs(spans - track.played) > tick:
            yield f"tkhd and elst of track {number}", track.played, spans, None
        if track.stored != track.media:
            hidden = (track.spans[0].media if track.spans else None) or Fraction(0)
            reason = "mdhd" if abs(track.stored - track.media) <= hidden + PACKET else None
            yield f"mdhd and stts of track {number}", track.media, track.stored, reason


def _why_stored(pair: Pair, before: Fraction, after: Fraction) -> str | None:
    if pair.cut:
        return "pieces"
    if abs(before - after) <= pair.rounding:
        return "unit"
    return "mdhd" if abs(before - after) <= PACKET else None
