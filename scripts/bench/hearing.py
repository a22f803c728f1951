"""The sound of copies against what was registered: honest ones and replaced ones."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from bench import sounds
from bench.sounds import RATE, Sound
from provenance.errors import InputError
from provenance.fingerprint import SOUND_RATE, Listener, SoundComparison, compare_sound
from provenance.video import SoundStats, read_luma, read_sound

SECONDS = 12.0
Known = tuple[Sound, bytes]
"""A sound and what is registered of it."""
Change = Callable[[Sound, np.random.Generator], Sound]


@dataclass(frozen=True, slots=True)
class Heard:
    """One copy against its source.  ``honest``: the sound was not replaced."""

    change: str
    source: str
    honest: bool
    comparison: SoundComparison


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time, and of the clip."""

    clip: str
    length: float
    sound: float
    picture: float
    registered: int


def _codec(codec: str, kbits: int, rate: int = RATE, mono: bool = False) -> Change:
    return lambda sound, _: sounds.coded(sound, codec, kbits, rate, mono)


def _noise(decibels: float) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        level = float(sound.std()) * 10 ** (-decibels / 20)
        return (sound + rng.normal(0, level, sound.shape)).astype(np.float32)

    return change


def _tilted(sound: Sound, _: np.random.Generator) -> Sound:
    """6 dB less bass, 6 dB more treble."""
    spectrum = np.fft.rfft(sound)
    f = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    gain = 10 ** (np.clip(3.0 * np.log2(np.maximum(f, 1.0) / 1000.0), -6.0, 6.0) / 20)
    return np.fft.irfft(spectrum * gain, sound.shape[1]).astype(np.float32)


def _mono(sound: Sound, _: np.random.Generator) -> Sound:
    return np.repeat(sound.mean(axis=0, keepdims=True), 2, axis=0)


def _part(start: float, end: float) -> Change:
    """From one share of it to another."""

    def change(sound: Sound, _: np.random.Generator) -> Sound:
        count = sound.shape[1]
        return sound[:, int(start * count) : int(end * count)]

    return change


def _jump(sound: Sound, _: np.random.Generator) -> Sound:
    count = sound.shape[1]
    return np.concatenate([sound[:, : int(0.45 * count)], sound[:, int(0.55 * count) :]], axis=1)


def _delayed(sound: Sound, _: np.random.Generator) -> Sound:
    return np.concatenate([np.zeros((2, int(1.3 * RATE)), np.float32), sound], axis=1)


def _pitched(speed: float) -> Change:
    return lambda sound, _: sounds.resampled(sound, RATE / speed)


def _paced(speed: float) -> Change:
    return lambda sound, _: sounds.paced(sound, speed)


def _twice(sound: Sound, _: np.random.Generator) -> Sound:
    """Recorded from a telephone's band: 8 kHz, then two encoders."""
    narrow = sounds.resampled(sound, SOUND_RATE)
    wide = np.repeat(narrow, 6, axis=1)  # crude on purpose: images above 4 kHz
    back = sounds.resampled(wide, RATE * RATE / (6 * SOUND_RATE))
    return sounds.coded(sounds.coded(back, "aac", 64), "libmp3lame", 32, 22050)


HONEST: dict[str, Change] = {
    "none": lambda sound, _: sound,
    "aac 64": _codec("aac", 64),
    "aac 48": _codec("aac", 48),
    "aac 32": _codec("aac", 32),
    "mp3 64": _codec("libmp3lame", 64),
    "mp3 32": _codec("libmp3lame", 32, 22050),
    "opus 64": _codec("libopus", 64),
    "opus 32": _codec("libopus", 32),
    "8 kHz, aac 64, mp3 32": _twice,
    "mono": _mono,
    "volume 0.1": lambda sound, _: sound * np.float32(0.1),
    "volume 3, clipped": lambda sound, _: np.clip(3 * sound, -1.0, 1.0),
    "tilted 6 dB": _tilted,
    "noise 30 dB below": _noise(30.0),
    "noise 20 dB below": _noise(20.0),
    "last 70 %": _part(0.3, 1.0),
    "middle 40 %": _part(0.31, 0.71),
    "a tenth cut out": _jump,
    "delayed 1.3 s": _delayed,
    "reversed": lambda sound, _: sound[:, ::-1],
    "speed 0.5": _pitched(0.5),
    "speed 25/24": _pitched(25 / 24),
    "speed 1.25": _pitched(1.25),
    "speed 2": _pitched(2.0),
    "speed 0.8, pitch kept": _paced(0.8),
    "speed 1.5, pitch kept": _paced(1.5),
    "speed 2, pitch kept": _paced(2.0),
}
BELOW: dict[str, Change] = {
    "aac 24": _codec("aac", 24),
    "aac 16": _codec("aac", 16),
    "mp3 16": _codec("libmp3lame", 16, 16000, mono=True),
    "opus 16": _codec("libopus", 16),
    "opus 12 mono": _codec("libopus", 12, mono=True),
}
"""Harder than the sounds are made to survive: to see from where on they don't."""


def _other(sound: Sound, rng: np.random.Generator, kind: sounds.Kind | None = None) -> Sound:
    """Another sound as long and as loud."""
    kind = kind or sounds.KINDS[int(rng.integers(len(sounds.KINDS)))]
    other = sounds.made(kind, sound.shape[1] / RATE + 0.1, int(rng.integers(1 << 30)) + 10_000)
    return other[:, : sound.shape[1]] * np.float32(sound.std() / 0.1)


def _stretch(seconds: float, silent: bool = False) -> Change:
    def change(sound: Sound, rng: np.random.Generator) -> Sound:
        length = int(seconds * RATE)
        start = int(rng.integers(sound.shape[1] - length + 1))
        changed = sound.copy()
        part = sound[:, start : start + length]
        changed[:, start : start + length] = 0.0 if silent else _other(part, rng)
        return changed

    return change


def _encoded(change: Change) -> Change:
    return lambda sound, rng: sounds.coded(change(sound, rng), "aac", 64)


def _opposed(sound: Sound, rng: np.random.Generator) -> Sound:
    """A voice that cancels out when the ears are mixed."""
    voice = 2 * _other(sound, rng, "speech")
    return sound + voice * np.array([[1.0], [-1.0]], np.float32)


def _beep(sound: Sound, _: np.random.Generator) -> Sound:
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(sound.shape[1]) / RATE)
    return np.stack([tone, tone]).astype(np.float32)


REPLACED: dict[str, Change] = {
    "another sound": _other,
    "another sound, aac 64": _encoded(_other),
    "another of the last 70 %": _encoded(lambda s, rng: _other(s[:, int(0.3 * s.shape[1]) :], rng)),
    "a beep": _beep,
    "2 s replaced": _stretch(2.0),
    "2 s replaced, aac 64": _encoded(_stretch(2.0)),
    "3 s replaced, aac 64": _encoded(_stretch(3.0)),
    "2 s muted": _stretch(2.0, silent=True),
    "a louder voice over it": lambda s, rng: s + 1.5 * _other(s, rng, "speech"),
    "a voice as loud over it": lambda s, rng: s + _other(s, rng, "speech"),
    "a voice half as loud over it": lambda s, rng: s + 0.5 * _other(s, rng, "speech"),
    "a voice of opposite signs": _opposed,
}


def sources(seeds: int, folder: Path | None) -> dict[str, Known]:
    """Made sounds of every kind, and those of the files in a folder that have any."""
    found = {
        f"{kind} {seed}": sounds.made(kind, SECONDS, seed)
        for kind in sounds.KINDS
        for seed in range(seeds)
    }
    for path in sorted(folder.iterdir()) if folder else ():
        try:
            sound = sounds.loaded(path)
        except (ValueError, IndexError, OSError):
            continue
        if sound.std() > 1e-3:
            found[path.stem] = sound
    return {name: (sound, printed(sound, False)) for name, sound in found.items()}


def dubbed(seeds: int) -> Iterator[tuple[str, Sound, Sound]]:
    """(name, one voice over music, another over the same music): half of the energy each."""
    for seed in range(seeds):
        music = sounds.made("music", SECONDS, 500 + seed)
        voices = [sounds.made("speech", SECONDS, 600 + 2 * seed + which) for which in (0, 1)]
        yield f"film {seed}", music + voices[0], music + voices[1]


def printed(sound: Sound, dense: bool) -> bytes:
    """The fingerprint of a sound."""
    listener = Listener()
    listener.add(sounds.resampled(sound, SOUND_RATE))
    return listener.print(dense=dense).to_bytes()


def measured(known: dict[str, Known], name: str, change: Change, honest: bool) -> Iterator[Heard]:
    """A change of every source, compared with the source."""
    for source, (sound, registered) in known.items():
        rng = np.random.default_rng(zlib.crc32(f"{name}/{source}".encode()))
        seen = printed(change(sound, rng), True)
        yield Heard(name, source, honest, compare_sound(registered, seen))


def costs(folder: Path) -> Iterator[Cost]:
    """What hearing a clip costs against decoding its picture."""
    for path in sorted(folder.iterdir()):
        started = process_time()
        stats, listener = SoundStats(), Listener()
        try:
            for samples in read_sound(path, SOUND_RATE, stats):
                listener.add(samples)
        except InputError:
            continue
        if not stats.frames:
            continue
        kept = len(listener.print(dense=False).to_bytes())
        heard = process_time()
        for _ in read_luma(path, threads=1):
            pass
        yield Cost(path.stem, listener.seconds, heard - started, process_time() - heard, kept)
