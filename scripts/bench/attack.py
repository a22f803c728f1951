"""One attack: a row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.render import Encode, Pass, x264
from bench.stages import Stage
from provenance import Keyring

GROUPS = (
    "plain", "codecs", "sharing", "geometry", "recapture", "colour", "time", "editing", "combined",
    "adversarial", "control",
)  # fmt: skip
HOSTILE = "adversarial"
"""Reported as they come: outside the share of cells that must be recovered."""


@dataclass(frozen=True, slots=True)
class Material:
    """What an adversary may work with.

    Attributes:
        stamped: the stamped clip.
        original: the clip as it was.
        other: another clip, unmarked.
        clips: all clips as they were.
        keyring: what ``stamped`` was stamped with.
        other_keyring: keys of somebody else.
        profile: the strength of stamps.
        seed: of everything random.
        folder: for files.
    """

    stamped: Path
    original: Path
    other: Path
    clips: tuple[Path, ...]
    keyring: Keyring
    other_keyring: Keyring
    profile: str
    seed: int
    folder: Path


Plan = Callable[[Material], tuple[Path, tuple[Pass, ...]]]
"""Makes what is attacked, and the passes to attack it with."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One row of the table.

    Attributes:
        name: of the row.
        group: one of :data:`GROUPS`.
        passes: none at all leaves the file as it is.
        first: belongs to the short list of the end-to-end issue.
        source: what is attacked: the "stamped" clip, or the "original" clip as it was.
        wrong_key: verify with a key the clip was not stamped with.
        plan: instead of ``passes``, for those that need more than the stamped clip's frames.
        copies: the result is another video, which the stamp was copied to: its id is not to be
            found there, and is counted as copied when it is.
    """

    name: str
    group: str
    passes: tuple[Pass, ...] = ()
    first: bool = False
    source: str = "stamped"
    wrong_key: bool = False
    plan: Plan | None = None
    copies: bool = False

    @property
    def expects_id(self) -> bool:
        """Whether the clip's id is to be found."""
        return self.source == "stamped" and not self.wrong_key and not self.copies


def row(
    group: str, name: str, *stages: Stage, encode: Encode | None = None, first: bool = False
) -> Attack:
    """One pass of stages and an encode, H.264 CRF 23 unless another is given."""
    return Attack(name, group, (Pass(stages, encode or x264(23)),), first=first)
