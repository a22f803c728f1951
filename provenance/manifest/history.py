"""The ingredients of a manifest, and theirs: what a file was made from, and what was found of it.

An ingredient's record was written by whoever added it.  The reading at hand validates again what
can be validated again (signatures, certificates, the stores themselves) and reports differences;
the hash of the ingredient's own file can't be, so the adder's word is all there is for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from provenance.manifest.certificates import fingerprint_id
from provenance.manifest.facts import MAX_ITEMS, clean, codes, parse_time, read_facts
from provenance.manifest.signatures import Signature
from provenance.results import Ancestor, Ingredient, ManifestStatus

TIME_TRUSTED = "timeStamp.trusted"
TRUSTED = "signingCredential.trusted"
UNTRUSTED = "signingCredential.untrusted"


def read_history(
    manifests: dict[str, Any], label: str, deltas: object, signed: dict[str, Signature]
) -> tuple[tuple[Ingredient, ...], tuple[Ancestor, ...]]:
    """Every ingredient of the manifest ``label``, each followed by those it was made from.

    Args:
        manifests: the store's manifests by label.
        label: the active manifest's label.
        deltas: what this reading found to differ from the records (``ingredientDeltas``).
        signed: the signatures of the store's manifests, by label.

    Returns:
        At most :data:`~provenance.manifest.facts.MAX_ITEMS` ingredients, and of each what its own
        manifest claims.
    """
    found: list[Ingredient] = []
    claims: list[Ancestor] = []
    seen = {label}
    # A stack, not recursion: how deep a history goes is a stranger's choice.
    waiting: list[tuple[str, dict[str, Any], list[Any]]] = _entries(manifests, label, [])
    while waiting and len(found) < MAX_ITEMS:
        owner, entry, told = waiting.pop(0)
        below = entry.get("active_manifest")
        found.append(_ingredient(owner, entry, told, deltas))
        claims.append(_ancestor(found[-1].status, entry, manifests, signed))
        if isinstance(below, str) and below not in seen:
            seen.add(below)
            more = _mapping(entry.get("validation_results")).get("ingredientDeltas")
            told = [*told, *more[:MAX_ITEMS]] if isinstance(more, list) else told
            waiting = _entries(manifests, below, told[:MAX_ITEMS]) + waiting
    return tuple(found), tuple(claims)


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


def _ancestor(
    status: ManifestStatus,
    entry: dict[str, Any],
    manifests: dict[str, Any],
    signed: dict[str, Signature],
) -> Ancestor:
    label = entry.get("active_manifest")
    manifest = manifests.get(label) if isinstance(label, str) else None
    if not isinstance(label, str) or manifest is None:
        return Ancestor(status)
    facts = read_facts(manifest)
    info = _mapping(_mapping(manifest).get("signature_info"))
    signature = signer_of(signed.get(label), info)
    recorded = _mapping(_mapping(entry.get("validation_results")).get("activeManifest"))
    proven = TIME_TRUSTED in codes(recorded.get("success"))
    return Ancestor(
        status,
        stamp_id=None if facts.soft_binding is None else facts.soft_binding.stamp_id,
        watermark_key_id=facts.watermark_key_id,
        signer_id=None if signature is None else fingerprint_id(signature.leaf),
        signature=None if signature is None else signature.digest,
        model_name=facts.model_name,
        model_version=facts.model_version,
        consents=facts.consents,
        proven_at=parse_time(info.get("time")) if proven else None,
    )


def signer_of(signature: Signature | None, told: dict[str, Any]) -> Signature | None:
    """A manifest's signature, if its certificate is the one of which the library speaks."""
    if signature is None or str(signature.leaf.serial_number) != told.get("cert_serial_number"):
        return None
    return signature


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
