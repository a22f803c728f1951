"""A small copy of a few frames, as a sharing site would make it, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import av.error
import numpy as np
from av.codec.context import CodecContext
from av.video.frame import VideoFrame

from provenance.errors import ReadBackError
from provenance.video.luma import LumaPlane, luma_view, plane_view

COPY_LINES: Final = 360
COPY_CRF: Final = 30
_LEAST_SIDE: Final = 16
_GREY: Final = 128


def shrunk(plane: LumaPlane) -> LumaPlane:
    """Scale one (H, W) uint8 luma plane to 360 lines on its short side, bicubic as sites do.

    Returns:
        (h, w) uint8, both even; a picture of fewer lines is not enlarged.
    """
    height, width = plane.shape
    factor = min(1.0, COPY_LINES / min(width, height))
    # The scaler wants whole chroma samples: an odd last line or column is left out.
    whole = _frame(plane[: height - height % 2, : width - width % 2])
    small = whole.reformat(_even(width * factor), _even(height * factor), interpolation="BICUBIC")
    return luma_view(small).copy()


def copied(planes: Sequence[LumaPlane], rate: Fraction | None) -> Iterator[LumaPlane]:
    """Encode frames with H.264 at CRF 30, preset medium, and yield what a player sees of them.

    Args:
        planes: (h, w) uint8 luma with even sides, all of one size, in order of time; the chroma
            is taken as grey, since the mark is not in it.
        rate: frames a second; 25 when not known.

    Yields:
        (h, w) uint8, each valid until the next; as many as went in.

    Raises:
        ReadBackError: when this machine's encoder or decoder refuses.
    """
    if not planes:
        return
    encoder = CodecContext.create("libx264", "w")
    decoder = CodecContext.create("h264", "r")
    encoder.height, encoder.width = planes[0].shape
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(rate or 25)
    encoder.time_base = 1 / encoder.framerate
    encoder.options = {"crf": str(COPY_CRF), "preset": "medium"}
    try:
        for number, plane in enumerate([*planes, None]):
            frame = None if plane is None else _frame(plane)
            if frame is not None:
                frame.pts = number
            for packet in encoder.encode(frame):
                yield from (luma_view(out) for out in decoder.decode(packet))
        yield from (luma_view(out) for out in decoder.decode(None))
    except av.error.FFmpegError as error:
        raise ReadBackError(
            f"The copy of a few frames could not be made ({error.strerror})",
            advice="reinstall the media library, PyAV",
        ) from error


def _frame(plane: LumaPlane) -> VideoFrame:
    frame = VideoFrame(plane.shape[1], plane.shape[0], "yuv420p")
    np.copyto(luma_view(frame), plane)
    for chroma in frame.planes[1:]:
        plane_view(chroma, np.uint8)[:] = _GREY
    return frame


def _even(side: float) -> int:
    return max(_LEAST_SIDE, 2 * round(side / 2))
