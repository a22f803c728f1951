"""Fingerprints of attacked copies against what was registered: honest copies and other content.

Every cell (a clip and an attack) is made once and kept with what the watermark's detector said of
it, so that another run costs the comparison alone.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench import render
from bench.attack import Attack
from bench.runner import Run
from provenance.fingerprint import Comparison, Fingerprint, compare, nearest
from provenance.results import Detection, MissingArea, PictureMap, Segment, Transform
from provenance.verifying.imprint import fingerprint_of
from provenance.verifying.likeness import likeness
from provenance.verifying.search import examine
from provenance.video import probe

ATTACKS = (
    "none", "480p_600k", "360p_crf30", "240p_200k", "mirror", "rotate_10", "rotate_90",
    "keystone_10", "aspect_80", "crop_corner_75", "crop_centre_50", "crop_centre_30",
    "crop_corner_30", "crop_centre_10", "crop_corner_10", "cut_9x16", "letterbox", "blurred_fill",
    "inset_50", "caption_bar", "stickers_10", "stickers_25", "face_blur", "brightness_50",
    "brightness_150", "noise_20", "slow_zoom", "trim_1.0s", "speed_2.0", "shuffle_1s", "joined_25",
    "screenshot_jpeg50", "screen_film", "crop_caption_9x16_576p",
)  # fmt: skip


SCHEMA = 2
"""Of what is kept of a cell."""
MIXING = ("joined_", "inset_")
"""Attacks that show another clip beside the stamped one: that clip is no other content there."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One attacked clip against one registered clip.

    ``honest``: its own.  ``area`` is the share of the largest area that is told, ``copied`` whether
    the mark is said to go on over one.
    """

    attack: str
    clip: str
    registered: str
    honest: bool
    comparison: Comparison
    area: float
    copied: bool


def registered(run: Run, others: list[Path]) -> dict[str, Fingerprint]:
    """The fingerprints of the stamped clips, and of clips that only serve as other content."""
    paths = {clip: run.stamped(clip) for clip in run.clips} | {path.stem: path for path in others}
    return {name: fingerprint_of(path, probe(path)) for name, path in paths.items()}


def judged(
    run: Run, chosen: tuple[Attack, ...], known: dict[str, Fingerprint]
) -> Iterator[tuple[str, str, list[Judged] | None]]:
    """(attack, clip, the comparisons; None where no watermark was found) of every cell."""
    for attack in chosen:
        for clip in run.clips:
            path, found = cell(run, attack, clip)
            if found.stamp_id is None and found.transform is None:
                yield attack.name, clip, None
                continue
            seen = fingerprint_of(path, probe(path), found)
            yield (
                attack.name,
                clip,
                [
                    _judged(attack.name, clip, name, fingerprint, seen, found)
                    for name, fingerprint in known.items()
                    if not (attack.name.startswith(MIXING) and name == run.other(clip).stem)
                ],
            )


def _judged(  # noqa: PLR0917 - what one cell is made of
    attack: str, clip: str, name: str, known: Fingerprint, seen: Fingerprint, found: Detection
) -> Judged:
    areas = likeness(known.to_bytes(), seen, found).compared.areas
    return Judged(
        attack,
        clip,
        name,
        name == clip,
        compare(known, seen),
        max((area.share for area in areas), default=0.0),
        any(area.copied for area in areas),
    )


def cell(run: Run, attack: Attack, clip: str) -> tuple[Path, Detection]:
    """An attacked clip and what was found in it; made when it is not there."""
    folder = run.work / "cells"
    folder.mkdir(exist_ok=True)
    note = folder / f"{clip}__{attack.name}.json"
    if not note.exists() or json.loads(note.read_text()).get("schema") != SCHEMA:
        # Made already, when what is kept of it is of an older schema.
        made_before = (one for one in folder.glob(f"{clip}__{attack.name}.*") if one != note)
        kept = next(made_before, None)
        if kept is None:
            seed = zlib.crc32(f"{run.seed}/{clip}/{attack.name}".encode())
            with tempfile.TemporaryDirectory(prefix="bench") as made:
                path = run.stamped(clip)
                if attack.passes:
                    path = render.run(attack.passes, path, Path(made), run.other(clip), seed)
                kept = folder / f"{clip}__{attack.name}{path.suffix}"
                shutil.copy(path, kept)
        found = examine(kept, probe(kept), run.keyring.watermark_keys)
        entry = {
            "schema": SCHEMA,
            "file": kept.name,
            "status": found.status,
            "matrix": None if found.transform is None else found.transform.matrix,
            "segments": [(s.start, s.end, s.status) for s in found.segments],
            "picture": None if found.picture is None else asdict(found.picture),
        }
        note.write_text(json.dumps(entry))
    entry = json.loads(note.read_text())
    transform = None
    if entry["matrix"] is not None:
        transform = Transform(1.0, 0.0, False, 1.0, tuple(entry["matrix"]))
    segments = tuple(Segment(start, end, status, 0.0) for start, end, status in entry["segments"])
    return folder / entry["file"], Detection(
        entry["status"],
        transform=transform,
        segments=segments,
        picture=None if entry["picture"] is None else _picture(entry["picture"]),
    )


def _picture(kept: dict[str, Any]) -> PictureMap:
    areas = tuple(MissingArea(**area) for area in kept.pop("areas"))
    lists = {name: tuple(one) for name, one in kept.items() if isinstance(one, list)}
    return PictureMap(**(kept | lists), areas=areas)


def searched(count: int, queries: int, seed: int) -> tuple[float, int]:
    """(seconds, hits) of an exact search for some frames among ``count`` random ones."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 1 << 64, (count, 4), np.uint64)
    asked = hashes[rng.integers(0, count, queries)]
    asked[:, 0] ^= np.uint64(0x0101010101010101)
    started = perf_counter()
    rows, _, _ = nearest(hashes, asked)
    return perf_counter() - started, len(rows)
