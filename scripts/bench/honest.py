"""Honest copies: whatever is done to a stamped clip in good faith never makes a conflict.

At most one in a thousand may become CONFLICT, and one in a hundred gain an area that nobody
covered; both rates come with the upper end of their 95 % interval (Clopper and Pearson 1934).
"""

from __future__ import annotations

import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path
from typing import Any

from bench import render
from bench.attack import Attack
from bench.attacks import attacks
from provenance import (
    Keyring,
    StampResult,
    Verdict,
    VerificationReport,
    hash_prompt,
    init_keyring,
    stamp,
    verify,
)
from provenance.registry import Registry

COVERING = frozenset(
    {
        "caption_bar", "stickers_10", "stickers_25", "logo", "face_blur", "inset_50", "inset_40",
        "crop_caption_9x16_576p", "blurred_fill", "letterbox", "pillarbox", "joined_50",
        "joined_25", "joined_10", "animated_gif", "screen_film_hard",
    }
)  # fmt: skip
"""Attacks that put something else in the picture: an area is no mistake there."""
MOST_CONFLICTS, MOST_AREAS = 1e-3, 1e-2


@dataclass(frozen=True, slots=True)
class Cell:
    """One copy: of which clip, by what, and what was said of it."""

    clip: str
    attack: str
    verdict: str
    read: bool
    own: bool
    areas: int
    largest: float
    distance: float | None
    said: str

    def as_json(self) -> dict[str, Any]:
        """A line of the results."""
        return asdict(self)

    @property
    def conflict(self) -> bool:
        """Whether an honest copy was called one."""
        return self.verdict == Verdict.CONFLICT

    @property
    def gained(self) -> bool:
        """Whether an area is named where nothing was covered."""
        return self.areas > 0 and self.attack not in COVERING

    @property
    def lost(self) -> bool:
        """Whether the stamp was read and it is no match all the same."""
        kept = (Verdict.WATERMARK_MATCH, Verdict.PARTIAL, Verdict.CONFIRMED)
        return self.read and self.verdict not in kept


def honest_attacks() -> dict[str, Attack]:
    """The list without what an adversary does and without controls."""
    return {one.name: one for one in attacks() if one.expects_id and one.group != "adversarial"}


def shard(names: list[str], part: str) -> list[str]:
    """Every N-th name from the I-th, of "I/N".

    Raises:
        ValueError: anything else.
    """
    first, _, count = part.partition("/")
    index, total = int(first), int(count)
    if not 1 <= index <= total:
        raise ValueError(f"{part} is no part: give I/N with I from 1 to N")
    return names[index - 1 :: total]


def cells(clips: list[Path], names: list[str], seed: int) -> Iterator[Cell]:
    """Stamp every clip into one registry, make every copy of it and verify that."""
    known = honest_attacks()
    with (
        tempfile.TemporaryDirectory(prefix="provenance-honest-") as name,
        Registry(str(Path(name) / "registry.db"), create=True) as registry,
    ):
        folder = Path(name)
        keyring = init_keyring(folder / "keys", "Example Studio")
        for number, clip in enumerate(clips):
            done = _stamped(clip, folder / f"{clip.stem}.mp4", keyring, registry)
            other = clips[(number + 1) % len(clips)]
            for attack in names:
                with tempfile.TemporaryDirectory(dir=folder) as made:
                    copy = _copy(known[attack], done, Path(made), other, seed)
                    report = verify(
                        copy,
                        watermark_keys=keyring.watermark_keys,
                        trust=keyring.trust,
                        registry=registry,
                    )
                yield _cell(clip.stem, attack, done, report)


def _stamped(clip: Path, target: Path, keyring: Keyring, registry: Registry) -> StampResult:
    return stamp(
        clip,
        target,
        keyring=keyring,
        model_name="M",
        model_version=clip.stem,
        prompt_hash=hash_prompt("an honest copy", keyring.prompt_key),
        registry=registry,
    )


def _copy(attack: Attack, done: StampResult, folder: Path, other: Path, seed: int) -> Path:
    source = Path(done.output_path)
    if not attack.passes:
        return source
    own = zlib.crc32(f"{seed}/{source.stem}/{attack.name}".encode())
    return render.run(attack.passes, source, folder, other, own, threads=2)


def _cell(clip: str, attack: str, done: StampResult, report: VerificationReport) -> Cell:
    compared, read = report.registry.compared, report.watermark.stamp_id
    return Cell(
        clip,
        attack,
        report.verdict.value,
        read is not None,
        read == done.stamp_id,
        len(compared.areas),
        max((area.share for area in compared.areas), default=0.0),
        compared.distance,
        report.summary,
    )


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, and how many there may be at most."""

    name: str
    count: int
    total: int
    limit: float

    @property
    def upper(self) -> float:
        """The upper end of the 95 % interval."""
        return upper_bound(self.count, self.total)

    @property
    def holds(self) -> bool:
        """Whether no more were seen than the limit allows."""
        return self.count <= self.limit * self.total

    def line(self) -> str:
        """For people."""
        state = "" if self.holds else "  WRONG"
        return (
            f"{self.name}: {self.count} of {self.total}, at most {100 * self.upper:.2f} % "
            f"(95 %); allowed {100 * self.limit:g} %{state}"
        )


def rates(found: list[Cell]) -> tuple[Rate, ...]:
    """What is promised of honest copies whose stamp was read."""
    read = [cell for cell in found if cell.read]
    plain = [cell for cell in read if cell.attack not in COVERING]
    return (
        Rate("CONFLICT", sum(cell.conflict for cell in found), len(found), MOST_CONFLICTS),
        Rate("an area where none is", sum(cell.gained for cell in plain), len(plain), MOST_AREAS),
        Rate("no match any more", sum(cell.lost for cell in read), len(read), MOST_CONFLICTS),
        Rate("another stamp", sum(not cell.own for cell in read), len(read), 0.0),
    )


def counted(found: list[Cell]) -> Counter[str]:
    """How often each verdict came."""
    return Counter(cell.verdict for cell in found)


def upper_bound(count: int, total: int, level: float = 0.95) -> float:
    """The largest rate at which so few of so many are no rarer than 1 - ``level``, one-sided.

    Solved by halving; 1 where nothing was tried.
    """
    if count >= total:
        return 1.0
    low, high = count / total, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        below = sum(
            comb(total, k) * middle**k * (1 - middle) ** (total - k) for k in range(count + 1)
        )
        low, high = (middle, high) if below > 1 - level else (low, middle)
    return high
