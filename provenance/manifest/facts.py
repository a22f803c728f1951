"""What a manifest store says, drawn from the library's JSON: pure, and suspicious.

Everything here was written by whoever made the file.  Types may be wrong, texts endless or full of
terminal escapes, lists absurdly long; nothing of that raises, it reads as "not said".
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provenance.manifest.assertions import AI_DISCLOSURE, GENERATION, RECOVERY, SOFT_BINDING
from provenance.results import PromptHash, SoftBinding
from provenance.results.payload import SOFT_BINDING_ALG, STAMP_ID_BYTES, StampId

MAX_TEXT = 200
"""Longest text taken over from a stranger's manifest, in characters."""

MAX_ITEMS = 100
"""Most ingredients, codes or assertions looked at of each list."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SAME_LABEL = re.compile(r"__\d+$")
_OPENING_ACTIONS = ("c2pa.created", "c2pa.edited", "c2pa.opened")
_GENERATED = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


@dataclass(frozen=True, slots=True)
class Facts:
    """The claims of one manifest; each is ``None`` where the manifest says nothing usable."""

    provider: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    model_card_sha256: str | None = None
    prompt_hash: PromptHash | None = None
    soft_binding: SoftBinding | None = None
    watermark_key_id: str | None = None
    source_type: str | None = None
    consents: tuple[str, ...] = ()
    claimed_at: datetime | None = None
    recovered: tuple[str, ...] | None = None
    reason: str | None = None


def clean(value: object, limit: int = MAX_TEXT) -> str | None:
    """Make a stranger's text safe to show: no control or formatting characters, bounded length.

    Terminal escapes, line breaks and bidirectional overrides become spaces or vanish.  Anything
    that is no text, or has nothing left, is ``None``.
    """
    if not isinstance(value, str):
        return None
    kept = []
    # Cut first, so that a text of a gigabyte costs nothing; generous, since much may vanish.
    for character in value[: 4 * limit]:
        category = unicodedata.category(character)
        if category in ("Zl", "Zp", "Zs") or character in "\t\n\r":
            kept.append(" ")
        elif category[0] != "C":
            kept.append(character)
    text = " ".join("".join(kept).split())
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text or None


def read_facts(manifest: object) -> Facts:
    """Draw the facts from one manifest of the library's JSON (``Reader.json()``)."""
    record = _first(manifest, GENERATION)
    name, version, when = _model_of_actions(manifest)
    model = _mapping(record.get("model"))
    if model:
        name, version = clean(model.get("name")) or name, clean(model.get("version")) or version
    if name is None:
        name = clean(_first(manifest, AI_DISCLOSURE).get("modelName"))
    binding, reason = _soft_binding(manifest, record)
    return Facts(
        provider=clean(record.get("provider")),
        model_name=name,
        model_version=version,
        model_card_sha256=_card(model.get("card")),
        prompt_hash=_prompt_hash(record.get("prompt")),
        soft_binding=binding,
        watermark_key_id=clean(_mapping(record.get("watermark")).get("keyId")),
        source_type=_source_type(manifest),
        consents=_texts(record.get("consents")),
        claimed_at=when,
        recovered=_recovered(manifest),
        reason=reason,
    )


def _source_type(manifest: object) -> str | None:
    """The IPTC digital source type of the action that made the file: ``digitalCapture``."""
    for item in _actions(manifest):
        source = item.get("digitalSourceType")
        if item.get("action") in _OPENING_ACTIONS and isinstance(source, str):
            return clean(source.rsplit("/", 1)[-1], 64)
    return None


def _recovered(manifest: object) -> tuple[str, ...] | None:
    """What was compared before a copy was given its credential back; None of any other file."""
    for data in assertions(manifest, RECOVERY):
        return _texts(data.get("compared"))
    return None


def _texts(listed: object) -> tuple[str, ...]:
    items = listed[:MAX_ITEMS] if isinstance(listed, list) else []
    return tuple(text for item in items if (text := clean(item, 256)) is not None)


def parse_time(value: object) -> datetime | None:
    """An ISO 8601 time as an aware one in UTC; ``None`` for anything else, or without a zone."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_stamp_id(value: object) -> StampId | None:
    """The stamp id in a soft binding's ``value``: base64 text, bytes, or a list of integers."""
    raw: bytes | None = None
    if isinstance(value, str) and len(value) <= 64:
        try:
            raw = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError):
            return None
    elif isinstance(value, bytes | bytearray):
        raw = bytes(value)
    elif isinstance(value, list) and len(value) == STAMP_ID_BYTES:
        if not all(type(item) is int and 0 <= item <= 255 for item in value):
            return None
        raw = bytes(value)
    if raw is None or len(raw) != STAMP_ID_BYTES:
        return None
    return StampId(raw)


def codes(statuses: object) -> tuple[str, ...]:
    """The distinct status codes of a list of the library's validation statuses, in order."""
    if not isinstance(statuses, list):
        return ()
    found = (clean(_mapping(status).get("code")) for status in statuses[:MAX_ITEMS])
    return tuple(dict.fromkeys(code for code in found if code))


def assertions(manifest: object, label: str) -> Iterator[dict[str, Any]]:
    """The data of every assertion with that label, its numbered repetitions included."""
    listed = _mapping(manifest).get("assertions")
    if not isinstance(listed, list):
        return
    for assertion in listed[:MAX_ITEMS]:
        entry = _mapping(assertion)
        name, data = entry.get("label"), entry.get("data")
        if isinstance(name, str) and _SAME_LABEL.sub("", name) == label and isinstance(data, dict):
            yield data


def _first(manifest: object, label: str) -> dict[str, Any]:
    return next(assertions(manifest, label), {})


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _prompt_hash(value: object) -> PromptHash | None:
    prompt = _mapping(value)
    alg, digest = clean(prompt.get("alg"), 32), clean(prompt.get("hash"))
    if alg is None or digest is None:
        return None
    return PromptHash(alg, digest, clean(prompt.get("keyId")))


def _card(value: object) -> str | None:
    """The SHA-256 of a model card."""
    card = _mapping(value)
    digest = card.get("hash")
    fits = card.get("alg") == "sha256" and isinstance(digest, str) and _SHA256.fullmatch(digest)
    return str(digest) if fits else None


def _soft_binding(
    manifest: object, record: dict[str, Any]
) -> tuple[SoftBinding | None, str | None]:
    """The soft binding, ours before any other, and what is odd about it."""
    foreign: SoftBinding | None = None
    named: set[StampId | None] = set()
    for data in assertions(manifest, SOFT_BINDING):
        alg = clean(data.get("alg"))
        if alg is None:
            continue
        if alg != SOFT_BINDING_ALG:
            foreign = foreign or SoftBinding(alg, None)
            continue
        blocks = data.get("blocks")
        values = [
            _mapping(block).get("value")
            for block in (blocks[:MAX_ITEMS] if isinstance(blocks, list) else [])
        ]
        named.update(parse_stamp_id(value) for value in values or [None])
    if not named:
        return foreign, None
    recorded = record.get("stamp_id")
    if isinstance(recorded, str):
        try:
            named.add(StampId.from_hex(recorded))
        except ValueError:
            named.add(None)
    if len(named) > 1:
        return SoftBinding(SOFT_BINDING_ALG, None), "The manifest names more than one stamp id."
    stamp_id = named.pop()
    reason = None if stamp_id else "The manifest's soft binding holds no stamp id."
    return SoftBinding(SOFT_BINDING_ALG, stamp_id), reason


def _model_of_actions(manifest: object) -> tuple[str | None, str | None, datetime | None]:
    """Model name and version, and the time, that the actions claim."""
    name = version = None
    when: datetime | None = None
    for action in _actions(manifest):
        if action.get("action") in _OPENING_ACTIONS:
            when = when or parse_time(action.get("when"))
        source = action.get("digitalSourceType")
        if name is None and isinstance(source, str) and source.endswith(_GENERATED):
            agent = action.get("softwareAgent")
            described = _mapping(agent)
            name = clean(agent) or clean(described.get("name"))
            version = clean(described.get("version"))
    return name, version, when


def _actions(manifest: object) -> Iterator[Mapping[str, Any]]:
    """The actions of a manifest, those of the newer assertion first."""
    for label in ("c2pa.actions.v2", "c2pa.actions"):
        for data in assertions(manifest, label):
            listed = data.get("actions")
            for item in listed[:MAX_ITEMS] if isinstance(listed, list) else []:
                yield _mapping(item)
