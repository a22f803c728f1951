"""Mark a clip: look at it once, make its pattern, then add the pattern to every frame.

>>> embedder = Embedder(key, stamp_id, PROFILES["standard"], Grid(1280, 720))
>>> for luma in some_frames: embedder.observe(luma)
>>> embedder.prepare()
>>> for luma in every_frame: marked = embedder.mark(luma)
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.results.payload import StampId
from provenance.watermark import codeword as words
from provenance.watermark import pattern
from provenance.watermark.informed import Host
from provenance.watermark.keys import WatermarkKey
from provenance.watermark.layout import Grid, layout_for, synthesise
from provenance.watermark.mask import SHADOW, mask
from provenance.watermark.profiles import Profile
from provenance.watermark.residual import Plane, canonical, whitening

Luma = NDArray[np.uint8] | NDArray[np.uint16]

TEXTURED = 0.99
SMOOTH, TEXTURE = (0.95, 1.6), (1.95, -0.8)
"""Masks' rms in grey levels, and the pattern's slope at them: a smooth picture is starved by
encoders, which keep the low frequencies; a textured one drowns those (measured)."""
FLAT_BOX = 15
FLAT_DEVIATION = 1.5
"""Flat is a pixel whose box of 15 x 15 in the picture deviates by less, in 8-bit grey levels."""
FLAT_SHARE = 0.005
"""Of the picture; where less is flat, nothing is to be learnt from it."""
EVERY, LOOKED_AT = 8, 5
"""Every 8th observed frame, five at most, says what flat areas take."""
MOST_TURN = 1.1
"""A drawn sky, which the mask spares on purpose, stays below what grain hides."""
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
        self._lively: Plane = np.zeros((height, width), np.float32)
        self._looked_at: list[Luma] = []
        self._boost = 1.0
        self._texture = 0.0
        self._amplitudes: list[float] = []
        self._pattern: Plane | None = None
        self._dither: Plane | None = None
        self._lock = threading.Lock()
        self._squared_error = 0.0
        self._samples = 0

    def observe(self, luma: Luma) -> None:
        """Learn what the host itself says where the mark will be, from one (H, W) luma plane."""
        if len(self._amplitudes) % EVERY == 0 and len(self._looked_at) < LOOKED_AT:
            self._looked_at.append(luma.copy())
        picture = canonical(luma, self._grid, self._depth)
        high, weight = whitening(picture)
        self._host += high * weight
        self._texture = max(self._texture, float(np.quantile(np.abs(high[::3, ::3]), TEXTURED)))
        amplitude = mask(picture, self._profile, *self._grid.canonical_size)
        self._amplitudes.append(float(np.mean(amplitude * amplitude)))
        self._room += amplitude * weight
        flat = mask(picture, self._profile, *self._grid.canonical_size, 0.0)
        self._lively += (amplitude - flat) * weight

    @property
    def texture(self) -> float:
        """Most that 1 % of any observed picture stands out from its surroundings, grey levels."""
        return self._texture

    def prepare(self, boost: float = 1.0) -> None:
        """Make the pattern; informed by what :meth:`observe` saw, plain if it saw nothing.

        ``boost`` multiplies what texture adds to the mask.  May be called again with another; the
        count of what was marked then starts anew.
        """
        self._squared_error, self._samples = 0.0, 0
        if self._pattern is not None and boost == self._boost:
            return
        first, self._boost = self._pattern is None, boost
        self._pattern = self._pattern_made()
        if first:
            if self._depth == 8:
                # Where the mark is below one grey level, rounding alone would erase it.
                draw = np.random.default_rng(0).random(self._pattern.shape, np.float32)
                self._dither = DITHER * (draw - 0.5)
            self._profile = self._turned()

    def mark(self, luma: Luma, out: Luma | None = None) -> Luma:
        """Add the pattern to one (H, W) luma plane; safe to call from several threads.

        Args:
            luma: uint8, or uint16 holding ``depth`` bits; not changed.
            out: where to write, same shape and type; a new array when None.
        """
        marked = self._changed(luma, self._profile, out)
        error = cv2.norm(marked, luma, cv2.NORM_L2SQR)
        with self._lock:
            self._squared_error += error
            self._samples += luma.size
        return marked

    def _changed(self, luma: Luma, profile: Profile, out: Luma | None = None) -> Luma:
        if self._pattern is None:
            raise RuntimeError("call prepare() before mark()")
        picture = canonical(luma, self._grid, self._depth)
        height, width = luma.shape
        change = mask(picture, profile, width, height, self._boost)
        cv2.multiply(change, self._pattern, dst=change, scale=float(1 << (self._depth - 8)))
        if self._dither is not None:
            cv2.add(change, self._dither, dst=change)
        kind = cv2.CV_8U if self._depth == 8 else cv2.CV_16U
        marked = cast(Luma, cv2.add(luma, change, dst=out, dtype=kind))
        if self._depth > 8:
            np.minimum(marked, (1 << self._depth) - 1, out=marked)
        return marked

    def psnr_y(self) -> float:
        """PSNR of luma over every frame marked so far, dB; infinite when nothing changed."""
        if self._squared_error == 0:
            return float("inf")
        peak = float((1 << self._depth) - 1)
        return float(10.0 * np.log10(peak**2 * self._samples / self._squared_error))

    def _turned(self) -> Profile:
        """The profile, its base turned so that flat areas change as much as it says they may."""
        unit = float(1 << (self._depth - 8))
        looked_at = [(luma, _flat(luma.astype(np.float32) / unit)) for luma in self._looked_at]
        self._looked_at.clear()
        count = sum(int(flat.sum()) for _, flat in looked_at)
        if count <= FLAT_SHARE * sum(flat.size for _, flat in looked_at):
            return self._profile
        factor = 1.0
        for _ in range(2):
            profile = replace(self._profile, base=self._profile.base * factor)
            power = 0.0
            for luma, flat in looked_at:
                change = self._changed(luma, profile).astype(np.float32) - luma
                power += float(np.sum(change[flat] ** 2)) / unit**2
            factor *= self._profile.flat_rms / np.sqrt(power / count)
            factor = float(np.clip(factor, 1.0 / MOST_TURN, MOST_TURN))
        return replace(self._profile, base=self._profile.base * factor)

    def _pattern_made(self) -> Plane:
        """The pattern (H, W) at the picture's size, of unit deviation."""
        pilot, data = pattern.coefficients(self._layout, self._codeword)
        evenness: Plane | None = None
        if self._room.any():
            room = self._room + np.float32(self._boost - 1.0) * self._lively
            host = Host(self._grid.upright(self._host), self._grid.upright(room))
            data, evenness = host.pattern(self._layout, self._codeword, self._slope())
        points = np.vstack([self._layout.pilot_points, self._layout.data_points])
        size = (self._grid.width, self._grid.height)
        made = synthesise(points, np.concatenate([pilot, data]), self._grid, size)
        if evenness is not None:
            cv2.multiply(made, cv2.resize(self._grid.as_coded(evenness), size), dst=made)
        return made

    def _slope(self) -> float:
        """The pattern's slope for the mask observed."""
        amplitude = float(np.sqrt(np.mean(self._amplitudes)))
        (smooth, steep), (texture, level) = SMOOTH, TEXTURE
        return float(np.interp(amplitude, (smooth, texture), (steep, level)))


def _flat(picture: Plane) -> NDArray[np.bool_]:
    """Where an (H, W) picture in 8-bit grey levels is flat, and not so dark that it takes less."""
    box = (FLAT_BOX, FLAT_BOX)
    mean = cv2.blur(picture, box)
    variance = cv2.sqrBoxFilter(picture, cv2.CV_32F, box) - mean * mean
    return np.asarray((variance < FLAT_DEVIATION**2) & (mean > SHADOW))
