"""What is kept of a clip so that it is known again: a few dozen hashes, and nothing to look at."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.aside import SHIFTS, size_of
from provenance.fingerprint.details import SIGN_BYTES, WAVE_BYTES
from provenance.fingerprint.hashing import HASH_BYTES, MIN_QUALITY, distance
from provenance.fingerprint.lattice import CELL_BYTES, Extent, grey_levels

FIRST = b"PVF\x01"
"""Of version 1, which held no duration and no sound; it stays readable for ever."""
SECOND = b"PVF\x02"
"""Of version 2, which held no details; it stays readable, too."""
MAGIC = b"PVF\x03"
"""Of version 3, which :meth:`Fingerprint.to_bytes` writes."""
MOST_SOUND = 1 << 22
"""Bytes of a clip's sound that are kept at most."""
MOST_FRAMES = 1024
"""That are kept of the longest clip: less than a megabyte."""
SEARCHED = 16
"""Hashes a clip puts into the search by fingerprint alone, so that a million clips stay quick."""
ALIKE = 15
"""Bits within which one of two frames of a clip is enough for that search, to begin with."""
WIDER = 2
MOST_SIDE = 0xFFFF

_HEAD = struct.Struct("<4sHbbBB")
_CLIP = struct.Struct("<dHHBI")
"""Versions 2 and 3, after the head: the duration, not a number when unknown; the picture's sides, 0
when unknown; bits for what is kept of each frame; the sound's length."""
_TEXTURED, _AROUND, _SIGNS, _WAVES = 1, 2, 4, 8
"""The cells' textures, which frames have cells around, and (version 3) details as registered or as
seen."""
_KEPT = {SECOND: _TEXTURED | _AROUND, MAGIC: _TEXTURED | _AROUND | _SIGNS | _WAVES}
_SIZES = {_SIGNS: SIGN_BYTES, _WAVES: WAVE_BYTES}
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
        textures: a byte for each cell (:class:`provenance.fingerprint.lattice.Cells`); empty where
            they aren't known (version 1).
        details: what is kept of the squares in them (:mod:`provenance.fingerprint.details`); empty
            where they aren't known (versions 1 and 2).
        around: of some frames of what is seen, the cells' bits at every shift around
            (:mod:`provenance.fingerprint.aside`); never of what is registered.
    """

    time: float
    quality: int
    value: bytes
    mirrored: bytes
    cells: bytes
    textures: bytes = b""
    around: bytes = b""
    details: bytes = b""

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
        size: width and height of the picture as shown, in canonical pixels; None when unknown.
    """

    extent: Extent
    frames: tuple[FrameHash, ...]
    duration: float | None = None
    sound: bytes = b""
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.duration is not None and not 0.0 <= self.duration < math.inf:
            raise ValueError("a fingerprint's duration is impossible")
        if len(self.sound) > MOST_SOUND:
            raise ValueError(f"a fingerprint holds {MOST_SOUND} bytes of sound at most")
        if len(self.frames) > MOST_FRAMES:
            raise ValueError(f"a fingerprint holds {MOST_FRAMES} frames at most")
        if any(len(frame.cells) != CELL_BYTES * self.extent.count for frame in self.frames):
            raise ValueError("a frame's cells do not fill the extent")
        if any(len(frame.textures) != self._textured for frame in self.frames):
            raise ValueError("a frame's textures do not fill the extent")
        if any(len(frame.details) != self._detailed for frame in self.frames):
            raise ValueError("a frame's details do not fill the extent")
        if any(len(f.around) not in (0, size_of(self.extent)) for f in self.frames):
            raise ValueError("a frame's cells around do not fill the extent")
        if self.size is not None and not all(0 < side <= MOST_SIDE for side in self.size):
            raise ValueError("a fingerprint's picture has an impossible size")

    @property
    def _textured(self) -> int:
        """Bytes of each frame's textures."""
        return self.extent.count if self.frames and self.frames[0].textures else 0

    @property
    def _detailed(self) -> int:
        """Bytes of each frame's details."""
        first = len(self.frames[0].details) if self.frames else 0
        return first if first in (0, *(_details_of(self.extent, kept) for kept in _SIZES)) else -1

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

    def around(self) -> dict[int, NDArray[np.uint64]]:
        """Index of each frame that has them: (shifts, rows, columns) words around."""
        shape = (SHIFTS, self.extent.rows, self.extent.columns)
        return {
            index: np.frombuffer(frame.around, "<u8").reshape(shape)
            for index, frame in enumerate(self.frames)
            if frame.around
        }

    def textures(self) -> NDArray[np.float64] | None:
        """(F, rows, columns) grey levels of each cell's texture; None where they aren't known."""
        if not self._textured:
            return None
        data = b"".join(frame.textures for frame in self.frames)
        return grey_levels(data).reshape(len(self.frames), self.extent.rows, self.extent.columns)

    def signs(self) -> NDArray[np.uint16] | None:
        """(F, 2 rows, 2 columns) words of details as registered; None where they aren't known."""
        return self._squares("<u2", _SIGNS)

    def waves(self) -> NDArray[np.int8] | None:
        """(F, 2 rows, 2 columns, 16) steps of details as seen; None where they aren't known."""
        return self._squares("i1", _WAVES)

    def _squares(self, kind: str, kept: int) -> NDArray[Any] | None:
        if not self._detailed or self._detailed != _details_of(self.extent, kept):
            return None
        data = np.frombuffer(b"".join(frame.details for frame in self.frames), kind)
        shape = (len(self.frames), 2 * self.extent.rows, 2 * self.extent.columns)
        return data.reshape(shape if kept == _SIGNS else (*shape, WAVE_BYTES))

    def to_bytes(self) -> bytes:
        """A compact form, version 3: 838 bytes a frame of a 16:9 clip as it is registered."""
        where = self.extent
        head = (where.left, where.top, where.columns, where.rows)
        length = math.nan if self.duration is None else self.duration
        looked = any(frame.around for frame in self.frames)
        kept = _TEXTURED * bool(self._textured) | _AROUND * looked
        kept |= next((k for k in _SIZES if self._detailed == _details_of(where, k) > 0), 0)
        clip = (length, *(self.size or (0, 0)), kept, len(self.sound))
        parts = [_HEAD.pack(MAGIC, len(self.frames), *head), _CLIP.pack(*clip)]
        for frame in self.frames:
            parts += [_FRAME.pack(frame.time, frame.quality, frame.value, frame.mirrored)]
            parts += [frame.cells, frame.textures, frame.details]
            if looked:
                parts += [bytes([bool(frame.around)]), frame.around]
        return b"".join([*parts, self.sound])

    @classmethod
    def from_bytes(cls, data: bytes) -> Fingerprint:
        """Read what :meth:`to_bytes` wrote, of this version or an earlier one.

        Raises:
            ValueError: when it is anything else: cut short, longer, of another version.
        """
        if len(data) < _HEAD.size or not data.startswith((FIRST, *_KEPT)):
            raise ValueError("this is no fingerprint of a version that can be read")
        magic, count, *where = _HEAD.unpack_from(data)
        extent = Extent(*where)
        at, duration, wide, high, kept, spoken = _HEAD.size, math.nan, 0, 0, 0, 0
        if magic != FIRST:
            if len(data) < at + _CLIP.size:
                raise ValueError("the fingerprint is cut short")
            duration, wide, high, kept, spoken = _CLIP.unpack_from(data, at)
            at += _CLIP.size
        if kept & ~_KEPT.get(magic, 0) or count > MOST_FRAMES:
            raise ValueError("this is no fingerprint of a version that can be read")
        frames = []
        for _ in range(count):
            frame, at = _frame(data, at, extent, kept)
            frames.append(frame)
        if len(data) != at + spoken:
            raise ValueError("the fingerprint is cut short or too long")
        length = None if math.isnan(duration) else duration
        size = (wide, high) if wide or high else None
        return cls(extent, tuple(frames), length, data[at:], size)


def _frame(data: bytes, at: int, extent: Extent, kept: int) -> tuple[FrameHash, int]:
    """One frame that begins at a byte, and where the next one does."""
    textured = extent.count if kept & _TEXTURED else 0
    ends = list(
        accumulate(
            (_FRAME.size, CELL_BYTES * extent.count, textured, _details_of(extent, kept)),
            initial=at,
        )
    )
    end = after = ends[-1]
    if kept & _AROUND and len(data) > end:
        after = end + 1 + (size_of(extent) if data[end] else 0)
    if len(data) < after:
        raise ValueError("the fingerprint is cut short")
    time, quality, value, mirrored = _FRAME.unpack_from(data, at)
    cells, textures, details = (data[i:j] for i, j in pairwise(ends[1:]))
    around = data[end + 1 : after]
    return FrameHash(time, quality, value, mirrored, cells, textures, around, details), after


def _details_of(extent: Extent, kept: int) -> int:
    """Bytes of a frame's details."""
    size = next((size for kind, size in _SIZES.items() if kept & kind), 0)
    return 4 * extent.count * size


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
