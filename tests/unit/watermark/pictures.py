"""Small synthetic pictures with texture, motion and flat areas, for tests without any file."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.results.payload import StampId
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.spec import LAYOUT_1, LayoutSpec
from provenance.watermark.embed.embedder import Embedder
from provenance.watermark.embed.profiles import PROFILES
from provenance.watermark.picture.observation import Observation

Frames = list[NDArray[Any]]
"""(H, W) luma; of which type is left open, for OpenCV does not say what it returns."""

KEY = WatermarkKey("k", b"s" * 32, b"p" * 32)
OTHER = WatermarkKey("o", b"t" * 32, b"q" * 32)
STAMP = StampId.from_hex("0123456789abcdef")


def scene(width: int = 640, height: int = 360, count: int = 12, seed: int = 7) -> Frames:
    """A cloudy picture panned slowly: low frequencies, some grain, a flat patch."""
    noise = np.random.default_rng(seed)
    tall, wide = height + 2 * count, width + 4 * count
    fy, fx = np.meshgrid(np.fft.fftfreq(tall), np.fft.fftfreq(wide), indexing="ij")
    slope = 1.0 / np.maximum(np.hypot(fx, fy), 1.0 / wide) ** 1.4
    field = np.fft.ifft2(np.fft.fft2(noise.standard_normal((tall, wide))) * slope).real
    field = 120.0 + 40.0 * field / field.std()
    field[: tall // 5] = 200.0
    frames: Frames = []
    for index in range(count):
        part = field[2 * index : 2 * index + height, 4 * index : 4 * index + width]
        grain = noise.standard_normal(part.shape)
        frames.append(np.clip(np.rint(part + grain), 0, 255).astype(np.uint8))
    return frames


def marked(
    frames: Frames,
    grid: Grid,
    key: WatermarkKey = KEY,
    depth: int = 8,
    spec: LayoutSpec = LAYOUT_1,
) -> Frames:
    """The frames with STAMP in them, informed embedding included."""
    embedder = Embedder(key, STAMP, PROFILES["standard"], grid, depth, spec)
    for frame in frames[::3]:
        embedder.observe(frame)
    embedder.prepare()
    return [embedder.mark(frame) for frame in frames]


def mirrored(frames: Frames) -> Frames:
    """Left and right changed over."""
    return [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]


def observed(frames: Frames, grid: Grid | None = None, depth: int = 8) -> Observation:
    """What a detector sees of these frames, 10 a second."""
    height, width = frames[0].shape
    observation = Observation(grid or Grid(width, height), depth, duration=len(frames) / 10)
    for index, frame in enumerate(frames):
        observation.add(frame, index / 10)
    return observation
