"""How a coded picture is turned and flipped to stand upright: the display matrix."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

from provenance.video.luma import LumaPlane

Matrix = tuple[int, ...]
"""Nine integers, row-major, as in the track header of mp4: 16.16 fixed point (last column 2.30)."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """Turn clockwise by ``rotation`` (0, 90, 180, 270), then flip left-right if ``mirrored``."""

    rotation: int = 0
    mirrored: bool = False

    def apply(self, plane: LumaPlane) -> LumaPlane:
        """A view of an (H, W) ``plane`` as it is to be shown."""
        turned = np.rot90(plane, -(self.rotation // 90))
        return turned[:, ::-1] if self.mirrored else turned


def side_data(frame: VideoFrame, kind: SideDataType) -> bytes:
    """The bytes of one kind of a frame's side data, empty if it has none."""
    try:
        entries: Iterable[Any] = frame.side_data  # iterates over entries, not keys
        for entry in entries:
            if entry.type == kind:
                return bytes(entry)
    except ValueError:
        # PyAV gives up on the whole frame when one entry is of a kind it does not list (Exif).
        return b""
    return b""


def display_matrix(frame: VideoFrame) -> Matrix | None:
    """The display matrix that came with a frame (from the container or the bitstream)."""
    data = side_data(frame, SideDataType.DISPLAYMATRIX)
    return struct.unpack("=9i", data[:36]) if len(data) >= 36 else None


def orientation(matrix: Matrix) -> Orientation:
    """Read a display matrix: point (x, y) is shown at (a x + c y, b x + d y), y downwards."""
    a, b, _, c, d = matrix[:5]
    mirrored = a * d - b * c < 0
    if mirrored:  # undo the left-right flip that comes last
        a, c = -a, -c
    angle = int(np.rint(np.degrees(np.arctan2(b, a)) / 90.0)) % 4 * 90
    return Orientation(angle, mirrored)
