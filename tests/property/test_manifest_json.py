"""A stranger's manifest may hold anything, in any place; reading it never raises."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.manifest.facts import MAX_TEXT, clean, read_facts
from provenance.manifest.reader import Reading, interpret
from tests.signing import facts

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["c2pa.created", "AAECAwQFBgc=", "org.provenance-stamp.tile.1", "Trusted"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "label", "data", "alg", "blocks", "value", "actions", "name"])
            | st.text(max_size=5),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def store() -> dict[str, Any]:
    """A reading of a sound manifest with one ingredient."""
    manifest = facts().definition(mime="video/mp4")
    manifest["signature_info"] = {"issuer": "Example Studio", "time": "2026-11-22T12:00:00Z"}
    manifest["ingredients"] = [
        {
            "title": "in.mp4",
            "label": "c2pa.ingredient.v3",
            "active_manifest": "urn:c",
            "validation_results": {"activeManifest": {"failure": []}, "ingredientDeltas": []},
        }
    ]
    delta = {
        "ingredientAssertionURI": "self#jumbf=/c2pa/urn:a/c2pa.assertions/c2pa.ingredient.v3",
        "validationDeltas": {"failure": [{"code": "assertion.dataHash.mismatch"}]},
    }
    return {
        "active_manifest": "urn:a",
        "manifests": {"urn:a": manifest},
        "validation_state": "Trusted",
        "validation_results": {
            "activeManifest": {
                "success": [
                    {"code": "signingCredential.trusted"},
                    {"code": "claimSignature.validated"},
                    {"code": "assertion.bmffHash.match"},
                ],
                "failure": [],
            },
            "ingredientDeltas": [delta],
        },
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a nested JSON value."""
    if isinstance(value, dict):
        items: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        items = []
    return [path, *(p for key, item in items for p in places(item, (*path, key)))]


PLACES = [place for place in places(store()) if place]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_value_in_any_place_of_a_store_still_gives_a_report(data: st.DataObject) -> None:
    content = store()
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(PLACES))
        spot: Any = content
        for key in way:
            try:
                spot = spot[key]
            except (KeyError, IndexError, TypeError):
                break
        if isinstance(spot, dict) or (isinstance(spot, list) and isinstance(last, int)):
            try:
                spot[last] = data.draw(anything)
            except IndexError:
                continue
    report = interpret(Reading(content, "embedded"))
    shown = json.dumps(report.as_json())
    assert "\\u001b" not in shown


@settings(max_examples=200, deadline=None)
@given(anything)
def test_facts_are_drawn_from_any_json_whatever(manifest: Any) -> None:
    read_facts(manifest)
    read_facts({"assertions": manifest})
    interpret(Reading({"active_manifest": "a", "manifests": {"a": manifest}}, "embedded"))


@given(st.text())
def test_cleaned_text_is_short_printable_and_stays_as_it_is(text: str) -> None:
    once = clean(text)
    if once is not None:
        assert len(once) <= MAX_TEXT
        assert once.isprintable()
        assert clean(once) == once
