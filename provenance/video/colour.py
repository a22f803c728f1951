"""Colour description of a picture: the four tags, chroma siting and HDR10 side data."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from provenance.video.geometry import side_data

UNSPECIFIED: Final = 2
_LIMITED, _FULL = 1, 2


@dataclass(frozen=True, slots=True)
class Colour:
    """Code points of ISO/IEC 23091-2 (H.273); 2 is unspecified.

    ``range``: 0 unspecified, 1 limited, 2 full.
    """

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    range: int = 0

    @classmethod
    def of(cls, stream: VideoStream, frame: VideoFrame) -> Colour:
        """What the frame says, or the stream where the frame is silent."""
        context = stream.codec_context
        full = _FULL if frame.format.name.startswith("yuvj") else 0
        return cls(
            primaries=_either(frame.color_primaries, context.color_primaries),
            transfer=_either(frame.color_trc, context.color_trc),
            matrix=_either(frame.colorspace, context.colorspace),
            range=full or frame.color_range or context.color_range,
        )

    @property
    def full_range(self) -> bool:
        """Whether samples use the full range."""
        return self.range == _FULL


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """SMPTE ST 2086: CIE xy of red, green, blue and white; luminance in cd/m2."""

    primaries: tuple[tuple[Fraction, Fraction], ...]
    white: tuple[Fraction, Fraction]
    luminance: tuple[Fraction, Fraction]
    """(lowest, highest)."""

    def as_x265(self) -> str:
        """The notation of x265's ``master-display`` (0.00002 and 0.0001 cd/m2 units)."""
        red, green, blue = self.primaries
        points = (("G", green), ("B", blue), ("R", red), ("WP", self.white))
        text = "".join(f"{n}({round(x * 50000)},{round(y * 50000)})" for n, (x, y) in points)
        low, high = self.luminance
        return f"{text}L({round(high * 10000)},{round(low * 10000)})"

    def as_svtav1(self) -> str:
        """The notation of SVT-AV1's ``mastering-display`` (plain decimals)."""
        red, green, blue = self.primaries
        points = (("G", green), ("B", blue), ("R", red), ("WP", self.white))
        text = "".join(f"{n}({float(x):.5f},{float(y):.5f})" for n, (x, y) in points)
        low, high = self.luminance
        return f"{text}L({float(high):.4f},{float(low):.4f})"


@dataclass(frozen=True, slots=True)
class ContentLight:
    """CTA-861.3 light levels in cd/m2: of the brightest pixel, of the brightest frame's mean."""

    max_cll: int
    max_fall: int

    def __str__(self) -> str:
        return f"{self.max_cll},{self.max_fall}"


def hdr_of(frame: VideoFrame) -> tuple[MasteringDisplay | None, ContentLight | None]:
    """HDR10 side data of a frame (from the container or the bitstream)."""
    mastering = _parse_mastering(side_data(frame, SideDataType.MASTERING_DISPLAY_METADATA))
    data = side_data(frame, SideDataType.CONTENT_LIGHT_LEVEL)
    light = ContentLight(*struct.unpack("=2I", data[:8])) if len(data) >= 8 else None
    return mastering, light


def _parse_mastering(data: bytes) -> MasteringDisplay | None:
    # AVMasteringDisplayMetadata: ten AVRational (3 primaries x y, white x y, min, max), two flags.
    if len(data) < 88:
        return None
    numbers = struct.unpack("=20i", data[:80])
    has_primaries, has_luminance = struct.unpack("=2i", data[80:88])
    if not (has_primaries and has_luminance) or 0 in numbers[1::2]:
        return None
    value = [Fraction(n, d) for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    points = tuple((value[i], value[i + 1]) for i in (0, 2, 4))
    return MasteringDisplay(points, (value[6], value[7]), (value[8], value[9]))


def _either(first: int, second: int) -> int:
    return first if first not in (UNSPECIFIED, 0) else second or first
