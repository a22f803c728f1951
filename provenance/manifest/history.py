"""The ingredients of a manifest, and theirs: what a file was made from, and what was found of it.

An ingredient's record was written by whoever added it.  The reading at hand validates again what
can be validated again (signatures, certificates, the stores themselves) and reports differences;
the hash of the ingredient's own file can't be, so the adder's word is all there is for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from provenance.manifest.facts import MAX_ITEMS, clean, codes
from provenance.results import Ingredient, ManifestStatus

TRUSTED = "signingCredential.trusted"
UNTRUSTED = "signingCredential.untrusted"


def read_ingredients(
    manifests: dict[str, Any], label: str, deltas: object
) -> tuple[Ingredient, ...]:
    """Every ingredient of the manifest ``label``, each followed by those it was made from.

    Args:
        manifests: the store's manifests by label.
        label: the active manifest's label.
        deltas: what this reading found to differ from the records (``ingredientDeltas``).

    Returns:
        At most :data:`~provenance.manifest.facts.MAX_ITEMS` ingredients.
    """
    found: list[Ingredient] = []
    seen = {label}
    # A stack, not recursion: how deep a history goes is a stranger's choice.
    waiting: list[tuple[str, dict[str, Any], list[Any]]] = _entries(manifests, label, [])
    while waiting and len(found) < MAX_ITEMS:
        owner, entry, told = waiting.pop(0)
        found.append(_ingredient(owner, entry, told, deltas))
        below = entry.get("active_manifest")
        if isinstance(below, str) and below not in seen:
            seen.add(below)
            more = _mapping(entry.get("validation_results")).get("ingredientDeltas")
            told = [*told, *more[:MAX_ITEMS]] if isinstance(more, list) else told
            waiting = _entries(manifests, below, told[:MAX_ITEMS]) + waiting
    return tuple(found)


def delta_failures(deltas: object) -> tuple[str, ...]:
    """The failure codes of all ingredient deltas together."""
    return _merged(failures for _, failures, _ in _deltas(deltas))


def _entries(
    manifests: dict[str, Any], label: str, told: list[Any]
) -> list[tuple[str, dict[str, Any], list[Any]]]:
    listed = _mapping(manifests.get(label)).get("ingredients")
    if not isinstance(listed, list):
        return []
    return [(label, _mapping(entry), told) for entry in listed[:MAX_ITEMS]]


def _ingredient(owner: str, entry: dict[str, Any], told: list[Any], deltas: object) -> Ingredient:
    recorded = _mapping(_mapping(entry.get("validation_results")).get("activeManifest"))
    failures = codes(recorded.get("failure")) or codes(entry.get("validation_status"))
    trusted = TRUSTED in codes(recorded.get("success"))
    place = f"/{owner}/c2pa.assertions/{entry.get('label')}"
    for uri, bad, _ in _deltas(told):
        if uri.endswith(place):
            failures = _merged((failures, bad))
    for uri, bad, good in _deltas(deltas):
        if uri.endswith(place):
            failures = _merged((failures, bad))
            # Trust is this reader's to give: in both directions its word replaces the adder's.
            if UNTRUSTED in bad:
                trusted = False
            elif TRUSTED in good:
                trusted = True
                failures = tuple(code for code in failures if code != UNTRUSTED)
    status: ManifestStatus
    if any(code != UNTRUSTED for code in failures):
        status = "invalid"
    elif not entry.get("active_manifest"):
        status = "absent"
    else:
        status = "trusted" if trusted and UNTRUSTED not in failures else "valid"
    return Ingredient(clean(entry.get("title")), status, failures)


def _deltas(deltas: object) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Of each ingredient delta: the ingredient assertion's address, its failures and successes."""
    if not isinstance(deltas, list):
        return []
    found = []
    for item in deltas[:MAX_ITEMS]:
        delta = _mapping(item)
        uri = delta.get("ingredientAssertionURI")
        changes = _mapping(delta.get("validationDeltas"))
        found.append(
            (
                uri if isinstance(uri, str) else "",
                codes(changes.get("failure")),
                codes(changes.get("success")),
            )
        )
    return found


def _merged(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for found in lists for code in found))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
