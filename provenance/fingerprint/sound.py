"""What is kept of a clip's sound so that it is known again: coarse changes, and nothing to hear.

After Haitsma and Kalker ("A highly robust audio fingerprinting system", 2002): the energy in bands
of a semitone, the difference between neighbouring bands, and how it changes from one moment to the
next, so that volume and filters cancel out.  Their one bit (did it rise?) is five steps here (fell
much, fell, stayed, rose, rose much): what an encoder does turns no "much" into its opposite, and a
tone that goes on has no bits to guess.

All is taken over 0.4 s and kept every 0.2 s, at most a dozen bits a value's pair, without phase and
pitch: no voice or word can be made of it again.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.model import MOST_SOUND

SOUND_RATE = 8000
"""Samples a second that a :class:`Listener` takes."""
WINDOW, HOP = 3072, 384
"""Samples that a spectrum is taken of, 0.384 s, and from one to the next, 0.048 s."""
LAG = 4
"""Hops over which a change is taken; a registered print keeps one frame in so many."""
STEP_SECONDS = HOP / SOUND_RATE
MIDDLE = (WINDOW / 2 + LAG / 2 * HOP) / SOUND_RATE
"""Seconds from the beginning of the sound to the middle of what the first frame looks at."""
BANDS = 42
LOWEST = 300.0
"""Hertz; the bands are semitones and end at 3394 Hz, as a telephone does."""
VALUES = BANDS - 1
MUCH, LITTLE = 3.0, 0.5
"""Decibels from which a change is "much", and below which it is none."""
STRONG = 3
"""What "much" counts, where "a little" counts 1."""
NEARBY = 30.0
"""Decibels below the loudest band of the second around: what an encoder may drop or fill."""
FAINT = 50.0
"""Decibels below the clip's loud moments: what any noise covers."""
QUIETEST = 1e-9
LOUD = 0.95
"""Share of the moments that are no louder than the clip's loud ones."""
MOST_TRACKS = 255
MAGIC = b"PVS\x01"

_HEAD = struct.Struct("<4sBBBI")
_DIGITS: Final = 3
"""Values a byte holds, each one of five."""
_CODES: Final = -(-VALUES // _DIGITS)
FRAME_BYTES: Final = 1 + _CODES
_STEPS: Final = (1, 2, 4, 8, 16, 32)
_DAMAGED, _CUT = 1, 2
_ZERO_DB: Final = 100
"""The byte of a level that says 0 dB of full scale."""
_MOST_LEVEL: Final = 110
_TABLE: Final = np.array([-STRONG, -1, 0, 1, STRONG], np.int8)


@dataclass(frozen=True, slots=True)
class SoundPrint:
    """The fingerprint of one sound track, on the clock of the clip's picture.

    Attributes:
        frames: 15 bytes each: the level in decibels of full scale plus 100, then the values.
        step: frame ``i`` stands ``i * step`` hops of 0.048 s after the first, whose middle is
            :data:`MIDDLE` seconds into the clip.
        tracks: sound tracks of the file, of which one was taken; 0 when it has none.
        damaged: some of it did not decode.
        cut: there was more of it than was heard.
    """

    frames: bytes
    step: int = LAG
    tracks: int = 1
    damaged: bool = False
    cut: bool = False

    def __post_init__(self) -> None:
        if self.step not in _STEPS or not 0 <= self.tracks <= MOST_TRACKS:
            raise ValueError("a sound's step or number of tracks is impossible")
        if len(self.frames) % FRAME_BYTES or _HEAD.size + len(self.frames) > MOST_SOUND:
            raise ValueError("a sound's frames are cut short or too many")
        rows = self._rows()
        if rows.size and (rows[:, 0].max() > _MOST_LEVEL or rows[:, 1:].max() >= 5**_DIGITS):
            raise ValueError("a sound's frame is impossible")
        if self.frames and not self.tracks:
            raise ValueError("a sound without a track")

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.frames) // FRAME_BYTES

    def values(self) -> NDArray[np.int8]:
        """(F, 41) int8, each -3, -1, 0, 1 or 3: how each pair of bands changed."""
        codes = self._rows()[:, 1:].astype(np.int16)
        digits = [codes // 5**place % 5 for place in range(_DIGITS)]
        values = np.stack(digits, axis=2).reshape(-1, _CODES * _DIGITS)
        return np.asarray(_TABLE[values[:, :VALUES]], np.int8)

    def levels(self) -> NDArray[np.float32]:
        """(F,) decibels of full scale in all bands, from -100."""
        return self._rows()[:, 0].astype(np.float32) - _ZERO_DB

    def to_bytes(self) -> bytes:
        """A compact form: 281 kB for an hour that is registered."""
        flags = _DAMAGED * self.damaged | _CUT * self.cut
        return _HEAD.pack(MAGIC, flags, self.tracks, self.step, self.count) + self.frames

    @classmethod
    def from_bytes(cls, data: bytes) -> SoundPrint:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ValueError: when it is anything else: cut short, longer, of another version.
        """
        if len(data) < _HEAD.size or not data.startswith(MAGIC):
            raise ValueError("this is no sound of a version that can be read")
        _, flags, tracks, step, count = _HEAD.unpack_from(data)
        if len(data) != _HEAD.size + FRAME_BYTES * count or flags & ~(_DAMAGED | _CUT):
            raise ValueError("the sound is cut short, too long or of another version")
        frames = data[_HEAD.size :]
        return cls(frames, step, tracks, bool(flags & _DAMAGED), bool(flags & _CUT))

    def _rows(self) -> NDArray[np.uint8]:
        return np.frombuffer(self.frames, np.uint8).reshape(-1, FRAME_BYTES)


class Listener:
    """Takes the print of a sound that goes by.

    Energies are summed over the channels, not the samples: what is put into two channels with
    opposite signs can be heard, and would vanish from a mix of them.
    """

    def __init__(self) -> None:
        self._waiting: list[NDArray[np.float32]] = []
        self._samples = 0
        self._spectra: list[NDArray[np.float16]] = []

    @property
    def seconds(self) -> float:
        """How much was heard."""
        done = HOP * sum(len(each) for each in self._spectra)
        return float((done + self._samples) / SOUND_RATE)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Hear (channels, samples) float32 at 8000 Hz, full scale 1; always as many channels."""
        self._waiting.append(samples)
        self._samples += samples.shape[1]
        if self._samples >= _BLOCK * HOP:
            self._listen()

    def _listen(self) -> None:
        """Take the spectra of what waits, and keep what the next one needs."""
        if self._samples < WINDOW:
            return
        heard = np.concatenate(self._waiting, axis=1)
        heard = np.nan_to_num(heard, nan=0.0, posinf=1.0, neginf=-1.0).clip(-4.0, 4.0)
        count = (self._samples - WINDOW) // HOP + 1
        for start in range(0, count, _BLOCK):
            last = min(start + _BLOCK, count)
            self._spectra.append(_decibels(heard[:, start * HOP : (last - 1) * HOP + WINDOW]))
        self._waiting = [heard[:, count * HOP :]]
        self._samples -= count * HOP

    def print(
        self, *, dense: bool, tracks: int = 1, damaged: bool = False, cut: bool = False
    ) -> SoundPrint:
        """What was heard.

        Args:
            dense: keep every frame, to be laid onto a registered one wherever it begins; a fourth
                of them is enough to register.
            tracks: of the file.
            damaged: whether some of it did not decode.
            cut: whether there was more.
        """
        self._listen()
        step = 1 if dense else LAG
        tracks = min(tracks, MOST_TRACKS)
        if sum(len(each) for each in self._spectra) <= LAG:
            return SoundPrint(b"", step, tracks, damaged, cut)
        spectra = np.concatenate(self._spectra)
        while _HEAD.size + FRAME_BYTES * -(-(len(spectra) - LAG) // step) > MOST_SOUND:
            step *= 2
        parts = []
        loud = np.quantile(spectra.max(axis=1).astype(np.float32), LOUD)
        size = _BLOCK * step
        # In pieces, each with the second around it: an hour of spectra is not copied as a whole.
        for start in range(0, len(spectra) - LAG, size):
            first = max(0, start - _AROUND)
            piece = spectra[first : start + size + LAG + _AROUND].astype(np.float32)
            frames = _frames(piece, float(loud))[start - first :]
            parts.append(frames[: min(size, len(spectra) - LAG - start)][::step].tobytes())
        return SoundPrint(b"".join(parts), step, tracks, damaged, cut)


_BLOCK: Final = 128
"""Spectra that are taken together."""
_AROUND: Final = round(1.0 / STEP_SECONDS)


def _band_weights() -> NDArray[np.float32]:
    """(bins, bands): which part of each bin of a spectrum lies in which band."""
    edges = LOWEST * 2.0 ** (np.arange(BANDS + 1) / 12.0)
    width = SOUND_RATE / WINDOW
    centre = (np.arange(WINDOW // 2 + 1) * width)[:, None]
    upper = np.minimum(centre + width / 2, edges[None, 1:])
    lower = np.maximum(centre - width / 2, edges[None, :-1])
    # Of a sine of full scale half the square is its power; the window keeps three eighths of it.
    scale = 2.0 / (WINDOW**2 * 3.0 / 8.0)
    return np.asarray(np.clip(upper - lower, 0.0, None) / width * scale, np.float32)


_WEIGHTS: Final = _band_weights()
_HANN: Final = np.hanning(WINDOW + 1)[:-1].astype(np.float32)


def _decibels(samples: NDArray[np.float32]) -> NDArray[np.float16]:
    """(windows, bands) energy of (channels, samples), averaged over the channels."""
    energy: NDArray[np.float32] = np.zeros((1, BANDS), np.float32)
    for channel in samples:
        windows = np.lib.stride_tricks.sliding_window_view(channel, WINDOW)[::HOP]
        spectrum = np.fft.rfft(windows * _HANN)
        energy = energy + (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ _WEIGHTS
    return (10.0 * np.log10(energy / len(samples) + QUIETEST / BANDS)).astype(np.float16)


def _frames(spectra: NDArray[np.float32], loud: float) -> NDArray[np.uint8]:
    """(windows - LAG, 15) bytes: the levels and the coded values."""
    power = 10.0 ** (spectra / 10.0)
    peaks = np.pad(spectra.max(axis=1), _AROUND, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(peaks, 2 * _AROUND + 1).max(axis=1)
    floor = 10.0 ** (np.maximum(around - NEARBY, loud - FAINT) / 10.0)
    slope = np.diff(10.0 * np.log10(power + floor[:, None]), axis=1)
    change = slope[LAG:] - slope[:-LAG]
    size = np.abs(change)
    far = (size >= LITTLE).astype(np.int8) + (size >= MUCH)
    coded = 2 + np.sign(change).astype(np.int8) * far
    padded = np.zeros((len(coded), _CODES * _DIGITS), np.int64)
    padded[:, :VALUES] = coded
    frames = np.empty((len(coded), FRAME_BYTES), np.uint8)
    middle = power[LAG // 2 : LAG // 2 + len(coded)].sum(axis=1)
    frames[:, 0] = np.clip(np.rint(10.0 * np.log10(middle)) + _ZERO_DB, 0, _MOST_LEVEL)
    weights = 5 ** np.arange(_DIGITS)
    frames[:, 1:] = padded.reshape(len(coded), _CODES, _DIGITS) @ weights
    return frames
