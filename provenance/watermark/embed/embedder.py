"""Mark a clip: look at it once, make its pattern, then add the pattern to every frame.

>>> embedder = Embedder(key, stamp_id, PROFILES["standard"], Grid(1280, 720))
>>> for luma in some_frames: embedder.observe(luma)
>>> embedder.prepare()
>>> for luma in every_frame: marked = embedder.mark(luma)
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.results.payload import StampId
from provenance.watermark.arrays import Luma, Plane
from provenance.watermark.code import codeword as words
from provenance.watermark.code import pattern
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.layout import layout_for
from provenance.watermark.code.pattern import synthesise
from provenance.watermark.code.spec import LAYOUT_1, LayoutSpec
from provenance.watermark.embed.informed import Host
from provenance.watermark.embed.profiles import Profile
from provenance.watermark.picture.mask import SHADOW, coarse_mask, parts
from provenance.watermark.picture.residual import canonical, whitening

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
MASK_ONE, PATTERN_ONE = 2048, 2048
LEVEL_BITS = 10
LEVEL_ONE = 1 << LEVEL_BITS
"""Fixed point: one grey level of a mask, one deviation of a pattern, one grey level of a change.
Sixteen bits hold masks and changes up to 16 and 32 levels; none comes to a half of that."""


class Embedder:
    """Adds one stamp's pattern to the frames of one clip.

    Args:
        key: the watermark key.
        stamp_id: the 64 bits to carry.
        profile: how strongly.
        grid: size, pixel aspect and rotation of the coded picture.
        depth: bits a luma sample, 8 to 16; more than 8 means uint16 planes.
        spec: the layout to write.
    """

    def __init__(  # noqa: PLR0917 - the first four are what every mark has
        self,
        key: WatermarkKey,
        stamp_id: StampId,
        profile: Profile,
        grid: Grid,
        depth: int = 8,
        spec: LayoutSpec = LAYOUT_1,
    ) -> None:
        self._profile = profile
        self._grid = grid
        self._depth = depth
        self._layout = layout_for(key, spec)
        self._codeword = words.encode(stamp_id, key, spec)
        width, height = grid.canonical_size
        self._host: Plane = np.zeros((height, width), np.float32)
        self._room: Plane = np.zeros((height, width), np.float32)
        self._lively: Plane = np.zeros((height, width), np.float32)
        self._looked_at: list[Luma] = []
        self._boost = 1.0
        self._texture = 0.0
        self._powers: list[tuple[float, float, float]] = []
        self._fitted: tuple[NDArray[np.complex128], Plane | None] | None = None
        self._made: dict[tuple[int, ...], _Addend] = {}
        self._scratch = threading.local()
        self._lock = threading.Lock()
        self._squared_error = 0.0
        self._samples = 0

    def observe(self, luma: Luma) -> None:
        """Learn what the host itself says where the mark will be, from one (H, W) luma plane."""
        if len(self._powers) % EVERY == 0 and len(self._looked_at) < LOOKED_AT:
            self._looked_at.append(luma.copy())
        picture = canonical(luma, self._grid, self._depth)
        high, weight = whitening(picture)
        self._host += high * weight
        self._texture = max(self._texture, float(np.quantile(np.abs(high[::3, ::3]), TEXTURED)))
        flat, lively = parts(picture, self._profile.hiding)
        size = self._grid.canonical_size
        self._powers.append(
            (np.mean(flat * flat), 2.0 * np.mean(flat * lively), np.mean(lively * lively))
        )
        self._room += cv2.resize(flat + lively, size) * weight
        self._lively += cv2.resize(lively, size) * weight

    @property
    def texture(self) -> float:
        """Most that 1 % of any observed picture stands out from its surroundings, grey levels."""
        return self._texture

    def psnr_lost(self, boost: float) -> float:
        """Decibels of PSNR that what was observed loses from a boost of 1 to another."""
        noise = (DITHER**2 + 1.0) / 12.0 if self._depth == 8 else 0.0
        flat, both, lively = np.mean(self._powers, axis=0)
        power = flat + boost * both + boost**2 * lively + noise
        return float(10.0 * np.log10(power / (flat + both + lively + noise)))

    def prepare(self, boost: float = 1.0) -> None:
        """Make the pattern; informed by what :meth:`observe` saw, plain if it saw nothing.

        ``boost`` multiplies what texture adds to the mask.  May be called again with another; the
        count of what was marked then starts anew.
        """
        self._squared_error, self._samples = 0.0, 0
        if self._fitted is not None and boost == self._boost:
            return
        first, self._boost = self._fitted is None, boost
        self._fitted = self._fit()
        self._made.clear()
        if first:
            self._profile = self._turned()

    def mark(self, luma: Luma, out: Luma | None = None) -> Luma:
        """Add the pattern to one (H, W) luma plane; safe to call from several threads.

        Args:
            luma: uint8, or uint16 holding ``depth`` bits; not changed.
            out: where to write, same shape and type; a new array when None.
        """
        marked = self._changed(luma, self._grid, self._depth, self._profile, out)
        self._count(marked, luma, self._depth)
        return marked

    def mark_copy(self, luma: Luma) -> Luma:
        """The mark on a copy (h, w) of the picture in 8 bits and another size; counted alike."""
        height, width = luma.shape
        sar = self._grid.width * self._grid.sar * height / (self._grid.height * width)
        grid = Grid(width, height, sar, self._grid.rotation)
        marked = self._changed(luma, grid, 8, self._profile)
        self._count(marked, luma, 8)
        return marked

    def _count(self, marked: Luma, luma: Luma, depth: int) -> None:
        error = cv2.norm(marked, luma, cv2.NORM_L2SQR) / float((1 << depth) - 1) ** 2
        with self._lock:
            self._squared_error += error
            self._samples += luma.size

    def _changed(
        self, luma: Luma, grid: Grid, depth: int, profile: Profile, out: Luma | None = None
    ) -> Luma:
        addend = self._addend(luma.shape, depth)
        coarse = coarse_mask(canonical(luma, grid, depth), profile.hiding, self._boost)
        marked = np.empty_like(luma) if out is None else out
        held: _Buffers | None = getattr(self._scratch, "held", None)
        if held is None or not held.fits(luma):
            held = self._scratch.held = _Buffers.like(luma)
        addend.add(luma, coarse, held, marked)
        return marked

    def _addend(self, shape: tuple[int, ...], depth: int) -> _Addend:
        """The pattern for planes of a shape and depth, made when it is asked for first."""
        if self._fitted is None:
            raise RuntimeError("call prepare() before mark()")
        with self._lock:
            if (*shape, depth) not in self._made:
                self._made[*shape, depth] = _Addend(self._pattern_made(shape), depth)
            return self._made[*shape, depth]

    def psnr_y(self) -> float:
        """PSNR of luma over every frame marked so far, dB; infinite when nothing changed."""
        if self._squared_error == 0:
            return float("inf")
        return float(10.0 * np.log10(self._samples / self._squared_error))

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
                marked = self._changed(luma, self._grid, self._depth, profile)
                change = marked.astype(np.float32) - luma
                power += float(np.sum(change[flat] ** 2)) / unit**2
            factor *= self._profile.flat_rms / np.sqrt(power / count)
            factor = float(np.clip(factor, 1.0 / MOST_TURN, MOST_TURN))
        return replace(self._profile, base=self._profile.base * factor)

    def _fit(self) -> tuple[NDArray[np.complex128], Plane | None]:
        """Amplitudes of the pattern's points, and how to keep it even."""
        spec = self._layout.spec
        pilot, data = pattern.coefficients(self._layout, self._codeword, spec.slopes[0])
        evenness: Plane | None = None
        if self._room.any():
            room = self._room + np.float32(self._boost - 1.0) * self._lively
            host = Host(self._grid.upright(self._host), self._grid.upright(room))
            data, evenness = host.pattern(self._layout, self._codeword, self._slope())
        return np.concatenate([pilot, data]), evenness

    def _pattern_made(self, shape: tuple[int, ...]) -> Plane:
        """The pattern (H, W), of unit deviation."""
        if self._fitted is None:
            raise RuntimeError("call prepare() before mark()")
        values, evenness = self._fitted
        points = np.vstack([self._layout.pilot_points, self._layout.data_points])
        size = (shape[1], shape[0])
        made = synthesise(points, values, self._grid, size, self._layout.spec.tile)
        if evenness is not None:
            cv2.multiply(made, cv2.resize(self._grid.as_coded(evenness), size), dst=made)
        return made

    def _slope(self) -> float:
        """The pattern's slope for the mask observed."""
        amplitude = float(np.sqrt(np.mean(self._powers, axis=0).sum()))
        (smooth, steep), (texture, level) = SMOOTH, TEXTURE
        return float(np.interp(amplitude, (smooth, texture), (steep, level)))


@dataclass(frozen=True, slots=True)
class _Buffers:
    """What a thread works in, frame after frame: fresh memory costs more than the arithmetic."""

    change: NDArray[np.int16]
    sum: NDArray[np.int16] | NDArray[np.int32]

    def fits(self, luma: Luma) -> bool:
        return self.change.shape == luma.shape and self.sum.itemsize == 2 * luma.itemsize

    @classmethod
    def like(cls, luma: Luma) -> _Buffers:
        wide = np.int16 if luma.dtype == np.uint8 else np.int32
        return cls(np.empty(luma.shape, np.int16), np.empty(luma.shape, wide))


class _Addend:
    """A pattern (H, W) as it is added to planes: fixed-point numbers, half the size of floats.

    Where the mark is below one grey level, rounding alone would erase it: planes of 8 bits are
    dithered.
    """

    def __init__(self, made: Plane, depth: int) -> None:
        self._depth = depth
        self._pattern = np.rint(np.clip(made * PATTERN_ONE, -32767, 32767)).astype(np.int16)
        self._dither: NDArray[np.int16] | None = None
        if depth == 8:
            draw = np.random.default_rng(0).random(made.shape, np.float32)
            # A half more: what follows cuts off, and ought to round.
            dither = np.float32(DITHER) * (draw - np.float32(0.5)) + np.float32(0.5)
            self._dither = np.rint(LEVEL_ONE * dither).astype(np.int16)

    def add(self, luma: Luma, coarse: Plane, held: _Buffers, out: Luma) -> None:
        """Write ``luma`` plus the pattern times a mask (any size) in grey levels to ``out``."""
        height, width = luma.shape
        change, total = held.change, held.sum
        cv2.resize(np.rint(coarse * MASK_ONE).astype(np.int16), (width, height), dst=change)
        deeper = self._depth - 8
        one = LEVEL_ONE if self._dither is not None else 1 << deeper
        cv2.multiply(change, self._pattern, dst=change, scale=one / (MASK_ONE * PATTERN_ONE))
        if self._dither is not None:
            cv2.add(change, self._dither, dst=change)
            np.right_shift(change, LEVEL_BITS, out=change)
        np.copyto(total, luma)
        np.add(total, change, out=total)
        np.clip(total, 0, (1 << self._depth) - 1, out=total)
        np.copyto(out, total, casting="unsafe")


def _flat(picture: Plane) -> NDArray[np.bool_]:
    """Where an (H, W) picture in 8-bit grey levels is flat, and not so dark that it takes less."""
    box = (FLAT_BOX, FLAT_BOX)
    mean = cv2.blur(picture, box)
    variance = cv2.sqrBoxFilter(picture, cv2.CV_32F, box) - mean * mean
    return np.asarray((variance < FLAT_DEVIATION**2) & (mean > SHADOW))
