"""Frames and sound from memory into a lossless file, from which a clip is then stamped.

Frames are converted once, to what the encoder is going to be given (planar 4:2:0, BT.709 from 720
lines on, else BT.601, limited range), and stored without loss by H.264: what is marked is what was
given.  Nothing is kept in memory but the frame at hand.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from provenance.errors import UnsupportedMediaError, UsageError
from provenance.video.luma import BT601, BT709, FULL, LIMITED
from provenance.video.opening import MAX_PIXELS, open_media
from provenance.video.sink import writing

_LOSSLESS: Final = {"qp": "0", "preset": "ultrafast"}
_SOUND: Final = {"webm": "libopus"}
_SOUND_BITS: Final = 192_000
_SLACK: Final = 1e-3
"""By how much a float may overshoot 0 to 1: networks round."""
_BLOCK: Final = 1 << 14
"""Samples that are handed to the sound encoder at once."""


class Spool:
    """A lossless mp4 that frames and sound are written into.

    Args:
        path: where it goes.
        size: width and height of the frames, pixels.
        fps: frames a second.
        deep: whether frames keep 10 bits a sample instead of 8.

    Raises:
        UsageError: a size or rate that no video can have.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: Fraction | float, *, deep: bool
    ) -> None:
        width, height = size
        if width < 2 or height < 2 or width * height > MAX_PIXELS or width % 2 or height % 2:
            raise UsageError(
                f"Frames of {width} x {height} can't be encoded; both sides have to be even, and "
                f"the whole at most {MAX_PIXELS // 2**20} megapixels."
            )
        self._path, self._size, self._deep = path, size, deep
        self._rate = rate_of(fps)
        self._digest = hashlib.sha256(f"{width}x{height}@{self._rate}".encode())
        self._pix_fmt = "yuv420p10le" if deep else "yuv420p"
        self._matrix = BT709 if min(size) >= 720 else BT601
        self.frames = 0
        with writing(path):
            self._out = av.open(str(path), "w", format="mp4")
        self._picture = self._picture_track()
        self._media = ExitStack()
        self._sound: Iterator[Packet[Any]] = iter(())
        self._next: Packet[Any] | None = None

    def _picture_track(self) -> VideoStream:
        stream = self._out.add_stream("libx264", rate=self._rate)
        context = stream.codec_context
        context.width, context.height = self._size
        context.pix_fmt = self._pix_fmt
        context.time_base = stream.time_base = 1 / self._rate
        context.options = dict(_LOSSLESS)
        context.color_range, context.colorspace = LIMITED, self._matrix
        context.color_primaries = context.color_trc = 1 if self._matrix == BT709 else 6
        return stream

    def write(self, frame: NDArray[Any]) -> None:
        """Store one (H, W, 3) RGB frame: uint8 or uint16, or float from 0 to 1.

        Raises:
            UsageError: another shape or type.
            OutputError: the disk.
        """
        rgb = self._checked(frame)
        self._digest.update(rgb.tobytes())
        made = VideoFrame.from_ndarray(rgb, format="rgb48le" if rgb.dtype == np.uint16 else "rgb24")
        made = made.reformat(
            format=self._pix_fmt,
            dst_colorspace=self._matrix,
            src_color_range=FULL,
            dst_color_range=LIMITED,
            interpolation="BICUBIC",
        )
        made.pts, made.time_base = self.frames, 1 / self._rate
        made.color_range, made.colorspace = LIMITED, self._matrix
        self.frames += 1
        with writing(self._path):
            self._advance(self.frames / self._rate)
            self._out.mux(self._picture.encode(made))

    def _checked(self, frame: NDArray[Any]) -> NDArray[Any]:
        width, height = self._size
        if frame.shape != (height, width, 3):
            raise UsageError(
                f"Frame {self.frames} has the shape {frame.shape}, where ({height}, {width}, 3) is "
                "needed."
            )
        if frame.dtype in (np.uint8, np.uint16):
            if (frame.dtype == np.uint16) != self._deep:
                raise UsageError(
                    f"Frame {self.frames} is of another depth than the first; give all as one type."
                )
            return np.ascontiguousarray(frame)
        if not np.issubdtype(frame.dtype, np.floating):
            raise UsageError(
                f"Frame {self.frames} is of type {frame.dtype}; give uint8, uint16, or floats from "
                "0 to 1."
            )
        if not np.isfinite(frame).all() or frame.min() < -_SLACK or frame.max() > 1.0 + _SLACK:
            raise UsageError(
                f"Frame {self.frames} has values outside 0 to 1; scale floats to that range."
            )
        whole: NDArray[Any] = np.rint(np.clip(frame, 0.0, 1.0) * 255.0).astype(np.uint8)
        return whole

    def sound(self, samples: NDArray[Any], rate: int, container: str) -> None:
        """Store sound: (samples,) or (samples, channels), int16 or float from -1 to 1.

        It is encoded here, as AAC, or Opus for webm, and copied into the stamped clip.

        Raises:
            UsageError: another shape or type, or a second sound.
        """
        both = samples[:, None] if samples.ndim == 1 else samples
        if both.ndim != 2 or both.shape[1] not in (1, 2) or not 8000 <= rate <= 96_000:
            raise UsageError(
                "Sound is needed as (samples,) or (samples, 2), at 8 to 96 kHz; mix it down first."
            )
        if both.dtype != np.int16 and not np.issubdtype(both.dtype, np.floating):
            raise UsageError(f"Sound of type {both.dtype}; give int16, or floats from -1 to 1.")
        codec = _SOUND.get(container, "aac")
        stream = self._out.add_stream(codec, rate=48_000 if codec == "libopus" else rate)
        if not isinstance(stream, AudioStream):  # pragma: no cover - what PyAV's types leave open
            raise UsageError(f"{codec} is no sound encoder.")
        stream.codec_context.layout = "mono" if both.shape[1] == 1 else "stereo"
        stream.codec_context.bit_rate = _SOUND_BITS
        self._sound = self._encoded(stream, both, rate)

    def _encoded(
        self, stream: AudioStream, samples: NDArray[Any], rate: int
    ) -> Iterator[Packet[Any]]:
        scale = 32768.0 if samples.dtype == np.int16 else 1.0
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        for start in range(0, len(samples), _BLOCK):
            part = samples[start : start + _BLOCK].astype(np.float32) / np.float32(scale)
            self._digest.update(part.tobytes())
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(part.T), format="fltp", layout=layout
            )
            frame.sample_rate, frame.pts = rate, start
            frame.time_base = Fraction(1, rate)
            yield from stream.encode(frame)
        yield from stream.encode(None)

    def sound_file(self, path: str | os.PathLike[str]) -> None:
        """Copy a file's first sound, bit for bit; the file is read while frames come in.

        Raises:
            UnreadableFileError: it can't be read.
            UnsupportedMediaError: it holds no sound that mp4 can hold.
        """
        media = self._media.enter_context(open_media(path))
        if not media.streams.audio:
            raise UnsupportedMediaError(f"{Path(path).name} holds no sound.")
        track = media.streams.audio[0]
        try:
            stream = self._out.add_stream_from_template(track, opaque=True)
        except (ValueError, LookupError) as error:
            raise UnsupportedMediaError(
                f"The sound of {Path(path).name} can't be copied",
                advice="make AAC or FLAC of it first",
            ) from error
        self._sound = self._copied(media, track, stream)

    def _copied(
        self, media: InputContainer, track: AudioStream, stream: AudioStream
    ) -> Iterator[Packet[Any]]:
        for packet in media.demux(track):
            if packet.dts is not None:
                self._digest.update(bytes(packet))
                packet.stream = stream
                yield packet

    def _advance(self, until: Fraction | None) -> None:
        """Write sound up to a time, seconds; None: all that is left."""
        while True:
            packet = self._next or next(self._sound, None)
            self._next = packet
            if packet is None:
                return
            time = (packet.dts or 0) * Fraction(packet.time_base or 0)
            if until is not None and time > until:
                return
            self._out.mux_one(packet)
            self._next = None

    def finish(self) -> str:
        """Write the rest, and close; gives the SHA-256 of all that was given, as hex digits."""
        with writing(self._path):
            self._advance(None)
            self._out.mux(self._picture.encode(None))
            self._out.close()
        self._media.close()
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """Close without the rest; the file is worth nothing."""
        self._media.close()
        with suppress(av.error.FFmpegError, OSError, ValueError):
            self._out.close()


def rate_of(fps: Fraction | float) -> Fraction:
    """Frames a second as a fraction: 29.97 and 23.976 mean 30000/1001 and 24000/1001.

    Raises:
        UsageError: not from 1 to 240.
    """
    try:
        exact = Fraction(fps)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{fps!r} is no frame rate; give a number of frames a second.") from error
    if not 1 <= exact <= 240:
        raise UsageError(f"A frame rate of {float(exact):g} is out of range; give 1 to 240.")
    usual = Fraction(round(exact * Fraction(1001, 1000)) * 1000, 1001)
    if exact.denominator > 1001 and abs(usual - exact) < Fraction(1, 200):
        return usual
    return exact.limit_denominator(1001)
