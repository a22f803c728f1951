"""One row of a job list, checked against its schema and made into a job.

What is wrong is told by key, never by value: a prompt in the wrong place stays out of every log.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from provenance.batch.jobs.model import Job, Prompt, output_problem
from provenance.batch.jobs.sidecars import AT, SIDECAR_KEYS, located
from provenance.errors import UsageError
from provenance.manifest import given_prompt_hash
from provenance.manifest.prompt import canonical_prompt
from provenance.registry import check_reference
from provenance.stamping.cards import read_card
from provenance.system.storage import Place, is_url
from provenance.video.encoders import SUFFIXES, CodecName, parse_bitrate
from provenance.watermark.embed.profiles import PROFILES

PROMPTS: Final = ("prompt", "prompt_file", "prompt_hash", "prompt_from_tags")
EXCLUSIVE: Final = (
    (*PROMPTS, "prompt_at"),
    ("crf", "bitrate"),
    *((given, at) for at, given in AT.items() if given != "prompt"),
)
"""Keys that exclude each other: one in a row also sets aside another one in the defaults."""
_NO_PROMPT: Final = (
    "there is no prompt; give prompt, prompt_file, prompt_hash, prompt_from_tags or prompt_at"
)
_MAX_TEXT: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")

Problem = tuple[str | None, str]
"""The key it is about, if it is about one, and what is wrong: the rest of a sentence."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    input: str
    output: str
    model_name: str
    model_version: str
    prompt: str | None = None
    prompt_file: str | None = None
    prompt_hash: str | None = None
    prompt_from_tags: bool | None = None
    approval: str | None = None
    consents: tuple[str, ...] = ()
    profile: str | None = None
    codec: str | None = None
    crf: float | None = None
    bitrate: str | int | None = None
    preset: str | None = None
    title: str | None = None
    keep_tags: tuple[str, ...] = ()

    @field_validator("consents", "keep_tags", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("consents")
    @classmethod
    def _references(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(check_reference(one) for one in value)
        except UsageError:
            raise ValueError("should be references of 1 to 256 printable characters") from None

    @field_validator("keep_tags")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = [name.strip().lower() for name in value]
        if not all(name and name.isprintable() and len(name) <= _MAX_TEXT for name in names):
            raise ValueError("should be names of tags, printable and none empty")
        return tuple(sorted(set(names)))

    @field_validator("prompt_from_tags")
    @classmethod
    def _from_tags(cls, value: bool | None) -> bool | None:
        if value is False:
            raise ValueError("should be true, or be left out")
        return value

    @field_validator("input", "approval", "prompt_file")
    @classmethod
    def _place(cls, value: str | None) -> str | None:
        if value is not None and (not value.strip() or "\0" in value or not _is_unicode(value)):
            raise ValueError("is no path and no URL")
        try:
            return None if value is None else str(Place.of(value))
        except UsageError:
            raise ValueError(
                "should be a path, file://, s3://BUCKET/KEY or gs://BUCKET/KEY"
            ) from None

    @field_validator("prompt_file")
    @classmethod
    def _local(cls, value: str | None) -> str | None:
        if value is not None and is_url(value):
            raise ValueError("should be a path on this machine")
        return value

    @field_validator("output")
    @classmethod
    def _output(cls, value: str) -> str:
        problem = output_problem(value)
        if problem is None and Path(value).suffix.lower() not in SUFFIXES:
            problem = f"should end in {', '.join(SUFFIXES)}"
        if problem is not None:
            raise ValueError(problem)
        return posixpath.normpath(value)

    @field_validator("model_name", "model_version", "preset", "title")
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        if value is not None and not (value.strip() and value.isprintable()):
            raise ValueError("needs printable text on one line")
        if value is not None and len(value) > _MAX_TEXT:
            raise ValueError(f"is longer than {_MAX_TEXT} characters")
        return value

    @field_validator("prompt")
    @classmethod
    def _prompt(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                canonical_prompt(value)
        except UsageError:
            raise ValueError("is empty or no valid Unicode text") from None
        return value

    @field_validator("prompt_hash")
    @classmethod
    def _digest(cls, value: str | None) -> str | None:
        try:
            return None if value is None else given_prompt_hash(value).value
        except UsageError:
            raise ValueError("should be the 64 hexadecimal digits of a SHA-256") from None

    @field_validator("profile")
    @classmethod
    def _profile(cls, value: str | None) -> str | None:
        return _one_of(value, tuple(PROFILES))

    @field_validator("codec")
    @classmethod
    def _codec(cls, value: str | None) -> str | None:
        return _one_of(value, (*get_args(CodecName), "source"))

    @field_validator("crf")
    @classmethod
    def _crf(cls, value: float | None) -> float | None:
        if value is not None and not (math.isfinite(value) and 0 <= value <= 63):
            raise ValueError("should be a number from 0 to 63")
        return value

    @field_validator("bitrate")
    @classmethod
    def _bitrate(cls, value: str | int | None) -> str | int | None:
        try:
            if value is not None:
                parse_bitrate(value)
        except UsageError:
            raise ValueError("should be a bit rate from 1k to 10G, like 2M or 600k") from None
        return value


_CARD: Final = "model_card"
KEYS: Final = (*_Row.model_fields, _CARD, *SIDECAR_KEYS)
"""Every key of a job."""


def check_keys(values: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the names of keys."""
    return [unknown(key) for key in values if key not in KEYS]


def unknown(key: str) -> Problem:
    """A key that no job has; one that looks like no name is perhaps a value, and is not shown."""
    if _NAME.fullmatch(key):
        return key, f"is no key of a job; known are {', '.join(KEYS)}"
    return None, f"a key is none of a job's; known are {', '.join(KEYS)}"


def merged(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the defaults filled in; a key with null is one that was not given."""
    given = {key: value for key, value in values.items() if value is not None}
    shadowed = {key for group in EXCLUSIVE if any(k in given for k in group) for key in group}
    return {k: v for k, v in defaults.items() if k not in shadowed and v is not None} | given


def to_job(values: Mapping[str, Any], base: Path, origin: str) -> Job | list[Problem]:
    """Make a job, or say everything that is wrong with it.

    Args:
        values: by key, defaults filled in.
        base: where its relative paths start.
        origin: see :class:`Job`.
    """
    problems = check_keys(values)
    for group in EXCLUSIVE:
        given = [key for key in group if key in values]
        if len(given) > 1:
            problems.append((given[1], f"excludes {given[0]}; give one of them"))
    if not any(key in values for key in EXCLUSIVE[0]):
        problems.append((None, _NO_PROMPT))
    filled = located(values, base)
    if isinstance(filled, dict):
        filled = _carded(filled, base)
    if isinstance(filled, list):
        return problems + filled
    card = filled.pop(_CARD, None)
    known = {key: value for key, value in filled.items() if key in KEYS}
    try:
        row = _Row.model_validate(known)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True, include_input=False)
        by_key = {str(one["loc"][0]): _sentence(dict(one)) for one in details}
        return problems + list(by_key.items())
    if problems:
        return problems
    file = row.prompt_file
    return Job(
        input=_placed(row.input, base),
        output=row.output,
        model_name=row.model_name,
        model_version=row.model_version,
        prompt=Prompt(
            row.prompt,
            None if file is None else _placed(file, base),
            row.prompt_hash,
            bool(row.prompt_from_tags),
        ),
        approval=None if row.approval is None else _placed(row.approval, base),
        consents=row.consents,
        profile=row.profile,
        codec=row.codec,
        crf=row.crf,
        bitrate=None if row.bitrate is None else str(row.bitrate),
        preset=row.preset,
        title=row.title,
        keep_tags=row.keep_tags,
        model_card_sha256=card,
        origin=origin,
    )


def _carded(values: dict[str, Any], base: Path) -> dict[str, Any] | list[Problem]:
    """The same values with the model that the card names, and the card's SHA-256 as ``_CARD``."""
    path = values.get(_CARD)
    if path is None:
        return values
    if not isinstance(path, str) or not path.strip() or "\0" in path or is_url(path):
        return [(_CARD, "should be a path on this machine")]
    card = read_card(base / path)
    if isinstance(card, str):
        return [(_CARD, card)]
    model = card.model(values.get("model_name"), values.get("model_version"))
    if isinstance(model, str):
        return [(_CARD, model)]
    return values | {"model_name": model[0], "model_version": model[1], _CARD: card.sha256}


def _placed(text: str, base: Path) -> str:
    return text if is_url(text) else str(base / text)


def _one_of(value: str | None, choices: tuple[str, ...]) -> str | None:
    if value is not None and value not in choices:
        raise ValueError(f"should be one of {', '.join(choices)}")
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_KINDS: Final = {
    "missing": "is missing",
    "string_type": "should be text",
    "string_unicode": "is no valid Unicode text",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "tuple_type": "should be a list of texts",
    "int_type": "should be text or a whole number",
    "bool_type": "should be true or false",
}


def _sentence(error: dict[str, Any]) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"]).rstrip(".")
    return _KINDS.get(error["type"], "has a value of the wrong kind")


def check_defaults(values: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with defaults on their own: unknown keys, and keys that exclude each other."""
    problems = check_keys(values)
    for key in ("input", "output"):
        if key in values:
            problems.append((key, "is a job's own; it has no default"))
    return problems
