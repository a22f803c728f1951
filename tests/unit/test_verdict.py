"""Which verdict each combination of findings gives."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.results import (
    Cause,
    Compared,
    Detection,
    DifferentArea,
    FileFacts,
    Ingredient,
    Known,
    ManifestReport,
    ManifestSource,
    ManifestStatus,
    Order,
    Other,
    PictureMatch,
    RegistryReport,
    RegistryStatus,
    Segment,
    SoftBinding,
    SoundMatch,
    Verdict,
    VerificationReport,
    WatermarkStatus,
)
from provenance.results.payload import SOFT_BINDING_ALG
from provenance.verifying import verdict as steps
from provenance.verifying.summary import NOT_SHOWN
from provenance.verifying.verdict import Case
from tests.unit.findings import (
    ABSENT,
    ALIKE,
    MATCH,
    NO_MANIFEST,
    NOT_LOOKED,
    PARTIAL,
    RECOVERED,
    UNASKED,
    WEAK,
    A,
    B,
    decide,
    found,
    manifest,
    registered,
)

FORBIDDEN = re.compile(r"\b(real|fake|authentic)\b", re.IGNORECASE)


def pasted(share: float, **changes: Any) -> RegistryReport:
    """The registry's answer on a picture of which a part shows something else."""
    area = DifferentArea(share, 0.0, 0.6, 0.3, 1.0, **changes)
    return registered(compared=replace(ALIKE, picture="areas", areas=(area,)))


FOREIGN = SoftBinding("com.example.other", None)

TABLE = [
    # 2a: any state of the manifest
    (found(B), manifest(), UNASKED, Verdict.CONFLICT),
    (found(B), manifest("valid"), UNASKED, Verdict.CONFLICT),
    (found(B), manifest("invalid"), UNASKED, Verdict.CONFLICT),
    (found(B, status="partial"), manifest(), UNASKED, Verdict.CONFLICT),
    # 2c
    (ABSENT, manifest(), UNASKED, Verdict.CONFLICT),
    (ABSENT, manifest("valid"), UNASKED, Verdict.CONFLICT),
    (ABSENT, manifest(soft_binding=SoftBinding(SOFT_BINDING_ALG, None)), UNASKED, Verdict.CONFLICT),
    # 2b
    (found(), NO_MANIFEST, registered(compared=Compared("differs", 0.45)), Verdict.CONFLICT),
    (found(), manifest(), pasted(0.3, copied=True), Verdict.CONFLICT),
    # 2d: whoever signed it
    (found(), manifest(), registered(differs=("signer",)), Verdict.CONFLICT),
    (found(), manifest("valid"), registered(differs=("model name",)), Verdict.CONFLICT),
    (NOT_LOOKED, manifest(), registered(differs=("prompt hash",)), Verdict.CONFLICT),
    # 3
    (found(), manifest("invalid"), MATCH, Verdict.CREDENTIAL_INVALID),
    (ABSENT, manifest("invalid"), UNASKED, Verdict.CREDENTIAL_INVALID),
    (PARTIAL, manifest("invalid"), UNASKED, Verdict.CREDENTIAL_INVALID),
    (WEAK, manifest("invalid"), UNASKED, Verdict.CREDENTIAL_INVALID),
    (NOT_LOOKED, manifest("invalid"), UNASKED, Verdict.CREDENTIAL_INVALID),
    # 4
    (PARTIAL, manifest(), UNASKED, Verdict.PARTIAL),
    (PARTIAL, manifest("valid"), UNASKED, Verdict.PARTIAL),
    (PARTIAL, NO_MANIFEST, MATCH, Verdict.PARTIAL),
    (PARTIAL, manifest("not_checked"), UNASKED, Verdict.PARTIAL),
    (found(), NO_MANIFEST, pasted(0.08), Verdict.PARTIAL),
    (found(), manifest(issuer=False), pasted(0.3), Verdict.PARTIAL),
    # 5
    (found(), manifest(), UNASKED, Verdict.CONFIRMED),
    (found(), manifest(), registered("no_match", record=None), Verdict.CONFIRMED),
    (found(), manifest(), registered(knows="manifest"), Verdict.CONFIRMED),
    (found(), manifest(), registered(knows="file"), Verdict.CONFIRMED),
    (found(), manifest(source="sidecar"), UNASKED, Verdict.CONFIRMED),
    # 6
    (found(), manifest("valid"), MATCH, Verdict.SIGNER_UNTRUSTED),
    (WEAK, manifest("valid"), UNASKED, Verdict.SIGNER_UNTRUSTED),
    (NOT_LOOKED, manifest("valid"), UNASKED, Verdict.SIGNER_UNTRUSTED),
    (ABSENT, manifest("valid", soft_binding=None), UNASKED, Verdict.SIGNER_UNTRUSTED),
    # 7
    (ABSENT, manifest(soft_binding=None), UNASKED, Verdict.CREDENTIAL_ONLY),
    (ABSENT, manifest(soft_binding=FOREIGN), UNASKED, Verdict.CREDENTIAL_ONLY),
    (NOT_LOOKED, manifest(), UNASKED, Verdict.CREDENTIAL_ONLY),
    # 8
    (found(), NO_MANIFEST, MATCH, Verdict.WATERMARK_MATCH),
    (found(), manifest(source="registry"), MATCH, Verdict.WATERMARK_MATCH),
    (found(), manifest("not_checked", soft_binding=None), MATCH, Verdict.WATERMARK_MATCH),
    (found(), manifest(soft_binding=None), MATCH, Verdict.WATERMARK_MATCH),
    (
        found(),
        manifest(soft_binding=None, digital_source_type="digitalCapture"),
        MATCH,
        Verdict.WATERMARK_MATCH,
    ),
    (found(), manifest(), MATCH, Verdict.WATERMARK_MATCH),
    (found(), manifest(recovered=RECOVERED), MATCH, Verdict.WATERMARK_MATCH),
    (found(), manifest(issuer=False), registered(knows="file"), Verdict.WATERMARK_MATCH),
    (found(), manifest(recovered=RECOVERED), registered(knows="file"), Verdict.WATERMARK_MATCH),
    (found(), NO_MANIFEST, pasted(0.07), Verdict.WATERMARK_MATCH),
    # 9
    (found(), manifest(issuer=False), UNASKED, Verdict.WATERMARK_UNKNOWN),
    (found(), manifest(recovered=RECOVERED), UNASKED, Verdict.WATERMARK_UNKNOWN),
    (found(), NO_MANIFEST, UNASKED, Verdict.WATERMARK_UNKNOWN),
    (found(), NO_MANIFEST, registered("no_match", record=None), Verdict.WATERMARK_UNKNOWN),
    (found(), manifest(soft_binding=FOREIGN), UNASKED, Verdict.WATERMARK_UNKNOWN),
    # 10
    (WEAK, NO_MANIFEST, UNASKED, Verdict.SUSPECTED),
    (WEAK, manifest(), UNASKED, Verdict.SUSPECTED),
    (WEAK, manifest("not_checked"), UNASKED, Verdict.SUSPECTED),
    # 11
    (NOT_LOOKED, NO_MANIFEST, UNASKED, Verdict.NOT_CHECKED),
    (ABSENT, manifest("not_checked"), UNASKED, Verdict.NOT_CHECKED),
    (NOT_LOOKED, manifest(recovered=RECOVERED), UNASKED, Verdict.NOT_CHECKED),
    # 12
    (ABSENT, NO_MANIFEST, UNASKED, Verdict.NO_MARK_FOUND),
]


@pytest.mark.parametrize(("watermark", "signed", "registry", "expected"), TABLE)
def test_the_first_row_of_the_contracts_table_that_applies_decides(
    watermark: Detection, signed: ManifestReport, registry: RegistryReport, expected: Verdict
) -> None:
    assert decide(watermark, signed, registry)[0] is expected


@pytest.mark.parametrize("asked", [UNASKED, registered("no_match", record=None), MATCH])
def test_with_a_registry_required_nothing_is_confirmed_without_its_record(
    asked: RegistryReport,
) -> None:
    assert decide(found(), manifest(), asked, require_registry=True)[0] is not Verdict.CONFIRMED


_TEXT = st.none() | st.sampled_from(["", "Example", "a reason.", "x\x1b[31m", "\ud800"])
_STAMPS = st.sampled_from([None, A, B])
_DETECTIONS = st.builds(
    Detection,
    status=st.sampled_from(get_args(WatermarkStatus)),
    stamp_id=_STAMPS,
    false_positive_probability=st.none() | st.floats(0, 1),
    segments=st.lists(
        st.builds(
            Segment,
            start=st.floats(0, 1e5),
            end=st.floats(0, 1e5),
            status=st.sampled_from(["marked", "unmarked", "unknown"]),
            score=st.floats(0, 100),
        ),
        max_size=9,
    ).map(tuple),
    reason=_TEXT,
)
_MANIFESTS = st.builds(
    ManifestReport,
    status=st.sampled_from(get_args(ManifestStatus)),
    source=st.none() | st.sampled_from(get_args(ManifestSource)),
    signer=_TEXT,
    model_name=_TEXT,
    soft_binding=st.none()
    | st.builds(SoftBinding, st.sampled_from([SOFT_BINDING_ALG, "com.example"]), _STAMPS),
    failures=st.lists(st.sampled_from(["a.mismatch", "signingCredential.expired"])).map(tuple),
    issuer=st.booleans(),
    recovered=st.none() | st.just(RECOVERED),
    ingredients=st.lists(
        st.builds(Ingredient, _TEXT, st.sampled_from(get_args(ManifestStatus)))
    ).map(tuple),
    reason=_TEXT,
)
_REGISTRIES = st.builds(
    RegistryReport,
    status=st.sampled_from(get_args(RegistryStatus)),
    record=st.none() | st.just({}) | st.just({"model": "odd", "signed_at": 5}),
    revocation=st.none() | st.just({}) | st.just({"date": "2026-11-22", "reason": "x"}),
    fingerprint_distance=st.none() | st.floats(0, 256),
    compared=st.builds(
        Compared,
        picture=st.sampled_from(get_args(PictureMatch)),
        share=st.none() | st.floats(0, 1),
        areas=st.lists(
            st.builds(
                DifferentArea,
                *[st.floats(0, 1)] * 5,
                copied=st.booleans(),
            ),
            max_size=5,
        ).map(tuple),
        order=st.none() | st.sampled_from(get_args(Order)),
        speed=st.none() | st.floats(0.1, 10),
        sound=st.sampled_from(get_args(SoundMatch)),
        seconds=st.none() | st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)),
        picture_reason=_TEXT,
        sound_reason=_TEXT,
    ),
    knows=st.none() | st.sampled_from(get_args(Known)),
    differs=st.lists(st.sampled_from(["signer", "model name"])).map(tuple),
    through=_STAMPS,
    listed_at=st.none() | st.just(datetime(2026, 11, 27, tzinfo=UTC)),
    reason=_TEXT,
)


@settings(max_examples=400, deadline=None)
@given(
    _DETECTIONS,
    _MANIFESTS,
    _REGISTRIES,
    st.sampled_from(["video", "image"]),
    st.booleans(),
)
def test_every_combination_gives_one_verdict_in_plain_words(
    watermark: Detection,
    signed: ManifestReport,
    registry: RegistryReport,
    kind: Any,
    required: bool,
) -> None:
    verdict, summary = decide(watermark, signed, registry, kind=kind, require_registry=required)
    assert verdict in Verdict
    assert summary
    assert summary == summary.strip()
    assert summary.isprintable()
    assert not FORBIDDEN.search(summary.replace(NOT_SHOWN, ""))
    if verdict is Verdict.NO_MARK_FOUND:
        assert summary == f"None of our marks was found. {NOT_SHOWN}"
    report = VerificationReport(
        FileFacts("a", None, None, kind), verdict, summary, watermark, signed, registry
    ).as_json()
    assert list(report) == [
        *("schema", "file", "verdict", "cause", "summary", "watermark", "manifest", "registry"),
        *("finds", "coverage"),
    ]
    assert set(report["watermark"]) == {
        *("status", "stamp_id", "key_id", "layout", "score", "false_positive_probability"),
        *("margin_db", "frames", "transform", "segments", "picture", "reason"),
        *("outline", "path", "missing"),
    }
    assert set(report["manifest"]) == {
        *("status", "source", "signer", "signed_at", "provider", "model", "prompt_hash"),
        *("soft_binding", "ingredients", "failures", "reason"),
        *("signer_id", "issuer", "recovered", "watermark_key_id", "digital_source_type"),
    }
    json.dumps(report)


@settings(max_examples=200, deadline=None)
@given(_DETECTIONS, _MANIFESTS, _REGISTRIES)
def test_confirmed_always_means_trusted_found_and_the_same_stamp(
    watermark: Detection, signed: ManifestReport, registry: RegistryReport
) -> None:
    verdict, _ = decide(watermark, signed, registry)
    if verdict is Verdict.CONFIRMED:
        assert watermark.status == "found"
        assert signed.status == "trusted"
        assert signed.soft_binding is not None
        assert signed.soft_binding.stamp_id == watermark.stamp_id is not None
        assert signed.recovered is None
        assert not registry.differs
        assert registry.knows in ("file", "manifest") or registry.status != "match"
        assert signed.issuer


def test_a_mark_that_goes_on_over_other_content_is_a_conflict() -> None:
    registry = RegistryReport("match", {}, compared=ALIKE, strange=((4.0, 9.5),))
    verdict, summary = decide(found(), NO_MANIFEST, registry)
    assert verdict is Verdict.CONFLICT
    assert "0:04-0:09.5" in summary


@settings(max_examples=300, deadline=None)
@given(_DETECTIONS, _MANIFESTS, _REGISTRIES)
def test_a_decision_is_the_same_each_time_and_its_cause_belongs_to_one_kind_of_finding(
    watermark: Detection, signed: ManifestReport, registry: RegistryReport
) -> None:
    case = Case(watermark, signed, registry)
    decision = steps.decide(case)
    assert decision == steps.decide(case)
    assert (decision.otherwise is None) == (decision.verdict is not Verdict.REVOKED)
    standing = decision.otherwise or decision
    causes = {
        Verdict.CONFLICT: ("other_", "not_in_picture", "record_"),
        Verdict.CREDENTIAL_INVALID: ("changed_after_signing", "fails_validation"),
        Verdict.PARTIAL: ("mark_in_part", "content_in_part"),
        Verdict.CONFIRMED: ("registry_vouches", "layers_agree"),
        Verdict.SIGNER_UNTRUSTED: ("signer_not_trusted",),
        Verdict.CREDENTIAL_ONLY: ("no_watermark", "watermark_not_checked"),
        Verdict.WATERMARK_MATCH: ("credential_", "not_vouched_for", "no_issuer"),
        Verdict.WATERMARK_UNKNOWN: ("credential_", "not_vouched_for", "no_issuer"),
        Verdict.SUSPECTED: ("weak_signal",),
        Verdict.NOT_CHECKED: ("nothing_checked", "watermark_not_", "credential_not_"),
        Verdict.NO_MARK_FOUND: ("nothing_found",),
    }
    assert standing.cause.startswith(causes[standing.verdict])


def test_every_cause_is_reached_by_some_finding() -> None:
    """But for that of a file that could not be examined, which nothing decides."""
    reached = {steps.decide(Case(*findings[:3])).cause for findings in TABLE}
    gone = registered(revocation={"date": "2026-11-25", "reason": "x"})
    withdrawn = (
        Case(found(), manifest(), gone),
        Case(found(), manifest(), UNASKED, (Other(found(B), gone),)),
    )
    reached |= {steps.decide(case).cause for case in withdrawn}
    strange = registered(compared=ALIKE, strange=((4.0, 9.5),))
    changed = registered(contradictions=("model version",))
    both = (NOT_LOOKED, ManifestReport("not_checked"))
    expired = manifest("invalid", failures=("signingCredential.expired",))
    for case in (
        Case(found(), NO_MANIFEST, strange),
        Case(found(), manifest(), changed),
        Case(*both),
        Case(found(), expired),
        Case(found(), ManifestReport("not_checked")),
        Case(found(), manifest(recovered=RECOVERED)),
        Case(found(), manifest(soft_binding=FOREIGN)),
        Case(found(), manifest(), require_registry=True),
        Case(found(), manifest(issuer=False)),
    ):
        reached.add(steps.decide(case).cause)
    assert set(Cause) - reached == {Cause.UNEXAMINED}
