"""Attacks by somebody who knows how the mark is made, but not the key.

The adversary knows the band the mark lies in, that it stands still within a shot, and that one key
has one pilot.  None of them needs more than NumPy, OpenCV and clips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import provenance
from bench import effects, render
from bench.attack import HOSTILE, Attack, Material, Plan, row
from bench.frames import Frames, Matrix, Picture, Size, like
from bench.render import Encode, Pass
from bench.stages import IDENTITY, Paint, Scene
from provenance import Keyring, ProvenanceError

Plane = NDArray[np.float32]
BAND = (0.05, 0.19)
"""Cycles per canonical pixel, where the mark lies."""
CANONICAL_LINES = 360
LIMIT = 4.0
"""Grey levels: more than this is the picture's own, not the mark."""
LOOKS = 100
"""Frames of a clip that an estimate is made of, about."""
SEGMENT = 8
"""Frames a clip that colluders hold."""


def adversarial() -> tuple[Attack, ...]:
    """The group of that name."""

    def planned(name: str, plan: Plan, copies: bool = False) -> Attack:
        return Attack(name, HOSTILE, plan=plan, copies=copies)

    return (
        planned("other_key_on_top", _stamped_again),
        *(planned(f"own_mean_x{gain}", _without_own_mean(gain)) for gain in (1, 2)),
        planned("residual_copied", _residual_copied, copies=True),
        planned("estimate_copied", _estimate_copied, copies=True),
        *(
            planned(f"collusion_{clips}_x{gain}", _without_common(clips, gain))
            for clips in (10, 100)
            for gain in (1, 2)
        ),
        row(HOSTILE, "low_rank", LowRank()),
        row(HOSTILE, "blur_noise_denoise", Paint(blur_noise_denoise)),
    )


# --- estimates of the mark -------------------------------------------------------------------


def lumas(path: Path) -> Iterator[Plane]:
    """Every frame's luma as coded."""
    with av.open(str(path)) as source:
        for frame in source.decode(video=0):
            yield frame.to_ndarray(format="yuv444p")[0].astype(np.float32)


def band_passed(plane: Plane) -> Plane:
    """What of an (H, W) plane lies in the mark's band; its short side is 360 canonical pixels."""
    height, width = plane.shape
    scale = min(plane.shape) / CANONICAL_LINES
    across, down = np.fft.rfftfreq(width) * scale, np.fft.fftfreq(height) * scale
    radius = np.hypot(across[None, :], down[:, None])
    kept = np.fft.rfft2(plane) * ((radius >= BAND[0]) & (radius <= BAND[1]))
    return np.asarray(np.fft.irfft2(kept, plane.shape), np.float32)


def estimate(path: Path) -> Plane:
    """The mark of a stamped clip as far as it stands out: the mean of its frames in the band.

    Each is clipped first, as the picture itself is by far the stronger of the two.
    """
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        total = float(source.duration or 0) / av.time_base * float(stream.average_rate or 25)
    step = max(1, round(total / LOOKS))
    return _mean(
        np.clip(band_passed(luma), -LIMIT, LIMIT) for luma in islice(lumas(path), None, None, step)
    )


def residual(stamped: Path, original: Path) -> Plane:
    """The mean over time of what stamping changed: for one who holds both."""
    pairs = zip(lumas(stamped), lumas(original), strict=False)
    return _mean(after - before for after, before in pairs)


def common(material: Material, count: int, size: Size) -> Plane:
    """The mean estimate of ``count`` clips with one key and as many ids, at a size.

    Every clip is a cut of its own (place, size, time) out of one of the bench's clips, scaled to
    the attacked picture's shape and stamped through the public API.
    """
    rng = np.random.default_rng(material.seed)
    scale = CANONICAL_LINES / min(size)
    small = (2 * round(size[0] * scale / 2), 2 * round(size[1] * scale / 2))
    before, after = material.folder / "cut.mkv", material.folder / "cut_stamped.mkv"
    found: list[Plane] = []
    for _ in range(3 * count):
        _cut(material.clips[int(rng.integers(len(material.clips)))], before, small, rng)
        try:
            _stamp(before, after, material.keyring, material.profile)
        except ProvenanceError:
            continue  # too dull a cut to be stamped: nobody has it
        found.append(estimate(after))
        if len(found) == count:
            break
    else:
        raise ValueError(f"only {len(found)} of {count} cuts of these clips could be stamped")
    mean = np.mean(found, axis=0, dtype=np.float32)
    return np.asarray(cv2.resize(np.asarray(mean), size, interpolation=cv2.INTER_CUBIC), np.float32)


def _mean(planes: Iterator[Plane]) -> Plane:
    total, count = next(planes).astype(np.float64), 1
    for plane in planes:
        total += plane
        count += 1
    return np.asarray(total / count, np.float32)


def _cut(source: Path, target: Path, size: Size, rng: np.random.Generator) -> None:
    """A few frames of a random part of a clip, of at least half its sides."""
    with av.open(str(source)) as reader:
        stream = reader.streams.video[0]
        duration = float(reader.duration or 0) / av.time_base
        start = float(rng.uniform(0.0, max(duration - 1.0, 0.0)))
        share, left, top = rng.uniform(0.5, 1.0), rng.random(), rng.random()
        later = (f for f in reader.decode(stream) if (f.time or 0.0) >= start)
        frames = [f.to_ndarray(format="bgr24") for f in islice(later, SEGMENT)]
    with av.open(str(target), "w") as writer:
        out = writer.add_stream("libx264", rate=Fraction(25), options={"qp": "0"})
        out.width, out.height, out.pix_fmt = *size, "yuv420p"
        out.codec_context.thread_count = 1
        for picture in frames:
            height, width = picture.shape[:2]
            h, w = int(height * share), int(width * share)
            y, x = int((height - h) * top), int((width - w) * left)
            part = cv2.resize(picture[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
            shown = np.asarray(part, np.uint8)
            writer.mux(out.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        writer.mux(out.encode())


def _stamp(source: Path, target: Path, keyring: Keyring, profile: str) -> None:
    provenance.stamp(
        source,
        target,
        keyring=keyring,
        model_name="bench",
        model_version="1",
        prompt_hash=provenance.hash_prompt("bench", keyring.prompt_key),
        profile=profile,
        encoder=provenance.EncoderOptions(threads=1),
        overwrite=True,
    )


# --- plans -----------------------------------------------------------------------------------


def added(pattern: Plane, gain: float) -> Paint:
    """``gain`` times a pattern added to luma, scaled to the picture."""

    def make(size: Size, _rng: np.random.Generator) -> effects.Change:
        scaled = gain * cv2.resize(pattern, size, interpolation=cv2.INTER_CUBIC)

        def change(picture: Picture, _time: float) -> Picture:
            luma = np.rint(picture[..., 0] + scaled)
            picture[..., 0] = np.clip(luma, 0, 255).astype(np.uint8)
            return picture

        return change

    return Paint(make)


def _one(*stages: Paint) -> tuple[Pass, ...]:
    return (Pass(stages, render.USUAL),)


def _stamped_again(material: Material) -> tuple[Path, tuple[Pass, ...]]:
    """Somebody else's stamp on top: marked and encoded as ``stamp`` does."""
    target = material.folder / "again.mp4"
    _stamp(material.stamped, target, material.other_keyring, material.profile)
    return target, (Pass((), Encode("copy")),)


def _without_own_mean(gain: int) -> Plan:
    """The clip's own estimate subtracted."""
    return lambda material: (
        material.stamped,
        _one(added(estimate(material.stamped), -gain)),
    )


def _residual_copied(material: Material) -> tuple[Path, tuple[Pass, ...]]:
    """The mark itself, by one who holds the clip before and after, onto another video."""
    mark = residual(material.stamped, material.original)
    return material.other, _one(added(mark, 1))


def _estimate_copied(material: Material) -> tuple[Path, tuple[Pass, ...]]:
    """The estimate, by one who holds the stamped clip only, onto another video."""
    return material.other, _one(added(estimate(material.stamped), 1))


def _without_common(clips: int, gain: int) -> Plan:
    """What many clips of one key have in common, subtracted."""

    def plan(material: Material) -> tuple[Path, tuple[Pass, ...]]:
        height, width = next(lumas(material.stamped)).shape
        pattern = common(material, clips, (width, height))
        return material.stamped, _one(added(pattern, -gain))

    return plan


# --- cleaners --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LowRank:
    """Luma of every ``frames`` frames by their ``rank`` strongest principal components."""

    frames: int = 16
    rank: int = 4

    def apply(self, frames: Frames, _scene: Scene) -> Frames:
        """Hold a group, project it, hand it on."""
        while group := list(islice(frames, self.frames)):
            planes = [np.asarray(f.to_ndarray(format="yuv444p"), np.uint8) for f in group]
            pictures = [np.moveaxis(one, 0, 2).copy() for one in planes]
            rows = np.stack([p[..., 0].ravel() for p in pictures]).astype(np.float32)
            _, vectors = np.linalg.eigh(rows @ rows.T)
            strongest = vectors[:, -self.rank :].astype(np.float32)
            cleaned = np.clip(np.rint(strongest @ (strongest.T @ rows)), 0, 255)
            for frame, picture, luma in zip(group, pictures, cleaned, strict=True):
                picture[..., 0] = luma.reshape(picture.shape[:2]).astype(np.uint8)
                yield like(frame, picture)

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """Nothing moves."""
        return IDENTITY, size


def blur_noise_denoise(size: Size, rng: np.random.Generator) -> effects.Change:
    """Blur of sigma 1, noise of sigma 8, then non-local means: what drowns is not restored."""
    noisy = effects.noise(8.0)(size, rng)

    def change(picture: Picture, time: float) -> Picture:
        picture[..., 0] = cv2.GaussianBlur(picture[..., 0], (0, 0), 1.0)
        picture = noisy(picture, time)
        picture[..., 0] = cv2.fastNlMeansDenoising(
            np.ascontiguousarray(picture[..., 0]), None, 8.0, 5, 11
        )
        return picture

    return change
