"""Foretell how clearly a mark will stand in a small, coarse copy, before the long encode.

1. Runs of consecutive frames are taken from the clip: at key frames where it has enough of them,
   else in one pass.
2. They are marked and copied in one stream, as a sharing site would (:mod:`provenance.video.copy`).
   One stream, so that a still scene is predicted from run to run as it is in a whole copy: encoded
   run by run its noise would be drawn anew each time, and average out (2 to 3 dB too hopeful).
3. The copy is observed on its own grid, and the margin of the known codeword is measured.  As many
   frames are looked at as ``verify`` looks at first, so the figure needs no extrapolation.
4. While the margin is thin, the strength is raised step by step where texture hides it, as far as
   the profile and :data:`LEAST_PSNR_DB` allow.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from provenance.errors import UnreadableFileError
from provenance.results.payload import StampId
from provenance.system.memory import trim
from provenance.verifying.sampling import FIRST_LOOK
from provenance.video import LumaPlane, MediaInfo, at_depth, copied, read_luma, shrunk
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.detector import Detector
from provenance.watermark.embed.embedder import Embedder
from provenance.watermark.embed.profiles import Profile
from provenance.watermark.picture.observation import Observation

RUNS = 4
THIN_DB = 4.0
"""Margin below which the strength is raised.  On seven clips the rehearsal was at most 1.6 dB more
hopeful than a copy of the whole clip; the rest is for stamp ids that fare worse than others."""
STEP = 1.25
"""Factor between two strengths tried."""
LEAST_PSNR_DB = 42.0
"""No raised strength may take the PSNR of luma below this."""
LEAST_GAIN_DB = 0.3
"""What gains less is chance, and not worth being seen more."""
MEMORY = 200_000_000
"""Most luma samples held at a time: fewer frames are taken of 4K."""
THREADS = 4


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
    source: Path,
    info: MediaInfo,
    embedder: Embedder,
    key: WatermarkKey,
    stamp_id: StampId,
    profile: Profile,
    *,
    depth: int = 8,
    wanted_db: float = THIN_DB,
    check: Callable[[], object] = lambda: None,
) -> Rehearsal:
    """Measure the margin in a simulated copy; raise the strength while it is below ``wanted_db``.

    Args:
        source: the clip.
        info: what :func:`provenance.video.probe` said of it.
        embedder: has observed the clip; it is left prepared at the strength of the result.
        key: the embedder's.
        stamp_id: the embedder's.
        profile: the embedder's; says how far the strength may go.
        depth: bits of the luma samples that the embedder marks.
        wanted_db: the least margin that is not thin.
        check: called now and then; what it raises stops the work.

    Raises:
        UnreadableFileError: when no frame can be decoded.
    """
    trim()  # of what was looked at before, then of what is decoded in between
    frames = [at_depth(plane, was, depth) for plane, was in _excerpt(source, info, check)]
    if not frames:
        raise UnreadableFileError(
            f"No picture could be decoded from {source.name}",
            advice="get a complete copy of the file",
        )
    trim()

    def tried(strength: float) -> float:
        check()
        embedder.prepare(strength)
        return Detector([key]).measure(_observed(frames, info, embedder, depth), stamp_id)

    best = tried(1.0)
    kept = strength = 1.0
    while best < wanted_db and strength < profile.most_strength:
        strength = min(strength * STEP, profile.most_strength)
        margin = tried(strength)
        if embedder.psnr_y() < LEAST_PSNR_DB:
            break
        if margin >= best + LEAST_GAIN_DB:
            kept, best = strength, margin
    embedder.prepare(kept)
    return Rehearsal(best, kept)


def _observed(
    frames: list[LumaPlane], info: MediaInfo, embedder: Embedder, depth: int
) -> Observation:
    """Steps 2 and 3: what is seen of the marked frames' copy."""

    def work(plane: LumaPlane) -> LumaPlane:
        return shrunk(at_depth(embedder.mark(plane), depth, 8))

    with ThreadPoolExecutor(THREADS, thread_name_prefix="rehearse") as pool:
        small = list(pool.map(work, frames))
    height, width = small[0].shape
    video = info.video
    observation = Observation(Grid(width, height, float(video.sar), video.rotation))
    for plane in copied(small, video.fps):
        observation.add(plane)
    return observation


def _excerpt(
    source: Path, info: MediaInfo, check: Callable[[], object]
) -> list[tuple[LumaPlane, int]]:
    """Step 1: copies of (H, W) planes as coded, with their depth, run after run."""
    video = info.video
    length = max(1, min(FIRST_LOOK // RUNS, MEMORY // (RUNS * video.width * video.height)))
    keys = [frame.time for frame in read_luma(source, skip="predicted")]
    taken: list[tuple[LumaPlane, int]] = []
    if len(keys) >= RUNS:
        starts = [keys[(2 * run + 1) * len(keys) // (2 * RUNS)] for run in range(RUNS)]
        readings = [partial(read_luma, source, start=start - 1e-3) for start in starts]
    else:
        half = length / float(video.fps or 25) / 2.0
        starts = [(run + 0.5) / RUNS * (info.duration or 0.0) - half for run in range(RUNS)]
        readings = [partial(read_luma, source)]
    for number, reading in enumerate(readings, start=1):
        trim()
        # Closed before the next one opens: a decoder that waits holds a dozen frames.
        with closing(reading()) as stream:
            for frame in stream:
                check()
                due = starts[len(taken) // length] - 1e-3
                if frame.time >= due and frame.luma.shape == (video.height, video.width):
                    taken.append((frame.luma.copy(), frame.depth))
                    if len(taken) >= length * (number if len(readings) > 1 else RUNS):
                        break
    return taken
