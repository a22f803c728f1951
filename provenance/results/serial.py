"""How results become JSON and are read back: one rule for all, told by their fields.  Pure.

A :class:`Document` is a frozen dataclass.  Its fields, in their order, are the keys of its JSON
object, and no key is ever left out.  Where the two differ, marks in ``Annotated`` say how:

* ``At("model.name")``: the key stands in an object of its own, which is made at its first key; a
  number (``At("box.0")``) is a place in a list, and ``At("")`` puts the keys of a document among
  those of the one that holds it.
* ``Digits(2)``: how finely a number is written.
* ``Form(...)``: it is written as another value.
* ``HIDDEN``: it is not published, and a document that is read back has its default there.

:mod:`.schema` makes models and JSON Schemas of the same fields.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    NamedTuple,
    Self,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from provenance.results.payload import StampId

T = TypeVar("T")
HIDDEN: Final = "hidden"
Hidden = Annotated[T, HIDDEN]


@dataclass(frozen=True, slots=True)
class At:
    """Where a field stands: keys with dots between them."""

    path: str


@dataclass(frozen=True, slots=True)
class Digits:
    """Decimal places."""

    places: int


@dataclass(frozen=True, slots=True)
class Form:
    """Another value of type ``shown`` that stands for the field's, and the way back."""

    shown: Any
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


Score = Annotated[float, Digits(2)]
Decibels = Annotated[float, Digits(2)]
Degrees = Annotated[float, Digits(2)]
Seconds = Annotated[float, Digits(3)]
Share = Annotated[float, Digits(3)]
Ratio = Annotated[float, Digits(4)]


class Document:
    """Base of what is published as JSON; ``SCHEMA`` names those that stand by themselves.

    ``GROUPS`` describes the objects that ``At`` makes, by their keys.
    """

    __slots__ = ()
    SCHEMA: ClassVar[str | None] = None
    GROUPS: ClassVar[dict[str, str]] = {}

    def as_json(self) -> dict[str, Any]:
        """The shape the contract fixes; keys are never left out."""
        return write(self)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what :meth:`as_json` wrote; keys that are not known are passed over.

        Raises:
            ValueError: a key that is needed is missing, or holds what it can't.
        """
        return read(cls, data)


class Key(NamedTuple):
    """A published field of a document."""

    owner: type[Document]
    name: str
    path: tuple[str, ...]
    hint: Any
    needed: bool
    given: bool
    """Whether a document is made with it; else it follows from the others."""


def layout(kind: type[Document]) -> tuple[Key, ...]:
    """The published fields of a document, in their order."""
    known: Any = kind  # mypy takes no class for hashable
    return _layout(known)


@functools.cache
def _layout(kind: Any) -> tuple[Key, ...]:
    return tuple(_keys(kind))


def _keys(kind: type[Document]) -> Iterator[Key]:
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):  # type: ignore[arg-type]  # every document is a dataclass
        hint = hints[field.name]
        marks = bare(hint)[1]
        if HIDDEN in marks:
            continue
        at = next((mark.path for mark in marks if isinstance(mark, At)), field.name)
        needed = field.init and field.default is MISSING and field.default_factory is MISSING
        path = tuple(at.split(".")) if at else ()
        yield Key(kind, field.name, path, hint, needed, field.init)


def bare(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without ``None`` and without marks, and the marks."""
    if get_origin(hint) is Annotated:
        inner, marks = bare(hint.__origin__)
        return inner, (*marks, *hint.__metadata__)
    if get_origin(hint) in (Union, types.UnionType):
        some = [one for one in get_args(hint) if one is not type(None)]
        if len(some) == 1:
            return bare(some[0])
    return hint, ()


def form_of(hint: Any) -> tuple[Form | None, bool]:
    """How a field is written otherwise, if it is; and whether ``None`` is as it is all the same."""
    if get_origin(hint) is Annotated:
        form = next((mark for mark in hint.__metadata__ if isinstance(mark, Form)), None)
        return (form, False) if form is not None else form_of(hint.__origin__)
    if type(None) not in get_args(hint):
        return None, False
    some = [one for one in get_args(hint) if one is not type(None)]
    return form_of(some[0])[0] if len(some) == 1 else None, True


def items(hint: Any, count: int) -> tuple[Any, ...]:
    """The types of a tuple's items."""
    args = get_args(hint)
    return (args[0],) * count if args[1:] == (...,) else args


def write(document: Document) -> dict[str, Any]:
    """A document as plain values."""
    told: dict[str, Any] = {}
    if document.SCHEMA is not None:
        told["schema"] = document.SCHEMA
    for key in layout(type(document)):
        value = _written(getattr(document, key.name), key.hint)
        if not key.path:
            told.update(value)
            continue
        inside: Any = told
        for step, following in zip(key.path, key.path[1:], strict=False):
            inside = inside.setdefault(step, [] if following.isdigit() else {})
        if isinstance(inside, list):
            inside.append(value)
        else:
            inside[key.path[-1]] = value
    return told


def _written(value: Any, hint: Any) -> Any:  # noqa: PLR0911 - one return a kind of value
    form, optional = form_of(hint)
    if value is None and (optional or form is None):
        return None
    if form is not None:
        return _written(form.write(value), form.shown)
    plain, marks = bare(hint)
    if isinstance(value, Document):
        return value.as_json()
    if isinstance(value, StampId):
        return value.hex
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, tuple | list):
        return [_written(*one) for one in zip(value, items(plain, len(value)), strict=True)]
    places = next((mark.places for mark in marks if isinstance(mark, Digits)), None)
    if places is not None:
        return round(value, places)
    return str(value) if isinstance(value, str) else value  # a word, not a member of its Enum


D = TypeVar("D", bound=Document)


def read(kind: type[D], data: Any) -> D:
    """A document from plain values.

    Raises:
        ValueError: they are not what :func:`write` writes.
    """
    from provenance.results.schema import checked  # noqa: PLC0415 - pydantic is slow to import

    return _built(kind, checked(kind, data))


def _built(kind: type[D], told: dict[str, Any]) -> D:
    given = {}
    for key in layout(kind):
        if not key.given:
            continue
        value: Any = told
        for step in key.path:
            inside = value
            if isinstance(inside, dict) and step not in inside:
                break
            value = inside[int(step)] if isinstance(inside, tuple | list) else inside[step]
        else:
            given[key.name] = _read(value, key.hint)
    return kind(**given)


def _read(value: Any, hint: Any) -> Any:
    form, optional = form_of(hint)
    if value is None and (optional or form is None):
        return None
    if form is not None:
        return form.read(_read(value, form.shown))
    plain, _ = bare(hint)
    if isinstance(plain, type) and issubclass(plain, Document):
        return _built(plain, value)
    if plain is StampId:
        return StampId.from_hex(value)
    if get_origin(plain) is tuple:
        return tuple(_read(*one) for one in zip(value, items(plain, len(value)), strict=True))
    return value


def iso_time(moment: datetime) -> str:
    """ISO 8601; UTC as ``Z``."""
    return moment.isoformat().replace("+00:00", "Z")
