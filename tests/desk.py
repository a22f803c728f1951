"""A verifying desk for the tests: keys, a registry, and two stamped clips in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from provenance import Keyring, StampResult, Trust, VerificationReport, verify
from provenance.registry import Registry
from tests.clips import grey_clip, lumas, picture
from tests.conftest import stamp_clip

FRAMES, SIZE = 36, (480, 360)


@dataclass(frozen=True)
class Desk:
    """A verifying desk: its keys, whom it trusts, its registry, two stamped clips."""

    keyring: Keyring
    trust: Trust
    registry: Registry
    sources: tuple[Path, Path]
    clips: tuple[StampResult, StampResult]

    def check(self, path: Path | str, **options: Any) -> VerificationReport:
        """Verify as the desk does."""
        options = {"registry": self.registry, "trust": self.trust, **options}
        return verify(Path(path), watermark_keys=self.keyring.watermark_keys, **options)


@contextmanager
def opened(folder: Path, keyring: Keyring) -> Iterator[Desk]:
    """A desk that works in ``folder``."""
    with Registry(str(folder / "registry.db"), create=True) as registry:
        sources, clips = [], []
        for number, seed in enumerate((7, 21)):
            frames = [picture(*SIZE, index, seed) for index in range(FRAMES)]
            source = grey_clip(frames, folder / f"source{number}.mp4")
            sources.append(source)
            clips.append(
                stamp_clip(
                    source,
                    folder / f"clip{number}.mp4",
                    keyring,
                    registry=registry,
                    consents=(f"consent-{number}",),
                    approval="approval-1",
                )
            )
        yield Desk(keyring, keyring.trust, registry, (sources[0], sources[1]), (clips[0], clips[1]))


def encoded_again(desk: Desk, target: Path) -> Path:
    """A copy of the first clip without its manifest, encoded again at 3/4 of its size."""
    frames = [cv2.resize(luma, (360, 270)) for luma in lumas(desk.clips[0].output_path)]
    return grey_clip(frames, target)
