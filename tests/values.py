"""What tests ask of values that may be missing."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """The value, which has to be there: its absence fails the test that asks."""
    assert value is not None
    return value
