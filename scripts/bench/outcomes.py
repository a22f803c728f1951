"""What came of each made file, a line of JSON each: a run goes on where the last one ended."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from provenance import StampId, Verdict, VerificationReport

ENDS = 0.5
"""Seconds within which a stretch is to begin and end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One made file, and what was said of it.

    Attributes:
        name: tells it apart: its seed, kind and number.
        kind: "compilation", or what kind of montage.
        crf, seconds: it was encoded with, and long.
        due, found, outlined: stamps that are there, that were found, that were found where they
            are; only stretches of three seconds and more are due.
        off: by how many seconds each such stretch begins or ends elsewhere.
        wrong: ids that are not in it.
        accused: whether it is called a CONFLICT.
        withdrawn, revoked: whether a withdrawn stamp was read in it, and said.
        took: seconds of verifying.
        said: what is not as it should be.
    """

    name: str
    kind: str
    crf: int
    seconds: float
    due: int
    found: int
    outlined: int
    off: tuple[float, ...]
    wrong: int
    accused: bool
    withdrawn: bool
    revoked: bool
    took: float
    said: tuple[str, ...]

    def append_to(self, file: Path) -> None:
        """Write a line."""
        with file.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(asdict(self)) + "\n")


def outcomes(file: Path) -> list[Outcome]:
    """Those written so far; a line that was cut off is taken away."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    rows = [json.loads(line) for line in whole.splitlines()]
    return [
        Outcome(**{**row, "off": tuple(row["off"]), "said": tuple(row["said"])}) for row in rows
    ]


def held(report: VerificationReport, known: Collection[StampId], gone: StampId) -> dict[str, Any]:
    """Of an outcome: what may never be said, and whether a withdrawn stamp's word was."""
    read = {find.watermark.stamp_id for find in report.finds}
    return {
        "wrong": len(read - set(known)),
        "accused": report.verdict is Verdict.CONFLICT or "Otherwise: CONFLICT" in report.summary,
        "withdrawn": gone in read,
        "revoked": report.verdict is Verdict.REVOKED,
    }


def sums(rows: Sequence[Outcome]) -> Iterator[str]:
    """A line for each kind, then those of all."""
    for kind, same in groupby(sorted(rows, key=lambda row: row.kind), key=lambda row: row.kind):
        own = list(same)
        due, found = sum(row.due for row in own), sum(row.found for row in own)
        line = f"{kind:14s} {len(own):4d} files, {found:4d} of {due:4d} stamps found"
        if kind != "compilation":
            line += f", outline right in {sum(row.outlined for row in own):4d}"
        yield line
    errors = np.array([off for row in rows for off in row.off])
    if len(errors):
        yield (
            f"ends within {ENDS} s: {np.mean(errors <= ENDS):.1%} of {len(errors)} stretches; "
            f"median {np.median(errors):.2f} s, most {errors.max():.1f} s"
        )
    wrong, accused = sum(row.wrong for row in rows), sum(row.accused for row in rows)
    yield f"{len(rows)} files: wrong ids {wrong}, accused {accused}"
    gone = [row for row in rows if row.withdrawn]
    revoked = sum(row.revoked for row in gone)
    yield f"REVOKED: {revoked} of {len(gone)} files in which the withdrawn one was read"


def at_fault(rows: Sequence[Outcome]) -> bool:
    """Whether anything was said that may never be."""
    return any(row.wrong or row.accused or (row.withdrawn and not row.revoked) for row in rows)
