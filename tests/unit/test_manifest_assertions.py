"""What a manifest of ours says, before anything is signed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.errors import UsageError
from provenance.manifest import DIGITAL_SOURCE_TYPES, hash_prompt
from provenance.manifest.recovery import Recovery
from provenance.results import ManifestReport
from provenance.results.payload import SOFT_BINDING_ALG
from tests.signing import STAMP, facts


def data_of(manifest: dict[str, Any], label: str) -> dict[str, Any]:
    (found,) = (a["data"] for a in manifest["assertions"] if a["label"] == label)
    return dict(found)


def written() -> list[dict[str, Any]]:
    """Definitions of every kind of manifest that we write."""
    said = ManifestReport("trusted", model_name="M", model_version="1", provider="P")
    moment = datetime(2026, 11, 28, tzinfo=UTC)
    recovery = Recovery(STAMP, said, 1000, "copy.mp4", moment, ("picture",))
    return [
        facts().definition(mime="video/mp4"),
        facts().definition(mime="video/mp4", parent=True),
        recovery.definition(mime="video/mp4", parent=True),
    ]


# The facts of the conformance programme 0.2 for specification 2.4, one by one.


@pytest.mark.parametrize("manifest", written())
def test_every_manifest_names_its_generator_and_specification(manifest: dict[str, Any]) -> None:
    (generator,) = manifest["claim_generator_info"]
    assert generator["name"] == "provenance-stamp"
    assert generator["specVersion"].startswith("2.4")
    assert "specVersion" not in manifest


@pytest.mark.parametrize("manifest", written())
def test_every_actions_assertion_says_that_it_has_them_all(manifest: dict[str, Any]) -> None:
    assert data_of(manifest, "c2pa.actions.v2")["allActionsIncluded"] is True
    labels = [assertion["label"] for assertion in manifest["assertions"]]
    assert not {"c2pa.actions", "stds.exif", "stds.iptc"}.intersection(labels)


@pytest.mark.parametrize("manifest", written())
def test_a_source_type_stands_on_created_and_edited_and_never_on_opened(
    manifest: dict[str, Any],
) -> None:
    for action in data_of(manifest, "c2pa.actions.v2")["actions"]:
        has = "digitalSourceType" in action
        assert has == (action["action"] in ("c2pa.created", "c2pa.edited")), action


@pytest.mark.parametrize("manifest", written())
def test_the_first_action_creates_or_opens_and_no_other_does(manifest: dict[str, Any]) -> None:
    first, *rest = data_of(manifest, "c2pa.actions.v2")["actions"]
    begins = ("c2pa.created", "c2pa.opened")
    assert first["action"] in begins
    assert not [action for action in rest if action["action"] in begins]


@pytest.mark.parametrize("manifest", written())
def test_opened_and_transcoded_name_exactly_one_ingredient(manifest: dict[str, Any]) -> None:
    for action in data_of(manifest, "c2pa.actions.v2")["actions"]:
        named = action.get("parameters", {}).get("ingredientIds", [])
        assert len(named) == (action["action"] in ("c2pa.opened", "c2pa.transcoded"))


@pytest.mark.parametrize("manifest", written())
def test_a_watermark_is_bound_only_beside_a_soft_binding(manifest: dict[str, Any]) -> None:
    actions = [one["action"] for one in data_of(manifest, "c2pa.actions.v2")["actions"]]
    labels = [assertion["label"] for assertion in manifest["assertions"]]
    assert "c2pa.soft-binding" in labels or "c2pa.watermarked.bound" not in actions


def test_every_assertion_is_marked_as_created_by_the_signer() -> None:
    manifest = facts().definition(mime="video/mp4")
    assert all(assertion["created"] is True for assertion in manifest["assertions"])


def test_a_new_clip_is_created_by_the_model_and_then_watermarked() -> None:
    actions = data_of(facts().definition(mime="video/mp4"), "c2pa.actions.v2")
    created, marked = actions["actions"]
    assert actions["allActionsIncluded"] is True
    assert created["action"] == "c2pa.created"
    assert created["softwareAgent"] == {"name": "ExampleVideoModel", "version": "3.2.1"}
    assert created["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert created["when"] == "2026-11-22T12:00:00Z"
    assert marked["action"] == "c2pa.watermarked.bound"
    assert marked["softwareAgent"]["name"] == "provenance-stamp"


def test_a_signed_input_is_opened_and_never_created_anew() -> None:
    manifest = facts().definition(mime="video/mp4", parent=True)
    names = [a["action"] for a in data_of(manifest, "c2pa.actions.v2")["actions"]]
    assert names == ["c2pa.opened", "c2pa.edited", "c2pa.transcoded", "c2pa.watermarked.bound"]


def test_the_soft_binding_names_the_stamp_id_as_base64_text_over_the_whole_clip() -> None:
    binding = data_of(facts().definition(mime="video/mp4"), "c2pa.soft-binding")
    assert binding["alg"] == SOFT_BINDING_ALG
    assert binding["blocks"] == [
        {"scope": {"timespan": {"start": 0, "end": 1000}}, "value": "AAECAwQFBgc="}
    ]


def test_the_generation_assertion_holds_what_no_standard_one_has_a_field_for() -> None:
    record = data_of(facts().definition(mime="video/mp4"), "org.provenance-stamp.generation")
    assert record["stamp_id"] == STAMP.hex
    assert record["provider"] == "Example Studio"
    assert record["model"] == {"name": "ExampleVideoModel", "version": "3.2.1"}
    assert record["prompt"]["keyId"] == "p1"
    assert record["watermark"]["keyId"] == "w1"


def test_a_plain_prompt_hash_names_no_key() -> None:
    generation = facts(prompt_hash=hash_prompt("a cat", None))
    record = data_of(generation.definition(mime="video/mp4"), "org.provenance-stamp.generation")
    assert set(record["prompt"]) == {"alg", "hash"}


def test_training_on_the_clip_is_not_allowed() -> None:
    entries = data_of(facts().definition(mime="video/mp4"), "cawg.training-mining")["entries"]
    assert entries == {"cawg.ai_generative_training": {"use": "notAllowed"}}


@pytest.mark.parametrize("name", DIGITAL_SOURCE_TYPES)
def test_each_digital_source_type_is_written_as_its_iptc_address(name: str) -> None:
    actions = data_of(
        facts(digital_source_type=name).definition(mime="video/mp4"), "c2pa.actions.v2"
    )
    assert actions["actions"][0]["digitalSourceType"] == (
        f"http://cv.iptc.org/newscodes/digitalsourcetype/{name}"
    )


def test_a_model_identifier_stands_in_the_disclosure_only_when_given() -> None:
    without = data_of(facts().definition(mime="video/mp4"), "c2pa.ai-disclosure")
    named = facts(model_identifier="pkg:huggingface/example/video-model@3.2.1")
    with_one = data_of(named.definition(mime="video/mp4"), "c2pa.ai-disclosure")
    assert "modelIdentifier" not in without
    assert with_one["modelIdentifier"] == "pkg:huggingface/example/video-model@3.2.1"


def test_the_prompt_itself_is_nowhere_in_the_manifest() -> None:
    assert "sofa" not in json.dumps(facts().definition(mime="video/mp4"))


@pytest.mark.parametrize(
    "change",
    [
        {"model_name": ""},
        {"model_version": "1\x1b[31m"},
        {"provider": "x" * 257},
        {"title": "a\nb"},
        {"model_identifier": " "},
        {"digital_source_type": "digitalCapture"},
        {"duration_ms": -1},
        {"created_at": datetime(2026, 1, 1)},  # without a zone
    ],
)
def test_facts_that_can_not_stand_in_a_manifest_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        facts(**change)
