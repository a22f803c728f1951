"""Which encoder to use and how to set it: codecs, containers, quality, pixel formats.

Defaults, chosen so that one more generation is hard to see:

======  ==========  ==========================================  =====================
codec   encoder     default quality                             ``preset``
======  ==========  ==========================================  =====================
h264    libx264     CRF 18                                      x264's, medium
hevc    libx265     CRF 20                                      x265's, medium
av1     libsvtav1   CRF 24                                      0 to 13, 8
vp9     libvpx-vp9  CRF 24                                      cpu-used 0 to 8, 3
prores  prores_ks   profile ``hq`` (``4444`` for 4:4:4, alpha)  the profile's name
======  ==========  ==========================================  =====================
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from av.codec import Codec
from av.video.format import VideoFormat

from provenance.errors import UsageError
from provenance.video.luma import luma_depth, planar_twin

CodecName = Literal["h264", "hevc", "av1", "vp9", "prores"]
Container = Literal["mp4", "mov", "matroska", "webm"]

_CONTAINERS: Final[dict[str, Container]] = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
SUFFIXES: Final = tuple(_CONTAINERS)
"""How the name of a file that this tool writes can end."""


@dataclass(frozen=True, slots=True)
class _Encoder:
    library: str
    containers: tuple[Container, ...]
    max_crf: int
    default_crf: int
    presets: tuple[str, ...]
    default_preset: str
    even_sizes: bool


_X26X: Final = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
_ENCODERS: Final[dict[str, _Encoder]] = {
    "h264": _Encoder("libx264", ("mp4", "mov", "matroska"), 51, 18, _X26X, "medium", True),
    "hevc": _Encoder("libx265", ("mp4", "mov", "matroska"), 51, 20, _X26X, "medium", True),
    "av1": _Encoder(
        "libsvtav1",
        ("mp4", "matroska", "webm"),
        63,
        24,
        tuple(str(n) for n in range(14)),
        "8",
        True,
    ),
    "vp9": _Encoder(
        "libvpx-vp9",
        ("mp4", "matroska", "webm"),
        63,
        24,
        tuple(str(n) for n in range(9)),
        "3",
        False,
    ),
    "prores": _Encoder(
        "prores_ks",
        ("mov", "matroska"),
        0,
        0,
        ("proxy", "lt", "standard", "hq", "4444", "4444xq"),
        "hq",
        False,
    ),
}


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """What the caller asks of the encoder; None everywhere means the defaults above.

    ``codec`` None is h264 (vp9 in webm), ``"source"`` the input's own.  ``bitrate`` is bits a
    second, or text such as ``"2M"``, and excludes ``crf``.  ``extra`` holds options of the
    encoder by its own names, passed on unchanged.  ``threads`` 0 leaves the number to the encoder.
    """

    codec: Literal["h264", "hevc", "av1", "vp9", "prores", "source"] | None = None
    crf: float | None = None
    bitrate: str | int | None = None
    preset: str | None = None
    extra: tuple[tuple[str, str], ...] = ()
    threads: int = 0


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """The encoder, its options and its pixel format, ready to open."""

    codec: CodecName
    library: str
    pix_fmt: str
    options: dict[str, str]
    bit_rate: int | None
    even_sizes: bool
    threads: int


def named(container: Container) -> str:
    """A container as people call it."""
    return "mkv" if container == "matroska" else container


def container_for(path: str | os.PathLike[str]) -> Container:
    """The container a target's name asks for; :class:`UsageError` for any other suffix."""
    suffix = Path(path).suffix.lower()
    if suffix not in _CONTAINERS:
        known = ", ".join(_CONTAINERS)
        raise UsageError(
            f"The output's name ends in {suffix or 'nothing'!r}, which is no container this tool "
            f"writes; end it in one of {known}."
        )
    return _CONTAINERS[suffix]


def plan_encoder(
    wanted: EncoderOptions, *, source_codec: str, source_pix_fmt: str, container: Container
) -> EncoderPlan:
    """Decide how to encode.  Raises :class:`UsageError` for what cannot work, naming it."""
    codec = _codec(wanted.codec, source_codec, container)
    encoder = _ENCODERS[codec]
    if container not in encoder.containers:
        fits = " or ".join(named(c) for c in encoder.containers)
        raise UsageError(
            f"{named(container)} files cannot hold {codec}; choose {fits}, or another codec."
        )
    pix_fmt = choose_pix_fmt(source_pix_fmt, encoder.library)
    options, bit_rate = _quality(wanted, codec, encoder, pix_fmt)
    if encoder.library == "libvpx-vp9":
        options |= {"row-mt": "1", "deadline": "good"}
    options |= dict(wanted.extra)
    return EncoderPlan(
        codec, encoder.library, pix_fmt, options, bit_rate, encoder.even_sizes, wanted.threads
    )


def choose_pix_fmt(source: str, library: str) -> str:
    """The encoder's pixel format nearest to ``source``: depth first, then chroma.

    RGB and palettes become 8-bit 4:2:0 (ProRes: 4:4:4), which every player shows.  Transparency
    that the encoder cannot hold is a :class:`UsageError`, not a loss.
    """
    codec = Codec(library, "w")
    offered = [fmt.name for fmt in codec.video_formats or ()]
    if source in offered and not VideoFormat(source).is_rgb and not source.startswith("nv"):
        return source
    fmt = VideoFormat(source)
    alpha = any(part.is_alpha for part in fmt.components) and not fmt.has_palette
    if alpha and not any(name.startswith("yuva") for name in offered):
        raise UsageError(
            "The picture has transparency, which this codec cannot hold; use prores in a mov, "
            "or flatten the picture first."
        )
    rgb = fmt.is_rgb or fmt.has_palette
    want = planar_twin(source)
    if rgb and not alpha and library != "prores_ks":
        want = want.replace("444", "420")
    shape, depth = _shape(want), luma_depth(want) or 8

    def distance(name: str) -> tuple[int, ...]:
        has, bits = _shape(name), luma_depth(name) or 8
        return (
            alpha != any(part.is_alpha for part in VideoFormat(name).components),
            max(0, depth - bits),  # bits lost
            sum(max(0, a - b) for a, b in zip(has, shape, strict=True)),  # chroma lost
            bits - depth,
            sum(abs(a - b) for a, b in zip(has, shape, strict=True)),
            name.startswith(("yuvj", "nv")),
        )

    usable = [name for name in offered if luma_depth(name) is not None]
    return min(usable, key=distance)


def parse_bitrate(value: str | int) -> int:
    """Bits a second from a number or text with a suffix k, M or G (powers of ten)."""
    if isinstance(value, int):
        rate = float(value)
    else:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgG]?)(?:bps|bit/s|b/s)?", value.strip())
        if match is None:
            raise UsageError(f"{value!r} is no bit rate; write it like 2M, 600k or 2500000.")
        rate = float(match[1]) * {"": 1, "k": 1e3, "m": 1e6, "g": 1e9}[match[2].lower()]
    if not 1000 <= rate <= 10**10:
        raise UsageError(
            f"A bit rate of {value} is out of range; give at least 1k and at most 10G."
        )
    return int(rate)


def _codec(wanted: str | None, source: str, container: Container) -> CodecName:
    if wanted is None:
        return "vp9" if container == "webm" else "h264"
    if wanted == "source":
        if source not in _ENCODERS:
            raise UsageError(
                f"The input's codec, {source}, is not one this tool writes; choose one of "
                f"{', '.join(_ENCODERS)}."
            )
        return source  # type: ignore[return-value]  # a key of _ENCODERS
    if wanted not in _ENCODERS:
        raise UsageError(f"{wanted!r} is no codec this tool writes; choose one of "
                         f"{', '.join(_ENCODERS)} or source.")  # fmt: skip
    return wanted  # type: ignore[return-value]  # a key of _ENCODERS


def _quality(
    wanted: EncoderOptions, codec: str, encoder: _Encoder, pix_fmt: str
) -> tuple[dict[str, str], int | None]:
    preset = wanted.preset or encoder.default_preset
    if preset not in encoder.presets:
        raise UsageError(
            f"{preset!r} is no preset of {codec}; choose one of {', '.join(encoder.presets)}."
        )
    if wanted.crf is not None and wanted.bitrate is not None:
        raise UsageError("A CRF and a bit rate exclude each other; give one of them.")
    if codec == "prores":
        if wanted.crf is not None or wanted.bitrate is not None:
            raise UsageError(
                "ProRes has neither CRF nor bit rate; choose its quality by preset: "
                f"{', '.join(encoder.presets)}."
            )
        if wanted.preset is None and "444" in pix_fmt:
            preset = "4444"
        return {"profile": preset, "vendor": "apl0"}, None
    options = {"cpu-used" if codec == "vp9" else "preset": preset}
    if wanted.bitrate is not None:
        return options, parse_bitrate(wanted.bitrate)
    crf = encoder.default_crf if wanted.crf is None else wanted.crf
    if not 0 <= crf <= encoder.max_crf:
        raise UsageError(
            f"A CRF of {crf:g} is out of range for {codec}; give 0 to {encoder.max_crf}."
        )
    return options | {"crf": f"{crf:g}"}, None


def _shape(pix_fmt: str) -> tuple[int, int]:
    """How much chroma is subsampled: log2 steps across and down (2, 2 for none at all)."""
    fmt = VideoFormat(pix_fmt, 64, 64)
    if len(fmt.components) < 3:
        return (2, 2)
    return (int(fmt.chroma_width(64) < 64), int(fmt.chroma_height(64) < 64))
