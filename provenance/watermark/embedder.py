"""Mark a clip: look at it once, make its pattern, then add the pattern to every frame.

>>> embedder = Embedder(key, stamp_id, PROFILES["standard"], Grid(1280, 720))
>>> for luma in some_frames: embedder.observe(luma)
>>> embedder.prepare()
>>> for luma in every_frame: marked = embedder.mark(luma)
"""

from __future__ import annotations

import threading
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.payload import StampId
from provenance.watermark import codeword as words
from provenance.watermark import pattern
from provenance.watermark.keys import WatermarkKey
from provenance.watermark.layout import TILE, Grid, layout_for, synthesise
from provenance.watermark.mask import mask
from provenance.watermark.profiles import Profile
from provenance.watermark.residual import Plane, canonical, high_pass_response, whitening

Luma = NDArray[np.uint8] | NDArray[np.uint16]

GAIN_LIMIT = 3.0
GAIN_FLOOR = 0.35
GAIN_ROUNDS = 6
TEXTURED = 0.99
DITHER = 0.5
"""Peak to peak, grey levels: enough for what lies below one level, less noise than a full one."""


class Embedder:
    """Adds one stamp's pattern to the frames of one clip.

    Args:
        key: the watermark key.
        stamp_id: the 64 bits to carry.
        profile: how strongly.
        grid: size, pixel aspect and rotation of the coded picture.
        depth: bits a luma sample, 8 to 16; more than 8 means uint16 planes.
    """

    def __init__(
        self, key: WatermarkKey, stamp_id: StampId, profile: Profile, grid: Grid, depth: int = 8
    ) -> None:
        self._profile = profile
        self._grid = grid
        self._depth = depth
        self._layout = layout_for(key)
        self._codeword = words.encode(stamp_id, key)
        width, height = grid.canonical_size
        self._host: Plane = np.zeros((height, width), np.float32)
        self._room: Plane = np.zeros((height, width), np.float32)
        self._texture = 0.0
        self._pattern: Plane | None = None
        self._dither: Plane | None = None
        self._lock = threading.Lock()
        self._squared_error = 0.0
        self._samples = 0

    def observe(self, luma: Luma) -> None:
        """Learn what the host itself says where the mark will be, from one (H, W) luma plane."""
        picture = canonical(luma, self._grid, self._depth)
        high, weight = whitening(picture)
        self._host += high * weight
        self._texture = max(self._texture, float(np.quantile(np.abs(high[::3, ::3]), TEXTURED)))
        self._room += mask(picture, self._profile, *self._grid.canonical_size) * weight

    @property
    def texture(self) -> float:
        """Most that 1 % of any observed picture stands out from its surroundings, grey levels."""
        return self._texture

    def prepare(self) -> None:
        """Make the pattern; informed by what :meth:`observe` saw, plain if it saw nothing."""
        pilot, data = self._informed()
        points = np.vstack([self._layout.pilot_points, self._layout.data_points])
        values = np.concatenate([pilot, data])
        size = (self._grid.width, self._grid.height)
        self._pattern = synthesise(points, values, self._grid, size)
        if self._depth == 8:
            # Where the mark is below one grey level, rounding alone would erase it.
            draw = np.random.default_rng(0).random(self._pattern.shape, np.float32)
            self._dither = DITHER * (draw - 0.5)

    def mark(self, luma: Luma, out: Luma | None = None) -> Luma:
        """Add the pattern to one (H, W) luma plane; safe to call from several threads.

        Args:
            luma: uint8, or uint16 holding ``depth`` bits; not changed.
            out: where to write, same shape and type; a new array when None.
        """
        if self._pattern is None:
            raise RuntimeError("call prepare() before mark()")
        picture = canonical(luma, self._grid, self._depth)
        height, width = luma.shape
        change = mask(picture, self._profile, width, height)
        cv2.multiply(change, self._pattern, dst=change, scale=float(1 << (self._depth - 8)))
        if self._dither is not None:
            cv2.add(change, self._dither, dst=change)
        kind = cv2.CV_8U if self._depth == 8 else cv2.CV_16U
        marked = cast(Luma, cv2.add(luma, change, dst=out, dtype=kind))
        if self._depth > 8:
            np.minimum(marked, (1 << self._depth) - 1, out=marked)
        error = cv2.norm(marked, luma, cv2.NORM_L2SQR)
        with self._lock:
            self._squared_error += error
            self._samples += luma.size
        return marked

    def psnr_y(self) -> float:
        """PSNR of luma over every frame marked so far, dB; infinite when nothing changed."""
        if self._squared_error == 0:
            return float("inf")
        peak = float((1 << self._depth) - 1)
        return float(10.0 * np.log10(peak**2 * self._samples / self._squared_error))

    def _informed(self) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Informed embedding: spend less on bits the host already says, more on those it denies.

        Costa's "writing on dirty paper" (IEEE T-IT 29-3, 1983) in its plainest form: choose gains
        so that every coded bit reaches the same target, at unit energy.
        """
        plain = pattern.coefficients(self._layout, self._codeword)
        if not self._room.any():
            return plain
        gains = np.ones(words.CODED_BITS, np.float32)
        host = pattern.fold_centred(self._grid.upright(self._host))
        room = self._grid.upright(self._room)
        response = 0.0
        for _ in range(GAIN_ROUNDS):
            pilot, data = pattern.coefficients(self._layout, self._codeword, gains)
            total = host + self._respond(room, pilot, data)
            read = self._codeword * pattern.soft_bits(total, self._layout)
            response = response or max(float(np.mean(read)), 1e-3)
            gains = _levelled(gains + (np.mean(read) - read) / response)
        pilot, data = pattern.coefficients(self._layout, self._codeword, gains)
        return pilot, data

    def _respond(
        self, room: Plane, pilot: NDArray[np.complex128], data: NDArray[np.complex128]
    ) -> pattern.Spectrum:
        """What the detector will see of a pattern in this clip, before any attack."""
        points = np.vstack([self._layout.pilot_points, self._layout.data_points])
        radius = np.hypot(points[:, 0], points[:, 1]) / TILE
        response = high_pass_response(radius).astype(np.complex128)
        height, width = room.shape
        marked = pattern.tiled(points, np.concatenate([pilot, data]) * response, width, height)
        return pattern.fold_centred(np.asarray(room * marked, np.float32))


def _levelled(gains: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shift and clip gains so that their mean square is one."""
    low, high = -GAIN_LIMIT, GAIN_LIMIT
    for _ in range(40):
        shift = (low + high) / 2.0
        energy = float(np.mean(np.clip(gains + shift, GAIN_FLOOR, GAIN_LIMIT) ** 2))
        low, high = (shift, high) if energy < 1.0 else (low, shift)
    levelled = np.clip(gains + shift, GAIN_FLOOR, GAIN_LIMIT)
    return np.asarray(levelled, np.float32)
