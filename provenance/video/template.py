"""Container-level picture facts that PyAV has no setter for, carried over by a template.

An output stream's coded side data (HDR10 mastering display, light levels) cannot be set through
PyAV, but it can be copied from an input stream.  So a Matroska header of some hundred bytes is
written in memory with one track of the codec wanted and those facts, opened like any file, and its
stream's parameters are copied.  Element numbers are those of RFC 9559.
"""

from __future__ import annotations

import io
import struct
from typing import Final

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.video.stream import VideoStream

from provenance.video.colour import ContentLight, MasteringDisplay

_CODEC_IDS: Final = {
    "h264": "V_MPEG4/ISO/AVC",
    "hevc": "V_MPEGH/ISO/HEVC",
    "av1": "V_AV1",
    "vp9": "V_VP9",
    "prores": "V_PRORES",
}


def apply_hdr(
    stream: VideoStream,
    codec: str,
    size: tuple[int, int],
    mastering: MasteringDisplay | None,
    light: ContentLight | None,
) -> None:
    """Give an output ``stream`` that is not open yet the HDR10 facts as container side data.

    This resets the stream's parameters: set everything else afterwards.
    """
    header = _header(codec, size, mastering, light)
    with av.open(io.BytesIO(header), "r", format="matroska") as template:
        if not isinstance(template, InputContainer):  # pragma: no cover - what the types leave open
            return
        BitStreamFilterContext("null", template.streams.video[0], stream)


def _header(
    codec: str,
    size: tuple[int, int],
    mastering: MasteringDisplay | None,
    light: ContentLight | None,
) -> bytes:
    colour = b""
    if light is not None:
        colour += _uint(0x55BC, light.max_cll) + _uint(0x55BD, light.max_fall)
    if mastering is not None:
        points = [value for point in (*mastering.primaries, mastering.white) for value in point]
        low, high = mastering.luminance
        values = [*points, high, low]  # elements 0x55D1 to 0x55DA in this order
        body = b"".join(_float(0x55D1 + i, float(value)) for i, value in enumerate(values))
        colour += _element(0x55D0, body)
    video = _uint(0xB0, size[0]) + _uint(0xBA, size[1]) + _element(0x55B0, colour)
    track = (
        _uint(0xD7, 1)
        + _uint(0x73C5, 1)
        + _uint(0x83, 1)
        + _element(0x86, _CODEC_IDS[codec].encode())
        + _element(0xE0, video)
    )
    info = _uint(0x2AD7B1, 1_000_000) + _element(0x4D80, b"t") + _element(0x5741, b"t")
    segment = _element(0x1549A966, info) + _element(0x1654AE6B, _element(0xAE, track))
    segment += _element(0x1F43B675, _uint(0xE7, 0))
    return _element(0x1A45DFA3, _element(0x4282, b"matroska")) + _element(0x18538067, segment)


def _element(number: int, body: bytes) -> bytes:
    identifier = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return identifier + (len(body) | 1 << 56).to_bytes(8, "big") + body


def _uint(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(8, "big"))


def _float(number: int, value: float) -> bytes:
    return _element(number, struct.pack(">d", value))
