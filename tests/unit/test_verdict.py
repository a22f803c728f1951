"""What the layers' findings mean together."""

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
    Coverage,
    Detection,
    DifferentArea,
    FileFacts,
    Ingredient,
    Known,
    ManifestReport,
    ManifestSource,
    ManifestStatus,
    MissingArea,
    Order,
    Other,
    PictureMap,
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
from provenance.results.payload import SOFT_BINDING_ALG, StampId
from provenance.results.reports import FileKind
from provenance.verifying import verdict as steps
from provenance.verifying.summary import NOT_SHOWN, UNHEARD
from provenance.verifying.summary import summary as said
from provenance.verifying.verdict import Case

A, B = StampId(bytes(8)), StampId(b"\x01" * 8)
ABSENT = Detection("absent", frames=40)
NO_MANIFEST = ManifestReport("absent")
FORBIDDEN = re.compile(r"\b(real|fake|authentic)\b", re.IGNORECASE)


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


def pasted(share: float, **changes: Any) -> RegistryReport:
    """The registry's answer on a picture of which a part shows something else."""
    area = DifferentArea(share, 0.0, 0.6, 0.3, 1.0, **changes)
    return registered(compared=replace(ALIKE, picture="areas", areas=(area,)))


UNASKED = RegistryReport()
FOREIGN = SoftBinding("com.example.other", None)
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
    (found(), NO_MANIFEST, pasted(0.1), Verdict.PARTIAL),
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
    (found(), NO_MANIFEST, pasted(0.09), Verdict.WATERMARK_MATCH),
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


def test_a_withdrawn_stamp_is_revoked_and_the_summary_says_what_it_would_have_been() -> None:
    revocation = {"date": "2026-12-01", "reason": "Consent withdrawn."}
    registry = registered(revocation=revocation, knows="manifest")
    verdict, summary = decide(found(), manifest(), registry)
    assert verdict is Verdict.REVOKED
    assert summary.startswith("Withdrawn on 2026-12-01: Consent withdrawn. Otherwise: CONFIRMED. ")


@pytest.mark.parametrize("asked", [UNASKED, registered("no_match", record=None), MATCH])
def test_with_a_registry_required_nothing_is_confirmed_without_its_record(
    asked: RegistryReport,
) -> None:
    assert decide(found(), manifest(), asked, require_registry=True)[0] is not Verdict.CONFIRMED


CONFIRMED = "Stamped by Example Studio as ExampleVideoModel 3.2.1 on 2026-11-22; both layers agree."
LISTED = replace(UNASKED, listed_at=datetime(2026, 11, 27, tzinfo=UTC))


@pytest.mark.parametrize(
    ("registry", "rest"),
    [
        (registered(knows="manifest"), "The registry has this very manifest."),
        (registered(knows="file"), "The registry has these very bytes."),
        (UNASKED, "No registry was asked, so whether it was withdrawn is not known."),
        (LISTED, "No registry was asked; a signed list of 2026-11-27 does not withdraw it."),
        (
            registered("no_match", record=None),
            "The registry that was asked has no such stamp, so whether it was withdrawn is not "
            "known.",
        ),
    ],
)
def test_confirmed_says_what_it_rests_on_and_names_the_proven_signer(
    registry: RegistryReport, rest: str
) -> None:
    """The certificate's name, not the provider that the manifest claims."""
    assert decide(found(), manifest(), registry)[1] == f"{CONFIRMED} {rest}"


def test_confirmed_tells_of_an_ingredient_that_had_failed() -> None:
    broken = Ingredient("take1.mp4", "invalid", ("assertion.bmffHash.mismatch",))
    verdict, summary = decide(found(), manifest(ingredients=(broken,)))
    assert verdict is Verdict.CONFIRMED
    assert "had failed validation already (take1.mp4)" in summary


def test_a_trusted_signer_of_another_house_speaks_about_a_stamp() -> None:
    summary = decide(found(), manifest(signer="Partner Org", issuer=False))[1]
    assert "Partner Org" in summary
    assert "speaks about a stamp of somebody else's" in summary


def test_a_difference_between_manifest_and_record_is_named() -> None:
    summary = decide(found(), manifest(), registered(differs=("signer", "model name")))[1]
    assert "differs in signer and model name" in summary


def test_a_restored_copy_says_by_whom_when_and_after_what() -> None:
    summary = decide(found(), manifest(recovered=RECOVERED), MATCH)[1]
    assert summary.startswith(
        "This is a copy that was given its credential back, signed by Example Studio on "
        "2026-11-22, after comparing picture and sound; it is not the stamped file."
    )


def test_a_withdrawal_that_came_through_an_ancestor_names_it() -> None:
    revocation = {"date": "2026-12-01", "reason": "Consent withdrawn."}
    summary = decide(found(), manifest(), registered(revocation=revocation, through=B))[1]
    assert f"That is stamp {B}, from which this clip was made." in summary


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "alike (41 frames over 100 % of it, in squares of about 2 %), in its order, at its"),
        ({"order": "reversed"}, "played backwards"),
        ({"order": "shuffled"}, "in another order"),
        ({"speed": 2.0}, "at 2 times its speed"),
        ({"seconds": (5.0, 3.0)}, "3.0 s long where 5.0 s were stamped"),
        ({"sound": "differs"}, "the sound is not the stamped clip's"),
        ({"sound": "not_compared", "sound_reason": "none was registered"}, "none was registered"),
        ({"picture": "not_compared", "picture_reason": "all is flat"}, "compared (all is flat)"),
    ],
)
def test_a_match_says_what_was_compared_and_what_came_of_it(
    changes: dict[str, Any], words: str
) -> None:
    registry = registered(compared=replace(ALIKE, **changes))
    verdict, summary = decide(found(), NO_MANIFEST, registry)
    assert verdict is Verdict.WATERMARK_MATCH
    assert words in summary


def test_a_conflict_names_both_stamps_and_asks_to_escalate() -> None:
    summary = decide(found(B), manifest())[1]
    assert summary.startswith("The layers disagree (")
    assert A.hex in summary
    assert B.hex in summary
    assert summary.endswith("Possible splice, copied mark or re-stamp. Escalate.")


def test_an_expired_certificate_is_not_called_a_changed_file() -> None:
    expired = manifest("invalid", failures=("signingCredential.expired",))
    summary = decide(found(), expired)[1]
    assert "signingCredential.expired" in summary
    assert "changed" not in summary
    changed = manifest("invalid", failures=("assertion.bmffHash.mismatch",))
    assert decide(found(), changed)[1] == (
        "The file changed after signing. Its claims are leads, not evidence. "
        f"Watermark {A} was read."
    )


def lacking(area: MissingArea, **changes: Any) -> Detection:
    picture = PictureMap(1, 1, ("missing",), (0.0,), (9.0,), (-9.0,), (area,))
    return found(status="partial", picture=picture, **changes)


@pytest.mark.parametrize(
    ("area", "words"),
    [
        (MissingArea(0.15, 0.1, 0.1, 0.4, 0.5), "an area of 15 % at the upper left"),
        (MissingArea(0.2, 0.0, 0.8, 1.0, 1.0), "an area of 20 % at the bottom"),
        (MissingArea(0.3, 0.7, 0.2, 1.0, 0.8), "an area of 30 % at the right"),
        (MissingArea(0.1, 0.3, 0.3, 0.6, 0.6), "an area of 10 % in the middle"),
    ],
)
def test_partial_names_the_area_that_lacks_the_mark(area: MissingArea, words: str) -> None:
    """A missing area is told by its share and its place, beside the time when both are partial."""
    assert decide(lacking(area), NO_MANIFEST)[1] == f"Mark found only outside {words}. {UNHEARD}"
    both = lacking(area, segments=PARTIAL.segments)
    expected = f"Mark found only in 0:00-0:04, and there only outside {words}. {UNHEARD}"
    assert decide(both, NO_MANIFEST)[1] == expected


SMALL = PictureMap(1, 1, ("marked",), outline=((0.5, 0.6), (0.9, 0.6), (0.9, 1.0), (0.5, 1.0)))


def test_a_picture_in_a_picture_is_told_with_its_place() -> None:
    """Whether it stands by itself, or others are in the picture too."""
    inset = found(picture=SMALL)
    place = "an area of 16 % at the lower right"
    verdict, summary = decide(inset, NO_MANIFEST, MATCH)
    assert verdict == Verdict.WATERMARK_MATCH
    assert f"The stamped picture is {place}; the rest carries no mark of ours." in summary
    verdict, summary = decide(found(), NO_MANIFEST, MATCH, others=(Other(found(B, picture=SMALL)),))
    assert verdict == Verdict.PARTIAL
    assert f"Stamp {B} is in it too, in {place}" in summary


def test_a_claim_that_a_camera_captured_it_is_named_as_a_contradiction() -> None:
    signed = manifest(soft_binding=None, model_name=None, digital_source_type="digitalCapture")
    verdict, summary = decide(found(), signed, MATCH)
    assert verdict == Verdict.WATERMARK_MATCH
    assert "says that a camera captured it; but the picture carries a generator's mark" in summary
    generated = replace(signed, digital_source_type="trainedAlgorithmicMedia")
    assert "camera" not in decide(found(), generated, MATCH)[1]


def test_nothing_found_says_how_much_was_looked_at() -> None:
    case = Case(ABSENT, NO_MANIFEST, coverage=Coverage("normal", 240, 1.0, 2.04))
    summary = said(case, steps.decide(case))
    assert summary == (
        f"None of our marks was found in 240 frames, no more than 2.0 s apart. {NOT_SHOWN}"
    )


def test_an_intact_credential_speaks_for_the_sound_as_well() -> None:
    assert UNHEARD not in decide(PARTIAL, manifest())[1]
    assert UNHEARD in decide(PARTIAL, NO_MANIFEST)[1]
    assert UNHEARD not in decide(PARTIAL, NO_MANIFEST, kind="image")[1]


def test_partial_names_the_marked_time_with_neighbours_joined() -> None:
    assert decide(PARTIAL, NO_MANIFEST)[1] == f"Mark found only in 0:00-0:04. {UNHEARD}"


def test_a_registry_match_names_record_and_chance() -> None:
    assert decide(found(), NO_MANIFEST, MATCH)[1] == (
        f"Credential missing. Watermark {A} matches the registry: ExampleVideoModel 3.2.1, "
        "2026-11-22. Chance of this on an unmarked video: at most 1e-12. Compared with what was "
        "stamped: the picture could not be compared (no reason given); the sound was not compared "
        "(no reason given)."
    )


def test_what_was_not_checked_is_named_with_its_reason() -> None:
    summary = decide(ABSENT, ManifestReport("not_checked", reason="The container is unknown."))[1]
    assert summary == ("Not checked: manifest (The container is unknown). Nothing else was found.")


def test_claims_of_an_untrusted_manifest_are_not_repeated() -> None:
    for status in ("valid", "invalid", "not_checked"):
        signed = manifest(status, signer="Trust Me Ltd", model_name="Sly", soft_binding=None)
        for watermark in (found(), ABSENT, PARTIAL, WEAK, NOT_LOOKED):
            summary = decide(watermark, signed)[1]
            assert "Trust Me" not in summary
            assert "Sly" not in summary


def test_texts_from_outside_cannot_steer_a_terminal() -> None:
    summary = decide(found(), manifest(signer="Evil\x1b[2J\nStudio\u202e"))[1]
    assert "\x1b" not in summary
    assert "\n" not in summary
    assert "\u202e" not in summary


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
        *("outline", "missing"),
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


def test_a_quick_look_says_what_it_did_not_try() -> None:
    kinds: tuple[tuple[FileKind, float], ...] = (("video", 0.2), ("image", 0.0))
    for kind, gap in kinds:
        looked = Coverage("quick", 40, 1.0, gap)
        case = Case(ABSENT, NO_MANIFEST, kind=kind, coverage=looked)
        summary = said(case, steps.decide(case))
        assert "in a quick look, which tries no cropped, turned or filmed picture." in summary
