"""The fingerprint of a file: its frames, laid back onto the stamped picture, and its sound."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import ProvenanceError
from provenance.fingerprint import (
    CELL,
    DETAIL,
    IN_VIEW,
    LOOKS,
    MARGIN,
    SOUND_RATE,
    VISIBLE,
    Cells,
    Collector,
    Extent,
    Fingerprint,
    Listener,
    around,
    cells,
    frames_for,
    signs,
    values,
    waves,
)
from provenance.results import Detection
from provenance.verifying.sampling import (
    LONG,
    Footage,
    every,
    grid_of,
    too_narrow,
)
from provenance.video import LumaFrame, MediaInfo, SoundStats, read_luma, read_sound
from provenance.watermark.arrays import Map, Plane
from provenance.watermark.picture import geometry
from provenance.watermark.picture.residual import canonical

RATE = 8.0
"""Frames a second that are looked at."""
EDGE = 0.5
"""Seconds at a splice that are left out: so far off may the place be that is stated for it."""
WHOLE = 0.98
"""Share of a clip from which on it is marked throughout."""
SCENES = 16
"""Key frames that make it needless to read a long clip through."""
HEARD = 24 * 3600.0
"""Seconds of sound that are heard, all channels counted."""
BORDER = 2
"""Canonical pixels along the border of a picture in a picture, which show something of both."""
PATIENCE = 200.0
"""Seconds that hearing it may take, so that a sound made to be slow can't cost the picture."""


def fingerprint_of(path: Path, info: MediaInfo, detection: Detection | None = None) -> Fingerprint:
    """Take a clip's or a still image's fingerprint.

    Args:
        path: the file.
        info: what :func:`provenance.video.probe` said of it.
        detection: what examining it found.  Where it found a watermark, the picture is laid back
            onto the place of the stamped one, and moments without the mark are left out.  None to
            register the clip: then it is read through, however long it is.

    Returns:
        The fingerprint; without frames when none counts, or the picture is too narrow to look at.
        The sound is that of the whole file, whatever of the picture carries a mark.

    Raises:
        UnreadableFileError: when nothing of it decodes.
    """
    duration = None if info.kind == "image" else info.duration
    sound = b"" if info.kind == "image" else _sound(path, dense=detection is not None)
    if too_narrow(info):
        return Fingerprint(Extent(0, 0, 0, 0), (), duration, sound)
    grid = grid_of(info)
    size = (info.video.height, info.video.width)
    placed: _Placed | None = None
    shown: tuple[int, int] | None = None
    collector = Collector(Extent(0, 0, 0, 0))
    gap, due = (info.duration or 0.0) / LOOKS, float("-inf")

    def aside(picture: Plane, time: float) -> bytes:
        """A few frames, far enough from one another, are looked at around their place too."""
        nonlocal due
        if placed is None or time < due:
            return b""
        due = time + gap if gap else float("inf")
        return placed.around(picture)

    moves = {} if detection is None else {round(at, 3): (x, y) for at, x, y in detection.moves}
    for frame in _frames(path, info, detection):
        if frame.luma.shape != size or (moves and round(frame.time, 3) not in moves):
            continue
        picture = grid.upright(canonical(frame.luma, grid, frame.depth))
        if moves:
            picture = _held_still(picture, *moves[round(frame.time, 3)])
        if placed is None:
            shown = (picture.shape[1], picture.shape[0])
            window = _window(picture.shape, None if detection is None else detection.box)
            placed = _Placed(window, _matrix(detection), compared=detection is not None)
            collector = Collector(placed.extent, frames_for(info.duration))
        seen = None if detection is None else partial(aside, picture, frame.time)
        collector.add(picture, frame.time, partial(placed.cells, picture), seen)
    return replace(collector.fingerprint(), duration=duration, size=shown, sound=sound)


def _held_still(picture: Plane, across: float, down: float) -> Plane:
    """A picture (h, w) moved back by fractions of its sides, so that what slides lies still."""
    height, width = picture.shape
    back = np.array([[1.0, 0.0, -across * width], [0.0, 1.0, -down * height]])
    moved = cv2.warpAffine(picture, back, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _window(shape: tuple[int, ...], box: tuple[float, float, float, float] | None) -> Plane:
    """(h, w): 1 in a box given in fractions but for its border, 0 beyond; else 1 everywhere."""
    if box is None:
        return np.ones(shape, np.float32)
    height, width = shape
    left, right = round(box[0] * width) + BORDER, round(box[2] * width) - BORDER
    top, bottom = round(box[1] * height) + BORDER, round(box[3] * height) - BORDER
    window = np.zeros(shape, np.float32)
    window[top:bottom, left:right] = 1.0
    return window


class _Placed:
    """Where pictures (h, w) of one size lie on the stamped picture's plane.

    ``window`` (h, w) is 1 where they are to be looked at.  Of what is registered nothing is kept
    but the signs of its details.
    """

    def __init__(self, window: Plane, matrix: Map, *, compared: bool) -> None:
        self._matrix, self._compared, self._window = matrix, compared, window
        frame = geometry.frame_of(window.shape, [matrix])
        if frame is None:
            self.extent = Extent(0, 0, 0, 0)
            return
        left, top = frame.left - 0.5, frame.top - 0.5
        right, bottom = left + frame.size[0], top + frame.size[1]
        self.extent = Extent.within(left, top, right, bottom)
        if self.extent.count:
            seen = self._laid(window) > 0.5
            self._seen, self._visible = seen, self._shares(seen, 1) >= VISIBLE
            self._squares = self._shares(seen, CELL // DETAIL) >= IN_VIEW

    def _shares(self, seen: NDArray[np.bool_], parts: int) -> NDArray[np.float32]:
        """(rows, columns) how much of each cell, or part of one, is in view."""
        size = (parts * self.extent.columns, parts * self.extent.rows)
        shares = cv2.resize(seen.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return np.asarray(shares, np.float32)

    def cells(self, picture: Plane) -> Cells:
        """Hash the cells of one picture."""
        if not self.extent.count:
            return Cells(b"", b"")
        canvas = self._laid(picture)
        if not self._seen.all():
            # The rest of a cell that is nearly whole must not be a black edge.
            canvas = np.where(self._seen, canvas, np.float32(picture.mean()))
        found = waves(canvas, self._squares, self.extent)
        details = values(found, self._squares) if self._compared else signs(found)
        return cells(canvas, self._visible, self.extent)._replace(details=details)

    def around(self, picture: Plane) -> bytes:
        """Hash the cells of one picture at every shift."""
        if not self.extent.count:
            return b""
        seen = self._laid(self._window, MARGIN) > 0.5
        canvas = np.where(seen, self._laid(picture, MARGIN), np.float32(picture.mean()))
        return around(canvas, seen, self.extent)

    def _laid(self, picture: Plane, margin: int = 0) -> NDArray[np.float32]:
        left, top = self.extent.corner
        width, height = self.extent.size
        size = (width + 2 * margin, height + 2 * margin)
        frame = geometry.Frame(left - margin, top - margin, size)
        return geometry.laid(geometry.Canvas.of(picture), self._matrix, frame).plane


def _sound(path: Path, dense: bool) -> bytes:
    """The sound's fingerprint; what keeps it from being heard must not cost the picture's."""
    stats, listener = SoundStats(), Listener()
    ends, heard, cut = time.monotonic() + PATIENCE, 0.0, False
    try:
        for samples in read_sound(path, SOUND_RATE, stats):
            listener.add(samples)
            heard += samples.size / SOUND_RATE
            if cut := heard >= HEARD or time.monotonic() > ends:
                break
    except (ProvenanceError, ValueError, LookupError, NotImplementedError):
        stats.damaged = True
    tracks = stats.tracks or int(stats.damaged)
    return listener.print(dense=dense, tracks=tracks, damaged=stats.damaged, cut=cut).to_bytes()


def _matrix(detection: Detection | None) -> Map:
    if detection is None or detection.transform is None:
        return np.eye(3)
    return np.array(detection.transform.matrix, np.float64).reshape(3, 3)


def _frames(path: Path, info: MediaInfo, detection: Detection | None) -> Iterator[LumaFrame]:
    """Frames up to 8 a second, of the marked stretches where the mark is in some only.

    Of a long clip that is only looked at, and marked throughout, its key frames.
    """
    footage = Footage(path, info)
    if info.kind == "image":
        yield from footage.survey()
        return
    if detection is not None and detection.moves:
        yield from read_luma(path)
        return
    duration = info.duration or 0.0
    marked = [] if detection is None else [s for s in detection.segments if s.status == "marked"]
    total = sum(stretch.end - stretch.start for stretch in marked)
    if marked and total < WHOLE * duration:
        gap = max(1.0 / RATE, total / (RATE * LONG))
        for stretch in marked:
            # What lies at a splice may be of either side: nobody is accused by it.
            edge = min(EDGE, (stretch.end - stretch.start) / 4.0)
            start = stretch.start + edge if stretch.start > 0.0 else 0.0
            end = stretch.end - edge if stretch.end < duration - edge else stretch.end
            yield from every(read_luma(path, start=start, end=end), gap)
        return
    if detection is None or duration <= LONG or len(footage.keys) < SCENES:
        yield from footage.spread(int(RATE * max(duration, LONG)))
        return
    yield from every(read_luma(path, skip="predicted"), duration / (RATE * LONG))
