"""Where a value is in JSON, by a JSON Pointer (RFC 6901): ``/takes/0/prompt``."""

from __future__ import annotations

from typing import Any, Final

MISSING: Final = object()
"""What a pointer leads to that leads to nothing."""


def at(value: Any, pointer: Any) -> Any:
    """What a pointer leads to; :data:`MISSING` where that is nothing, or it is no pointer."""
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        return MISSING
    for raw in pointer[1:].split("/"):
        key = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key, MISSING)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value
