"""What a stamp says of a clip, and how it is made; both are checked where they are used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from provenance.keyring import Keyring
from provenance.manifest import (
    DEFAULT_DIGITAL_SOURCE_TYPE,
    PromptTrace,
    hash_prompt,
    trace_prompt,
)
from provenance.results import PromptHash
from provenance.video import EncoderOptions
from provenance.watermark.embed.profiles import DEFAULT_PROFILE


@dataclass(frozen=True, slots=True)
class Claims:
    """What the manifest, and the registry, are to say of one clip.

    Attributes:
        model_name: the generating model.
        model_version: its version.
        prompt_hash: from :func:`provenance.hash_prompt`.
        provider: who made the clip; default: the keyring's organisation.
        title: shown by C2PA readers; default: the target's file name.
        digital_source_type: a name of :data:`provenance.manifest.DIGITAL_SOURCE_TYPES`.
        approval: opaque reference to the approval that let the clip be stamped.
        approvers: ids of the keys with which reviewers approved it; they go into the registry
            only.  Withdrawing one later withdraws the stamp.
        consents: opaque references to the consents that the clip needed.
        prompt_trace: from :func:`provenance.trace_prompt`; the prompt is then looked for in all
            that would be published, and none of it may hold it.
    """

    model_name: str
    model_version: str
    prompt_hash: PromptHash
    provider: str | None = None
    title: str | None = None
    digital_source_type: str = DEFAULT_DIGITAL_SOURCE_TYPE
    approval: str | None = None
    approvers: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    prompt_trace: PromptTrace | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        keyring: Keyring,
        *,
        model_name: str,
        model_version: str,
        prompt: str,
        provider: str | None = None,
        title: str | None = None,
    ) -> Self:
        """Claims with the prompt's keyed hash, and its trace; the prompt itself is not kept.

        Raises:
            KeyringError: the keyring has no prompt key.
        """
        return cls(
            model_name,
            model_version,
            hash_prompt(prompt, keyring.prompt_key),
            provider=provider,
            title=title,
            prompt_trace=trace_prompt(prompt, keyring.prompt_key),
        )


@dataclass(frozen=True, slots=True)
class How:
    """How clips are marked, encoded and signed.

    Attributes:
        profile: "faint", "standard" or "strong".
        encoder: how to encode; default: H.264, CRF 18.
        tsa_url: an RFC 3161 timestamp authority.
        min_margin_db: least margin, dB, after a simulated copy at 360 lines and H.264 CRF 30; a
            clip that stays below it at any strength of the profile is refused.
        keep_tags: names of tags to carry over besides those that :mod:`provenance.video.tags`
            lists; "cover", "data" and "attachment" stand for whole tracks.
    """

    profile: str = DEFAULT_PROFILE
    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    tsa_url: str | None = None
    min_margin_db: float | None = None
    keep_tags: tuple[str, ...] = ()
