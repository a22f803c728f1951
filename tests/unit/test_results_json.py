"""Results become JSON by one rule, and are read back by it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, timedelta, timezone
from typing import Annotated, Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import results
from provenance.results import (
    Cause,
    Detection,
    DifferentArea,
    FileFacts,
    Gap,
    ManifestReport,
    ManifestStatus,
    Other,
    PictureMap,
    PromptHash,
    RegistryReport,
    Segment,
    SoftBinding,
    StampResult,
    Tag,
    Transform,
    Verdict,
    VerificationReport,
)
from provenance.results.payload import StampId
from provenance.results.serial import At, Digits, Document, Hidden, layout

STAMPS = st.binary(min_size=8, max_size=8).map(StampId)
TEXTS = st.text(max_size=8) | st.sampled_from(["\ud800", "a\x1b[31m"])
SOME = st.none() | TEXTS
NUMBERS = st.floats(-1e6, 1e6)
SHARES = st.floats(0, 1)
MOMENTS = st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))]))
MAPS = st.builds(
    PictureMap,
    columns=st.just(2),
    rows=st.just(1),
    states=st.just(("marked", "missing")),
    scores=st.just((1.0, 2.0)),
)
DETECTIONS = st.builds(
    Detection,
    status=st.sampled_from(get_args(results.WatermarkStatus)),
    stamp_id=st.none() | STAMPS,
    key_id=SOME,
    layout=st.none() | st.just(1),
    score=st.none() | NUMBERS,
    margin_db=st.none() | NUMBERS,
    false_positive_probability=st.none() | SHARES,
    frames=st.integers(0, 1000),
    transform=st.none() | st.builds(Transform, NUMBERS, NUMBERS, st.booleans(), NUMBERS),
    segments=st.lists(
        st.builds(Segment, NUMBERS, NUMBERS, st.sampled_from(["marked", "unknown"]), NUMBERS),
        max_size=3,
    ).map(tuple),
    picture=st.none() | MAPS,
    outline=st.just(()) | st.just(((0.0, 1.5), (2.0, 3.0), (4.0, 5.0), (6.0, 7.0))),
    missing=st.lists(
        st.builds(Gap, st.just(((0.0, 1.0), (2.0, 3.0), (4.0, 5.0))), SHARES, st.none() | SHARES),
        max_size=2,
    ).map(tuple),
    reason=SOME,
)
MANIFESTS = st.builds(
    ManifestReport,
    status=st.sampled_from(get_args(ManifestStatus)),
    signer=SOME,
    signed_at=MOMENTS,
    model_name=SOME,
    prompt_hash=st.none() | st.builds(PromptHash, TEXTS, TEXTS, SOME),
    soft_binding=st.none() | st.builds(SoftBinding, TEXTS, st.none() | STAMPS),
    recovered=st.none() | st.just(("picture",)),
    consents=st.just(("hidden",)),
    ingredients=st.lists(
        st.builds(results.Ingredient, SOME, st.sampled_from(get_args(ManifestStatus))), max_size=2
    ).map(tuple),
)
AREAS = st.builds(DifferentArea, *[SHARES] * 5, outline=st.just(((0.1, 0.2), (0.3, 0.4))))
REGISTRIES = st.builds(
    RegistryReport,
    status=st.sampled_from(get_args(results.RegistryStatus)),
    record=st.none() | st.just({"model": {"name": "M"}}),
    strange=st.just(()) | st.just(((1.0, 2.5),)),
    through=st.none() | STAMPS,
    listed_at=MOMENTS,
    failed=st.booleans(),
    compared=st.builds(
        results.Compared,
        picture=st.sampled_from(get_args(results.PictureMatch)),
        share=st.none() | SHARES,
        areas=st.lists(AREAS, max_size=2).map(tuple),
        seconds=st.none() | st.just((5.0, 2.5)),
    ),
)
OTHERS = st.builds(
    lambda found, stamp, known: Other(replace(found, stamp_id=stamp), known),
    DETECTIONS,
    STAMPS,
    REGISTRIES,
)
REPORTS = st.builds(
    VerificationReport,
    file=st.builds(FileFacts, TEXTS, SOME, st.none() | st.integers(0), st.just("video")),
    verdict=st.sampled_from(Verdict),
    summary=TEXTS,
    watermark=DETECTIONS,
    manifest=MANIFESTS,
    registry=REGISTRIES,
    others=st.lists(OTHERS, max_size=2).map(tuple),
    cause=st.none() | st.sampled_from(Cause),
)


@settings(max_examples=200, deadline=None)
@given(REPORTS)
def test_a_verification_is_read_back_as_it_was_published(report: VerificationReport) -> None:
    """To the digits that are written; what is not published has its default."""
    told = report.as_json()
    back = VerificationReport.from_json(json.loads(json.dumps(told, allow_nan=False)))
    assert back.as_json() == told
    assert len(back.others) == len(report.others)
    assert back.manifest.consents == ()
    assert back.cause is report.cause
    assert back.file == report.file


@given(
    st.builds(
        StampResult,
        *[TEXTS] * 4,
        STAMPS,
        *[TEXTS] * 2,
        *[NUMBERS] * 4,
        st.integers(0, 99),
        st.sampled_from(get_args(ManifestStatus)),
        SOME,
        MOMENTS,
        NUMBERS,
        st.just((Tag("container", "title"),)),
        warnings=st.just(()) | st.just(("a sentence",)),
    )
)
def test_a_stamp_is_read_back_as_it_was_published(result: StampResult) -> None:
    back = StampResult.from_json(json.loads(json.dumps(result.as_json())))
    assert back.as_json() == result.as_json()
    assert (back.sidecar, back.stamp_id) == (result.sidecar, result.stamp_id)


REPORT = VerificationReport(
    FileFacts("a", None, 1, "video"),
    Verdict.NO_MARK_FOUND,
    "",
    Detection("absent"),
    ManifestReport("absent"),
)


def test_a_line_of_an_older_version_is_read_and_unknown_keys_are_passed_over() -> None:
    old = REPORT.as_json() | {"later": 1}
    for name in ("cause", "finds"):
        del old[name]
    del old["watermark"]["margin_db"], old["watermark"]["picture"]
    del old["registry"]["strange"], old["registry"]["failed"]
    assert VerificationReport.from_json(old) == REPORT


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": "provenance.verification/2"},
        {"verdict": "MAYBE"},
        {"summary": 1},
        {"file": None},
        {"file": {"path": "a"}},
        {"finds": [{}]},
        {"watermark": {"status": "found", "frames": "7"}},
        {"watermark": {"status": "found", "stamp_id": "seven"}},
        {"registry": {"failed": "no"}},
    ],
)
def test_what_is_no_document_is_not_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VerificationReport.from_json(REPORT.as_json() | wrong)


def test_every_result_is_a_document_and_none_writes_itself() -> None:
    kinds = [getattr(results, name) for name in results.__all__]
    inner = (results.Ancestor, results.MissingArea)
    kinds = [kind for kind in kinds if is_dataclass(kind) and kind not in inner]
    assert all(issubclass(kind, Document) for kind in kinds)
    assert [kind for kind in kinds if "as_json" in vars(kind)] == [VerificationReport]


@dataclass(frozen=True, slots=True)
class Inner(Document):
    """A part."""

    size: Annotated[float, Digits(1)]


@dataclass(frozen=True, slots=True)
class Outer(Document):
    """The whole."""

    SCHEMA = "test/1"

    inner: Annotated[Inner, At("")]
    left: Annotated[float | None, At("place.box.0")]
    right: Annotated[float | None, At("place.box.1")]
    inside: Hidden[str] = "default"
    words: tuple[str, ...] = ()


def test_marks_say_where_a_field_stands_and_what_is_kept_back() -> None:
    whole = Outer(Inner(1.26), 0.5, None, "told to nobody", ("a",))
    told = whole.as_json()
    assert told == {
        "schema": "test/1",
        "size": 1.3,
        "place": {"box": [0.5, None]},
        "words": ["a"],
    }
    assert list(told) == ["schema", "size", "place", "words"]
    assert Outer.from_json(told) == Outer(Inner(1.3), 0.5, None, "default", ("a",))
    assert [key.name for key in layout(Outer)] == ["inner", "left", "right", "words"]
    assert len(fields(Outer)) == 5
