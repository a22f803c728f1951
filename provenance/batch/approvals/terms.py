"""The terms of an approval: what the stamp will say of the clip, as its reviewer saw it.

They stand in the statement as they are, so that a reviewer sees what they sign and a refusal can
name what differs; only the prompt does not.  It stands there as a hash under a *binding key*
(:mod:`provenance.batch.approvals.binding`), or, where the job itself knows no more than a SHA-256
made elsewhere, as that.  What decides how the clip is encoded is not among the terms: nobody is
told it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Self

from provenance.registry import check_reference
from provenance.results import Document, PromptHash
from provenance.results.serial import At, Form


def _only(prompts: tuple[PromptHash, ...]) -> PromptHash:
    (prompt,) = prompts
    return prompt


_ONLY: Final = Form(PromptHash, _only, lambda prompt: (prompt,))


@dataclass(frozen=True, slots=True)
class Terms(Document):
    """What an approval binds."""

    GROUPS: ClassVar = {"model": "The model that the clip was made with."}

    model_name: Annotated[str, At("model.name")]
    """Its name."""
    model_version: Annotated[str, At("model.version")]
    """Its version."""
    prompts: Annotated[tuple[PromptHash, ...], At("prompt"), _ONLY]
    """Hash of the prompt, under a binding key or as given.  Of a job these are all that an approval
    may name it by; a statement has one, and can't be made of more."""
    consents: tuple[str, ...]
    """Opaque references to consents: sorted, each once."""
    digital_source_type: str
    """The IPTC term for how the clip was made."""
    provider: str | None
    """As set for the run; null for the stamping keys' organisation."""
    profile: str
    """The mark's strength; how many approvals are needed may hang on it."""
    title: str
    """As it will be shown, the output's file name where no other is given."""
    keep_tags: tuple[str, ...]
    """Names of tags that go along: sorted, each once."""

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what :meth:`as_json` writes.

        Raises:
            ValueError, KeyError, TypeError: on anything else.
        """
        if set(data) != _KEYS or set(data["model"]) != {"name", "version"}:
            raise ValueError("these are no terms")
        if set(data["prompt"]) != {"alg", "value", "key_id"}:
            raise ValueError("this is no prompt's hash")
        hashed, key = data["prompt"], data["prompt"]["key_id"]
        prompt = PromptHash(
            _text(hashed["alg"]), _text(hashed["value"]), None if key is None else _text(key)
        )
        provider = data["provider"]
        return cls(
            _text(data["model"]["name"]),
            _text(data["model"]["version"]),
            (prompt,),
            tuple(sorted({check_reference(one) for one in _items(data["consents"])})),
            _text(data["digital_source_type"]),
            None if provider is None else _text(provider),
            _text(data["profile"]),
            _text(data["title"]),
            tuple(sorted({_text(one) for one in _items(data["keep_tags"])})),
        )

    def differing(self, approved: Terms) -> tuple[str, ...]:
        """In what these terms of a job differ from those that were approved, in words."""
        pairs = {
            "model name": (self.model_name, approved.model_name),
            "model version": (self.model_version, approved.model_version),
            "consents": (self.consents, approved.consents),
            "digital source type": (self.digital_source_type, approved.digital_source_type),
            "provider": (self.provider, approved.provider),
            "profile": (self.profile, approved.profile),
            "title": (self.title, approved.title),
            "tags kept": (self.keep_tags, approved.keep_tags),
        }
        other = [name for name, (ours, theirs) in pairs.items() if ours != theirs]
        if not set(self.prompts) & set(approved.prompts):
            other.append(self._other_prompt(approved))
        return tuple(other)

    def _other_prompt(self, approved: Terms) -> str:
        (named,) = approved.prompts
        held = {prompt.key_id for prompt in self.prompts}
        if named.key_id in held or None in held:  # a given hash needs no key
            return "prompt"
        return f"prompt (under binding key {named.key_id}, which is not held here)"


_KEYS: Final = {
    "model",
    "prompt",
    "consents",
    "digital_source_type",
    "provider",
    "profile",
    "title",
    "keep_tags",
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text in it is none")
    return value


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list in it is none")
    return value
