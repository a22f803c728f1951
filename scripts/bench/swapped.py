"""Small parts of the picture that were swapped, and copies in which nothing was: what is named.

A part is a rectangle or an ellipse with other footage, with the same scene at another moment, or
blurred; anywhere, in a copy at CRF 28, at its size or at 360 lines.  The counterpart is the honest
copies of :mod:`bench.honest` in which nothing is covered: how many of them gain an area.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import likeness as copies
from bench import render
from bench.edits import planes_of
from bench.frames import Frames, Size, like
from bench.honest import COVERING, honest_attacks
from bench.render import Pass
from bench.runner import Run
from bench.stages import Resize, Scene
from bench.timing import Still, unmarked
from provenance.results import Compared, DifferentArea
from provenance.verifying.imprint import fingerprint_of
from provenance.verifying.likeness import likeness
from provenance.verifying.search import examine
from provenance.video import probe

Kind = Literal["other", "late", "blur"]
KINDS: tuple[Kind, ...] = ("other", "late", "blur")
SHARES = (0.04, 0.06, 0.1)
SHAPES = ("rectangle", "ellipse")
CRF = 28
LINES = (None, 360)
SOFT = 16
"""Of the picture's short side a blur is this part."""
BEYOND = frozenset(
    {
        "h264_crf40", "h264_crf45", "h264_crf50", "h265_crf40", "av1_crf55", "videoseal_crf40",
        "videoseal_crf50", "crop_centre_10", "crop_centre_10_back", "crop_corner_10",
        "crop_corner_10_back", "blur_3", "scale_quarter_back", "trim_one_frame",
    }
)  # fmt: skip
"""Honest copies that are worse than the ones the rate is stated for; they are counted apart."""


@dataclass(frozen=True, slots=True)
class Swapped(Still):
    """A part of the picture that shows something else; ``at`` is its centre, in parts of the room
    it has."""

    kind: Kind
    share: float
    shape: str
    at: tuple[float, float]

    def mask(self, size: Size) -> NDArray[np.bool_]:
        """(H, W) where it is."""
        width, height = size
        filled = 4.0 if self.shape == "rectangle" else np.pi  # of the square of half its side
        half = float(np.sqrt(self.share * width * height / filled))
        x, y = (half + part * (side - 2 * half) for part, side in zip(self.at, size, strict=True))
        rows, columns = np.mgrid[:height, :width]
        across, down = np.abs(columns + 0.5 - x) / half, np.abs(rows + 0.5 - y) / half
        ellipse = across**2 + down**2 <= 1.0
        inside = ellipse if self.shape == "ellipse" else (across <= 1.0) & (down <= 1.0)
        return np.asarray(inside, np.bool_)

    def apply(self, frames: Frames, scene: Scene) -> Frames:
        """Lay it over."""
        shown = list(frames)
        others: Frames | None = None
        for index, frame in enumerate(shown):
            size = (frame.width, frame.height)
            under = planes_of(frame)
            if self.kind == "other":
                others = others or unmarked(scene, size)
                over = planes_of(next(others))
            elif self.kind == "late":
                over = planes_of(shown[(index + len(shown) // 2) % len(shown)])
            else:
                over = np.asarray(cv2.GaussianBlur(under, (0, 0), min(size) / SOFT), np.uint8)
            yield like(frame, np.where(self.mask(size)[..., None], over, under))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one copy: ``named`` that an area covers the middle of what was swapped,
    ``false`` that one lies apart from it; None where the mark was not read."""

    kind: str
    share: float
    clip: str
    compared: Compared | None
    named: bool = False
    false: bool = False


def swaps(run: Run) -> Iterator[Answer]:
    """Every clip with every kind, share, shape and height."""
    for clip in run.clips:
        registered = fingerprint_of(run.stamped(clip), probe(run.stamped(clip))).to_bytes()
        for kind in KINDS:
            for share in SHARES:
                for shape in SHAPES:
                    for lines in LINES:
                        yield _swap(run, clip, registered, kind, share, shape, lines)


def swap_cell(  # noqa: PLR0917 - what one copy is made of
    run: Run, clip: str, kind: Kind, share: float, shape: str, lines: int | None
) -> tuple[Path, Swapped]:
    """The copy, made when it is not there."""
    name = f"{clip}__{kind}_{100 * share:.0f}_{shape}_{lines or 'whole'}"
    seed = zlib.crc32(f"{run.seed}/{name}".encode())
    at = np.random.default_rng(seed).uniform(0.0, 1.0, 2)
    step = Swapped(kind, share, shape, (float(at[0]), float(at[1])))
    kept = run.work / "swaps" / f"{name}.mp4"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        stages = (step,) if lines is None else (Resize(lines=lines), step)
        passes = (Pass(stages, render.x264(CRF)),)
        with tempfile.TemporaryDirectory(prefix="bench") as made:
            path = render.run(passes, run.stamped(clip), Path(made), run.other(clip), seed)
            kept.write_bytes(path.read_bytes())
    return kept, step


def _swap(  # noqa: PLR0917
    run: Run, clip: str, registered: bytes, kind: Kind, share: float, shape: str, lines: int | None
) -> Answer:
    path, step = swap_cell(run, clip, kind, share, shape, lines)
    info = probe(path)
    found = examine(path, info, run.keyring.watermark_keys)
    if found.stamp_id is None:
        return Answer(kind, share, clip, None)
    compared = likeness(registered, fingerprint_of(path, info, found), found).compared
    mask = step.mask((info.video.width, info.video.height))
    rows, columns = np.nonzero(mask)
    middle = columns.mean() / mask.shape[1], rows.mean() / mask.shape[0]
    return Answer(
        kind,
        share,
        clip,
        compared,
        any(_holds(area, middle) for area in compared.areas),
        any(not _meets(area, mask) for area in compared.areas),
    )


def _holds(area: DifferentArea, point: tuple[float, float]) -> bool:
    return area.left <= point[0] <= area.right and area.top <= point[1] <= area.bottom


def _meets(area: DifferentArea, mask: NDArray[np.bool_]) -> bool:
    height, width = mask.shape
    rows = slice(int(area.top * height), int(np.ceil(area.bottom * height)))
    columns = slice(int(area.left * width), int(np.ceil(area.right * width)))
    return bool(mask[rows, columns].any())


def untouched(run: Run, only: tuple[str, ...] = ()) -> Iterator[tuple[str, Answer]]:
    """(attack, what was said) of every honest copy in which nothing is covered."""
    known = {
        clip: fingerprint_of(run.stamped(clip), probe(run.stamped(clip))).to_bytes()
        for clip in run.clips
    }
    for name, attack in honest_attacks().items():
        if name in COVERING or (only and not any(fnmatchcase(name, one) for one in only)):
            continue
        for clip in run.clips:
            path, found = copies.cell(run, attack, clip)
            if found.transform is None:
                yield name, Answer("none", 0.0, clip, None)
                continue
            compared = likeness(known[clip], fingerprint_of(path, probe(path), found), found)
            areas = compared.compared.areas
            yield name, Answer("none", 0.0, clip, compared.compared, false=bool(areas))
