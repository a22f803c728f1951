"""What a manifest of ours says, as plain dictionaries: no I/O, no signature, nothing of c2pa.

The model stands in the first action's ``softwareAgent`` and in ``c2pa.ai-disclosure``; what no
standard assertion has a field for (the prompt's hash, the provider, the watermark's key id) stands
in ``org.provenance-stamp.generation``.  Names of people, prompts and consent texts never go in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from provenance.errors import UsageError
from provenance.results import PromptHash
from provenance.results.payload import LAYOUT, SOFT_BINDING_ALG, StampId
from provenance.system.version import DISTRIBUTION, software_version

GENERATOR = DISTRIBUTION
SPEC_VERSION = "2.4.0"

ACTIONS = "c2pa.actions.v2"
SOFT_BINDING = "c2pa.soft-binding"
AI_DISCLOSURE = "c2pa.ai-disclosure"
TRAINING_MINING = "cawg.training-mining"
GENERATION = "org.provenance-stamp.generation"
GENERATION_SCHEMA = 1
RECOVERY = "org.provenance-stamp.recovery"
"""Says that a copy was given its credential back, and what was compared before."""

PARENT_LABEL = "parent"
"""The name under which actions refer to the parent ingredient while the manifest is built."""

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"

DIGITAL_SOURCE_TYPES: dict[str, str] = {
    name: _SOURCE_TYPES + name
    for name in (
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "algorithmicallyEnhanced",
        "algorithmicMedia",
    )
}
"""How the clip came to be, in the IPTC's words:

* ``trainedAlgorithmicMedia``: made by a generative model (the default);
* ``compositeWithTrainedAlgorithmicMedia``: a recording edited with a generative model;
* ``compositeSynthetic``: put together of parts of which some are synthetic;
* ``algorithmicallyEnhanced``: a recording changed by an algorithm that was not trained;
* ``algorithmicMedia``: made by an algorithm that was not trained.
"""
DEFAULT_DIGITAL_SOURCE_TYPE = "trainedAlgorithmicMedia"

_MAX_TEXT = 256


class Statement(Protocol):
    """What a manifest states, whoever made the file and however."""

    def definition(self, *, mime: str, parent: dict[str, Any] | bool = False) -> dict[str, Any]:
        """The manifest definition that :func:`provenance.manifest.attach` signs.

        Args:
            mime: media type of the file to be signed.
            parent: ``True`` when the input was signed and becomes the parent ingredient, or the
                ingredient's own definition when it is not read from a stream.
        """


@dataclass(frozen=True, slots=True)
class Generation:
    """The facts about one clip that its manifest states.

    Args:
        stamp_id: what the watermark carries.
        watermark_key_id: id of the key the watermark was made with.
        provider: the organisation that made the clip.
        model_name, model_version: the generating model.
        prompt_hash: from :func:`provenance.manifest.prompt.hash_prompt`.
        duration_ms: length of the marked video, milliseconds.
        title: shown by C2PA readers; most often the output's file name.
        created_at: when the clip was made, or else stamped; needs a time zone.
        digital_source_type: a key of :data:`DIGITAL_SOURCE_TYPES`.
        model_type: C2PA asset type of the model, ``c2pa.types.model`` or one below it.
        model_identifier: a package URL or another identifier of the model, if there is one.
        approval: opaque reference to the approval that let the clip be stamped.
        consents: opaque references to the consents that it needed.
        model_card_sha256: SHA-256 of the model card, 64 hexadecimal digits.

    Raises:
        UsageError: when a text is empty, over 256 characters or holds a control character, the
            source type is unknown, the duration negative or the time without a zone.
    """

    stamp_id: StampId
    watermark_key_id: str
    provider: str
    model_name: str
    model_version: str
    prompt_hash: PromptHash
    duration_ms: int
    title: str
    created_at: datetime
    digital_source_type: str = DEFAULT_DIGITAL_SOURCE_TYPE
    model_type: str = "c2pa.types.model"
    model_identifier: str | None = None
    approval: str | None = None
    consents: tuple[str, ...] = ()
    model_card_sha256: str | None = None

    def __post_init__(self) -> None:
        texts = {
            "watermark key id": self.watermark_key_id,
            "provider": self.provider,
            "model name": self.model_name,
            "model version": self.model_version,
            "title": self.title,
            "model type": self.model_type,
        }
        if self.model_identifier is not None:
            texts["model identifier"] = self.model_identifier
        if self.approval is not None:
            texts["approval reference"] = self.approval
        named = [*texts.items(), *(("consent reference", text) for text in self.consents)]
        for name, text in named:
            if not text.strip() or len(text) > _MAX_TEXT or not text.isprintable():
                raise UsageError(
                    f"The {name} needs 1 to {_MAX_TEXT} printable characters; give another one."
                )
        if self.digital_source_type not in DIGITAL_SOURCE_TYPES:
            raise UsageError(
                f"{self.digital_source_type!r} is no digital source type; choose one of "
                f"{', '.join(DIGITAL_SOURCE_TYPES)}."
            )
        card = self.model_card_sha256
        if card is not None and not re.fullmatch(r"[0-9a-f]{64}", card):
            raise UsageError("The SHA-256 of a model card has 64 hexadecimal digits; give its own.")
        if self.duration_ms < 0:
            raise UsageError("The duration of a clip can't be negative.")
        if self.created_at.tzinfo is None:
            raise UsageError("The time a clip was made needs a time zone.")

    def definition(self, *, mime: str, parent: dict[str, Any] | bool = False) -> dict[str, Any]:
        """As :class:`Statement` says; with a parent, the first action opens it."""
        assertions = [
            (ACTIONS, actions(self, has_parent=bool(parent))),
            (SOFT_BINDING, soft_binding(self.stamp_id, self.duration_ms)),
            (AI_DISCLOSURE, ai_disclosure(self)),
            (GENERATION, generation_record(self)),
            (TRAINING_MINING, training_mining()),
        ]
        return manifest_definition(self.title, mime, assertions, parent)


def manifest_definition(
    title: str,
    mime: str,
    assertions: list[tuple[str, dict[str, Any]]],
    parent: dict[str, Any] | bool,
) -> dict[str, Any]:
    """Put a manifest's definition together of its assertions, by label."""
    definition: dict[str, Any] = {
        "claim_generator_info": [
            {"name": GENERATOR, "version": software_version(), "specVersion": SPEC_VERSION}
        ],
        "title": title,
        "format": mime,
        "assertions": [_created(label, data) for label, data in assertions],
    }
    if isinstance(parent, dict):
        definition["ingredients"] = [parent]
    return definition


def actions(generation: Generation, *, has_parent: bool = False) -> dict[str, Any]:
    """``c2pa.actions.v2``: created by the model and marked; or opened, edited and marked."""
    when = iso_time(generation.created_at)
    model = {"name": generation.model_name, "version": generation.model_version}
    ours = {"name": GENERATOR, "version": software_version()}
    source_type = DIGITAL_SOURCE_TYPES[generation.digital_source_type]
    by_model = {"when": when, "digitalSourceType": source_type, "softwareAgent": model}
    listed: list[dict[str, Any]]
    if has_parent:
        # A fresh c2pa.created would throw away the history that the input brings along.
        listed = [
            {
                "action": "c2pa.opened",
                "when": when,
                "parameters": {"ingredientIds": [PARENT_LABEL]},
            },
            {"action": "c2pa.edited", **by_model},
            {
                "action": "c2pa.transcoded",
                "when": when,
                "softwareAgent": ours,
                "parameters": {"ingredientIds": [PARENT_LABEL]},
            },
        ]
    else:
        listed = [{"action": "c2pa.created", **by_model}]
    listed.append({"action": "c2pa.watermarked.bound", "when": when, "softwareAgent": ours})
    return {"allActionsIncluded": True, "actions": listed}


def soft_binding(stamp_id: StampId, duration_ms: int) -> dict[str, Any]:
    """``c2pa.soft-binding``: the watermark's algorithm and the stamp id, as base64 text."""
    scope = {"timespan": {"start": 0, "end": duration_ms}}
    return {
        "alg": SOFT_BINDING_ALG,
        "name": "invisible frame watermark",
        "blocks": [{"scope": scope, "value": stamp_id.base64}],
    }


def ai_disclosure(generation: Generation) -> dict[str, Any]:
    """``c2pa.ai-disclosure``: which model made the clip."""
    disclosure = {
        "modelType": generation.model_type,
        "modelName": f"{generation.model_name} {generation.model_version}",
    }
    if generation.model_identifier is not None:
        disclosure["modelIdentifier"] = generation.model_identifier
    return disclosure


def generation_record(generation: Generation) -> dict[str, Any]:
    """``org.provenance-stamp.generation``: what no standard assertion has a field for."""
    prompt = {"alg": generation.prompt_hash.alg, "hash": generation.prompt_hash.value}
    if generation.prompt_hash.key_id is not None:
        prompt["keyId"] = generation.prompt_hash.key_id
    references: dict[str, Any] = {}
    if generation.approval is not None:
        references["approval"] = generation.approval
    if generation.consents:
        references["consents"] = list(generation.consents)
    return {
        "schema": GENERATION_SCHEMA,
        "stamp_id": generation.stamp_id.hex,
        "provider": generation.provider,
        "model": model_said(
            generation.model_name, generation.model_version, generation.model_card_sha256
        ),
        "prompt": prompt,
        "watermark": {
            "alg": SOFT_BINDING_ALG,
            "keyId": generation.watermark_key_id,
            "layout": LAYOUT,
        },
        **references,
    }


def model_said(name: str | None, version: str | None, card_sha256: str | None) -> dict[str, Any]:
    """The model; its card by its hash alone, since C2PA has a place for files with addresses only.

    The hash has the words of C2PA's own (``alg``, ``hash``).
    """
    model: dict[str, Any] = {"name": name, "version": version}
    if card_sha256 is not None:
        model["card"] = {"alg": "sha256", "hash": card_sha256}
    return model


def training_mining() -> dict[str, Any]:
    """``cawg.training-mining``: the clip is not offered for training generative models."""
    return {"entries": {"cawg.ai_generative_training": {"use": "notAllowed"}}}


def _created(label: str, data: dict[str, Any]) -> dict[str, Any]:
    # Without this the library files an assertion under "gathered": not vouched for by the signer.
    return {"label": label, "created": True, "data": data}


def iso_time(moment: datetime) -> str:
    """A time as manifests write it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
