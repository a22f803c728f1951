"""Models and JSON Schemas of documents, made of the same fields as their JSON.  Pure.

Nothing here is written by hand for a document: what :func:`.serial.layout` tells of its fields is
turned into a pydantic model, which checks what is read and draws the schema.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, Strict, create_model
from pydantic.json_schema import JsonSchemaValue

from provenance.results.payload import StampId
from provenance.results.serial import Document, Key, bare, form_of, layout

Describe = Callable[[type[Document], str], str | None]
"""Says in a sentence what a field of a document is."""
_STAMP_ID = Annotated[str, Strict(), Field(pattern="^[0-9a-fA-F]{16}$")]


class _Base(BaseModel):
    """Keys may be added; those that are there are never left out."""

    model_config = ConfigDict(extra="allow", json_schema_serialization_defaults_required=True)


def checked(kind: type[Document], data: Any) -> dict[str, Any]:
    """The values of a document, of the right types; keys that were not given stay away.

    Raises:
        ValueError: they are not what the document holds.
    """
    model = _model(kind, None)
    return model.model_validate(data).model_dump(by_alias=True, exclude_unset=True)


def schema(kind: type[Document], describe: Describe) -> JsonSchemaValue:
    """The JSON Schema of a document; every key that the program writes is required."""
    made = _model(kind, describe).model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_plain(made)}


def _model(kind: type[Document], describe: Describe | None) -> type[BaseModel]:
    known: Any = kind  # mypy takes no class for hashable
    return _cached(known, describe)


@functools.cache
def _cached(kind: Any, describe: Describe | None) -> type[BaseModel]:
    made = _of_tree(kind.__name__, kind, _tree(kind), describe)
    made.__doc__ = (kind.__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")
    return made


def _tree(kind: type[Document]) -> dict[str, Any]:
    """Keys of the JSON object: fields, and the objects that ``At`` makes."""
    tree: dict[str, Any] = {}
    for key in layout(kind):
        if not key.path:
            tree |= _tree(bare(key.hint)[0])
            continue
        inside = tree
        for step in key.path[:-1]:
            inside = inside.setdefault(step, {})
        inside[key.path[-1]] = key
    return tree


def _first(tree: dict[str, Any]) -> Key:
    """A field of a group, whose document describes the group."""
    node = next(iter(tree.values()))
    return node if isinstance(node, Key) else _first(node)


def _of_tree(
    name: str, kind: type[Document], tree: dict[str, Any], describe: Describe | None
) -> type[BaseModel]:
    made: dict[str, Any] = {}
    if kind.SCHEMA is not None and name == kind.__name__:
        said = Field(alias="schema", description="Name and version of this shape.")
        made["schema_"] = (Literal[kind.SCHEMA], said)
    for step, node in tree.items():
        if isinstance(node, Key):
            told = None if describe is None else describe(node.owner, node.name)
            hint, default = _shown(node.hint, describe), ... if node.needed else None
            made[f"{step}_"] = (hint, Field(default, alias=step, description=told))
            continue
        said = Field(..., alias=step, description=_first(node).owner.GROUPS.get(step))
        if all(key.isdigit() for key in node):
            hint = tuple[tuple(_shown(one.hint, describe) for one in node.values())]  # type: ignore[misc]
        else:
            hint = _of_tree(f"{name}_{step}", kind, node, describe)
        made[f"{step}_"] = (hint, said)
    return create_model(name, __base__=_Base, **made)


def _shown(hint: Any, describe: Describe | None) -> Any:
    """The type of a field's JSON value."""
    form, optional = form_of(hint)
    plain, _ = bare(hint)
    shown = plain
    if form is not None:
        shown = _shown(form.shown, describe)
    elif plain is StampId:
        shown = _STAMP_ID
    elif plain in (bool, int, float, str):
        shown = Annotated[plain, Strict()]
    elif isinstance(plain, type) and issubclass(plain, Document):
        shown = _model(plain, describe)
    elif get_origin(plain) is tuple:
        inner = (one if one is ... else _shown(one, describe) for one in get_args(plain))
        shown = tuple[tuple(inner)]  # type: ignore[misc]
    return shown | None if optional else shown


def _plain(node: Any) -> Any:
    """A schema without titles, which repeat the keys, and without defaults, which nobody reads."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key not in ("title", "default")}
    named = ("properties", "$defs")
    return {
        key: {name: _plain(one) for name, one in value.items()} if key in named else _plain(value)
        for key, value in kept.items()
    }
