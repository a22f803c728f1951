"""References, reasons and moments: what they may be, and how they are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from provenance.errors import UsageError
from provenance.results.serial import Form

_MAX_REFERENCE = 256
_MAX_REASON = 500


def stamp_time(moment: datetime) -> str:
    """27 characters of ISO 8601 in UTC, to the microsecond: they sort as the moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Moment = Annotated[datetime, Form(datetime, stamp_time, lambda at: at)]


def check_reference(text: Any) -> str:
    """An opaque reference of 1 to 256 printable characters.

    Raises:
        UsageError: when it is anything else.
    """
    if not isinstance(text, str) or not re.fullmatch(r"\S(.*\S)?", text) or not text.isprintable():
        raise UsageError("A reference needs 1 to 256 printable characters; give another one.")
    if len(text) > _MAX_REFERENCE:
        raise UsageError("A reference has at most 256 characters; give an id, not a text.")
    return text


def check_reviewer_id(text: Any) -> str:
    """The id of a reviewer's key: 64 hexadecimal digits.

    Raises:
        UsageError: when it is anything else.
    """
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-f]{64}", text):
        raise UsageError(
            "The id of a reviewer's key has 64 hexadecimal digits; `provenance approve` and "
            "`provenance registry show` tell it."
        )
    return text


def check_actor(text: str | None) -> str | None:
    """An opaque id of whoever does something, if one was given.

    Raises:
        UsageError: it is no reference.
    """
    return None if text is None else check_reference(text)


def check_reason(text: str) -> str:
    """A reason for a withdrawal, on one line.

    Raises:
        UsageError: when it is empty, over 500 characters or holds a control character.
    """
    reason = text.strip()
    if not reason or len(reason) > _MAX_REASON or not reason.isprintable():
        raise UsageError(f"A reason needs 1 to {_MAX_REASON} printable characters on one line.")
    return reason


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def optional_time(moment: datetime | None) -> str | None:
    """The same of a moment that may not be there."""
    return None if moment is None else stamp_time(moment)


def parse_time(text: str) -> datetime:
    """Read what :func:`stamp_time` writes.

    Raises:
        ValueError: on anything else.
    """
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return moment.replace(tzinfo=UTC)


def text_or_none(value: Any) -> str | None:
    """A text of a document, if it holds one there.

    Raises:
        ValueError: it holds something else.
    """
    if value is not None and not isinstance(value, str):
        raise ValueError("a text in it is none")
    return value
