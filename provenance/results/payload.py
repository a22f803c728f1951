"""The stamp id, the 64 bits that a watermark carries and a manifest names.

Bit layout 1: all 64 bits are drawn at random; they mean nothing by themselves, so a stamp id
tells a stranger nothing, and the registry or the manifest says what it stands for.
"""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from typing import Self

STAMP_ID_BYTES = 8
LAYOUT = 1
"""Version of the bit layout and of everything derived from the watermark key (see ADR 1)."""

SOFT_BINDING_ALG = "org.provenance-stamp.tile.1"
"""Name of this watermark in a manifest's soft-binding assertion."""


@dataclass(frozen=True, slots=True, order=True)
class StampId:
    """Eight bytes that name one stamp.

    Raises:
        ValueError: when ``raw`` is not exactly eight bytes.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != STAMP_ID_BYTES:
            raise ValueError(f"a stamp id has {STAMP_ID_BYTES} bytes, not {len(self.raw)}")

    @classmethod
    def new(cls) -> Self:
        """Draw a fresh id from the operating system's random source."""
        return cls(secrets.token_bytes(STAMP_ID_BYTES))

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read the 16 hexadecimal digits that :attr:`hex` writes.

        Raises:
            ValueError: when ``text`` is anything else.
        """
        if not re.fullmatch(r"[0-9a-fA-F]{16}", text):
            raise ValueError(f"a stamp id is 16 hexadecimal digits, not {text!r}")
        return cls(bytes.fromhex(text))

    @property
    def hex(self) -> str:
        """16 lower-case hexadecimal digits."""
        return self.raw.hex()

    @property
    def base64(self) -> str:
        """The form a C2PA soft-binding value takes."""
        return base64.b64encode(self.raw).decode("ascii")

    def __str__(self) -> str:
        return self.hex
