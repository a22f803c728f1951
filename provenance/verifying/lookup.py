"""Ask the registry, a bundle or a revocation list about what was found in one file.

1. The stamp is named by the watermark, or else by an intact manifest.
2. Its record is looked up.  A file without a manifest gets the registry's, which is validated as a
   manifest: its signature and assertions, not its hash of the changed file.  An intact manifest is
   held against the record and the registered manifest.
3. The content is compared with what was stamped (:mod:`.likeness`), unless a hash binds
   it: a watermark on other content is a copied mark.
4. Withdrawals are looked up for the record, for what an intact manifest shows of its signer, for
   what a *trusted* manifest says of itself, and for all that the clip was made from
   (:mod:`provenance.verifying.lineage`); an unknown signer's claims withdraw nothing.
5. Where neither layer names a stamp, clips that look alike are named as a lead, never as proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol

from provenance.manifest import Trust
from provenance.manifest.facts import clean
from provenance.registry import Facts, StampRecord, Withdrawal
from provenance.results import (
    Compared,
    Detection,
    FileFacts,
    Known,
    ManifestReport,
    RegistryReport,
    RegistryStatus,
    Resemblance,
)
from provenance.results.payload import StampId
from provenance.results.serial import At, Document
from provenance.verifying.alike import Likeness
from provenance.verifying.lineage import lineage_of

if TYPE_CHECKING:
    from provenance.fingerprint import Fingerprint
    from provenance.registry import Registry

LEAST_ALIKE = 0.25
"""Share of the frames asked about that must look alike before a lead is worth a sentence."""
MOST_LEADS = 5
"""Clips that are named as leads."""
_BYTES = Likeness(Compared("bytes", share=1.0, sound="bytes"))


class Revocations(Protocol):
    """Whatever knows of withdrawals: a registry's, or a signed list."""

    def hitting(self, facts: Facts) -> Withdrawal | None:
        """The first withdrawal in force that hits a stamp with these facts."""


class DatedRevocations(Revocations, Protocol):
    """A signed list of withdrawals, and when it was issued."""

    @property
    def issued_at(self) -> datetime:
        """When it was issued."""


@dataclass(frozen=True, slots=True)
class Lead(Document):
    """A registered clip that looks like the one at hand."""

    SCHEMA: ClassVar = "provenance.lead/1"

    frames: Annotated[int, At("frames_alike")]
    """Frames that look like one of its own."""
    asked: Annotated[int, At("frames_asked")]
    """Frames of the one at hand."""
    distance: int
    """Bits, of 256, in which the nearest differ."""
    record: StampRecord
    """The record of its stamp."""


def look_up(
    file: FileFacts,
    found: Detection,
    manifest: ManifestReport,
    imprint: Callable[[], Fingerprint | None],
    *,
    trust: Trust,
    registry: Registry | None,
    revocations: tuple[DatedRevocations, ...] = (),
) -> tuple[RegistryReport, ManifestReport]:
    """The registry's answer, and the manifest, recovered if there was none.

    ``imprint`` takes the file's fingerprint, which costs as much as the search for the mark: it is
    called only where there is something to compare it with.

    Raises:
        RegistryError: the registry can't be asked; and what ``imprint`` raises.
    """
    stamp_id = _named(found, manifest)  # 1
    record = None if registry is None or stamp_id is None else registry.find(stamp_id)
    alike, knows = Likeness(), None
    differs: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    if registry is not None and record is not None:  # 2
        original = _original(registry, record, trust)
        knows, differs = held_against(record, original, file, manifest)
        contradictions = _contradictions(record, original)
        exact = knows == "file" or (knows == "manifest" and _intact(manifest))
        if manifest.status == "absent":
            manifest = original or manifest
        if exact:
            alike = _BYTES
        elif found.stamp_id is not None:  # 3
            alike = _compared(registry.fingerprint(record.stamp_id), imprint, found)
    # Anybody can sign that a file is our stamp; the picture or a trusted signer has to say so.
    vouched = found.stamp_id is not None or manifest.status == "trusted"
    facts = _claims(found, manifest, stamp_id if vouched else None, record, knows)
    facts += [replace(Facts.of(record), parents=())] if vouched and record is not None else []
    lists = revocations if registry is None else (registry.withdrawals, *revocations)
    lineage = lineage_of(manifest, registry, record if vouched else None)
    revocation, through = _withdrawal(lists, facts, lineage)  # 4
    report = RegistryReport(
        status="not_checked" if registry is None or stamp_id is None else _status(record),
        record=None if record is None else record.as_json(),
        revocation=None if revocation is None else revocation.as_json(),
        fingerprint_distance=alike.compared.distance,
        strange=alike.strange,
        compared=alike.compared,
        knows=knows,
        differs=differs,
        contradictions=contradictions,
        through=through,
        listed_at=min((known.issued_at for known in revocations), default=None),
        bundled_at=None if registry is None else registry.issued_at,
        leads=(leads := _leads(registry, stamp_id, imprint)),
        reason=_reason(registry, record, stamp_id, alike, leads),
    )
    return report, manifest


def held_against(
    record: StampRecord,
    original: ManifestReport | None,
    file: FileFacts,
    manifest: ManifestReport,
) -> tuple[Known | None, tuple[str, ...]]:
    """What of this very file a registry knows, and what its manifest says otherwise.  Pure.

    Args:
        record: of the stamp that the file names.
        original: the registered manifest; None when it can't be read.
        file: the file at hand.
        manifest: its own.
    """
    knows = _knows(record, original, file, manifest)
    return knows, _differs(record, knows, manifest)


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
            leads.append(Lead(len(near), len(asked), min(near.values()), record))
    return sorted(leads, key=lambda lead: (-lead.frames, lead.distance, lead.record.stamp_id))


def _intact(manifest: ManifestReport) -> bool:
    return manifest.status in ("trusted", "valid") and manifest.source != "registry"


def _named(found: Detection, manifest: ManifestReport) -> StampId | None:
    if found.stamp_id is not None:
        return found.stamp_id
    binding = manifest.soft_binding
    return binding.stamp_id if _intact(manifest) and binding is not None else None


def _original(registry: Registry, record: StampRecord, trust: Trust) -> ManifestReport | None:
    """The manifest that the stamped file has."""
    from provenance.manifest import read_recovered  # noqa: PLC0415 - it brings c2pa along

    store = registry.manifest(record.stamp_id)
    return None if store is None else read_recovered(store, trust)


def _knows(
    record: StampRecord,
    original: ManifestReport | None,
    file: FileFacts,
    manifest: ManifestReport,
) -> Known | None:
    """What of this very file the registry has; None where the two can't be compared."""
    if file.sha256 is not None and file.sha256 == record.output_sha256:
        return "file"
    if original is None or original.signature is None or not _intact(manifest):
        return None
    return "manifest" if manifest.signature == original.signature else "other"


def _differs(record: StampRecord, knows: Known | None, manifest: ManifestReport) -> tuple[str, ...]:
    """What an intact manifest that names this stamp says otherwise than its record."""
    binding = manifest.soft_binding
    if knows in ("file", "manifest") or not _intact(manifest):
        return ()
    if binding is None or binding.stamp_id != record.stamp_id:
        return ()
    # A copy that was given its credential back is signed later, perhaps by a newer certificate.
    restored = manifest.recovered is not None and manifest.issuer
    other = _otherwise(record, manifest, signer=not restored)
    if not other and knows == "other" and not restored:
        other = ("the manifest itself, which is not the registered one",)
    return other


def _otherwise(record: StampRecord, manifest: ManifestReport, *, signer: bool) -> tuple[str, ...]:
    """What a manifest and a record say differently of one stamp, as far as the record says it."""
    said = {
        "signer": (record.signer_id if signer else None, manifest.signer_id),
        "model name": (clean(record.model_name), manifest.model_name),
        "model version": (clean(record.model_version), manifest.model_version),
        "prompt hash": (record.prompt_hash, manifest.prompt_hash),
    }
    return tuple(name for name, (ours, theirs) in said.items() if ours not in (None, theirs))


def _contradictions(record: StampRecord, original: ManifestReport | None) -> tuple[str, ...]:
    """What a record says otherwise than the registered manifest, which is signed: nobody but who
    changed the database behind the program's back makes such a record."""
    if original is None or original.status not in ("trusted", "valid"):
        return ()
    binding = original.soft_binding
    if binding is None or binding.stamp_id != record.stamp_id:
        return ("stamp id",)
    consents = () if {*record.consents} == {*original.consents} else ("consents",)
    return (*_otherwise(record, original, signer=True), *consents)


def _claims(
    found: Detection,
    manifest: ManifestReport,
    stamp_id: StampId | None,
    record: StampRecord | None,
    knows: Known | None,
) -> list[Facts]:
    """What the layers say by themselves: of the stamp, and of who signed."""
    keys = () if found.key_id is None else (found.key_id,)
    if not _intact(manifest):
        return [Facts(stamp_id, keys)]
    # The registry's row proves when the manifest that it has was there.
    known = record.created_at if record is not None and knows in ("file", "manifest") else None
    proven = manifest.proven_at or known
    signer = () if manifest.signer_id is None else (manifest.signer_id,)
    claims = [Facts(stamp_id, keys), Facts(key_ids=signer, proven_at=proven)]
    if manifest.status == "trusted":
        named = manifest.watermark_key_id
        claims.append(
            Facts(
                stamp_id,
                () if named is None else (named,),
                manifest.model_name,
                manifest.model_version,
                manifest.consents,
                proven_at=proven,
            )
        )
    return claims


def _reached_through(hit: Withdrawal, facts: Facts) -> StampId | None:
    """The ancestor that a signed list names: it has the stamps that each withdrawal hits."""
    if hit.kind != "stamp" or facts.stamp_id is None or hit.target == facts.stamp_id.hex:
        return None
    return StampId.from_hex(hit.target)


def _withdrawal(
    lists: tuple[Revocations, ...], own: list[Facts], lineage: tuple[Facts, ...]
) -> tuple[Withdrawal | None, StampId | None]:
    """The first withdrawal in force, and the ancestor that it reached the file through."""
    for facts in own:
        for known in lists:
            if (hit := known.hitting(facts)) is not None:
                return hit, _reached_through(hit, facts)
    for facts in lineage:
        for known in lists:
            if (hit := known.hitting(facts)) is not None:
                return hit, facts.stamp_id
    return None, None


def _status(record: StampRecord | None) -> RegistryStatus:
    return "no_match" if record is None else "match"


def _leads(
    registry: Registry | None, stamp_id: StampId | None, imprint: Callable[[], Fingerprint | None]
) -> tuple[Resemblance, ...]:
    """Step 5."""
    if registry is None or stamp_id is not None or (fingerprint := imprint()) is None:
        return ()
    return tuple(
        Resemblance(lead.record.stamp_id, lead.frames, lead.asked)
        for lead in leads_for(registry, fingerprint)
        if lead.frames >= LEAST_ALIKE * lead.asked
    )[:MOST_LEADS]


def _compared(
    registered: bytes | None, imprint: Callable[[], Fingerprint | None], found: Detection
) -> Likeness:
    """Step 3."""
    # OpenCV comes along, and most files are not compared with any other.
    from provenance.verifying.likeness import likeness  # noqa: PLC0415

    return likeness(registered, None if registered is None else imprint(), found)


def _reason(
    registry: Registry | None,
    record: StampRecord | None,
    stamp_id: StampId | None,
    alike: Likeness,
    leads: tuple[Resemblance, ...],
) -> str | None:
    if registry is None:
        return "no registry was asked"
    if record is not None:
        return alike.reason
    if stamp_id is not None:
        return None
    if leads:
        best = leads[0]
        return (
            f"no stamp is named; {best.frames} of {best.asked} frames look like registered stamp "
            f"{best.stamp_id} (a lead, not proof)"
        )
    return "neither layer names a stamp that could be looked up"
