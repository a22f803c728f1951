"""Where chroma samples sit, which PyAV does not tell: asked of MediaInfo.

MediaInfo gets nothing but the first key frame with its parameter sets, in memory: handed a path it
would follow references to other files.
"""

from __future__ import annotations

import io
from typing import Any, Final

import av.error
from av.bitstream import BitStreamFilterContext
from av.packet import Packet
from av.video.stream import VideoStream
from pymediainfo import MediaInfo

_FILTERS: Final = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}
_LOCATIONS: Final = {
    "Type 0": "left",
    "Type 1": "center",
    "Type 2": "topleft",
    "Type 3": "top",
    "Type 4": "bottomleft",
    "Type 5": "bottom",
}


def chroma_location(stream: VideoStream, packet: Packet[Any]) -> str | None:
    """FFmpeg's name for the chroma siting that H.264 or HEVC signals, None if there is none.

    ``packet`` is the stream's first key frame; it is left as it is.
    """
    name = _FILTERS.get(stream.codec_context.codec.canonical_name)
    if name is None:
        return None
    try:
        annex_b = BitStreamFilterContext(name, stream)
        copy: Packet[Any] = Packet(bytes(packet))
        copy.is_keyframe = True
        data = b"".join(bytes(part) for part in annex_b.filter(copy))
    except (av.error.FFmpegError, ValueError):
        return None  # a bitstream the filter does not take: nothing is known of it
    for track in MediaInfo.parse(io.BytesIO(data)).tracks:
        if track.track_type == "Video":
            return _LOCATIONS.get(str(track.chromasubsampling_position))
    return None
