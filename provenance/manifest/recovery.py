"""A recovered manifest, attached to a copy again: as the ingredient of a new one.

The copy's bytes are not the stamped file's, so the old manifest can't simply be put back: its hash
would not hold.  A new manifest opens the old one as its parent, names the same stamp, and says that
the two were matched by the watermark, and what of the content was compared.  The specification has
two fields of the ingredient assertion for that (``softBindingsMatched``,
``softBindingAlgorithmsMatched``); the library has no way to write them, so they stand in
``org.provenance-stamp.recovery``, under their own names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.errors import RegistryError
from provenance.manifest.assertions import (
    ACTIONS,
    GENERATION,
    GENERATION_SCHEMA,
    PARENT_LABEL,
    RECOVERY,
    SOFT_BINDING,
    iso_time,
    manifest_definition,
    model_said,
    soft_binding,
)
from provenance.manifest.containers import identify
from provenance.manifest.parents import Parent
from provenance.manifest.reader import Reading, load_store, without_binding
from provenance.manifest.trust import Trust, library_settings
from provenance.results import ManifestReport
from provenance.results.payload import SOFT_BINDING_ALG, StampId


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a restored copy states: which stamp it is a copy of, and how that was found.

    Args:
        stamp_id: the id that was read from the copy's picture.
        recovered: the registry's manifest, as it validated.
        duration_ms: of the copy, milliseconds.
        title: shown by C2PA readers.
        when: now.
        compared: what was compared with what was stamped, and found to be the same.
    """

    stamp_id: StampId
    recovered: ManifestReport
    duration_ms: int
    title: str
    when: datetime
    compared: tuple[str, ...]

    def definition(self, *, mime: str, parent: dict[str, Any] | bool = False) -> dict[str, Any]:
        """As :class:`provenance.manifest.Statement` says."""
        opened = {
            "action": "c2pa.opened",
            "when": iso_time(self.when),
            "parameters": {"ingredientIds": [PARENT_LABEL]},
        }
        assertions = [
            (ACTIONS, {"allActionsIncluded": True, "actions": [opened]}),
            (SOFT_BINDING, soft_binding(self.stamp_id, self.duration_ms)),
            (GENERATION, self._generation()),
            (RECOVERY, self._recovery()),
        ]
        return manifest_definition(self.title, mime, assertions, parent)

    def _generation(self) -> dict[str, Any]:
        """What the recovered manifest says of the making, so that readers find it at once."""
        said = self.recovered
        record: dict[str, Any] = {
            "schema": GENERATION_SCHEMA,
            "stamp_id": self.stamp_id.hex,
            "provider": said.provider,
            "model": model_said(said.model_name, said.model_version, said.model_card_sha256),
            "watermark": {"alg": SOFT_BINDING_ALG, "keyId": said.watermark_key_id},
        }
        if said.prompt_hash is not None:
            prompt = said.prompt_hash
            record["prompt"] = {"alg": prompt.alg, "hash": prompt.value}
            if prompt.key_id is not None:
                record["prompt"]["keyId"] = prompt.key_id
        if said.consents:
            record["consents"] = list(said.consents)
        return record

    def _recovery(self) -> dict[str, Any]:
        return {
            "ingredient": PARENT_LABEL,
            "softBindingsMatched": True,
            "softBindingAlgorithmsMatched": [SOFT_BINDING_ALG],
            "compared": list(self.compared),
        }


def recovered_parent(store: bytes, copy: Path, trust: Trust) -> Parent:
    """The recovered store as the parent ingredient of ``copy``.

    What validation recorded of it leaves out that its hash matches no file: none was at hand.

    Raises:
        RegistryError: the store can't be read.
    """
    reading = load_store(store, library_settings(trust))
    if isinstance(reading, Reading):
        label, results = reading.data.get("active_manifest"), reading.data.get("validation_results")
        if isinstance(label, str) and isinstance(results, dict):
            mime = identify(copy).mime
            stood = without_binding(results)
            return Parent(copy, "stamped original", mime, "sidecar", store, label, stood)
    raise RegistryError("The registry's manifest of this stamp is damaged and can't be attached.")
