"""What is drawn from a manifest, also from one that means harm."""

from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.manifest.facts import clean, codes, parse_stamp_id, parse_time, read_facts
from provenance.results import SoftBinding
from provenance.results.payload import SOFT_BINDING_ALG
from tests.signing import STAMP, facts


def ours(**changes: Any) -> dict[str, Any]:
    return facts(**changes).definition(mime="video/mp4")


def binding(value: object, alg: object = SOFT_BINDING_ALG) -> dict[str, Any]:
    data = {"alg": alg, "blocks": [{"scope": {}, "value": value}]}
    return {"assertions": [{"label": "c2pa.soft-binding", "data": data}]}


def test_our_own_manifest_reads_back_in_every_field() -> None:
    found = read_facts(ours())
    assert found.provider == "Example Studio"
    assert (found.model_name, found.model_version) == ("ExampleVideoModel", "3.2.1")
    assert found.prompt_hash == facts().prompt_hash
    assert found.soft_binding == SoftBinding(SOFT_BINDING_ALG, STAMP)
    assert found.watermark_key_id == "w1"
    assert found.claimed_at == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert found.reason is None


@pytest.mark.parametrize(
    "value", ["AAECAwQFBgc=", list(range(8)), bytes(range(8)), bytearray(range(8))]
)
def test_a_soft_binding_value_is_read_as_text_as_bytes_and_as_integers(value: object) -> None:
    assert parse_stamp_id(value) == STAMP
    assert read_facts(binding(value)).soft_binding == SoftBinding(SOFT_BINDING_ALG, STAMP)


@pytest.mark.parametrize(
    "value",
    [None, 7, "", "AAEC", "not base64!", "A" * 10**6, [1] * 9, [True] * 8, [256] * 8, b"x", {}],
)
def test_a_soft_binding_value_of_another_form_names_no_stamp(value: object) -> None:
    found = read_facts(binding(value))
    assert found.soft_binding == SoftBinding(SOFT_BINDING_ALG, None)
    assert found.reason is not None


def test_a_foreign_soft_binding_is_named_without_a_stamp_id() -> None:
    found = read_facts(binding("AAECAwQFBgc=", alg="com.example.other"))
    assert found.soft_binding == SoftBinding("com.example.other", None)


def test_our_soft_binding_is_preferred_to_a_foreign_one() -> None:
    both = binding("AAEC", alg="com.example.other")
    both["assertions"] += [
        {**binding("AAECAwQFBgc=")["assertions"][0], "label": "c2pa.soft-binding__1"}
    ]
    assert read_facts(both).soft_binding == SoftBinding(SOFT_BINDING_ALG, STAMP)


def test_a_manifest_that_names_two_stamps_names_none() -> None:
    manifest = ours()
    (generation,) = (a for a in manifest["assertions"] if a["label"].endswith("generation"))
    generation["data"]["stamp_id"] = "ff" * 8
    found = read_facts(manifest)
    assert found.soft_binding == SoftBinding(SOFT_BINDING_ALG, None)
    assert found.reason == "The manifest names more than one stamp id."


def test_a_model_is_read_from_a_foreign_manifests_actions_if_they_say_generated() -> None:
    action = {
        "action": "c2pa.created",
        "softwareAgent": "Some Model",
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    }
    manifest = {"assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}
    assert read_facts(manifest).model_name == "Some Model"
    action["digitalSourceType"] = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    assert read_facts(manifest).model_name is None


def test_a_strangers_text_loses_escapes_and_direction_marks_and_is_cut() -> None:
    assert clean("a\x1b[31mred\x07") == "a[31mred"
    assert clean("left\u202eright") == "leftright"
    assert clean("two\nlines\u2028three") == "two lines three"
    assert clean("\ud800x") == "x"
    assert clean("\x00\x01") is None
    assert clean(7) is None
    assert clean("y" * 10**7) == "y" * 199 + "…"


def test_only_a_time_with_a_zone_is_a_time() -> None:
    assert parse_time("2026-11-22T13:00:00+01:00") == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert parse_time("2026-11-22T12:00:00Z") == datetime(2026, 11, 22, 12, tzinfo=UTC)
    for odd in (None, 7, "yesterday", "2026-11-22T12:00:00", "0001-01-01T00:00:00+14:00", "9" * 99):
        assert parse_time(odd) is None


def test_codes_are_listed_once_each_and_cleaned() -> None:
    statuses = [{"code": "a.b"}, {"code": "a.b"}, {"code": "\x1bc"}, {"code": 3}, None, "x"]
    assert codes(statuses) == ("a.b", "c")
    assert codes({"code": "a"}) == ()
