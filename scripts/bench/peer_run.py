"""The same attacks on other watermarks and on this one, in one run.

Of every clip, the first seconds are cut (lossless).  A peer marks every frame of the cut with
random bits, and the result is encoded as ``stamp`` encodes by default (H.264, CRF 18, preset
medium).  The attacked file is read by the peer's own decoder frame by frame, and every bit goes to
the majority.  Recovered means every bit right.  This project stamps the same cut through its public
API and is verified as in every other mode; its distortion is the one that ``stamp`` reports.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from rich.console import Console
from rich.progress import Progress

from bench import peers, render, runner
from bench.attack import GROUPS, HOSTILE, Attack
from bench.attacks import attacks
from bench.frames import Frames, Matrix, Picture, Size, like
from bench.render import Encode, Pass, x264
from bench.stages import IDENTITY, Scene
from bench.table import Sheet
from bench.timing import First
from provenance.video import probe

OURS = "this project"
LOSSLESS = Encode(options=(("qp", "0"), ("preset", "veryfast")), suffix=".mkv")
MARKED = x264(18)
OFFSET = np.array([16, 128, 128], np.float32)
TO_COLOURS = np.array(
    [[255 / 219, 2.01723, 0], [255 / 219, -0.39176, -0.81297], [255 / 219, 0, 1.59603]], np.float32
)
"""ITU-R BT.601 with video range, to blue, green and red."""
LEGEND = (
    "Clips on which every bit was recovered, of those tried; in brackets the share of bits that "
    "were right, for peers that read something from everything (50 % is chance)."
)


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What a run is made of; ``run.clips`` are the cuts."""

    run: runner.Run

    def payload(self, name: str, clip: str, bits: int) -> peers.Bits:
        """The random bits a peer marks a clip with."""
        seed = zlib.crc32(f"{self.run.seed}/{name}/{clip}".encode())
        return np.random.default_rng(seed).random(bits) < 0.5

    def marked(self, name: str, clip: str) -> Path:
        """Where a peer's marked clip lies."""
        return self.run.work / "peers" / name / f"{clip}.mp4"


def colours_of(frame: av.VideoFrame) -> Picture:
    """Blue, green and red, (H, W, 3).  libswscale's own, fast, is some levels off."""
    coded = np.moveaxis(frame.to_ndarray(format="yuv444p"), 0, 2).astype(np.float32)
    return np.clip(np.rint((coded - OFFSET) @ TO_COLOURS.T), 0, 255).astype(np.uint8)


def coded_of(colours: Picture) -> Picture:
    """Luma and chroma, (H, W, 3), of blue, green and red."""
    coded = colours.astype(np.float32) @ np.linalg.inv(TO_COLOURS).T + OFFSET
    return np.clip(np.rint(coded), 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Embed:
    """A stage: a peer marks every frame."""

    name: str
    payload: tuple[bool, ...]

    def apply(self, frames: Frames, _scene: Scene) -> Frames:
        """Mark every frame, in colour."""
        mark: peers.Peer | None = None
        for frame in frames:
            mark = mark or peers.peer(self.name, (frame.width, frame.height))
            picture = mark.embed(colours_of(frame), np.array(self.payload))
            yield like(frame, coded_of(picture))

    def place(self, size: Size, _progress: float = 0.0) -> tuple[Matrix, Size]:
        """Nothing moves."""
        return IDENTITY, size


def cut(source: Path, target: Path, seconds: float) -> None:
    """The first seconds of a clip, lossless."""
    head = Pass((First(seconds),), LOSSLESS)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        shutil.move(render.run((head,), source, Path(folder), source, 0), target)


def mark_clip(job: PeerRun, name: str, clip: str) -> dict[str, Any]:
    """Mark a clip with a peer, or find it marked: PSNR of luma and of both chroma planes, dB."""
    target = job.marked(name, clip)
    note = target.with_suffix(".json")
    if note.exists():
        return dict(json.loads(note.read_text()))
    target.parent.mkdir(parents=True, exist_ok=True)
    source = job.run.clips[clip]
    info = probe(source)
    mark = peers.peer(name, (info.video.width, info.video.height))
    payload = job.payload(name, clip, mark.bits)
    stages = (Embed(name, tuple(payload.tolist())),)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        lossless = render.run((Pass(stages, LOSSLESS),), source, Path(folder), source, 0)
        luma, chroma = psnr(source, lossless)
        encoded = render.run((Pass((), MARKED),), lossless, Path(folder), source, 0)
        shutil.move(encoded, target)
    entry = {"bits": mark.bits, "psnr_y": luma, "psnr_c": chroma}
    note.write_text(json.dumps(entry))
    return entry


def psnr(first: Path, second: Path) -> tuple[float, float]:
    """Of luma and of chroma over all frames of two yuv420p files, dB."""
    errors, counts = np.zeros(2), np.zeros(2)
    with av.open(str(first)) as one, av.open(str(second)) as two:
        for a, b in zip(one.decode(video=0), two.decode(video=0), strict=True):
            planes = [f.to_ndarray(format="yuv420p").astype(np.float32) for f in (a, b)]
            squares = (planes[0] - planes[1]) ** 2
            errors += squares[: a.height].sum(), squares[a.height :].sum()
            counts += squares[: a.height].size, squares[a.height :].size
    found = [10 * math.log10(255**2 / max(e, 1e-9)) for e in errors / counts]
    return round(found[0], 2), round(found[1], 2)


def majority(votes: Iterable[peers.Bits]) -> peers.Bits:
    """Every bit as most frames have it."""
    return np.asarray(np.mean([*votes], axis=0) > 0.5)


def spread(path: Path, looks: int) -> Iterator[Picture]:
    """About so many pictures of a file, evenly spread."""
    with av.open(str(path)) as source:
        total = sum(1 for _ in source.decode(video=0))
    step = max(1, math.ceil(total / looks))
    with av.open(str(path)) as source:
        for number, frame in enumerate(source.decode(video=0)):
            if number % step == step // 2 or total == 1:
                yield colours_of(frame)


def cell(job: PeerRun, name: str, attack_name: str, clip: str) -> dict[str, Any]:
    """Attack one marked clip and read it; a failure of either is a row too."""
    attack = next(attack for attack in attacks() if attack.name == attack_name)
    row: dict[str, Any] = {"peer": name, "clip": clip, "attack": attack.name, "group": attack.group}
    run = job.run
    if name == OURS:
        found = runner.cell(run, attack.name, clip)
        note = json.loads(run.stamped(clip).with_suffix(".json").read_text())
        kept = ("recovered", "false_id", "margin_db", "frames", "error")
        cost = {
            "bits": 64,
            "psnr_y": note.get("watermark", {}).get("psnr_y_db"),
            "psnr_c": None,
            "right": None,
        }
        return row | cost | {key: found[key] for key in kept if key in found}
    seed = zlib.crc32(f"{run.seed}/{clip}/{attack.name}".encode())
    row |= {"recovered": False, "right": None}
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        try:
            row |= mark_clip(job, name, clip)
            info = probe(run.clips[clip])
            mark = peers.peer(name, (info.video.width, info.video.height))
            attacked = render.run(
                attack.passes,
                job.marked(name, clip),
                Path(folder),
                run.other(clip),
                seed,
                threads=run.threads,
            )
            started = time.monotonic()
            votes = [mark.read(picture) for picture in spread(attacked, mark.looks)]
            right = majority(votes) == job.payload(name, clip, mark.bits)
            row |= {
                "recovered": bool(right.all()),
                "right": round(float(right.mean()), 3),
                "frames": len(votes),
                "seconds": round(time.monotonic() - started, 2),
            }
        except Exception as error:  # a cell that breaks is counted as a failure, not lost
            row["error"] = f"{type(error).__name__}: {error}"
    return row


def execute(
    job: PeerRun, names: tuple[str, ...], chosen: tuple[Attack, ...], results: Path, workers: int
) -> list[dict[str, Any]]:
    """Every cell that has no row yet; all rows."""
    head = runner.header(job.run) | {"schema": "provenance.bench.peers/1"}
    rows = runner.load(results, head)
    have = {(row["peer"], row["attack"], row["clip"]) for row in rows}
    cells = [
        (name, attack.name, clip)
        for name in names
        for clip in job.run.clips
        for attack in chosen
        if (name, attack.name, clip) not in have
    ]
    for name, clip in dict.fromkeys((name, clip) for name, _, clip in cells):
        # Here, as cells of several processes would all mark the same clip.
        _ = runner.stamp_clip(job.run, clip) if name == OURS else mark_clip(job, name, clip)
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(workers, context, runner.begin) as pool,
        results.open("a") as sink,
        Progress(console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("peers", total=len(cells))
        waiting = [pool.submit(cell, job, *key) for key in cells]
        for row in runner.kept(pool, waiting, sink):
            rows.append(row)
            progress.advance(task)
    return rows


def run(options: argparse.Namespace, work: Path) -> list[Sheet]:
    """Cut, mark, attack and read; the tables."""
    names = options.peers or (OURS, *peers.PEERS)
    for name in names:
        if name not in (OURS, *peers.PEERS):
            raise runner.BenchError(f"No peer is called {name!r}: {', '.join(peers.PEERS)}.")
        if name != OURS:
            try:
                peers.peer(name, (640, 360))
            except peers.MissingPeerError as error:
                raise runner.BenchError(str(error)) from error
    cuts = {}
    for clip, path in runner.find_clips(options.clips_dir, options.clips).items():
        cuts[clip] = work / "cuts" / f"{clip}.mkv"
        cuts[clip].parent.mkdir(parents=True, exist_ok=True)
        if not cuts[clip].exists():
            cut(path, cuts[clip], options.seconds)
    job = PeerRun(runner.Run(cuts, work, options.seed, options.profile, threads=options.threads))
    runner.prepare(job.run)
    chosen = tuple(
        attack
        for attack in runner.chosen_attacks(options.only, options.group, False)
        if attack.expects_id and attack.group != HOSTILE
    )
    rows = execute(job, names, chosen, options.out, options.workers)
    return sheets(rows)


def sheets(rows: list[dict[str, Any]]) -> list[Sheet]:
    """Attacks down and peers across, by group; then what each carries and costs."""
    names = [name for name in (OURS, *peers.PEERS) if any(r["peer"] == name for r in rows)]
    found = {
        (attack.group, attack.name): [row for row in rows if row["attack"] == attack.name]
        for attack in attacks()
    }
    made = []
    for group in GROUPS:
        lines = [
            (name, *_shares(part, names))
            for (of, name), part in found.items()
            if of == group and part
        ]
        if lines:
            made.append(Sheet(group, ("attack", *names), tuple(lines)))
    made.append(Sheet("Totals", ("", *names), (("all", *_shares(rows, names)),)))
    costs = []
    for name in names:
        part = [row for row in rows if row["peer"] == name and row.get("psnr_y") is not None]
        if part:
            # One figure a clip.
            luma = {row["clip"]: row["psnr_y"] for row in part}.values()
            chroma = {row["clip"]: row["psnr_c"] for row in part if row["psnr_c"]}.values()
            costs.append(
                (
                    name,
                    str(part[0]["bits"]),
                    f"{np.mean([*luma]):.1f}",
                    f"{np.mean([*chroma]):.1f}" if chroma else "untouched",
                )
            )
    heads = ("watermark", "bits", "PSNR-Y dB", "PSNR of chroma dB")
    return [*made, Sheet("What they carry and cost", heads, tuple(costs))]


def _shares(rows: list[dict[str, Any]], names: list[str]) -> list[str]:
    """One cell a peer."""
    cells = []
    for name in names:
        part = [row for row in rows if row["peer"] == name]
        right = [row["right"] for row in part if row.get("right") is not None]
        text = f"{sum(row['recovered'] for row in part)}/{len(part)}" if part else ""
        text += " ERROR" if any("error" in row for row in part) else ""
        cells.append(text + (f" ({100 * np.mean(right):.0f} %)" if right else ""))
    return cells
