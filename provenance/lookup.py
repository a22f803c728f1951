"""Ask the registry, a bundle or a revocation list about what was found in one file.

1. The stamp is named by the watermark, or else by an intact manifest.
2. Its record is looked up.  A file without a manifest gets the registry's, which is validated as a
   manifest: its signature and assertions, not its hash of the changed file.
3. The picture's fingerprint, laid back onto the stamped picture's place, is compared with the
   registered one: a watermark on other content is a copied mark.
4. Withdrawals are looked up for the record, and for what a *trusted* manifest says of itself; an
   unknown signer's claims withdraw nothing.
5. Where neither layer names a stamp, clips that look alike are named as a lead, never as proof.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from provenance.fingerprint import LIMIT, Comparison, Fingerprint, compare
from provenance.manifest import Trust, read_recovered
from provenance.payload import StampId
from provenance.registry import Facts, Registry, StampRecord, Withdrawal
from provenance.results import Detection, ManifestReport, RegistryReport, RegistryStatus
from provenance.text import clock, listing

LEAST_ALIKE = 0.25
"""Share of the frames asked about that must look alike before a lead is worth a sentence."""
FEW_FRAMES = 3
FAR = 0.4
"""A distance that so few frames, or fewer, must exceed to be another content's: a single picture
may have been taken between the moments that were registered.  Such a picture of a dark, busy film
was measured at 0.31, and other content at 0.28 to 0.5."""


class Revocations(Protocol):
    """Whatever knows of withdrawals: a registry's, or a signed list."""

    def hitting(self, facts: Facts) -> Withdrawal | None:
        """The first withdrawal in force that hits a stamp with these facts."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A registered clip that looks like the one at hand."""

    record: StampRecord
    frames: int
    asked: int
    distance: int

    def as_json(self) -> dict[str, object]:
        """As ``registry search --like --json`` prints it."""
        return {
            "schema": "provenance.lead/1",
            "frames_alike": self.frames,
            "frames_asked": self.asked,
            "distance": self.distance,
            "record": self.record.as_json(),
        }


def look_up(
    found: Detection,
    manifest: ManifestReport,
    fingerprint: Fingerprint | None,
    *,
    trust: Trust,
    registry: Registry | None,
    revocations: tuple[Revocations, ...] = (),
) -> tuple[RegistryReport, ManifestReport]:
    """The registry's answer, and the manifest, recovered if there was none.

    Raises:
        RegistryError: the registry can't be asked.
    """
    stamp_id = _named(found, manifest)
    record = None if registry is None or stamp_id is None else registry.find(stamp_id)
    judged = Comparison(None)
    if registry is not None and record is not None:
        if manifest.status == "absent":
            manifest = _recovered(registry, record, trust) or manifest
        if found.stamp_id is not None:
            judged = _compared(registry, record, fingerprint)
    lists = revocations if registry is None else (registry.withdrawals, *revocations)
    # Anybody can sign that a file is our stamp; the picture or a trusted signer has to say so.
    vouched = found.stamp_id is not None or manifest.status == "trusted"
    facts = [_claims(found, manifest, stamp_id if vouched else None)]
    facts += [Facts.of(record)] if vouched and record is not None else []
    hits = (known.hitting(each) for known in lists for each in facts)
    revocation = next((hit for hit in hits if hit is not None), None)
    report = RegistryReport(
        status="not_checked" if registry is None or stamp_id is None else _status(record),
        record=None if record is None else record.as_json(),
        revocation=None if revocation is None else revocation.as_json(),
        fingerprint_distance=judged.distance,
        strange=judged.strange,
        reason=_reason(registry, record, stamp_id, judged, fingerprint),
    )
    return report, manifest


def leads_for(registry: Registry, fingerprint: Fingerprint) -> list[Lead]:
    """Registered clips that look alike, those with the most frames alike first."""
    asked = fingerprint.hashes
    frames: dict[StampId, dict[int, int]] = {}
    for match in registry.frames.nearest((*asked, *fingerprint.mirrored_hashes)):
        frames.setdefault(match.stamp_id, {}).setdefault(match.query % len(asked), match.distance)
    leads = []
    for stamp_id, near in frames.items():
        record = registry.find(stamp_id)
        if record is not None:
            leads.append(Lead(record, len(near), len(asked), min(near.values())))
    return sorted(leads, key=lambda lead: (-lead.frames, lead.distance, lead.record.stamp_id))


def _named(found: Detection, manifest: ManifestReport) -> StampId | None:
    if found.stamp_id is not None:
        return found.stamp_id
    intact = manifest.status in ("trusted", "valid")
    binding = manifest.soft_binding
    return binding.stamp_id if intact and binding is not None else None


def _recovered(registry: Registry, record: StampRecord, trust: Trust) -> ManifestReport | None:
    store = registry.manifest(record.stamp_id)
    return None if store is None else read_recovered(store, trust)


def _compared(registry: Registry, record: StampRecord, seen: Fingerprint | None) -> Comparison:
    registered = registry.fingerprint(record.stamp_id)
    if registered is None:
        return Comparison(None, reason="no fingerprint was registered")
    if seen is None:
        return Comparison(None, reason="no fingerprint could be taken")
    try:
        known = Fingerprint.from_bytes(registered)
    except ValueError:
        return Comparison(None, reason="the registered fingerprint is of another release")
    return _told(compare(known, seen))


def _told(found: Comparison) -> Comparison:
    """A comparison with what it can't judge said, and with stretches of other content counted."""
    if found.distance is None:
        return found
    if found.distance > LIMIT and found.frames <= FEW_FRAMES and found.distance <= FAR:
        few = "too few frames for a picture that differs by so much"
        return replace(found, distance=None, reason=few)
    if found.strange and found.distance <= LIMIT:
        places = listing(f"{clock(start)}-{clock(end)}" for start, end in found.strange[:4])
        return replace(found, reason=f"the mark goes on over other content in {places}")
    return found


def _claims(found: Detection, manifest: ManifestReport, stamp_id: StampId | None) -> Facts:
    """What the layers say of the stamp by themselves."""
    keys = () if found.key_id is None else (found.key_id,)
    if manifest.status != "trusted" or manifest.source == "registry":
        return Facts(stamp_id, keys)
    named = manifest.watermark_key_id
    return Facts(
        stamp_id,
        keys if named is None else (*keys, named),
        manifest.model_name,
        manifest.model_version,
        manifest.consents,
    )


def _status(record: StampRecord | None) -> RegistryStatus:
    return "no_match" if record is None else "match"


def _reason(
    registry: Registry | None,
    record: StampRecord | None,
    stamp_id: StampId | None,
    judged: Comparison,
    fingerprint: Fingerprint | None,
) -> str | None:
    if registry is None:
        return "no registry was asked"
    if record is not None:
        return judged.reason
    if stamp_id is not None:
        return None
    leads = [] if fingerprint is None else leads_for(registry, fingerprint)
    if leads and leads[0].frames >= LEAST_ALIKE * leads[0].asked:
        best = leads[0]
        return (
            f"no stamp is named; {best.frames} of {best.asked} frames look like registered stamp "
            f"{best.record.stamp_id} (a lead, not proof)"
        )
    return "neither layer names a stamp that could be looked up"
