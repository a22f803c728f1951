"""A report's content in its order: what HTML and PDF lay out, each in its way.  Pure.

What is found is told by :mod:`provenance.report.told`, what it means by the verification's own
sentence; here are titles, and what concerns the report itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from provenance.report import told
from provenance.report.filed.document import Filed
from provenance.report.filed.figures import Frame, Lane, Overlay, Shape, lanes, overlay
from provenance.report.told import Told
from provenance.results import Detection, Segment, VerificationReport
from provenance.system.text import chance, clock, listing, printable, size

NO_FRAMES: Final = "No frame of the file could be shown."
PIXELS: Final = "What the pixels say"
SIGNATURE: Final = "What the signature says"
MAP: Final = (
    "Red squares: the mark is missing there. Black and white line: border of such an area. White "
    "line: border of the stamped picture. Frames from stretches without the mark have no map."
)
CHECKING: Final = (
    "This file is signed. The command \u201cprovenance report check\u201d says by whom and when, "
    "without a network, and whether a byte was changed since. It needs the certificate of whoever "
    "signed it, which has to be got from them by another way."
)
GEOMETRY: Final = "Grey: the picture as shown. Green: where the stamped picture lies in it."
NO_HISTORY: Final = "The file's manifest, if there is one, names nothing that it was made from."
COLUMNS: Final = ("From", "To", "Mark", "Score", "Ends within")
_AUDIENCE: Final = {
    "outsiders": "For outsiders: internal references and names of persons are left out.",
    "staff": "For staff: with internal references. Do not hand it on.",
}
_SEGMENTS: Final = 200


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the stamped picture lies in the shown one."""

    shape: Shape
    outline: tuple[tuple[float, float], ...]
    over: Overlay
    told: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that is laid out; all texts are printable, none is markup."""

    name: str
    verdict: str
    summary: str
    to_do: str
    audience: str
    facts: tuple[Told, ...]
    pixels: tuple[Told, ...]
    signature: tuple[Told, ...]
    registry: tuple[Told, ...]
    frames: tuple[Frame, ...]
    mapped: bool
    lanes: tuple[Lane, ...]
    length: str
    geometry: Geometry | None
    scores: tuple[Told, ...]
    segments: tuple[tuple[str, ...], ...]
    history: tuple[Told, ...]
    caveats: tuple[str, ...]
    machine: dict[str, Any]

    @classmethod
    def of(cls, filed: Filed, frames: Sequence[Frame]) -> Page:
        """The content of a report with these frames of its file."""
        report = filed.report
        kind = report.file.kind or "file"
        pixels = [*told.watermark(report.watermark, kind, report.coverage, report.others)]
        for other in report.others:
            pixels += told.beside(other)
        length = report.file.seconds
        return cls(
            name=printable(report.file.path, 300),
            verdict=report.verdict.value,
            summary=printable(report.summary, 4000),
            to_do=printable(filed.verification.to_do or "", 600),
            audience=_AUDIENCE[filed.audience],
            facts=tuple(replace(row, head=True) for row in _facts(filed)),
            pixels=tuple(pixels),
            signature=tuple(told.manifest(report.manifest)),
            registry=tuple(told.registry(report.registry)),
            frames=tuple(frames),
            mapped=any(one.mapped for one in frames),
            lanes=lanes(report),
            length="" if not length else clock(length),
            geometry=_geometry(report.watermark, frames),
            scores=tuple(_scores(report)),
            segments=tuple(_row(one) for one in report.watermark.segments[:_SEGMENTS]),
            history=tuple(_history(report)),
            caveats=filed.caveats,
            machine=filed.as_json(),
        )


def _facts(filed: Filed) -> Iterator[Told]:
    """Which file, and under what it was examined."""
    report = filed.report
    file, found = report.file, report.watermark
    yield Told.of("File", file.path)
    yield Told("SHA-256 as received", file.sha256 or "not taken")
    if file.bytes is not None:
        yield Told("Size", f"{file.bytes} bytes ({size(file.bytes)})")
    yield Told("Kind", file.kind or "unknown")
    if file.seconds:
        yield Told("Plays", clock(file.seconds))
    took = filed.verification.seconds
    lasted = "" if took is None else f", took {took:.1f} s"
    yield Told("Examined", f"{told.moment(filed.examined_at)}{lasted}")
    yield Told("Examined by", filed.tool)
    yield Told.of("Watermark keys", listing(filed.watermark_keys) or "none, so none was looked for")
    layout = "none was read" if found.layout is None else str(found.layout)
    yield Told("Watermark layout", layout)
    trusted = (f"{one.name} ({one.id})" for one in filed.trusted)
    yield Told.of("Trusted signers", listing(trusted) or "nobody", 1000)
    yield Told("Coverage", _coverage(report))


def _coverage(report: VerificationReport) -> str:
    seen = report.coverage
    if seen is None:
        return "no watermark was looked for"
    gap = f", {seen.longest_gap_s:.1f} s apart at most" if seen.longest_gap_s else ""
    near = "" if report.file.kind != "video" else f", {100 * seen.share:.0f} % of the time"
    return f"{seen.effort} effort, {seen.frames} frames{near}{gap}"


def _geometry(found: Detection, frames: Sequence[Frame]) -> Geometry | None:
    if found.transform is None or not found.outline or not frames:
        return None
    shape, placed = frames[0].shape, told.describe(found.transform)
    return Geometry(shape, tuple(found.outline), overlay(found, shape), placed)


def _scores(report: VerificationReport) -> Iterator[Told]:
    """The numbers that the words rest on."""
    for one in report.finds or ():
        found = one.watermark
        yield Told.first(f"Stamp {found.stamp_id}", f"key {found.key_id or 'unnamed'}")
        if found.score is not None:
            yield Told("score C", f"{found.score:.2f}")
        if found.margin_db is not None:
            yield Told("above what decoding needs", f"{found.margin_db:.2f} dB")
        if found.false_positive_probability is not None:
            yield Told("chance on an unmarked file", chance(found.false_positive_probability))
        for gap in found.missing:
            rate = "not stated" if gap.error_rate is None else chance(gap.error_rate)
            yield Told("area without the mark", f"{100 * gap.share:.1f} %, error rate {rate}")
        if found.transform is not None:
            yield Told("matrix", ", ".join(f"{value:.6g}" for value in found.transform.matrix))
    if not report.finds and report.watermark.score is not None:
        yield Told("score C", f"{report.watermark.score:.2f}, of no stamp")
    distance = report.registry.fingerprint_distance
    if distance is not None:
        yield Told("distance of fingerprints", f"{distance:.3f}")


def _row(one: Segment) -> tuple[str, ...]:
    return (
        clock(one.start),
        clock(one.end),
        one.status,
        f"{one.score:.2f}",
        f"{one.tolerance_s:.2f} s",
    )


def _history(report: VerificationReport) -> Iterator[Told]:
    """What the file was made from, as its manifest says."""
    for number, one in enumerate(report.manifest.ingredients, 1):
        failures = f": {listing(one.failures[:6])}" if one.failures else ""
        yield Told.of(f"{number}", f"{one.title or 'unnamed'}, {one.status}{failures}")
    if report.registry.through is not None:
        yield Told("made from", f"stamp {report.registry.through}, which was withdrawn")
