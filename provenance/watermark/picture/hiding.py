"""How much a place hides, as three numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hiding:
    """How much a place hides.

    Attributes:
        strength: factor over the whole mask.
        base: mask in flat areas, grey levels before ``strength``.
        shadow: share of ``base`` that black areas keep.
    """

    strength: float
    base: float
    shadow: float
