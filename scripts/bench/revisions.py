"""An older revision of the program beside this one, on the very same files.

The older one is unpacked into a folder of its own and run as users run it, by its command line,
with this environment's libraries; so is this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import render
from bench.attack import HOSTILE, Attack
from bench.attacks import attacks
from bench.runner import ROOT, BenchError

TOLERANCE = 1e-3
"""By which scores may differ, as a share of the older one."""
WORDS = ("--model-name", "Bench", "--model-version", "1", "--prompt", "bench")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a revision says of a file."""

    stamp_id: str | None
    score: float | None
    verdict: str

    @classmethod
    def of(cls, row: dict[str, Any]) -> Reading:
        """Out of a line of ``verify --json``."""
        found = row["watermark"]
        return cls(found["stamp_id"], found["score"], row["verdict"])

    def same(self, other: Reading) -> bool:
        """Whether both say the same, scores within the tolerance."""
        if (self.stamp_id, self.verdict) != (other.stamp_id, other.verdict):
            return False
        if self.score is None or other.score is None:
            return self.score == other.score
        return abs(self.score - other.score) <= TOLERANCE * max(abs(self.score), 1.0)

    def __str__(self) -> str:
        score = "-" if self.score is None else f"{self.score:.3f}"
        return f"{self.stamp_id or '-':16s} {score:>12s}  {self.verdict}"


@dataclass(frozen=True, slots=True)
class Revision:
    """The program as it is in a folder."""

    folder: Path

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Its command line; a verdict that is not accepted is no failure."""
        environ = os.environ | {"PYTHONPATH": str(self.folder)}
        command = [sys.executable, "-m", "provenance", *map(str, words)]
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 1):
            raise BenchError(f"{self.folder.name}: {done.stderr.strip() or done.returncode}")
        return done

    def stamped(self, clip: Path, target: Path, keys: Path) -> Path:
        """The clip, stamped with the keyring ``keys``."""
        self.run("stamp", clip, target, "--keys", keys, "--registry", "none", *WORDS)
        return target

    def read(self, path: Path, keys: Path) -> Reading:
        """What it says of a file, without a registry."""
        done = self.run("verify", path, "--json", "--keys", keys, "--registry", "none", "--quiet")
        return Reading.of(json.loads(done.stdout))


def unpacked(revision: str, folder: Path) -> Revision:
    """A revision of this repository, in a folder that git knows nothing of."""
    archive = folder.with_suffix(".tar")
    command = ["git", "-C", str(ROOT), "archive", "--output", str(archive), revision]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(done.stderr.strip())
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    archive.unlink()
    return Revision(folder)


def spread(count: int) -> list[Attack]:
    """So many attacks, evenly out of all that change a stamped file and mean no harm."""
    fit = [
        attack
        for attack in attacks()
        if attack.passes and attack.source == "stamped" and attack.group != HOSTILE
    ]
    return [fit[index * len(fit) // count] for index in range(min(count, len(fit)))]


def copies(
    stamped: Sequence[Path], clips: Sequence[Path], count: int, folder: Path
) -> Iterator[tuple[str, Path]]:
    """Attacked copies, each with its name, the clips taking turns."""
    for index, attack in enumerate(spread(count)):
        turn = index % len(clips)
        name = f"{clips[turn].stem} {attack.name}"
        place = folder / f"copy{index}"
        place.mkdir()
        other = clips[(turn + 1) % len(clips)]
        seed = zlib.crc32(name.encode())
        yield name, render.run(attack.passes, stamped[turn], place, other, seed)
