"""Stamp every clip once, then attack and verify blind: one row a cell, appended as it is done."""

from __future__ import annotations

import glob
import hashlib
import json
import multiprocessing
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import cv2

import provenance
from bench import diagnose, render
from bench.attack import HOSTILE, Attack, Material
from bench.attacks import attacks
from provenance import EncoderOptions, Keyring, ProvenanceError, StampId
from provenance.keyring import is_keyring

SCHEMA = "provenance.bench/1"
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
ROOT = Path(__file__).resolve().parents[2]


class BenchError(Exception):
    """A run that cannot start, in one sentence."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is made of; every process gets a copy.

    Attributes:
        clips: the clips, by name.
        work: keeps the throw-away keys and the stamped clips, so that a run can go on later.
        seed: of everything random but the keys and stamp ids.
        profile: the strength to stamp with.
        unmarked: attack the clips as they were, and look for ids that should not be there.
        threads: of each encoder.
        keep: keep the attacked files too, and read those that are there instead of making them.
    """

    clips: dict[str, Path]
    work: Path
    seed: int
    profile: str
    unmarked: bool = False
    threads: int = 1
    keep: bool = False

    @property
    def keyring(self) -> Keyring:
        """The throw-away keys clips are stamped with."""
        return Keyring.load(self.work / "keys")

    @property
    def other_keyring(self) -> Keyring:
        """Throw-away keys no clip is stamped with."""
        return Keyring.load(self.work / "other_keys")

    def other(self, clip: str) -> Path:
        """The clip that ``clip`` is mixed with where an attack mixes: the next by name."""
        names = list(self.clips)
        return self.clips[names[(names.index(clip) + 1) % len(names)]]

    def stamped(self, clip: str) -> Path:
        """Where the stamped clip lies."""
        return self.work / "stamped" / f"{clip}.mp4"


def find_clips(folder: Path, wanted: Iterable[str] = ()) -> dict[str, Path]:
    """The folder's clips by name without suffix; those whose name starts with a wanted word."""
    words = tuple(wanted)
    found = {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES and (not words or path.stem.startswith(words))
    }
    if not found:
        raise BenchError(f"{folder} holds no clip that was asked for ({', '.join(SUFFIXES)}).")
    return found


def prepare(run: Run) -> None:
    """Make the throw-away keys, unless an earlier part of this run did."""
    for name in ("keys", "other_keys"):
        if not is_keyring(run.work / name):
            provenance.init_keyring(run.work / name, "Bench")
    (run.work / "stamped").mkdir(exist_ok=True)


def fingerprint() -> str:
    """A hash of the code that marks and reads: rows of different code must not be mixed."""
    digest = hashlib.sha256()
    places = (
        "provenance/watermark",
        "provenance/video",
        "provenance/verifying",
        "provenance/stamping/rehearsal.py",
        "scripts/bench",
    )
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if file.name not in ("table.py", "quality.py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def header(run: Run) -> dict[str, Any]:
    """The first line of the results: what must agree for rows to belong together."""
    return {
        "schema": SCHEMA,
        "seed": run.seed,
        "profile": run.profile,
        "unmarked": run.unmarked,
        "code": fingerprint(),
        "key_id": run.keyring.watermark_key.key_id,
    }


def load(results: Path, expected: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows already there; a last line cut short by an interruption is dropped.

    Raises:
        BenchError: when they were made by another run: other code, profile, seed or keys.
    """
    if not results.exists():
        results.write_text(json.dumps(expected) + "\n")
        return []
    lines, rows = results.read_text().splitlines(), []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    if not rows or rows[0] != expected:
        differing = [k for k in expected if not rows or rows[0].get(k) != expected[k]]
        raise BenchError(
            f"{results} belongs to another run (different: {', '.join(differing)}); choose another "
            "--out, or --restart."
        )
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows[1:]


def execute(
    run: Run, chosen: tuple[Attack, ...], done: list[dict[str, Any]], results: Path, workers: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Stamp what needs it, then run every cell that has no row yet.

    Yields ("stamp" or "row", what was done) as it happens; rows are on disk before they are
    yielded.
    """
    have = {(row["clip"], row["attack"]) for row in done}
    missing = [
        (attack, clip) for attack in chosen for clip in run.clips if (clip, attack.name) not in have
    ]
    # Objects of the manifest library do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, begin) as pool, results.open("a") as sink:
        if not run.unmarked:
            needed = dict.fromkeys(c for a, c in missing if a.source == "stamped")
            waiting = [pool.submit(stamp_clip, run, clip) for clip in needed]
            for future in as_completed(waiting):
                yield "stamp", future.result()
        cells = [pool.submit(cell, run, attack.name, clip) for attack, clip in missing]
        for row in kept(pool, cells, sink):
            yield "row", row


def kept(
    pool: ProcessPoolExecutor, waiting: list[Future[dict[str, Any]]], sink: TextIO
) -> Iterator[dict[str, Any]]:
    """Rows as they are done, each on disk before it is yielded; an interruption drops the rest."""
    try:
        for future in as_completed(waiting):
            row = future.result()
            sink.write(json.dumps(row) + "\n")
            sink.flush()
            yield row
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def begin() -> None:
    """One core a process: the processes are the parallelism."""
    cv2.setNumThreads(1)


def stamp_clip(run: Run, clip: str) -> dict[str, Any]:
    """Stamp one clip through the public API, or find it stamped; what came of it."""
    note = run.stamped(clip).with_suffix(".json")
    if note.exists():
        return dict(json.loads(note.read_text()))
    keyring = run.keyring
    try:
        result = provenance.stamp(
            run.clips[clip],
            run.stamped(clip),
            keyring=keyring,
            model_name="bench",
            model_version="1",
            prompt_hash=provenance.hash_prompt("bench", keyring.prompt_key),
            profile=run.profile,
            encoder=EncoderOptions(threads=run.threads),
            overwrite=True,
        )
        entry = {"clip": clip, **result.as_json()}
    except ProvenanceError as error:
        entry = {"clip": clip, "error": str(error)}
    note.write_text(json.dumps(entry))
    return entry


def cell(run: Run, name: str, clip: str) -> dict[str, Any]:
    """Attack one clip and verify what comes out; a failure of either is a row too."""
    attack = next(attack for attack in attacks() if attack.name == name)
    row: dict[str, Any] = {
        "clip": clip,
        "attack": attack.name,
        "group": attack.group,
        "expected": None,
        "recovered": False,
        "copied": False,
        "false_id": False,
    }
    marked = attack.expects_id and not run.unmarked
    source, stamped_id = run.clips[clip], None
    if attack.source == "stamped" and not run.unmarked:
        entry = stamp_clip(run, clip)
        if "error" in entry:
            return row | {"error": f"not stamped: {entry['error']}"}
        source = run.stamped(clip)
        row["expected"] = entry["stamp_id"] if marked else None
        stamped_id = entry["stamp_id"]
    seed = zlib.crc32(f"{run.seed}/{clip}/{attack.name}".encode())
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        try:
            started = time.monotonic()
            passes = attack.passes
            if attack.plan is not None:
                source, passes = attack.plan(_material(run, clip, seed, Path(folder)))
            make = partial(
                render.run, passes, source, Path(folder), run.other(clip), seed, threads=run.threads
            )
            attacked = _kept(run, name, clip, make)
            attacking = time.monotonic() - started
            keyring = run.other_keyring if attack.wrong_key else run.keyring
            row |= verified(keyring, attacked, row["expected"])
            row["seconds"]["attack"] = round(attacking, 2)
            if attack.copies and row["id"] == stamped_id:
                row |= {"copied": True, "false_id": False}
            if row["expected"] and (not row["recovered"] or attack.group == HOSTILE):
                measured = diagnose.known(
                    attacked,
                    source,
                    passes,
                    StampId.from_hex(row["expected"]),
                    run.keyring.watermark_key,
                )
                row["known"] = measured.as_json()
        except Exception as error:  # a cell that breaks is counted as a failure, not lost
            row["error"] = f"{type(error).__name__}: {error}"
    return row


def _kept(run: Run, name: str, clip: str, make: Callable[[], Path]) -> Path:
    """The attacked file: the one kept from an earlier reading, or made."""
    folder = run.work / "attacked" / clip
    there = next(folder.glob(f"{glob.escape(name)}.file.*"), None) if run.keep else None
    if there is not None:
        return there
    made = make()
    if not run.keep:
        return made
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / f"{name}.half{made.suffix}"
    shutil.copyfile(made, half)
    return half.rename(folder / f"{name}.file{made.suffix}")


def _material(run: Run, clip: str, seed: int, folder: Path) -> Material:
    return Material(
        run.stamped(clip),
        run.clips[clip],
        run.other(clip),
        tuple(run.clips.values()),
        run.keyring,
        run.other_keyring,
        run.profile,
        seed,
        folder,
    )


def verified(keyring: Keyring, attacked: Path, expected: str | None) -> dict[str, Any]:
    """Verify through the public API, knowing nothing of the attack."""
    started = time.monotonic()
    report = provenance.verify(
        attacked,
        watermark_keys=keyring.watermark_keys,
        trust=keyring.trust,
    )
    seconds = time.monotonic() - started
    found = report.watermark
    seen = None if found.stamp_id is None else found.stamp_id.hex
    if found.status == "not_checked":
        # A reader that broke says nothing of the mark.
        raise RuntimeError(f"the watermark was not checked: {found.reason}")
    return {
        "bytes": attacked.stat().st_size,
        "verdict": report.verdict.value,
        "status": found.status,
        "id": seen,
        "recovered": expected is not None and seen == expected,
        "false_id": seen is not None and seen != expected,
        "score": None if found.score is None else round(found.score, 1),
        "margin_db": None if found.margin_db is None else round(found.margin_db, 2),
        "probability": found.false_positive_probability,
        "transform": None if found.transform is None else found.transform.as_json(),
        "frames": found.frames,
        "reason": found.reason,
        "seconds": {"verify": round(seconds, 2)},
    }


def chosen_attacks(
    names: Iterable[str], groups: Iterable[str], unmarked: bool
) -> tuple[Attack, ...]:
    """The attacks of some names (shell patterns) and groups ("first": the short list); else all.

    With ``unmarked``, the controls and what an adversary does to a mark are left out.

    Raises:
        BenchError: for a name or group that fits nothing.
    """
    listed, names, groups = attacks(), tuple(names), tuple(groups)
    for name in names:
        if not any(fnmatchcase(attack.name, name) for attack in listed):
            raise BenchError(f"No attack is called {name!r}; --list shows them all.")
    for group in groups:
        if group != "first" and not any(attack.group == group for attack in listed):
            raise BenchError(f"No group is called {group!r}; --list shows them all.")
    return tuple(
        attack
        for attack in listed
        if (not names or any(fnmatchcase(attack.name, name) for name in names))
        and (not groups or attack.group in groups or (attack.first and "first" in groups))
        and not (unmarked and (not attack.expects_id or attack.group == HOSTILE))
    )
