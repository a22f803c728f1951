"""From the library's JSON to a report: which status, which failures, whose time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.manifest.facts import MAX_ITEMS
from provenance.manifest.history import read_history
from provenance.manifest.reader import Reading, interpret
from provenance.results import Ingredient, ManifestReport

SOUND = ["claimSignature.validated", "assertion.bmffHash.match"]
TRUSTED = [*SOUND, "signingCredential.trusted"]


def report(
    state: str = "Trusted",
    success: list[str] | None = None,
    failure: list[str] | None = None,
    **more: Any,
) -> ManifestReport:
    def listed(codes: list[str]) -> list[dict[str, str]]:
        return [{"code": code} for code in codes]

    manifest = {"assertions": [], "signature_info": {"issuer": "X"}, **more.pop("manifest", {})}
    results = {
        "activeManifest": {
            "success": listed(
                [*SOUND, "signingCredential.trusted"] if success is None else success
            ),
            "informational": listed(more.pop("informational", [])),
            "failure": listed(failure or []),
        },
        **more,
    }
    data = {
        "active_manifest": "a",
        "manifests": {"a": manifest},
        "validation_state": state,
        "validation_results": results,
    }
    return interpret(Reading(data, "embedded"))


def ingredients(manifests: dict[str, Any], label: str, deltas: Any) -> tuple[Ingredient, ...]:
    return read_history(manifests, label, deltas, {})[0]


def delta(*codes: str, owner: str = "a") -> dict[str, Any]:
    return {
        "ingredientAssertionURI": f"self#jumbf=/c2pa/{owner}/c2pa.assertions/c2pa.ingredient.v3",
        "validationDeltas": {"failure": [{"code": code} for code in codes]},
    }


def test_intact_with_a_known_signer_is_trusted() -> None:
    assert report().status == "trusted"


def test_intact_with_an_unknown_signer_is_valid_and_says_why() -> None:
    found = report("Valid", SOUND, ["signingCredential.untrusted"])
    assert (found.status, found.failures) == ("valid", ("signingCredential.untrusted",))


def test_any_other_failure_is_invalid() -> None:
    found = report("Invalid", SOUND, ["assertion.bmffHash.mismatch"])
    assert (found.status, found.failures) == ("invalid", ("assertion.bmffHash.mismatch",))


def test_an_ingredient_with_an_unknown_signer_does_not_take_trust_from_the_manifest() -> None:
    ingredient = {"title": "in", "label": "c2pa.ingredient.v3", "active_manifest": "b"}
    found = report(
        "Valid",
        manifest={"ingredients": [ingredient]},
        ingredientDeltas=[delta("signingCredential.untrusted")],
    )
    assert found.status == "trusted"
    assert found.ingredients[0].status == "valid"
    assert found.ingredients[0].failures == ("signingCredential.untrusted",)


def test_a_store_that_is_invalid_for_an_ingredients_sake_shows_the_ingredients_failure() -> None:
    found = report("Invalid", ingredientDeltas=[delta("ingredient.manifest.mismatch")])
    assert (found.status, found.failures) == ("invalid", ("ingredient.manifest.mismatch",))


def test_a_manifest_that_no_hash_binds_to_the_file_is_not_called_intact() -> None:
    found = report(success=["claimSignature.validated", "signingCredential.trusted"])
    assert found.status == "not_checked"
    assert found.reason is not None


@pytest.mark.parametrize("state", [None, "", "Wonderful", 3])
def test_a_state_nobody_knows_is_not_taken_for_a_good_one(state: Any) -> None:
    assert report(state).status == "not_checked"


def test_a_store_without_an_active_manifest_is_invalid() -> None:
    assert interpret(Reading({}, "embedded")).status == "invalid"


def test_a_timestamp_that_holds_gives_the_time_and_a_doubtful_one_does_not() -> None:
    manifest = {
        "signature_info": {"issuer": "X", "time": "2026-11-22T15:00:00+00:00"},
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "when": "2026-11-22T12:00:00Z"}]},
            }
        ],
    }
    held = report(manifest=manifest)
    doubted = report(manifest=manifest, informational=["timeStamp.untrusted"])
    assert held.signed_at == datetime(2026, 11, 22, 15, tzinfo=UTC)
    assert doubted.signed_at == datetime(2026, 11, 22, 12, tzinfo=UTC)


def entry(title: str, below: str | None, *failures: str, told: Any = None) -> dict[str, Any]:
    return {
        "title": title,
        "label": "c2pa.ingredient.v3",
        "active_manifest": below,
        "validation_results": {
            "activeManifest": {"failure": [{"code": code} for code in failures]},
            "ingredientDeltas": told or [],
        },
    }


def test_failures_that_an_ingredient_was_added_with_are_reported() -> None:
    (found,) = ingredients({"a": {"ingredients": [entry("in", "b", "x.mismatch")]}}, "a", None)
    assert (found.title, found.status, found.failures) == ("in", "invalid", ("x.mismatch",))


def test_the_ingredients_of_an_ingredient_follow_it_each_with_its_own_failures() -> None:
    told = [delta("told.mismatch", owner="b")]
    manifests = {
        "a": {"ingredients": [entry("child", "b", told=told), {"title": "logo"}]},
        "b": {"ingredients": [entry("parent", "c", "old.mismatch")]},
        "c": {"ingredients": []},
    }
    found = ingredients(manifests, "a", [delta("new.mismatch")])
    assert [(i.title, i.status, i.failures) for i in found] == [
        ("child", "invalid", ("new.mismatch",)),
        ("parent", "invalid", ("old.mismatch", "told.mismatch")),
        ("logo", "absent", ()),
    ]


def test_a_history_that_runs_in_a_circle_or_without_end_is_cut() -> None:
    circle = {"a": {"ingredients": [entry("b", "b")]}, "b": {"ingredients": [entry("a", "a")]}}
    assert [i.title for i in ingredients(circle, "a", None)] == ["b", "a"]
    endless = {str(n): {"ingredients": [entry(str(n), str(n + 1))]} for n in range(5000)}
    assert len(ingredients(endless, "0", None)) == MAX_ITEMS
