"""How often a replaced part of the picture is told, by its size: other footage, pasted plainly or
with the stamped clip's mark lifted onto it, in videos and in single pictures.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import edits, hostile, render
from bench.frames import Size
from bench.render import Encode, Pass
from bench.runner import Run
from bench.timing import Trim
from provenance.verifying.imprint import fingerprint_of
from provenance.verifying.likeness import likeness
from provenance.verifying.search import examine
from provenance.verifying.verdict import AREA
from provenance.video import probe

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.6)
CORNERS = ((1.0, 1.0), (0.0, 0.0), (0.5, 0.5))
"""Where the rectangle lies: how far from the left and from the top, of the room it has."""
STILL = Encode("still", (("quality", "85"),), ".jpg")


@dataclass(frozen=True, slots=True)
class Placed(edits.Pasted):
    """The rectangle anywhere."""

    at: tuple[float, float] = (1.0, 1.0)

    def box(self, size: Size) -> tuple[slice, slice]:
        """Rows and columns."""
        rows, columns = edits.Pasted.box(self, size)
        left, top = (
            2 * round(part * room.start / 2)
            for part, room in zip(self.at, (columns, rows), strict=True)
        )
        return (
            slice(top, top + rows.stop - rows.start),
            slice(left, left + columns.stop - columns.start),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """One forgery: whether its mark was read, and what was said of its picture.

    ``named``: an area of a tenth, or another content.  ``copied``: a copied mark, or another
    content.  ``compared``: share of the picture that was.
    """

    kind: str
    lifted: bool
    share: float
    read: bool
    named: bool = False
    copied: bool = False
    compared: float = 0.0


def forgeries(run: Run) -> Iterator[Told]:
    """Every clip with every share at every place, pasted and lifted, as a video and as a still."""
    for clip, original in run.clips.items():
        registered = fingerprint_of(run.stamped(clip), probe(run.stamped(clip))).to_bytes()
        mark = hostile.residual(run.stamped(clip), original)
        for share in SHARES:
            for at in CORNERS:
                for lifted in (True, False):
                    placed = Placed(share, mark if lifted else None, at)
                    for kind in ("video", "still"):
                        yield _told(run, clip, registered, placed, kind)


def _told(run: Run, clip: str, registered: bytes, placed: Placed, kind: str) -> Told:
    seed = zlib.crc32(f"{run.seed}/{clip}/{placed.share}/{placed.at}".encode())
    # One picture is chosen after it was changed: the clips must run together.
    step = Pass((placed, Trim(0.0)), STILL) if kind == "still" else Pass((placed,), render.x264(23))
    lifted = placed.mark is not None
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        file = render.run((step,), run.stamped(clip), Path(folder), run.other(clip), seed)
        info = probe(file)
        found = examine(file, info, run.keyring.watermark_keys)
        if found.stamp_id is None:
            return Told(kind, lifted, placed.share, read=False)
        judged = likeness(registered, fingerprint_of(file, info, found), found)
    compared = judged.compared
    other = compared.picture == "differs" or bool(judged.strange)
    large = [area for area in compared.areas if area.share >= AREA]
    return Told(
        kind,
        lifted,
        placed.share,
        read=True,
        named=other or bool(large),
        copied=other or any(area.copied for area in compared.areas),
        compared=compared.share or 0.0,
    )
