"""Lengths and edit lists of an mp4 or mov, as its boxes say them (ISO/IEC 14496-12)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from provenance.system.boxes import FIRST, Box, Boxes

_PATHS: Final = {
    b"tkhd": (b"tkhd",),
    b"elst": (b"edts", b"elst"),
    b"mdhd": (b"mdia", b"mdhd"),
    b"stts": (b"mdia", b"minf", b"stbl", b"stts"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """``length`` seconds of a track's media from ``media`` on (None: nothing), played at once."""

    length: Fraction
    media: Fraction | None


@dataclass(frozen=True, slots=True)
class Track:
    """A track's lengths in seconds: by ``tkhd``, by ``mdhd``, and its samples' (``stts``)."""

    played: Fraction
    media: Fraction
    stored: Fraction
    samples: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Movie:
    """The whole: units a second of its clock, its length by ``mvhd``, its tracks in order."""

    clock: int
    length: Fraction
    tracks: tuple[Track, ...]


def movie_of(path: Path) -> Movie | None:
    """What an mp4 or mov says; None of other files, and of those in fragments."""
    with path.open("rb") as handle:
        if handle.read(8)[4:] not in FIRST:
            return None
        boxes = Boxes(handle, handle.seek(0, os.SEEK_END))
        outermost = list(boxes.outermost())
        moov = [one for one in outermost if one.kind == b"moov"]
        if not moov or any(one.kind == b"moof" for one in outermost):
            return None
        inside = list(boxes.inside(moov[0].body, moov[0].end))
        head = boxes.read(next(one for one in inside if one.kind == b"mvhd").body, 32)
        clock, length = _clock_and_length(head)
        traks = [one for one in inside if one.kind == b"trak"]
        tracks = tuple(_track(boxes, one, clock) for one in traks)
        return Movie(clock, Fraction(length, clock), tracks)


def _track(boxes: Boxes, trak: Box, clock: int) -> Track:
    found = {}
    for name, path in _PATHS.items():
        box = next(boxes.below(trak, *path), None)
        found[name] = b"" if box is None else boxes.read(box.body, box.end - box.body)
    tkhd, stts = found[b"tkhd"], found[b"stts"]
    played = tkhd[28:36] if tkhd[:1] == b"\1" else tkhd[20:24]
    units, media = _clock_and_length(found[b"mdhd"])
    rows = [stts[at : at + 8] for at in range(8, len(stts), 8)]
    counts = [(_number(row[:4]), _number(row[4:])) for row in rows]
    return Track(
        Fraction(_number(played), clock),
        Fraction(media, units),
        Fraction(sum(count * step for count, step in counts), units),
        sum(count for count, _ in counts),
        tuple(_spans(found[b"elst"], clock, units)),
    )


def _spans(elst: bytes, clock: int, units: int) -> Iterator[Span]:
    size, half = (20, 8) if elst[:1] == b"\1" else (12, 4)
    for at in range(8, len(elst), size):
        media = int.from_bytes(elst[at + half : at + 2 * half], "big", signed=True)
        length = Fraction(_number(elst[at : at + half]), clock)
        yield Span(length, None if media < 0 else Fraction(media, units))


def _clock_and_length(head: bytes) -> tuple[int, int]:
    """Units a second and the length in them, as mvhd and mdhd say them."""
    if head[:1] == b"\1":
        return _number(head[20:24]), _number(head[24:32])
    return _number(head[12:16]), _number(head[16:20])


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
