"""Step 6: maps that change with time: a panning window, a slow zoom, a camera held by hand.

The sum over the clip smears then, but no short piece does.  The pilot's power spectrum does not
care for translations, so the spectra of groups of pieces are added up and searched as that of a
still picture is; under a candidate map each group gives a surface of the pilot's correlation over
all translations, and the best path through them, one step a group, is found by dynamic
programming.  From there the eight projective terms of every piece are fitted to the pilot's local
phases in one system, tied together by the slowness of what moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.arrays import Map, Plane
from provenance.watermark.code.layout import Layout
from provenance.watermark.find.finder import Scene
from provenance.watermark.picture import geometry
from provenance.watermark.picture.geometry import Sight
from provenance.watermark.pilot import correlation, fitting, peaks
from provenance.watermark.pilot.fitting import TERMS
from provenance.watermark.pilot.hypothesis import Hypothesis, moving
from provenance.watermark.pilot.windows import WindowSpectra
from provenance.watermark.tuning import COURSES_BEND as BEND
from provenance.watermark.tuning import COURSES_CLIP as CLIP
from provenance.watermark.tuning import COURSES_ENOUGH as ENOUGH
from provenance.watermark.tuning import COURSES_FOLLOWED as FOLLOWED
from provenance.watermark.tuning import COURSES_GROUPS as GROUPS
from provenance.watermark.tuning import COURSES_LINEAR as LINEAR
from provenance.watermark.tuning import COURSES_PATH_SCORE as PATH_SCORE
from provenance.watermark.tuning import COURSES_PROJECTIVE as PROJECTIVE
from provenance.watermark.tuning import COURSES_REACH as REACH
from provenance.watermark.tuning import COURSES_ROUNDS as ROUNDS
from provenance.watermark.tuning import COURSES_SEEN as SEEN
from provenance.watermark.tuning import COURSES_STEP as STEP


class Courses:
    """Read with every moment laid over the middle one.

    The pilot's score tells nothing then: a course has hundreds of terms fitted to it.
    """

    name = "courses"

    def hypotheses(self, scene: Scene, layout: Layout) -> Iterator[Hypothesis]:
        """The likely courses, likeliest first."""
        for course in courses(scene.moments, layout):
            scene.tell(self.name, [course])
            yield course


def courses(pieces: Sequence[Plane], layout: Layout) -> Iterator[Hypothesis]:
    """The likely courses through the pieces (h, w each), most likely first."""
    groups = _groups(pieces)
    if len(groups) < 2:
        return
    sums = [_summed([pieces[i] for i in group]) for group in groups]
    sights = [Sight(plane) for plane in sums]
    frequencies = layout.pilot_frequencies
    halves = [sight.half for sight in sights]
    level = peaks.power_spectrum(*halves)
    likely = peaks.candidates(level, frequencies, LINEAR)
    linear = [one.matrix for one in likely if one.score >= SEEN]
    windows = WindowSpectra(*halves)
    middle = peaks.candidates(windows.middle(), frequencies, 2 * LINEAR)
    starts = linear + windows.projective(middle, frequencies, PROJECTIVE)
    found = (_path(sights, matrix, layout) for matrix in starts)
    # What stands still is no course, but most often a texture: steps 3 to 5 have listened there.
    paths = [path for path in found if path and path.score >= PATH_SCORE and _travels(path)]
    paths.sort(key=lambda path: -path.score)
    each = [Sight(piece) for piece in pieces]
    for path in paths[:FOLLOWED]:
        course = _followed(each, _spread(path, groups, len(pieces)), path.polarity, layout)
        if course is not None:
            yield course


def courses_from(
    pieces: Sequence[Plane], matrix: Map, polarity: int, layout: Layout
) -> Iterator[Hypothesis]:
    """Courses of a map that held somewhere in the clip: about where it is, and farther off."""
    each = [Sight(piece) for piece in pieces]
    near = _followed(each, [matrix] * len(pieces), polarity, layout)
    if near is not None:
        yield near
    groups = _groups(pieces)
    sights = [Sight(_summed([pieces[i] for i in group])) for group in groups]
    path = _path(sights, matrix, layout)
    far = path and _followed(each, _spread(path, groups, len(pieces)), path.polarity, layout)
    if far is not None:
        yield far


def _summed(planes: Sequence[Plane]) -> Plane:
    total: Plane = np.sum(planes, axis=0, dtype=np.float32)
    return total


def _groups(pieces: Sequence[Plane]) -> list[range]:
    size = -(-len(pieces) // GROUPS)
    return [range(i, min(i + size, len(pieces))) for i in range(0, len(pieces), size)]


def _path(sights: Sequence[Sight], matrix: Map, layout: Layout) -> Hypothesis | None:
    """The best path of translations under one linear or projective map, as is or turned."""
    points = []
    for sight in sights:
        canvas = sight.under(matrix)
        if canvas is None:
            return None
        values = correlation.demodulate(canvas, layout).values
        power = np.sqrt(np.maximum((np.abs(values) ** 2).sum(axis=0) / 2.0, 1e-12))
        points.append(values.sum(axis=0) / power)
    best: Hypothesis | None = None
    phases = np.exp(-1j * layout.pilot_phases)
    shifts = correlation.translations(layout, reach=layout.spec.tile // 2, step=STEP)
    for turned in (False, True):
        # The demodulation took the phases out; a half turn needs them conjugated.
        used = [np.conj(p * np.conj(phases)) * phases if turned else p for p in points]
        surfaces = [shifts.surface(p) for p in used]
        for polarity in (1, -1):
            moves, score = _dynamic([polarity * surface for surface in surfaces])
            if best is None or score > best.score:
                maps = [correlation.moved(matrix, shift, turned) for shift in moves]
                best = moving(maps, polarity, score)
    return best


def _travels(path: Hypothesis) -> bool:
    return any(not np.array_equal(matrix, path.maps[0]) for matrix in path.maps)


def _dynamic(
    surfaces: Sequence[Plane],
) -> tuple[list[tuple[float, float]], float]:
    """(shifts, mean score) of the path of the largest sum, moving by a few steps at most."""
    size, side = len(surfaces[0]), 2 * REACH + 1
    kernel = np.ones((side, side), np.uint8)
    sums = [surfaces[0]]
    for surface in surfaces[1:]:
        border = cv2.copyMakeBorder(sums[-1], REACH, REACH, REACH, REACH, cv2.BORDER_WRAP)
        sums.append(cv2.dilate(border, kernel)[REACH:-REACH, REACH:-REACH] + surface)
    y, x = divmod(int(np.argmax(sums[-1])), size)
    score = float(sums[-1][y, x]) / len(surfaces)
    places = [(x, y)]
    around = np.arange(-REACH, REACH + 1)
    for total in sums[-2::-1]:
        near = total[np.ix_((y + around) % size, (x + around) % size)]
        dy, dx = divmod(int(np.argmax(near)), side)
        y, x = y + dy - REACH, x + dx - REACH
        places.append((x, y))
    half = np.array(places[::-1], np.float64)
    # The torus is cut once, for the whole path, so that the shifts stay continuous.
    half -= size * np.round(half.mean(axis=0) / size)
    return [(STEP * float(a), STEP * float(b)) for a, b in half], score


def _spread(path: Hypothesis, groups: Sequence[range], count: int) -> list[Map]:
    """A map for each piece from one for each group: translations in between."""
    middles = [(group.start + group.stop - 1) / 2.0 for group in groups]
    at = np.arange(count, dtype=np.float64)
    stacked = np.stack(path.maps)
    maps = np.empty((count, 3, 3))
    for row in range(3):
        for column in range(3):
            maps[:, row, column] = np.interp(at, middles, stacked[:, row, column])
    return list(maps)


def _followed(
    pieces: Sequence[Sight],
    maps: Sequence[Map],
    polarity: int,
    layout: Layout,
    rounds: int = 2,
) -> Hypothesis | None:
    """Fit all pieces' maps at once, from maps good to a few pixels somewhere in the picture."""
    score = 0.0
    maps = list(maps)
    for _ in range(rounds):
        frame = geometry.frame_of(pieces[0].plane.shape, maps, step=2)
        if frame is None:
            return None
        values, bases, shape = _demodulated(pieces, maps, frame, layout)
        fields, score = _joint(values * polarity, bases, shape, layout)
        maps = [fitting.displacement(f) @ m for f, m in zip(fields, maps, strict=True)]
        maps = [matrix / matrix[2, 2] for matrix in maps]
    return moving(maps, polarity, score)


def _demodulated(
    pieces: Sequence[Sight],
    maps: Sequence[Map],
    frame: geometry.Frame,
    layout: Layout,
) -> tuple[NDArray[np.complex128], NDArray[np.float64], tuple[int, int]]:
    """(T, B, P) points in deviations, (B, 2, 8) basis: every piece on one common canvas."""
    blocks = [
        correlation.demodulate(piece.on(matrix, frame), layout)
        for piece, matrix in zip(pieces, maps, strict=True)
    ]
    values = np.stack([block.values for block in blocks])
    power = (np.abs(values) ** 2).mean(axis=(0, 1)) / 2.0
    values = values / np.sqrt(np.maximum(power, 1e-12))
    return values, fitting.basis(blocks[0].centres), blocks[0].shape


def _joint(
    values: NDArray[np.complex128],
    bases: NDArray[np.float64],
    shape: tuple[int, int],
    layout: Layout,
) -> tuple[NDArray[np.float64], float]:
    """(T, 8) fields that turn the phases to zero, and the pilot's score summed over time.

    Fisher scoring, as for a still map; the prior is that second differences in time are small.
    """
    count, across = values.shape[0], values.shape[1:]
    slopes = 2.0 * np.pi * np.einsum("pd,bdt->bpt", layout.pilot_frequencies, bases)
    squares = np.einsum("bpt,bpu->btu", slopes, slopes, optimize=True)
    every = slopes.reshape(-1, TERMS).astype(np.float32)
    real, imag = (part.reshape(count, -1).astype(np.float32) for part in (values.real, values.imag))
    near_all, agreed = _near(shape), real
    fields = np.zeros((count, TERMS))
    bend = np.diff(np.eye(count), n=2, axis=0)
    prior = bend.T @ bend / BEND**2 + 1e-6 * np.eye(count)
    for used, steps in ((2, ROUNDS), (6, ROUNDS), (TERMS, ROUNDS)):
        flat = np.ascontiguousarray(every[:, :used])
        tied = np.kron(prior, np.eye(used))
        for _ in range(steps):
            angle = fields[:, :used].astype(np.float32) @ flat.T
            cosine, sine = np.cos(angle), np.sin(angle)
            agreed, off = real * cosine + imag * sine, imag * cosine - real * sine
            agreement = np.clip(agreed, -CLIP, CLIP).reshape(count, *across).sum(axis=2)
            near = _over_time(agreement @ near_all)
            top = max(float(np.quantile(near, 0.95)), 1e-9)
            weight = np.clip(near / top, 0.0, 1.0)
            mean = agreed.reshape(count, *across).mean(axis=2)
            amplitude = float((weight * mean).sum() / max(weight.sum(), 1e-9))
            amplitude = max(amplitude, 0.02)
            clipped = amplitude * np.clip(off, -CLIP, CLIP).reshape(count, *across)
            gradient = (weight[..., None] * clipped).reshape(count, -1) @ flat
            blocks = amplitude**2 * np.tensordot(weight, squares[:, :used, :used], axes=1)
            system = tied.copy()
            for index in range(count):
                here = slice(index * used, (index + 1) * used)
                system[here, here] += blocks[index]
            right = gradient.ravel() - tied @ fields[:, :used].ravel()
            step = _solved(system, right, 2 * used).reshape(count, used)
            step *= min(1.0, 1.5 / max(float(np.abs(step).max()), 1e-9))
            fields[:, :used] += step
            if np.abs(step).max() < ENOUGH:
                break
    total = agreed.reshape(-1, across[1]).sum(axis=0) / np.sqrt(count * across[0])
    return fields, correlation.pilot_score(total)


@lru_cache(maxsize=8)
def _near(shape: tuple[int, int]) -> NDArray[np.float32]:
    """(B, B) what :func:`correlation.nearby` does to the blocks of one moment, as a product."""
    each = np.eye(shape[0] * shape[1])
    return np.stack([correlation.nearby(one, shape) for one in each]).astype(np.float32)


def _solved(
    system: NDArray[np.floating], right: NDArray[np.floating], size: int
) -> NDArray[np.floating]:
    """Solve a system whose blocks of ``size`` touch their neighbours only, by block elimination.

    For speed: a threaded dense solver takes twenty times as long for systems this small.
    """
    parts = [slice(i, min(i + size, len(right))) for i in range(0, len(right), size)]
    ahead: list[NDArray[np.floating]] = []
    sums: list[NDArray[np.floating]] = []
    for index, here in enumerate(parts):
        own, value = system[here, here], right[here]
        if index:
            before = parts[index - 1]
            own = own - system[here, before] @ ahead[-1]
            value = value - system[here, before] @ sums[-1]
        after = parts[index + 1] if index + 1 < len(parts) else slice(0, 0)
        both = np.linalg.solve(own, np.column_stack([system[here, after], value]))
        ahead.append(both[:, :-1])
        sums.append(both[:, -1])
    solution = np.empty_like(right)
    for index in range(len(parts) - 1, -1, -1):
        value = sums[index]
        if index + 1 < len(parts):
            value = value - ahead[index] @ solution[parts[index + 1]]
        solution[parts[index]] = value
    return solution


def _over_time(near: Plane) -> Plane:
    """(T, B) smoothed over two pieces to either side."""
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.GaussianBlur(near, (1, 9), 0.5, sigmaY=2.0, borderType=border))
