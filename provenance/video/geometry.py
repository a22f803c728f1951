"""How a coded picture is turned and flipped to stand upright: the display matrix."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

from provenance.video.luma import LumaPlane

Matrix = tuple[int, ...]
"""Nine integers, row-major, as in the track header of mp4: 16.16 fixed point (last column 2.30)."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """Turn clockwise by ``rotation`` (0, 90, 180, 270) and then, if ``mirrored``, flip left-right."""

    rotation: int = 0
    mirrored: bool = False

    def apply(self, plane: LumaPlane) -> LumaPlane:
        """A view of an (H, W) ``plane`` as it is to be shown."""
        turned = np.rot90(plane, -(self.rotation // 90))
        return turned[:, ::-1] if self.mirrored else turned


def display_matrix(frame: VideoFrame) -> Matrix | None:
    """The display matrix that came with a frame (from the container or the bitstream)."""
    if SideDataType.DISPLAYMATRIX not in frame.side_data:
        return None
    data = bytes(frame.side_data[SideDataType.DISPLAYMATRIX])
    return struct.unpack("=9i", data[:36]) if len(data) >= 36 else None


def orientation_of(frame: VideoFrame) -> Orientation:
    """The nearest upright orientation for a frame."""
    matrix = display_matrix(frame)
    return Orientation() if matrix is None else orientation(matrix)


def orientation(matrix: Matrix) -> Orientation:
    """Read a display matrix: point (x, y) is shown at (a x + c y, b x + d y), y downwards."""
    a, b, _, c, d = matrix[:5]
    mirrored = a * d - b * c < 0
    if mirrored:  # undo the left-right flip that comes last
        a, c = -a, -c
    angle = int(np.rint(np.degrees(np.arctan2(b, a)) / 90.0)) % 4 * 90
    return Orientation(angle, mirrored)
