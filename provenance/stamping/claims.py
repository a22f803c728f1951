"""What a stamp says of a clip, and how it is made; both are checked where they are used."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from provenance.keyring import Keyring
from provenance.manifest import (
    DEFAULT_DIGITAL_SOURCE_TYPE,
    PromptTrace,
    hash_prompt,
    trace_prompt,
)
from provenance.registry import Asked
from provenance.results import PromptHash
from provenance.stamping.cards import model_of
from provenance.system.given import path_of
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
        prompt_hashes: further hashes of the same prompt, as with keys that were rotated; they are
            not kept, and tell whether the clip was stamped before.
        model_card_sha256: of the model card that says more of the model; it stands in the manifest.
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
    prompt_hashes: tuple[PromptHash, ...] = field(default=(), repr=False)
    model_card_sha256: str | None = None

    @classmethod
    def of(
        cls,
        keyring: Keyring,
        *,
        model_name: str | None = None,
        model_version: str | None = None,
        prompt: str,
        model_card: str | os.PathLike[str] | None = None,
        provider: str | None = None,
        title: str | None = None,
    ) -> Self:
        """Claims with the prompt's keyed hash, and its trace; the prompt itself is not kept.

        Args:
            keyring: whose prompt key hashes the prompt.
            model_name: the generating model; may be left out where the card says it.
            model_version: its version, the same.
            prompt: the prompt.
            model_card: path of a model card: Markdown or YAML as on Hugging Face, or JSON.
            provider: see above.
            title: see above.

        Raises:
            KeyringError: the keyring has no prompt key.
            UsageError: the card can't be used, or the model is not told, or told in two ways.
        """
        card = None if model_card is None else path_of(model_card)
        name, version, card_sha256 = model_of(card, model_name, model_version)
        return cls(
            name,
            version,
            hash_prompt(prompt, keyring.prompt_key),
            provider=provider,
            title=title,
            prompt_trace=trace_prompt(prompt, keyring.prompt_key),
            prompt_hashes=hashes_of(prompt, keyring),
            model_card_sha256=card_sha256,
        )

    def asked(self, input_sha256: str, target: Path, organisation: str) -> Asked:
        """By what it is told whether a clip was stamped as this before.

        Args:
            input_sha256: of the clip.
            target: the file that it becomes.
            organisation: of the keyring.
        """
        return Asked(
            input_sha256,
            Path(os.path.abspath(target)),
            organisation if self.provider is None else self.provider,
            self.model_name,
            self.model_version,
            (self.prompt_hash, *self.prompt_hashes),
            self.consents,
        )


def hashes_of(prompt: str, keyring: Keyring) -> tuple[PromptHash, ...]:
    """Every hash under which a prompt may be on record.

    Raises:
        KeyringError: the keyring has no prompt key.
    """
    return tuple(hash_prompt(prompt, key) for key in (*keyring.prompt_keys, None))


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is refused unless somebody asks for it.

    Attributes:
        overwrite: to replace an existing target.
        restamp: to mark a clip that carries a stamp of ours.
        again: to stamp a clip that was stamped before as the same; the reason, which is recorded.
    """

    overwrite: bool = False
    restamp: bool = False
    again: str | None = None


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
