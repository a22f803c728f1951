"""What is kept of a clip so that it is known again: a few dozen hashes, and nothing to look at."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.hashing import HASH_BYTES, MIN_QUALITY, distance
from provenance.fingerprint.lattice import CELL_BYTES, Extent

FIRST = b"PVF\x01"
"""Of version 1, which held no duration and no sound; it stays readable for ever."""
MAGIC = b"PVF\x02"
"""Of version 2, which :meth:`Fingerprint.to_bytes` writes."""
MOST_SOUND = 1 << 22
"""Bytes of a clip's sound that are kept at most."""
MOST_FRAMES = 1024
"""That are kept of the longest clip: less than half a megabyte."""
SEARCHED = 16
"""Hashes a clip puts into the search by fingerprint alone, so that a million clips stay quick."""
ALIKE = 15
"""Bits within which one of two frames of a clip is enough for that search, to begin with."""
WIDER = 2

_HEAD = struct.Struct("<4sHbbBB")
_CLIP = struct.Struct("<dI")
"""Version 2, after the head: the duration, not a number when unknown, and the sound's length."""
_FRAME = struct.Struct("<dB32s32s")


@dataclass(frozen=True, slots=True)
class FrameHash:
    """One frame.

    Attributes:
        time: seconds of presentation.
        quality: PDQ's, 0 to 100.
        value: PDQ of the whole picture as shown, 32 bytes.
        mirrored: PDQ of its mirror image, 32 bytes: copies are often mirrored.
        cells: 8 bytes for each cell of the fingerprint's extent, row by row; zeros where there is
            nothing to compare (out of view, or flat).
    """

    time: float
    quality: int
    value: bytes
    mirrored: bytes
    cells: bytes

    def __post_init__(self) -> None:
        if not (math.isfinite(self.time) and 0 <= self.quality <= 100):
            raise ValueError("a frame's time or quality is impossible")
        if not len(self.value) == len(self.mirrored) == HASH_BYTES:
            raise ValueError(f"a frame's hash is {HASH_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a clip.

    Attributes:
        extent: which cells of the lattice its frames show.
        frames: those kept, in order of time.
        duration: seconds of the whole clip; None for a still, or when it isn't known.
        sound: the fingerprint of its sound, in a form of its own; empty when there is none.
    """

    extent: Extent
    frames: tuple[FrameHash, ...]
    duration: float | None = None
    sound: bytes = b""

    def __post_init__(self) -> None:
        if self.duration is not None and not 0.0 <= self.duration < math.inf:
            raise ValueError("a fingerprint's duration is impossible")
        if len(self.sound) > MOST_SOUND:
            raise ValueError(f"a fingerprint holds {MOST_SOUND} bytes of sound at most")
        if len(self.frames) > MOST_FRAMES:
            raise ValueError(f"a fingerprint holds {MOST_FRAMES} frames at most")
        if any(len(frame.cells) != CELL_BYTES * self.extent.count for frame in self.frames):
            raise ValueError("a frame's cells do not fill the extent")

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """At most 16 hashes of whole frames, none flat, none much like another: for the search."""
        return tuple(frame.value for frame in self._searched())

    @property
    def mirrored_hashes(self) -> tuple[bytes, ...]:
        """The hashes of the same frames' mirror images."""
        return tuple(frame.mirrored for frame in self._searched())

    def _searched(self) -> list[FrameHash]:
        sharp = [frame for frame in self.frames if frame.quality >= MIN_QUALITY]
        alike = ALIKE
        while len(kept := _apart(sharp, alike)) > SEARCHED:
            alike += WIDER
        return kept

    def words(self) -> NDArray[np.uint64]:
        """(F, rows, columns) uint64: the cells' bits, 0 where there is nothing to compare."""
        data = b"".join(frame.cells for frame in self.frames)
        shape = (len(self.frames), self.extent.rows, self.extent.columns)
        return np.frombuffer(data, "<u8").reshape(shape)

    def to_bytes(self) -> bytes:
        """A compact form, version 2: 433 bytes a frame of a 16:9 clip."""
        where = self.extent
        head = (where.left, where.top, where.columns, where.rows)
        length = math.nan if self.duration is None else self.duration
        parts = [_HEAD.pack(MAGIC, len(self.frames), *head), _CLIP.pack(length, len(self.sound))]
        for frame in self.frames:
            parts += [_FRAME.pack(frame.time, frame.quality, frame.value, frame.mirrored)]
            parts.append(frame.cells)
        return b"".join([*parts, self.sound])

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """Read what :meth:`to_bytes` wrote, of this version or an earlier one.

        Raises:
            ValueError: when it is anything else: cut short, longer, of another version.
        """
        if len(data) < _HEAD.size or not data.startswith((FIRST, MAGIC)):
            raise ValueError("this is no fingerprint of a version that can be read")
        magic, count, *where = _HEAD.unpack_from(data)
        extent = Extent(*where)
        at, duration, spoken = _HEAD.size, math.nan, 0
        if magic == MAGIC:
            if len(data) < at + _CLIP.size:
                raise ValueError("the fingerprint is cut short")
            duration, spoken = _CLIP.unpack_from(data, at)
            at += _CLIP.size
        step = _FRAME.size + CELL_BYTES * extent.count
        end = at + count * step
        if count > MOST_FRAMES or len(data) != end + spoken:
            raise ValueError("the fingerprint is cut short or too long")
        frames = []
        for start in range(at, end, step):
            cells = data[start + _FRAME.size : start + step]
            time, quality, value, mirrored = _FRAME.unpack_from(data, start)
            frames.append(FrameHash(time, quality, value, mirrored, cells))
        length = None if math.isnan(duration) else duration
        return cls(extent, tuple(frames), length, data[end:])


def _apart(frames: list[FrameHash], alike: int) -> list[FrameHash]:
    """Those that differ in more than ``alike`` bits from every one before them that is kept, until
    they are too many."""
    kept: list[FrameHash] = []
    for frame in frames:
        if all(distance(frame.value, other.value) > alike for other in kept):
            kept.append(frame)
        if len(kept) > SEARCHED:
            break
    return kept
