"""Single frames: how many of a hundred, picked at random over all clips, give the id.

Every clip is stamped and encoded once more as a site would (H.264, CRF 23).  For each pick a clip,
a moment and a place are drawn.  The frame is saved cut to 70 % at that place, once of its sides
and once of its area, as JPEG of quality 50; and whole, as PNG.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from bench import diagnose, render, runner
from bench.render import Encode, Pass, x264
from bench.stages import Crop
from bench.table import Sheet
from bench.timing import Trim
from provenance import StampId

SHARE = 0.7
JPEG = Encode("still", (("quality", "50"),), ".jpg")
KINDS = {
    "70 % of the sides, JPEG 50": (SHARE, JPEG),
    "70 % of the area, JPEG 50": (math.sqrt(SHARE), JPEG),
    "whole, PNG": (1.0, Encode("still", suffix=".png")),
}
"""What is left of the sides, and how it is saved."""
LEGEND = "Frames whose id was read exactly, of those picked."


@dataclass(frozen=True, slots=True)
class Pick:
    """One draw: a clip, the seed of the moment, and the place of the cut."""

    number: int
    clip: str
    seed: int
    anchor: tuple[float, float]


def picks(clips: list[str], count: int, seed: int) -> Iterator[Pick]:
    """Draws over all clips."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        clip = clips[int(rng.integers(len(clips)))]
        yield Pick(number, clip, int(rng.integers(2**31)), (rng.random(), rng.random()))


def passes_of(pick: Pick, kind: str) -> tuple[Pass, ...]:
    """One frame, cut and saved."""
    side, encode = KINDS[kind]
    cut = () if side == 1.0 else (Crop((side, side), anchor=pick.anchor),)
    return (Pass((Trim(0.0), *cut), encode),)


def shared(run: runner.Run, clip: str) -> Path:
    """The stamped clip as a site hands it on, made unless it is there."""
    target = run.work / "shared" / f"{clip}.mp4"
    if not target.exists():
        runner.stamp_clip(run, clip)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            passes = (Pass((), x264(23)),)
            made = render.run(passes, run.stamped(clip), Path(folder), run.other(clip), 0)
            shutil.move(made, target)
    return target


def cell(run: runner.Run, pick: Pick, kind: str) -> dict[str, Any]:
    """Save one frame and verify it; a failure is a row too."""
    clip, passes = pick.clip, passes_of(pick, kind)
    expected = runner.stamp_clip(run, clip)["stamp_id"]
    row = {"pick": pick.number, "clip": clip, "kind": kind, "expected": expected}
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        try:
            source = shared(run, clip)
            saved = render.run(passes, source, Path(folder), run.other(clip), pick.seed)
            row |= runner.verified(run.keyring, saved, expected)
            if not row["recovered"]:
                key = run.keyring.watermark_key
                found = diagnose.known(saved, source, passes, StampId.from_hex(expected), key)
                row["known"] = found.as_json()
        except Exception as error:  # a cell that breaks is counted as a failure, not lost
            row |= {"recovered": False, "false_id": False, "error": f"{error}"}
    return row


def run(options: argparse.Namespace, work: Path) -> list[Sheet]:
    """Pick, save and verify; the tables."""
    clips = runner.find_clips(options.clips_dir, options.clips)
    job = runner.Run(clips, work, options.seed, options.profile, threads=options.threads)
    runner.prepare(job)
    head = runner.header(job) | {"schema": "provenance.bench.screenshots/1"}
    rows = runner.load(options.out, head)
    have = {(row["pick"], row["kind"]) for row in rows}
    cells = [
        (pick, kind)
        for pick in picks(list(clips), options.frames, options.seed)
        for kind in KINDS
        if (pick.number, kind) not in have
    ]
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(options.workers, context, runner.begin) as pool,
        options.out.open("a") as sink,
        Progress(console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("screenshots", total=len(cells))
        needed = dict.fromkeys(pick.clip for pick, _ in cells)
        for future in [pool.submit(shared, job, clip) for clip in needed]:
            future.result()
        waiting = [pool.submit(cell, job, *one) for one in cells]
        for row in runner.kept(pool, waiting, sink):
            rows.append(row)
            progress.advance(task)
    return sheets(rows)


def sheets(rows: list[dict[str, Any]]) -> list[Sheet]:
    """Rates by clip and over all; then what failed, and how far it was from decoding."""
    clips = sorted({row["clip"] for row in rows})
    parts = [(clip, [row for row in rows if row["clip"] == clip]) for clip in clips]
    lines = [
        (name, *(_rate(part, kind) for kind in KINDS)) for name, part in (*parts, ("all", rows))
    ]
    failed = []
    for row in sorted(rows, key=lambda row: (row["clip"], row["pick"])):
        if row["recovered"]:
            continue
        known = row.get("known")
        what = row.get("error") or ("FALSE ID" if row["false_id"] else row["status"])
        distance = f"{known['margin_db']:.1f}" if known else ""
        failed.append((row["clip"], str(row["pick"]), row["kind"], what, distance))
    heads = ("clip", "pick", "kind", "what", "dB at the true place")
    made = [Sheet("Screenshots", ("clip", *KINDS), tuple(lines))]
    return made + ([Sheet("Failures", heads, tuple(failed), words=4)] if failed else [])


def _rate(rows: list[dict[str, Any]], kind: str) -> str:
    part = [row["recovered"] for row in rows if row["kind"] == kind]
    return f"{sum(part)}/{len(part)}"
