"""What the registry costs whoever stamps: reserving, recording and settling, by many at once.

Nothing is marked or encoded here, so writers do nothing but wait for the registry and each other:
in a studio clips take seconds between, and the registry is idle most of the time.
"""

from __future__ import annotations

import hashlib
import secrets
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from provenance.fingerprint import HASH_BYTES, Fingerprint, FrameHash
from provenance.fingerprint.lattice import CELL_BYTES, Extent
from provenance.registry import Asked, Registry, StampRecord, now
from provenance.results import PromptHash

MANIFEST = 13_000
"""Bytes of a stamped clip's manifest store, about."""
FRAMES = 16
_PROMPT = PromptHash("hmac-sha256", "ab" * 32, "f8d66a94")


@dataclass(frozen=True, slots=True)
class Written:
    """What some writers did."""

    stamps: int
    seconds: float
    each: list[float]
    """Milliseconds that each stamp waited for the registry."""

    @property
    def rate(self) -> float:
        """Stamps a second."""
        return self.stamps / self.seconds

    def __str__(self) -> str:
        slow = sorted(self.each)[int(0.95 * len(self.each))]
        middle = statistics.median(self.each)
        return f"{self.rate:8.1f} stamps/s; ms a stamp: {middle:.1f}, 95 % below {slow:.1f}"


def written(url: str, folder: Path, writers: int, each: int) -> Written:
    """So many processes, each of which stamps so many clips; the start-up is not counted."""
    context = get_context("spawn")
    barrier = context.Manager().Barrier(writers + 1)
    with ProcessPoolExecutor(writers, mp_context=context) as pool:
        running = [
            pool.submit(_write, url, folder / f"{number}", each, barrier)
            for number in range(writers)
        ]
        barrier.wait()
        began = time.perf_counter()
        spent = [one for running_one in running for one in running_one.result()]
        return Written(len(spent), time.perf_counter() - began, spent)


def _write(url: str, folder: Path, each: int, barrier: object) -> list[float]:
    folder.mkdir(parents=True)
    spent = []
    with Registry(url) as registry:
        registry.search(limit=1)  # the connection is there
        made = [_clip() for _ in range(each)]
        barrier.wait()  # type: ignore[attr-defined]  # a manager's proxy has no type
        for number, (sha256, fingerprint) in enumerate(made):
            start = time.perf_counter()
            _stamp(registry, folder / f"{number}.mp4", sha256, fingerprint)
            spent.append(1000 * (time.perf_counter() - start))
    return spent


def _clip() -> tuple[str, bytes]:
    """The SHA-256 and the fingerprint of a clip that nobody has."""
    random = secrets.token_bytes
    frames = tuple(
        FrameHash(float(at), 100, random(HASH_BYTES), random(HASH_BYTES), random(CELL_BYTES))
        for at in range(FRAMES)
    )
    fingerprint = Fingerprint(Extent(0, 0, 1, 1), frames, duration=float(FRAMES))
    return hashlib.sha256(random(32)).hexdigest(), fingerprint.to_bytes()


def _stamp(registry: Registry, target: Path, sha256: str, fingerprint: bytes) -> None:
    """All that a stamping asks of the registry, in its order."""
    asked = Asked(sha256, target, "Example Studio", "ExampleVideoModel", "3.2.1", (_PROMPT,))
    stamp_id = registry.reservations.reserve("a986830a", target, asked, name=target.name)
    record = StampRecord(
        stamp_id,
        "a986830a",
        1,
        asked.provider,
        asked.model_name,
        asked.model_version,
        _PROMPT,
        "standard",
        created_at=now(),
        input_sha256=sha256,
        output_sha256=secrets.token_hex(32),
    )
    store = secrets.token_bytes(MANIFEST)
    registry.commit(record, store, fingerprint, name=target.name, asked=asked)
    registry.reservations.settle(stamp_id, published=True)
