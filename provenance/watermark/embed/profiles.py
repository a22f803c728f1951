"""Strength is a named profile, never loose numbers."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.watermark.picture.hiding import Hiding


@dataclass(frozen=True, slots=True)
class Profile:
    """How strongly to mark.

    Attributes:
        name: as given on the command line and recorded in the manifest.
        strength: factor over the whole mask.
        base: mask in flat areas, grey levels before ``strength`` and before ``flat_rms``.
        flat_rms: grey levels that the change of flat areas shall have, root mean square; ``base``
            is turned up or down to that, by a tenth at most.
        shadow: share of ``base`` that black areas keep.
        min_margin_db: least margin at read-back with which a file is published.
        most_strength: what texture adds may be multiplied with at most, for a clip whose margin is
            thin; flat areas stay as they are.
    """

    name: str
    strength: float
    base: float
    flat_rms: float
    shadow: float
    min_margin_db: float
    most_strength: float

    @property
    def hiding(self) -> Hiding:
        """What the mask needs to know."""
        return Hiding(self.strength, self.base, self.shadow)


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "faint",
            strength=0.75,
            base=0.77,
            flat_rms=0.6,
            shadow=0.5,
            min_margin_db=1.0,
            most_strength=1.2,
        ),
        Profile(
            "standard",
            strength=1.0,
            base=0.77,
            flat_rms=0.78,
            shadow=0.6,
            min_margin_db=2.0,
            most_strength=1.5,
        ),
        Profile(
            "strong",
            strength=1.4,
            base=0.69,
            flat_rms=1.0,
            shadow=0.7,
            min_margin_db=2.0,
            most_strength=1.5,
        ),
    )
}
DEFAULT_PROFILE = "standard"
