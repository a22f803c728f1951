"""Squares a quarter as large as the lattice's cells: what a replaced area of 4 % is seen in.

Each cell of 64 canonical pixels is four squares of 32.  A square keeps the sign of each of its 15
lowest waves, of 21 canonical pixels and longer, and whether it is plainly textured: 16 bits.  That
is a drawing of edges without a grey level, as coarse as the cells' own bits, and no picture.

What is registered has the signs alone.  What is seen has the waves themselves, for as long as it is
compared: a wave that is hardly there says nothing by its sign, and where an encoder blurs it is
those whose signs turn.  So a square *agrees* by the sum of what is seen of each wave, counted
against it where the registered sign is another: 1 for the same content, about 0 for any other.
The squares of honest copies agree by 0.9 and more, so that areas of a few of them can be told.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.lattice import CELL, Extent, Plane
from provenance.fingerprint.matching import DENSE, OTHER, RESTLESS, WINDOW, Held, Scale

DETAIL = CELL // 2
"""Canonical pixels along the side of a square."""
IN_VIEW = 0.98
"""Share of a square's side that has to be in view."""
WAVES = 15
SIGN_BYTES = 2
WAVE_BYTES = 16
"""Bytes of a square as registered, and as seen (the last says whether it is in view)."""
STEP = 0.5
"""Grey levels of a step of what is seen."""
FLAT, PLAIN = 1.5, 8.0
"""Grey levels of deviation below which a square says nothing, and which can't be overlooked."""
FAINT, FADED = 1.0, 2.0
"""Grey levels below which what is seen says nothing, and below which a plain square is gone."""
TELLING = 6.0
"""Grey levels from which more of them make a square count no more."""
CALM = 0.5
"""Agreement of a registered square with the frames beside it from which it tells by one frame."""
FINE = Scale(DETAIL, 0.25, 0.15, 0.2, 4)
"""Squares differ from an agreement of 0.5 on; four that touch are 64 pixels square."""

Floats = NDArray[np.float64]
Waves = NDArray[np.float32]


def waves(canvas: Plane, visible: NDArray[np.bool_], extent: Extent) -> Waves:
    """(2 rows, 2 columns, 15) grey levels of each square's waves; 0 where it is out of view.

    Args:
        canvas: (height, width) of the extent, 8-bit grey levels, as laid onto the stamped picture.
        visible: (2 rows, 2 columns): whether a square is in view.
        extent: where it lies.
    """
    rows, columns = 2 * extent.rows, 2 * extent.columns
    blocks = canvas.reshape(rows, DETAIL, columns, DETAIL).swapaxes(1, 2)
    found = np.matmul(np.matmul(_COSINES, blocks), _COSINES.T).reshape(rows, columns, -1)
    return np.asarray(found[..., 1:] * visible[..., None] / DETAIL, np.float32)


def signs(found: Waves) -> bytes:
    """What is registered of them, row by row."""
    deviation = np.sqrt(np.sum(found * found, axis=-1))
    bits = (found > 0).astype(np.uint16) @ (1 << np.arange(1, WAVES + 1, dtype=np.uint16))
    words = np.where(deviation >= FLAT, bits | (deviation >= PLAIN), 0)
    return words.astype("<u2").tobytes()


def values(found: Waves, visible: NDArray[np.bool_]) -> bytes:
    """What is kept of them while they are compared."""
    steps = np.zeros((*found.shape[:-1], WAVE_BYTES), np.int8)
    steps[..., :WAVES] = np.clip(np.rint(found / STEP), -127, 127)
    steps[..., WAVES] = visible
    return steps.tobytes()


def held(
    registered: NDArray[np.uint16],
    seen: NDArray[np.int8],
    moments: tuple[Floats, Floats],
    extent: Extent,
) -> Held:
    """Hold every frame's squares against the registered ones around its moment.

    Args:
        registered: (F, S) words of :func:`signs`.
        seen: (G, S, 16) steps of :func:`values`, of the same squares.
        moments: (F,) and (G,) seconds of both.
        extent: where the squares lie in the seen picture.
    """
    signs_, plain, some = _directions(registered), (registered & 1) > 0, registered != 0
    shown = seen[..., :WAVES].astype(np.float32) * np.float32(STEP)
    amount = np.abs(shown).sum(axis=-1)
    deviation = np.sqrt(np.square(shown).sum(axis=-1))
    counts = np.minimum(1.0, deviation / TELLING)
    level = shown * np.minimum(1.0, TELLING / np.maximum(deviation, 1e-6))[..., None]
    score = level.reshape(len(seen), -1) @ signs_.reshape(len(registered), -1).T
    restless = _restless(signs_, moments[0])
    bits, weight = np.full(amount.shape, np.nan), np.zeros(amount.shape)
    for index, at in enumerate(np.argmax(score, axis=1)):
        near = slice(max(0, at - WINDOW), at + WINDOW + 1)
        agreed = (signs_[near] * shown[index]).sum(axis=-1) / np.maximum(amount[index], 1e-6)
        differs = np.where(some[near], (1.0 - agreed) / 2.0, np.inf).min(axis=0)
        told = np.isfinite(differs) & (deviation[index] >= FAINT)
        gone = plain[near].all(axis=0) & (deviation[index] < FADED)
        came = ~some[near].any(axis=0) & (deviation[index] >= PLAIN)
        apart = (gone | came) & (seen[index, :, WAVES] > 0)
        bits[index] = np.where(apart, OTHER, np.where(told, differs, np.nan))
        once = np.where(restless[near].any(axis=0), RESTLESS, 1.0)
        weight[index] = once * np.where(apart, 1.0, np.where(told, counts[index], 0.0))
    return Held(bits, weight, moments[1], extent, FINE)


def _directions(words: NDArray[np.uint16]) -> Waves:
    """(F, S, 15) of words (F, S): 1 and -1 by the sign of each wave, 0 for a flat square."""
    up = (words[..., None] >> np.arange(1, WAVES + 1, dtype=np.uint16)) & 1
    return np.where(words[..., None] == 0, 0.0, 2.0 * up - 1.0).astype(np.float32)


def _restless(directions: Waves, times: Floats) -> NDArray[np.bool_]:
    """(F, S) whether a square changes so much to a frame beside that moves may go unseen."""
    found = np.zeros(directions.shape[:2], np.bool_)
    agreed = (directions[1:] * directions[:-1]).mean(axis=-1)
    changed = (agreed < CALM) & (np.diff(times) > DENSE)[:, None]
    found[1:] |= changed
    found[:-1] |= changed
    return found


def _cosines() -> Plane:
    """(4, 32): the first rows of the orthonormal cosine transform, the constant among them."""
    wave, at = np.mgrid[0:4, 0:DETAIL]
    rows = np.sqrt(2.0 / DETAIL) * np.cos(np.pi * wave * (at + 0.5) / DETAIL)
    rows[0] /= np.sqrt(2.0)
    return np.asarray(rows, np.float32)


_COSINES = _cosines()
