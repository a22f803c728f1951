"""What a clip was made from: the stamps in its past, and what can be withdrawn of each.

A withdrawal reaches a clip through whatever it was made from.  Of that two know: the clip's own
manifest, whose ingredients carry theirs, and the registry, which has the stamps that were in the
past of each clip when it was stamped.  Only a *trusted* manifest is believed, and of its
ingredients only the trusted: anybody can claim to have used a clip that was withdrawn.

When a manifest was there matters where a key was good up to a moment: a trusted time-stamp proves
it, or a registered store that has the very manifest in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.manifest import Trust, signature_digests
from provenance.registry import Facts, StampRecord
from provenance.results import Ancestor, ManifestReport
from provenance.results.payload import StampId

if TYPE_CHECKING:
    from provenance.registry import Registry


def lineage_of(
    manifest: ManifestReport, registry: Registry | None, record: StampRecord | None = None
) -> tuple[Facts, ...]:
    """What the clips say, nearest first, that a clip was made from.

    Args:
        manifest: the clip's.
        registry: knows more of the stamps in its past.
        record: the clip's, if it has one.

    Raises:
        RegistryError: the registry can't be asked.
    """
    clips = []
    if manifest.status == "trusted":
        clips = [clip for clip in manifest.lineage if clip.status == "trusted"]
    named = [] if manifest.soft_binding is None else [manifest.soft_binding.stamp_id]
    proofs = _proofs(registry, [*named, *(clip.stamp_id for clip in clips)])
    parents = () if record is None else record.parents
    return (*(_facts(clip, proofs) for clip in clips), *_registered(registry, parents))


def lineage_of_source(
    source: Path, sha256: str, trust: Trust, registry: Registry
) -> tuple[Facts, ...]:
    """The same of what is going to be stamped: of the clip itself, and all that it was made from.

    Args:
        source: the clip, whose manifest may be embedded or lie beside it.
        sha256: of its bytes: those of a stamped file are known without a manifest.
        trust: whose manifests are believed.
        registry: knows more of the stamps in its past.

    Raises:
        UnreadableFileError: the clip can't be read.
        RegistryError: the registry can't be asked.
    """
    from provenance.manifest import read_manifest  # noqa: PLC0415 - it brings c2pa along

    manifest = read_manifest(source, trust)
    found: list[Facts] = []
    if manifest.status == "trusted":
        binding = manifest.soft_binding
        stamp_id = None if binding is None else binding.stamp_id
        itself = Ancestor(
            manifest.status,
            stamp_id=stamp_id,
            watermark_key_id=manifest.watermark_key_id,
            signer_id=manifest.signer_id,
            signature=manifest.signature,
            model_name=manifest.model_name,
            model_version=manifest.model_version,
            consents=manifest.consents,
            proven_at=manifest.proven_at,
        )
        found.append(_facts(itself, _proofs(registry, [stamp_id])))
        found += lineage_of(manifest, registry)
    outputs = (one for one in registry.search(sha256=sha256) if one.output_sha256 == sha256)
    found += [Facts.of(record) for record in outputs]
    known = stamps_in(found)
    older = {parent for one in registry.records(known) for parent in one.parents}
    return (*found, *_registered(registry, sorted(older - {*known}, key=lambda one: one.hex)))


def with_stamp(
    lineage: tuple[Facts, ...], stamp_id: StampId, registry: Registry
) -> tuple[Facts, ...]:
    """A past with one stamp more, which the clip's picture carries, and what that was made from.

    Raises:
        RegistryError: the registry can't be asked.
    """
    older = [parent for one in registry.records([stamp_id]) for parent in one.parents]
    new = {stamp_id, *older} - {*stamps_in(lineage)}
    return (*lineage, *_registered(registry, sorted(new, key=lambda one: one.hex)))


def stamps_in(lineage: Iterable[Facts]) -> tuple[StampId, ...]:
    """The stamps in a past, each once, in order."""
    ids = {one.stamp_id for one in lineage if one.stamp_id is not None}
    return tuple(sorted(ids, key=lambda stamp_id: stamp_id.hex))


@dataclass(frozen=True, slots=True)
class _Proof:
    """A registered manifest store: when its row was there, and the signatures in it."""

    at: datetime
    signatures: frozenset[str]


def _proofs(registry: Registry | None, named: Iterable[StampId | None]) -> list[_Proof]:
    if registry is None:
        return []
    ids = {stamp_id for stamp_id in named if stamp_id is not None}
    return [
        _Proof(record.created_at, signature_digests(registry.manifest(record.stamp_id) or b""))
        for record in registry.records(ids)
    ]


def _facts(clip: Ancestor, proofs: list[_Proof]) -> Facts:
    moments = [proof.at for proof in proofs if clip.signature in proof.signatures]
    moments += [] if clip.proven_at is None else [clip.proven_at]
    return Facts(
        clip.stamp_id,
        tuple(key for key in (clip.watermark_key_id, clip.signer_id) if key is not None),
        clip.model_name,
        clip.model_version,
        clip.consents,
        proven_at=min(moments, default=None),
    )


def _registered(registry: Registry | None, ids: Iterable[StampId]) -> tuple[Facts, ...]:
    """What the registry says of stamps; of one that it does not know, the id alone."""
    wanted = tuple(ids)
    found = () if registry is None else registry.records(wanted)
    known = {record.stamp_id: replace(Facts.of(record), parents=()) for record in found}
    return tuple(known.get(stamp_id, Facts(stamp_id)) for stamp_id in wanted)
