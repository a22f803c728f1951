"""Luma planes of decoded frames as NumPy arrays, without copying where the format allows."""

from __future__ import annotations

from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane

LumaPlane: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""(H, W) coded luma: uint8 for 8-bit video, uint16 (values below 2**depth) for more."""

_SHIFTED: Final = ("p010", "p012", "p210", "p212", "p410", "p412", "nv20", "xv", "y210", "y212")
BT601, BT709 = 5, 1
LIMITED, FULL = 1, 2


@cache
def luma_depth(pix_fmt: str) -> int | None:
    """Bits of a luma sample if plane 0 of ``pix_fmt`` is exactly luma in this machine's layout.

    None for RGB, palettes, packed, big-endian, shifted and float formats: those are converted.
    """
    fmt = VideoFormat(pix_fmt)
    if fmt.is_rgb or fmt.has_palette or fmt.is_bit_stream or fmt.is_bayer or fmt.is_big_endian:
        return None
    if (
        pix_fmt.startswith(_SHIFTED)
        or "msb" in pix_fmt
        or pix_fmt.endswith(("f16le", "f32le", "16f", "32f"))
    ):
        return None
    parts = fmt.components
    if not parts or parts[0].plane != 0 or sum(part.plane == 0 for part in parts) != 1:
        return None
    bits = parts[0].bits
    if pix_fmt.startswith(("xyz", "monob", "monow", "ayuv", "vuy", "uyvy", "yuyv")) or bits > 16:
        return None
    return bits if bits >= 8 else None


def planar_twin(pix_fmt: str) -> str:
    """The planar YUV format that holds a non-planar or RGB ``pix_fmt`` without losing depth."""
    parts = VideoFormat(pix_fmt).components
    depth = max((part.bits for part in parts), default=8)
    suffix = "" if depth <= 8 else f"{10 if depth <= 10 else 12 if depth <= 12 else 16}le"
    chroma = "444"
    fmt = VideoFormat(pix_fmt, 64, 64)
    if not fmt.is_rgb and not fmt.has_palette and len(parts) >= 3:
        wide, tall = fmt.chroma_width(64) == 64, fmt.chroma_height(64) == 64
        chroma = "444" if wide else "422" if tall else "420"
    return f"yuv{chroma}p{suffix}"


def with_luma(frame: VideoFrame) -> VideoFrame:
    """``frame`` itself if its plane 0 is luma, else a converted planar YUV copy."""
    pix_fmt = frame.format.name
    if luma_depth(pix_fmt) is not None:
        return frame
    twin = planar_twin(pix_fmt)
    if frame.format.is_rgb or frame.format.has_palette:
        matrix = BT709 if min(frame.width, frame.height) >= 720 else BT601
        # Limited range, whatever the image says: that is how the video it shows was coded.
        return frame.reformat(
            format=twin, dst_colorspace=matrix, src_color_range=FULL, dst_color_range=LIMITED
        )
    return frame.reformat(format=twin)


def at_depth(luma: LumaPlane, depth: int, wanted: int) -> LumaPlane:
    """A plane of ``depth`` bits with ``wanted`` bits: as an encoder of that depth will hold it."""
    if depth == wanted:
        return luma
    wide = luma.astype(np.int32)
    wide = wide >> (depth - wanted) if depth > wanted else wide << (wanted - depth)
    return wide.astype(np.uint8) if wanted == 8 else wide.astype(np.uint16)


def plane_dtype(pix_fmt: str) -> type[np.uint8] | type[np.uint16]:
    """The type of one stored sample of a planar format."""
    return (
        np.uint8 if max(part.bits for part in VideoFormat(pix_fmt).components) <= 8 else np.uint16
    )


def plane_view(plane: VideoPlane, dtype: type[np.uint8] | type[np.uint16]) -> LumaPlane:
    """The plane's samples as a writable (H, W) view; valid while the frame lives.

    Writing is for frames nobody else holds: see ``VideoFrame.make_writable``.
    """
    line = plane.line_size
    samples: LumaPlane = np.frombuffer(memoryview(plane), dtype=np.dtype(dtype))
    rows = samples.reshape(plane.height, -1)[:, : plane.width]
    return rows[::-1] if line < 0 else rows


def luma_view(frame: VideoFrame) -> LumaPlane:
    """The luma plane of a frame for which :func:`luma_depth` is not None, as a view."""
    depth = luma_depth(frame.format.name)
    if depth is None:
        raise ValueError(f"{frame.format.name} has no luma plane of its own")
    return plane_view(frame.planes[0], np.uint8 if depth == 8 else np.uint16)
