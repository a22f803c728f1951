"""Foretell how clearly a mark will stand in a small, coarse copy, before the long encode.

1. Runs of consecutive frames, at the size of the copy, come from the first look
   (:mod:`provenance.stamping.firstlook`).  They are marked at that size: the pattern ends far below
   what its samples can hold, so marking first and scaling then comes to the same.
2. They are copied in one stream, as a sharing site would (:mod:`provenance.video.copy`).
   One stream, so that a still scene is predicted from run to run as it is in a whole copy: encoded
   run by run its noise would be drawn anew each time, and average out (2 to 3 dB too hopeful).
3. The copy is observed on its own grid, and the margin of the known codeword is measured.  As many
   frames are looked at as ``verify`` looks at first, so the figure needs no extrapolation.
4. While the margin is thin, the strength is raised step by step where texture hides it, as far as
   the profile and :data:`LEAST_PSNR_DB` allow.  A step that cannot be enough, since a mark of so
   much more amplitude gains no more decibels than that, is skipped if there is another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from provenance.results.payload import StampId
from provenance.system.memory import trim
from provenance.video import LumaPlane, MediaInfo, copied
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.detector import Detector
from provenance.watermark.embed.embedder import Embedder
from provenance.watermark.embed.profiles import Profile
from provenance.watermark.picture.observation import Observation

THIN_DB = 4.0
"""Margin below which the strength is raised.  On seven clips the rehearsal was at most 1.6 dB more
hopeful than a copy of the whole clip; the rest is for stamp ids that fare worse than others."""
STEP = 1.25
"""Factor between two strengths tried."""
LEAST_PSNR_DB = 42.0
"""No raised strength may take the PSNR of luma below this."""
LEAST_GAIN_DB = 0.3
"""What gains less is chance, and not worth being seen more."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the simulated copy showed.

    Attributes:
        margin_db: of the mark in a copy at 360 lines and CRF 30, above what decoding needs.
        strength: what the mark is multiplied with where there is texture; 1 unless raised.
    """

    margin_db: float
    strength: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence on a strength that was raised."""
        if self.strength <= 1.0:
            return ()
        return (
            f"strength raised {self.strength:.2g} times where there is texture: the margin in a "
            f"360p CRF 30 copy was thin and is now {self.margin_db:.1f} dB",
        )


def rehearse(  # noqa: PLR0917 - the first six are what the embedder was made of
    small: Sequence[LumaPlane],
    info: MediaInfo,
    embedder: Embedder,
    key: WatermarkKey,
    stamp_id: StampId,
    profile: Profile,
    *,
    wanted_db: float = THIN_DB,
    check: Callable[[], object] = lambda: None,
) -> Rehearsal:
    """Measure the margin in a simulated copy; raise the strength while it is below ``wanted_db``.

    Args:
        small: (h, w) uint8 frames of the clip, unmarked, at the copy's size; one at least.
        info: what :func:`provenance.video.probe` said of the clip.
        embedder: has observed the clip; it is left prepared at the strength of the result.
        key: the embedder's.
        stamp_id: the embedder's.
        profile: the embedder's; says how far the strength may go.
        wanted_db: the least margin that is not thin.
        check: called now and then; what it raises stops the work.
    """
    trim()  # of what was decoded before

    def tried(strength: float) -> float:
        check()
        embedder.prepare(strength)
        return Detector([key]).measure(_observed(small, info, embedder), stamp_id)

    best, kept = tried(1.0), 1.0
    spare = embedder.psnr_y() - LEAST_PSNR_DB
    steps = [step for step in _steps(profile) if embedder.psnr_lost(step) <= spare]
    for step in steps:
        if best >= wanted_db:
            break
        if best + 20.0 * math.log10(step / kept) < wanted_db and step != steps[-1]:
            continue
        margin = tried(step)
        if margin >= best + LEAST_GAIN_DB:
            kept, best = step, margin
    embedder.prepare(kept)
    return Rehearsal(best, kept)


def _steps(profile: Profile) -> list[float]:
    """Strengths above 1, up to the profile's most."""
    steps = [1.0]
    while steps[-1] < profile.most_strength:
        steps.append(min(steps[-1] * STEP, profile.most_strength))
    return steps[1:]


def _observed(small: Sequence[LumaPlane], info: MediaInfo, embedder: Embedder) -> Observation:
    """Steps 1 to 3: what is seen of the marked frames' copy."""
    height, width = small[0].shape
    video = info.video
    observation = Observation(Grid(width, height, float(video.sar), video.rotation))
    for plane in copied([embedder.mark_copy(plane) for plane in small], video.fps):
        observation.add(plane)
    return observation
