"""Sounds made with numpy, and what happens to a sound on its way: codecs, filters, dubbing.

Speech here is a train of pulses through moving resonances with syllables and pauses, music is
notes with overtones over a beat, ambience is filtered noise.  They are no recordings; what they
share with them is how energy moves between bands and over time.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

import av
import av.error
import av.filter
import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
"""(channels, samples) at :data:`RATE`, full scale 1."""
Kind = Literal["speech", "music", "ambience", "film"]
RATE: Final = 44100
KINDS: Final[tuple[Kind, ...]] = ("speech", "music", "ambience", "film")
_SYLLABLE = (0.09, 0.28)
_FORMANTS: Final = ((270, 860), (850, 2300), (2200, 3300))


def made(kind: Kind, seconds: float, seed: int) -> Sound:
    """A stereo sound of a kind; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    if kind == "speech":
        return _levelled(np.stack([_speech(count, rng)] * 2))
    if kind == "music":
        return _music(count, rng)
    if kind == "ambience":
        return _ambience(count, rng)
    voice = _levelled(np.stack([_speech(count, rng)] * 2))
    return _levelled(voice + 0.5 * _music(count, rng) + 0.2 * _ambience(count, rng))


def loaded(path: Path) -> Sound:
    """The sound of a file, as stereo."""
    with av.open(str(path)) as media:
        return _collected(media.decode(audio=0))


def _levelled(sound: NDArray[Any], rms: float = 0.1) -> Sound:
    level = float(np.sqrt(np.mean(np.square(sound)))) or 1.0
    return np.clip(sound * (rms / level), -1.0, 1.0).astype(np.float32)


def _speech(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Syllables: voiced (pulses) or not (noise), each with formants of its own, then pauses."""
    out = np.zeros(count)
    pitch = rng.uniform(90, 240)
    at, left = int(rng.uniform(0.0, 0.3) * RATE), int(rng.integers(3, 14))
    while at < count:
        size = int(rng.uniform(*_SYLLABLE) * RATE)
        pitch = float(np.clip(pitch * rng.uniform(0.88, 1.13), 80, 280))
        glide = pitch * np.linspace(1.0, rng.uniform(0.9, 1.1), size)
        phase = np.cumsum(glide) / RATE
        voiced = rng.random() < 0.75
        source = np.diff(np.floor(phase), prepend=0.0) if voiced else rng.normal(0, 0.12, size)
        spectrum = np.fft.rfft(source)
        f = np.fft.rfftfreq(size, 1 / RATE)
        shape = np.zeros(len(f))
        for number, (low, high) in enumerate(_FORMANTS):
            centre, width = rng.uniform(low, high), rng.uniform(50, 140) * (1 + number / 2)
            shape += 10 ** (-number / 2.5) / (1 + ((f - centre) / width) ** 2)
        if not voiced:
            shape = 1 / (1 + ((f - rng.uniform(2500, 6000)) / 1500) ** 2)
        syllable = np.fft.irfft(spectrum * shape, size) * np.hanning(size) ** 0.5
        piece = syllable * rng.uniform(0.4, 1.0) / (syllable.std() + 1e-9)
        room = out[at : at + size]
        room += piece[: len(room)]
        at += int(size * rng.uniform(0.85, 1.1))
        left -= 1
        if left == 0:
            at, left = at + int(rng.uniform(0.2, 0.9) * RATE), int(rng.integers(3, 14))
    return out + rng.normal(0, 0.003, count)


def _music(count: int, rng: np.random.Generator) -> Sound:
    """Chords and a melody over a beat, panned."""
    out = np.zeros((2, count))
    beat = 60.0 / rng.uniform(70, 150)
    scale = np.cumsum(rng.choice([1, 2, 2, 3], 12)) + rng.integers(36, 48)
    low, high = scale[:6], scale[4:] + 12
    for step in range(int(count / RATE / (beat / 2)) + 1):
        start = int(step * beat / 2 * RATE)
        notes = [(rng.choice(high), beat * rng.choice([0.5, 1.0, 2.0]), 0.5)]
        if rng.random() < 0.3:
            notes = []
        if step % 8 == 0:
            notes += [(note, 4 * beat, 0.3) for note in rng.choice(low, 3, replace=False)]
        if step % 2 == 0:
            notes.append((rng.choice(low) - 12, beat, 0.5))
        for note, length, loud in notes:
            room = out[:, start : start + int(length * RATE)]
            room += loud * _note(room.shape[1], 440 * 2 ** ((note - 69) / 12), rng)
        if rng.random() < 0.6:
            size = int(0.12 * RATE)
            hit = rng.normal(0, 0.5, size) * np.exp(-np.arange(size) / (0.02 * RATE))
            room = out[:, start : start + size]
            room += hit[: room.shape[1]]
    return _levelled(out)


def _note(size: int, pitch: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(2, size) a struck tone with overtones, somewhere between the ears."""
    t = np.arange(size) / RATE
    tone = sum(
        np.sin(2 * np.pi * pitch * k * t + rng.uniform(0, 6)) * rng.uniform(0.2, 1.0) / k
        for k in range(1, 7)
    )
    shape = np.minimum(1.0, t / 0.01) * np.exp(-t / rng.uniform(0.3, 1.5))
    pan = rng.uniform(0.2, 0.8)
    return np.asarray(tone * shape * np.array([[pan], [1 - pan]]))


def _ambience(count: int, rng: np.random.Generator) -> Sound:
    """Street or wind: noise whose colour and loudness wander, other in each ear, with events."""
    frames = count // 4096 + 2
    spectrum = np.cumsum(rng.normal(0, 0.18, (40, frames)), axis=1)
    spectrum = spectrum - spectrum.mean(axis=1, keepdims=True) - np.linspace(0, 4, 40)[:, None]
    out = np.zeros((2, count + 8192))
    window = np.hanning(8193)[:-1]
    edges = np.linspace(0, 39, 4097)
    for ear in range(2):
        for frame in range(count // 4096 + 1):
            shape = np.exp(np.interp(edges**0.5 * 39**0.5, np.arange(40), spectrum[:, frame]))
            noise = np.fft.irfft(np.fft.rfft(rng.normal(0, 1, 8192)) * shape)
            out[ear, frame * 4096 : frame * 4096 + 8192] += noise * window
    return _levelled(out[:, :count])


# --- what happens to it --------------------------------------------------------------------------


def coded(sound: Sound, codec: str, kbits: int, rate: int = RATE, mono: bool = False) -> Sound:
    """Encode and decode: "aac", "libmp3lame" or "libopus" at so many kbit/s in all."""
    form = {"aac": "adts", "libmp3lame": "mp3", "libopus": "ogg"}[codec]
    layout = "mono" if mono else "stereo"
    rate = 48000 if codec == "libopus" else rate
    file = io.BytesIO()
    with av.open(file, "w", format=form) as out:
        stream: Any = out.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = kbits * 1000
        fitting = av.AudioResampler(stream.codec_context.format, layout, rate)
        for frame in [*frames(sound), None]:
            for piece in fitting.resample(frame):
                out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as media:
        return _collected(media.decode(audio=0))


def frames(sound: Sound) -> Iterator[av.AudioFrame]:
    """A sound in pieces, as libav takes it."""
    layout = "mono" if len(sound) == 1 else "stereo"
    for start in range(0, sound.shape[1], 4096):
        block = np.ascontiguousarray(sound[:, start : start + 4096], np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def resampled(sound: Sound, rate: float) -> Sound:
    """To another sample rate: played at the old one it is faster or slower, pitch and all."""
    return _collected(frames(sound), round(rate))


def paced(sound: Sound, speed: float) -> Sound:
    """Faster or slower with the pitch kept (FFmpeg's atempo)."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=RATE, format="fltp", layout="stereo", time_base=Fraction(1, RATE)
    )
    tempo, sink = graph.add("atempo", str(speed)), graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    pieces = []
    for frame in [*frames(sound), None]:
        graph.push(frame)
        while True:
            try:
                piece = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            if isinstance(piece, av.AudioFrame):
                pieces.append(piece)
    return _collected(iter(pieces))


def _collected(pieces: Iterator[av.AudioFrame], rate: int = RATE) -> Sound:
    fitting = av.AudioResampler("fltp", "stereo", rate)
    parts = [out.to_ndarray() for piece in pieces for out in fitting.resample(piece)]
    parts += [out.to_ndarray() for out in fitting.resample(None)]
    return np.concatenate(parts, axis=1).astype(np.float32)
