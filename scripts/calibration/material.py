"""Unmarked material: made on the spot or luma of files; and clips with another's mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.results.payload import StampId
from provenance.verifying.sampling import grid_of
from provenance.video import probe, read_luma
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.embed.embedder import Embedder
from provenance.watermark.embed.profiles import DEFAULT_PROFILE, PROFILES
from provenance.watermark.picture.observation import Observation

Luma = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 360
FRAMES = 24
RATE = 25.0
FILE_FRAMES = 48
SUFFIXES = (".mp4", ".mkv", ".webm", ".mov")


def _frame(plane: NDArray[Any]) -> Luma:
    return np.asarray(np.clip(plane, 0, 255), np.uint8)


def _still(plane: NDArray[Any], draw: np.random.Generator) -> Iterator[Luma]:
    """A picture that stands still under one grey level of a camera's noise."""
    for _ in range(FRAMES):
        yield _frame(plane + draw.normal(0.0, 1.0, plane.shape))


def _axes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    return x, y


def text(draw: np.random.Generator) -> Iterator[Luma]:
    page = np.full((HEIGHT, WIDTH), 245, np.uint8)
    size = draw.uniform(0.3, 0.6)
    for line in range(14, HEIGHT, int(36 * size) + 4):
        letters = "".join(chr(c) for c in draw.integers(97, 123, 110))
        cv2.putText(page, letters, (8, line), cv2.FONT_HERSHEY_SIMPLEX, size, 20, 1, cv2.LINE_AA)
    yield from _still(page, draw)


def grid(draw: np.random.Generator) -> Iterator[Luma]:
    x, y = _axes()
    pitch, turn = draw.uniform(5, 24), draw.uniform(0, np.pi / 4)
    across, down = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    lines = np.minimum(across % pitch, down % pitch)
    yield from _still(np.where(lines < 1.2, 60, 200), draw)


def weave(draw: np.random.Generator) -> Iterator[Luma]:
    x, y = _axes()
    pitch, turn = draw.uniform(6, 14), draw.uniform(0, np.pi)
    across, down = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    threads = np.sin(2 * np.pi * across / pitch) * np.sin(2 * np.pi * down / (1.1 * pitch))
    yield from _still(120 + 40 * threads, draw)


def checkerboard(draw: np.random.Generator) -> Iterator[Luma]:
    x, y = _axes()
    pitch = draw.uniform(4, 20)
    yield from _still(60 + 130 * ((x // pitch + y // pitch) % 2), draw)


def black(_: np.random.Generator) -> Iterator[Luma]:
    for _frame_number in range(FRAMES):
        yield np.full((HEIGHT, WIDTH), 16, np.uint8)


def gradient(draw: np.random.Generator) -> Iterator[Luma]:
    x, y = _axes()
    turn, steep = draw.uniform(0, 2 * np.pi), draw.uniform(0.05, 0.25)
    plane = _frame(128 + steep * ((x - WIDTH / 2) * np.cos(turn) + (y - HEIGHT / 2) * np.sin(turn)))
    for _ in range(FRAMES):
        yield plane


def noise(draw: np.random.Generator) -> Iterator[Luma]:
    for _ in range(FRAMES):
        yield _frame(draw.normal(128, 30, (HEIGHT, WIDTH)))


def animation(draw: np.random.Generator) -> Iterator[Luma]:
    """Flat shapes with hard outlines that move over a flat ground."""
    shapes = [
        (draw.uniform(0, 1, 2) * (WIDTH, HEIGHT), draw.normal(0, 3, 2), int(draw.integers(12, 70)))
        for _ in range(14)
    ]
    greys = draw.integers(40, 230, len(shapes))
    for number in range(FRAMES):
        plane = np.full((HEIGHT, WIDTH), 180, np.uint8)
        for (place, speed, radius), grey in zip(shapes, greys, strict=True):
            x, y = (place + number * speed).astype(int)
            cv2.circle(plane, (int(x), int(y)), radius, int(grey), -1, cv2.LINE_AA)
            cv2.circle(plane, (int(x), int(y)), radius, 15, 2, cv2.LINE_AA)
        yield plane


MADE: dict[str, Callable[[np.random.Generator], Iterator[Luma]]] = {
    maker.__name__: maker
    for maker in (text, grid, weave, checkerboard, black, gradient, noise, animation)
}


def observed(frames: Iterator[Luma]) -> Observation:
    """What the detector keeps of made frames."""
    observation = Observation(Grid(WIDTH, HEIGHT), 8, FRAMES / RATE)
    for number, luma in enumerate(frames):
        observation.add(luma, number / RATE)
    return observation


def observed_file(path: Path) -> Observation:
    """What the detector keeps of the first frames of a file."""
    info = probe(path)
    observation = Observation(grid_of(info), info.video.bit_depth, info.duration)
    for frame in islice(read_luma(path, threads=1), FILE_FRAMES):
        observation.add(frame.luma, frame.time)
    return observation


def stamped(draw: np.random.Generator, key: WatermarkKey) -> Observation:
    """A moving drawing over a weave that carries the mark of ``key``."""
    ground = next(weave(draw)).astype(np.float32)
    frames = [_frame(0.7 * luma + 0.3 * ground) for luma in animation(draw)]
    raw = StampId(draw.bytes(8))
    embedder = Embedder(key, raw, PROFILES[DEFAULT_PROFILE], Grid(WIDTH, HEIGHT))
    for luma in frames[::6]:
        embedder.observe(luma)
    embedder.prepare()
    return observed(np.asarray(embedder.mark(luma)) for luma in frames)


def files_in(folder: Path) -> list[Path]:
    """The videos of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
