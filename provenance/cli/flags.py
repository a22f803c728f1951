"""What the library advises, with the flags that it takes on a command line.

The library says what would put a matter right and names the settings for it
(:attr:`~provenance.errors.ProvenanceError.settings`); that a setting is a flag is known here alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from provenance.errors import ProvenanceError


def flag(setting: str) -> str:
    """``--min-margin`` of ``min_margin``."""
    return f"--{setting.replace('_', '-')}"


def worded(error: ProvenanceError) -> str:
    """The error's sentence, with the flags behind its advice."""
    return with_flags(str(error), error.settings)


def with_flags(sentence: str, settings: Sequence[str]) -> str:
    """A sentence that advises to set something, with the flags behind it."""
    if not settings:
        return sentence
    return f"{sentence.removesuffix('.')} ({', '.join(map(flag, settings))})."
