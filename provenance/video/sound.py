"""Read a file's sound, streaming, whatever state it is in.

One track is taken: the first that the file marks as its default, else its first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from numpy.typing import NDArray

from provenance.video.opening import main_video, open_media
from provenance.video.timing import Clock

MAX_CHANNELS: Final = 8
"""Channels that are read apart; more are mixed down to two."""
RATES: Final = (2_000, 800_000)
"""Samples a second that a sound can have; a file may claim one, and bloat to thousands."""
MAX_GAP: Final = 600.0
"""Seconds without sound that are believed; a file may claim any."""
SLACK: Final = 0.1
"""Seconds that time-stamps may be off before they are followed: they are rounded, and jitter."""
BLOCK: Final = 1 << 16
"""Samples of silence that are handed on together."""

Samples = NDArray[np.float32]


@dataclass(slots=True)
class SoundStats:
    """What a pass over a file's sound met; filled in while :func:`read_sound` runs."""

    tracks: int = 0
    frames: int = 0
    damaged: bool = False


def read_sound(path: str | os.PathLike[str], rate: int, stats: SoundStats) -> Iterator[Samples]:
    """Yield (channels, samples) float32 of the default sound track, from the picture's time 0 on.

    Args:
        path: a file with a picture.
        rate: samples a second.
        stats: told how many tracks there are, and whether all of the one that is read decodes.

    Channels stay apart, up to eight; gaps are silence.  A file without sound yields nothing.

    Raises:
        InputError: the file can't be opened, or has no picture.
    """
    with open_media(path) as container:
        clock = Clock.of(container, main_video(container, path))
        tracks = container.streams.audio
        stats.tracks = len(tracks)
        if not tracks:
            return
        default = [track for track in tracks if track.disposition & Disposition.default]
        stream = (default or list(tracks))[0]
        if stream.codec_context is None:
            stats.damaged = True
            return
        for other in container.streams:
            if other is not stream:
                other.discard = av.stream.Discard.all
        fitted = _fitted(_decoded(container, stream, stats), clock, rate, stats)
        yield from _placed(fitted, rate)


def _placed(parts: Iterator[tuple[int | None, Samples]], rate: int) -> Iterator[Samples]:
    """Samples put where they are due; what lies before 0 is left out, and gaps are filled."""
    at, early, begun = 0, 0, False
    for due, samples in parts:
        gap = 0 if due is None else due - at + early
        if not begun and gap < 0:
            early, gap = -gap, 0
        if gap > (SLACK * rate if begun else 0) and gap <= MAX_GAP * rate:
            for start in range(0, gap, BLOCK):
                yield np.zeros((len(samples), min(BLOCK, gap - start)), np.float32)
            at += gap
        begun = True
        left_out = min(early, samples.shape[1])
        early -= left_out
        at += samples.shape[1] - left_out
        if left_out < samples.shape[1]:
            yield samples[:, left_out:]


def _fitted(
    frames: Iterator[AudioFrame], clock: Clock, rate: int, stats: SoundStats
) -> Iterator[tuple[int | None, Samples]]:
    """Frames at one sample rate and with the channels of the first, and when each is due."""
    fitter, setup = None, None
    layout: Any = None
    channels = 0
    for frame in frames:
        if layout is None:
            channels = frame.layout.nb_channels
            layout = frame.layout if channels <= MAX_CHANNELS else "stereo"
            channels = min(channels, MAX_CHANNELS) if layout is frame.layout else 2
        if setup != (setup := (frame.format.name, frame.layout.name, frame.sample_rate)):
            # What the old one still holds, a few samples, is of no matter.
            fitter = AudioResampler("flt", layout, rate)
        due = None if frame.pts is None else round(_seconds(frame, clock) * rate)
        try:
            pieces = fitter.resample(frame) if fitter is not None else []
        except (av.error.FFmpegError, ValueError):
            stats.damaged = True
            continue
        for piece in pieces:
            yield due, np.asarray(piece.to_ndarray(), np.float32).reshape(-1, channels).T
            due = None


def _seconds(frame: AudioFrame, clock: Clock) -> Fraction:
    base = Fraction(frame.time_base or clock.time_base)
    return (frame.pts or 0) * base - clock.origin


def _decoded(
    container: InputContainer, stream: AudioStream, stats: SoundStats
) -> Iterator[AudioFrame]:
    for packet in _packets(container, stream, stats):
        if packet.has_sidedata("encryption_info"):
            stats.damaged = True
            return
        try:
            frames = stream.decode(packet)
        except (av.error.FFmpegError, EOFError):
            stats.damaged = True
            continue
        for frame in frames:
            if not RATES[0] <= frame.sample_rate <= RATES[1] or not frame.samples:
                stats.damaged = True
                continue
            stats.frames += 1
            yield frame


def _packets(
    container: InputContainer, stream: AudioStream, stats: SoundStats
) -> Iterator[Packet[Any]]:
    packets = container.demux(stream)
    while True:
        try:
            yield next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            stats.damaged = True
            return
