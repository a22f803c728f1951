"""Findings drawn at random, and what no verdict may say of them.

A record, a manifest, a watermark and a comparison are drawn field by field, each the same as the
others' or not; what follows from them is worked out by the program's own rules, and the verdict is
held against what was drawn.  Numbers only: no file is made.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from provenance.registry import StampRecord
from provenance.results import (
    Compared,
    Detection,
    DifferentArea,
    FileFacts,
    ManifestReport,
    PromptHash,
    RegistryReport,
    Segment,
    SoftBinding,
    Verdict,
)
from provenance.results.payload import SOFT_BINDING_ALG, StampId
from provenance.verifying.lookup import held_against
from provenance.verifying.summary import summary
from provenance.verifying.verdict import AREA, Case, decide

OURS, OTHER = StampId(bytes(8)), StampId(b"\x01" * 8)
THEN = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROMPT = PromptHash("hmac-sha256", "ab" * 32, "p1")
RECORD = StampRecord(
    stamp_id=OURS,
    key_id="k1",
    layout=1,
    created_at=THEN,
    model_name="M",
    model_version="1",
    prompt_hash=PROMPT,
    output_sha256="aa" * 32,
    signer="Example Studio",
    signer_id="11111111",
)
ORIGINAL = ManifestReport(
    "trusted",
    source="embedded",
    signer="Example Studio",
    signed_at=THEN,
    model_name="M",
    model_version="1",
    prompt_hash=PROMPT,
    soft_binding=SoftBinding(SOFT_BINDING_ALG, OURS),
    watermark_key_id="k1",
    signer_id="11111111",
    signature="aa" * 32,
    issuer=True,
)
DOUBTS = ("does not withdraw it", "so whether it was withdrawn is not known")
"""What is said of a withdrawal that nobody knows of."""
RECOVERED = ("picture", "order", "speed", "length", "sound")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One combination: the layers' findings, and whether a registry was required."""

    file: FileFacts
    watermark: Detection
    manifest: ManifestReport
    registry: RegistryReport
    required: bool

    @property
    def decided(self) -> tuple[Verdict, str]:
        """The verdict and the sentence."""
        case = Case(self.watermark, self.manifest, self.registry, require_registry=self.required)
        decision = decide(case)
        return decision.verdict, summary(case, decision)


def drawn(count: int, seed: int) -> Iterator[Drawn]:
    """So many combinations."""
    source = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(count):
        yield _draw(source)


def wrong(case: Drawn) -> str | None:
    """What a verdict says beyond what was drawn; None when it doesn't."""
    verdict, sentence = case.decided
    manifest, registry = case.manifest, case.registry
    if registry.revocation is not None and verdict is not Verdict.REVOKED:
        return "withdrawn and not REVOKED"
    if verdict is Verdict.REVOKED and any(words in sentence for words in DOUBTS):
        return "withdrawn and said not to be"
    if verdict is not Verdict.CONFIRMED:
        return _said_too_much(case, verdict, sentence)
    read = case.watermark.stamp_id
    named = None if manifest.soft_binding is None else manifest.soft_binding.stamp_id
    vouched = case.file.sha256 == RECORD.output_sha256 or manifest.signature == ORIGINAL.signature
    rules = {
        "CONFIRMED without a trusted manifest": manifest.status == "trusted",
        "CONFIRMED with a manifest of the registry's": manifest.source in ("embedded", "sidecar"),
        "CONFIRMED with a mark in a part": case.watermark.status == "found",
        "CONFIRMED with another stamp": read is not None and read == named,
        "CONFIRMED of a restored copy": manifest.recovered is None,
        "CONFIRMED with another signer than the record's": registry.status != "match"
        or vouched
        or manifest.signer_id == RECORD.signer_id,
        "CONFIRMED with another model than the record's": registry.status != "match"
        or vouched
        or (manifest.model_name, manifest.model_version) == ("M", "1"),
        "CONFIRMED with a record and neither its bytes nor its manifest": registry.status != "match"
        or vouched,
        "CONFIRMED by who is no issuer": manifest.issuer,
        "CONFIRMED with other content": registry.compared.picture in ("bytes", "not_compared")
        or (not registry.compared.areas and registry.compared.picture == "same"),
        "CONFIRMED without the registry that was required": not case.required
        or registry.status == "match",
        "CONFIRMED and silent on a registry that was not asked": registry.status == "match"
        or "is not known" in sentence
        or "does not withdraw it" in sentence,
    }
    return next((rule for rule, holds in rules.items() if not holds), None)


def _said_too_much(case: Drawn, verdict: Verdict, sentence: str) -> str | None:
    compared = case.registry.compared
    if verdict is Verdict.WATERMARK_MATCH:
        if compared.picture == "differs" or compared.different >= AREA:
            return "WATERMARK_MATCH with other content"
        if "Compared with" not in sentence and "byte for byte" not in sentence:
            return "WATERMARK_MATCH and silent on what was compared"
        if compared.sound in ("differs", "added", "missing") and "sound" not in sentence:
            return "WATERMARK_MATCH and silent on the sound"
    trusted = case.manifest.status == "trusted" or case.manifest.source == "registry"
    signer = case.manifest.signer
    if not trusted and signer is not None and signer in sentence:
        return "claims of an unproven manifest repeated"
    return None


def tally(count: int, seed: int) -> tuple[Counter[str], list[tuple[str, Drawn]]]:
    """How often each verdict came, and every combination that says too much."""
    counts: Counter[str] = Counter()
    broken = []
    for case in drawn(count, seed):
        counts[case.decided[0].value] += 1
        rule = wrong(case)
        if rule is not None:
            broken.append((rule, case))
    return counts, broken


def _draw(source: random.Random) -> Drawn:
    sometimes, pick = source.random, source.choice
    file = FileFacts("clip.mp4", pick(["aa" * 32, "bb" * 32, "bb" * 32, None]), 1, "video")
    manifest = _manifest(source)
    watermark = Detection(
        pick(["found", "found", "found", "partial", "weak", "absent", "not_checked"]),
        reason="the reason",
    )
    if watermark.status in ("found", "partial"):
        watermark = replace(
            watermark,
            stamp_id=OURS if sometimes() < 0.85 else OTHER,
            key_id="k1",
            segments=(Segment(0, 2, "marked", 9), Segment(2, 4, pick(["marked", "unmarked"]), 1)),
            false_positive_probability=1e-12,
        )
    return Drawn(
        file, watermark, manifest, _registry(source, file, watermark, manifest), sometimes() < 0.2
    )


def _manifest(source: random.Random) -> ManifestReport:
    sometimes, pick = source.random, source.choice
    status = pick(["trusted", "trusted", "trusted", "valid", "invalid", "absent", "not_checked"])
    if status == "absent":
        return ManifestReport("absent")

    def mostly(value: object, other: object) -> object:
        return value if sometimes() < 0.8 else other

    own = sometimes() < 0.5
    changes: dict[str, Any] = {
        "signer_id": mostly("11111111", "22222222"),
        "signer": mostly("Example Studio", "Partner Org"),
        "model_name": mostly("M", "Other"),
        "model_version": mostly("1", "9"),
        "prompt_hash": mostly(PROMPT, pick([None, PromptHash("sha256", "cd" * 32)])),
        "soft_binding": mostly(
            ORIGINAL.soft_binding,
            pick([None, SoftBinding("com.other", None), SoftBinding(SOFT_BINDING_ALG, OTHER)]),
        ),
        "signature": mostly("bb" * 32, None),
        "recovered": mostly(None, RECOVERED),
    }
    issuer = status == "trusted" and sometimes() < 0.7
    source_of = pick(["embedded", "embedded", "sidecar"])
    given: dict[str, Any] = {"status": status, "source": source_of, "issuer": issuer}
    return replace(ORIGINAL, **given, **({} if own else changes))


def _registry(
    source: random.Random, file: FileFacts, watermark: Detection, manifest: ManifestReport
) -> RegistryReport:
    sometimes, pick = source.random, source.choice
    status: Any = pick(["match", "match", "match", "no_match", "not_checked"])
    revocation = {"date": "2026-11-25", "reason": "stolen"} if sometimes() < 0.1 else None
    listed = THEN if sometimes() < 0.3 else None
    binding = manifest.soft_binding
    named = watermark.stamp_id or (None if binding is None else binding.stamp_id)
    if status != "match" or named != OURS:
        status = "no_match" if status == "match" else status
        return RegistryReport(
            status,
            revocation=revocation,
            listed_at=listed,
            failed=status == "not_checked" and sometimes() < 0.3,
        )
    original = ORIGINAL if sometimes() < 0.9 else None
    knows, differs = held_against(RECORD, original, file, manifest)
    intact = manifest.status in ("trusted", "valid")
    exact = knows == "file" or (knows == "manifest" and intact)
    return RegistryReport(
        "match",
        RECORD.as_json(),
        revocation,
        compared=Compared("bytes", sound="bytes") if exact else _compared(source, watermark),
        knows=knows,
        differs=differs,
        listed_at=listed,
        reason=None,
    )


def _compared(source: random.Random, watermark: Detection) -> Compared:
    sometimes, pick = source.random, source.choice
    if watermark.stamp_id is None or sometimes() < 0.2:
        return Compared(picture_reason="all is flat", sound_reason="none was registered")
    areas = tuple(
        DifferentArea(0.4 * sometimes(), 0.0, 0.0, 0.5, 0.5, copied=sometimes() < 0.5)
        for _ in range(pick([0, 0, 1, 2]))
    )
    picture: Any = pick(["same", "same", "differs"])
    return Compared(
        "areas" if areas and picture == "same" else picture,
        0.1,
        sometimes(),
        40,
        areas,
        pick([None, "kept", "reversed", "shuffled"]),
        pick([None, 1.0, 2.0]),
        pick(["same", "differs", "silent", "missing", "added", "not_compared"]),
        (5.0, pick([5.0, 3.0])),
    )
