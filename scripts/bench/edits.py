"""What is done to a clip's picture and sound before a verdict is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bench import hostile, render
from bench.frames import Frames, Size, like
from bench.render import Encode, Pass
from bench.stages import Resize, Scene, Stage
from bench.timing import First, Still, unmarked

Wave = NDArray[np.float32]
RATE = 48_000
LINES, SECONDS = 480, 4.0
SEED = 2
"""Of everything random.  With it four or five shuffled pieces do not come out in their order."""
QUICK = Encode(options=(("crf", "20"), ("preset", "veryfast"), render.REPEATABLE))
FINE = Encode(options=(("crf", "14"), ("preset", "veryfast"), render.REPEATABLE))
PNG = Encode("still", suffix=".png")


@dataclass(frozen=True, slots=True)
class Pasted(Still):
    """A part of the picture that shows the other clip instead.

    ``share`` of the picture is one rectangle at the lower right, of the picture's own shape.
    ``mark`` is what lies over it: a watermark that was lifted off somewhere else.
    """

    share: float
    mark: hostile.Plane | None = None

    def box(self, size: Size) -> tuple[slice, slice]:
        """Rows and columns, an even number of each."""
        side = float(np.sqrt(self.share))
        width, height = (2 * round(side * length / 2) for length in size)
        return slice(size[1] - height, size[1]), slice(size[0] - width, size[0])

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Cut it out and lay it over."""
        others: Frames | None = None
        for frame in frames:
            size = (frame.width, frame.height)
            others = others or unmarked(scene, size)
            under, over = (planes_of(one) for one in (frame, next(others)))
            if self.mark is not None:
                luma = np.rint(over[..., 0] + self.mark)
                over[..., 0] = np.clip(luma, 0, 255).astype(np.uint8)
            rows, columns = self.box(size)
            under[rows, columns] = over[rows, columns]
            yield like(frame, under)


def planes_of(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """(H, W, 3) luma and both chroma planes at full size."""
    return np.ascontiguousarray(np.moveaxis(frame.to_ndarray(format="yuv444p"), 0, 2))


def prepared(clip: Path, target: Path, seed: int) -> Path:
    """A clip made small and short, with sound of its own where it has none."""
    silent = target.with_name(f"silent-{target.name}")
    passed(clip, silent, (Resize(lines=LINES), First(SECONDS)), clip, encode=FINE)
    return dubbed(silent, target, wave(clip) if has_sound(clip) else melody(seed))


def passed(
    source: Path, target: Path, stages: tuple[Stage, ...], other: Path, *, encode: Encode = QUICK
) -> Path:
    """A copy without sound that went through some stages."""
    folder = target.with_name(f"{target.name}.d")
    folder.mkdir()
    made = render.run((Pass(stages, encode),), source, folder, other, SEED, threads=2)
    made.rename(target)
    folder.rmdir()
    return target


def remuxed(source: Path, target: Path) -> Path:
    """Every packet in a new container; the manifest is lost."""
    render.remux(source, target)
    return target


def tagged(source: Path, target: Path, tags: dict[str, str]) -> Path:
    """Every packet in a new container that has these tags."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as out:
        out.metadata.update(tags)
        tracks = {s.index: out.add_stream_from_template(s) for s in reader.streams}
        for packet in reader.demux():
            if packet.dts is not None:
                packet.stream = tracks[packet.stream.index]
                out.mux(packet)
    return target


# --- sound -----------------------------------------------------------------------------------


def has_sound(path: Path) -> bool:
    """Whether there is a track."""
    with av.open(str(path)) as source:
        return bool(source.streams.audio)


def wave(path: Path) -> Wave:
    """The first sound track: (2, samples) between -1 and 1 at 48 kHz."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
    with av.open(str(path)) as source:
        parts = [
            part.to_ndarray()
            for frame in source.decode(audio=0)
            for part in resampler.resample(frame)
        ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def melody(seed: int, seconds: float = 2 * SECONDS) -> Wave:
    """Notes of a quarter of a second, of three voices each: nothing that a clip has."""
    rng = np.random.default_rng(1000 + seed)
    time = np.arange(RATE // 4) / RATE
    fading = np.exp(-4 * time)
    notes = [
        sum(
            np.sin(2 * np.pi * pitch * time + phase) * fading
            for pitch, phase in zip(rng.uniform(150, 4000, 3), rng.uniform(0, 6, 3), strict=True)
        )
        for _ in range(round(4 * seconds))
    ]
    mono = 0.2 * np.concatenate(notes) + rng.normal(0, 0.01, len(notes) * len(time))
    return np.stack([mono, mono]).astype(np.float32)


def dubbed(video: Path, target: Path, sound: Wave) -> Path:
    """The picture of a file, packet by packet, with this sound as far as the picture lasts."""
    with av.open(str(video)) as source, av.open(str(target), "w") as out:
        picture = source.streams.video[0]
        there = out.add_stream_from_template(picture)
        heard = out.add_stream("aac", rate=RATE, layout="stereo")
        for packet in source.demux(picture):
            if packet.dts is not None:
                packet.stream = there
                out.mux(packet)
        length = round(float(source.duration or 0) / av.time_base * RATE)
        for start in range(0, min(length, sound.shape[1]), 1024):
            piece = np.ascontiguousarray(sound[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            out.mux(heard.encode(frame))
        out.mux(heard.encode())
    return target


# --- copies ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """What a copy is made of: the stamped clip, as it was before, another one, and a new name."""

    stamped: Path
    original: Path
    other: Path
    target: Path

    def copy(self, *stages: Stage, sound: Wave | None = None, encode: Encode = QUICK) -> Path:
        """A copy through stages, with the stamped clip's sound or another."""
        silent = self.target.with_name(f"silent-{self.target.name}")
        passed(self.stamped, silent, stages, self.other, encode=encode)
        dubbed(silent, self.target, wave(self.stamped) if sound is None else sound)
        silent.unlink()
        return self.target

    def still(self, *stages: Stage) -> Path:
        """Its first picture as a PNG, through stages."""
        target = self.target.with_suffix(".png")
        return passed(self.stamped, target, (First(0.01), *stages), self.other, encode=PNG)

    def lifted(self) -> hostile.Plane:
        """The mark, as one who holds the clip before and after knows it."""
        return hostile.residual(self.stamped, self.original)


Edit = Callable[[Cut], Path]
