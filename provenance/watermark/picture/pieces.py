"""A clip as a few dozen short sums of residuals: short enough that nothing moves much in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provenance.watermark.arrays import Plane

MAX_PIECES = 64
FIRST_PIECE = 0.1
"""Seconds; doubled whenever there are too many.  A slow pan moves by two pixels in it."""


@dataclass(slots=True)
class Piece:
    """The frames of a moment: ``start`` in seconds, how many ``frames``, (h, w) ``total``."""

    start: float
    frames: int
    total: Plane


class Pieces:
    """Between 32 and 64 sums, however long the clip is."""

    def __init__(self) -> None:
        self._length = FIRST_PIECE
        self._pieces: dict[int, Piece] = {}

    def add(self, residual: Plane, time: float) -> None:
        """Add the residual (h, w) of a frame shown at ``time`` seconds."""
        index = int(max(time, 0.0) / self._length + 1e-6)
        piece = self._pieces.get(index)
        if piece is None:
            self._pieces[index] = Piece(time, 1, residual.copy())
        else:
            piece.total += residual
            piece.frames += 1
        if len(self._pieces) > MAX_PIECES:
            self._merge()

    def _merge(self) -> None:
        self._length *= 2.0
        merged: dict[int, Piece] = {}
        for index, piece in sorted(self._pieces.items()):
            other = merged.get(index // 2)
            if other is None:
                merged[index // 2] = piece
            else:
                other.total += piece.total
                other.frames += piece.frames
        self._pieces = merged

    def __iter__(self) -> Iterator[Piece]:
        return (piece for _, piece in sorted(self._pieces.items()))
