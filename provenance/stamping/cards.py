"""A model's name and version out of its model card, and the card's SHA-256 for the manifest.

A card is a Markdown file with YAML front matter, as on Hugging Face, a YAML file, or a JSON file.
Where in it the model is named has no one standard; :data:`_PLACES` and :data:`_ELSE` list what is
read.  Values are taken as they are written: a version of 1.10 is no number.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from provenance.errors import UsageError
from provenance.system.pointers import at
from provenance.system.small import read_small

_PLACES: Final = {
    # TensorFlow's Model Card Toolkit
    "model_details": (("/model_details/name",), ("/model_details/version/name",)),
    # CycloneDX, whose own version stands at the top
    "bomFormat": (("/metadata/component/name",), ("/metadata/component/version",)),
}
"""Where name and version are in cards that have this key."""
_ELSE: Final = (
    ("/model_name", "/model-index/0/name", "/name"),
    ("/model_version", "/version"),
)
"""Where they are in all others, Hugging Face's among them: the first that is there."""
_FRONT: Final = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a card says of its model; None where it does not."""

    sha256: str
    name: str | None
    version: str | None

    def model(self, name: str | None, version: str | None) -> tuple[str, str] | str:
        """The model's name and version, or what is wrong, in words to follow the card's name.

        Args:
            name: the model's name as it was given besides; it has to be the card's.
            version: its version, the same.
        """
        for what, said, given in (
            ("name", self.name, name),
            ("version", self.version, version),
        ):
            if said is None and given is None:
                return f"does not say the model's {what}; give it besides"
            if said is not None and given not in (None, said):
                return f"says another model {what} than was given; leave that out, or mend the card"
        return str(self.name or name), str(self.version or version)


def model_of(
    card: Path | None, name: str | None, version: str | None
) -> tuple[str, str, str | None]:
    """The model's name and version, and the card's SHA-256 where there is a card.

    Raises:
        UsageError: name and version are not told, or told in two ways that differ.
    """
    if card is None:
        if name is None or version is None:
            raise UsageError("The model's name and version are needed, or a model card with both.")
        return name, version, None
    read = read_card(card)
    found = read if isinstance(read, str) else read.model(name, version)
    if isinstance(read, str) or isinstance(found, str):
        raise UsageError(f"The model card {card} {found}.")
    return (*found, read.sha256)


def read_card(path: Path) -> ModelCard | str:
    """A card, or what is wrong with it, in words to follow its name."""
    content = read_small(path)
    if isinstance(content, str):
        return content
    return parse_card(content, path.suffix.lower())


@functools.lru_cache(maxsize=16)  # jobs of one list mostly have one card
def parse_card(content: bytes, suffix: str) -> ModelCard | str:
    """The same of its bytes; ``suffix`` (``.json``, ``.yaml``) says what they are."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "is no text in UTF-8; save it as UTF-8"
    whole = _json(text) if suffix == ".json" else _yaml(text, whole=suffix in (".yaml", ".yml"))
    if isinstance(whole, str):
        return whole
    places = next((known for key, known in _PLACES.items() if key in whole), _ELSE)
    name, version = (_first(whole, listed) for listed in places)
    return ModelCard(hashlib.sha256(content).hexdigest(), name, version)


def _json(text: str) -> dict[str, Any] | str:
    try:
        whole = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return "is no JSON"
    return whole if isinstance(whole, dict) else "should be one JSON object"


def _yaml(text: str, *, whole: bool) -> dict[str, Any] | str:
    import yaml  # noqa: PLC0415 - only cards need it

    if not whole:
        front = _FRONT.match(text)
        if front is None:
            return "has no YAML between two lines of --- at its start, and does not end in .json"
        text = front[1]
    try:
        found = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - makes texts, lists, mappings only
    except (yaml.YAMLError, RecursionError, ValueError):
        return "has front matter that is no YAML"
    return found if isinstance(found, dict) else "has front matter without keys"


def _first(whole: dict[str, Any], pointers: tuple[str, ...]) -> str | None:
    found = (at(whole, pointer) for pointer in pointers)
    return next((one.strip() for one in found if isinstance(one, str) and one.strip()), None)
