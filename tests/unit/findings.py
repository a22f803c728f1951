"""Findings of both layers and of the registry, for tests of what is made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from provenance.results import (
    Compared,
    Detection,
    ManifestReport,
    ManifestStatus,
    RegistryReport,
    RegistryStatus,
    Segment,
    SoftBinding,
    Verdict,
)
from provenance.results.payload import SOFT_BINDING_ALG, StampId
from provenance.verifying import verdict as steps
from provenance.verifying.summary import summary as said
from provenance.verifying.verdict import Case

A, B = StampId(bytes(8)), StampId(b"\x01" * 8)
ABSENT = Detection("absent", frames=40)
NO_MANIFEST = ManifestReport("absent")


def decide(
    watermark: Detection,
    manifest: ManifestReport,
    registry: RegistryReport | None = None,
    **more: Any,
) -> tuple[Verdict, str]:
    """The verdict, and what is said of it."""
    case = Case(watermark, manifest, registry or RegistryReport(), **more)
    decision = steps.decide(case)
    return decision.verdict, said(case, decision)


def found(stamp: StampId = A, **changes: Any) -> Detection:
    fields: dict[str, Any] = {
        "status": "found",
        "stamp_id": stamp,
        "key_id": "k1",
        "layout": 1,
        "score": 900.0,
        "margin_db": 4.2,
        "false_positive_probability": 1e-12,
    }
    return Detection(**(fields | changes))


def manifest(status: ManifestStatus = "trusted", **changes: Any) -> ManifestReport:
    fields: dict[str, Any] = {
        "source": "embedded",
        "signer": "Example Studio",
        "signed_at": datetime(2026, 11, 22, 12, tzinfo=UTC),
        "provider": "Somebody Else",
        "model_name": "ExampleVideoModel",
        "model_version": "3.2.1",
        "soft_binding": SoftBinding(SOFT_BINDING_ALG, A),
        "watermark_key_id": "k1",
        "issuer": True,
    }
    return ManifestReport(status, **(fields | changes))


def registered(status: RegistryStatus = "match", **changes: Any) -> RegistryReport:
    record = {"model": {"name": "ExampleVideoModel", "version": "3.2.1"}, "signed_at": "2026-11-22"}
    fields: dict[str, Any] = {"record": record, "reason": None}
    return RegistryReport(status, **(fields | changes))


MATCH = registered()
ALIKE = Compared("same", 0.05, 1.0, 41, order="kept", speed=1.0, sound="same", seconds=(5.0, 5.0))
RECOVERED = ("picture", "sound")


UNASKED = RegistryReport()
PARTIAL = found(
    status="partial",
    segments=(
        Segment(0.0, 2.0, "marked", 9.0),
        Segment(2.0, 4.0, "marked", 9.0),
        Segment(4.0, 8.0, "unmarked", 0.1),
    ),
)
WEAK = Detection("weak", score=100.0)
NOT_LOOKED = Detection("not_checked", reason="the manifest names watermark key k9")
