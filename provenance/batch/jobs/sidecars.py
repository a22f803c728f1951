"""A job's facts out of a JSON file beside its clip, as generators and asset systems write them.

``sidecar`` names the file: a path in which ``{clip}`` stands for the clip's path, ``{stem}`` for
the same without its suffix, and ``{name}`` for its name without folder and suffix.  ``prompt_at``,
``model_name_at`` and ``model_version_at`` say where in it the values are, by JSON Pointers (RFC
6901): ``/generation/prompt``.  What is wrong is told by key, never by value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from provenance.system.pointers import MISSING, at
from provenance.system.small import read_small
from provenance.system.storage import is_url
from provenance.system.text import printable

AT: Final = {
    "prompt_at": "prompt",
    "model_name_at": "model_name",
    "model_version_at": "model_version",
}
"""Keys that say where a value is, and the keys that would give it."""
SIDECAR_KEYS: Final = ("sidecar", *AT)

Problem = tuple[str | None, str]


def located(values: Mapping[str, Any], base: Path) -> dict[str, Any] | list[Problem]:
    """The same values with those that lie in the sidecar filled in.

    Args:
        values: of a row, by key, defaults filled in.
        base: where its relative paths start.
    """
    asked = {key: values[key] for key in AT if key in values}
    rest = {key: value for key, value in values.items() if key not in SIDECAR_KEYS}
    if not asked:  # every value was given in another way
        return rest
    if "sidecar" not in values:
        return [(key, "needs a sidecar: name the file that it leads into") for key in asked]
    name, clip = values["sidecar"], values.get("input")
    if not isinstance(clip, str) or not clip.strip() or "\0" in clip:
        return rest  # which is told of the input
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        return [("sidecar", "is no path")]
    path = _path(name, clip)
    whole = "should be a path on this machine" if is_url(path) else _read(base / path)
    if isinstance(whole, str):
        # A name that was made of the clip's is no prompt in the wrong column.
        which = f"{printable(path)} " if path != name else ""
        return [("sidecar", f"{which}{whole}")]
    problems: list[Problem] = []
    for key, pointer in asked.items():
        found = at(whole[0], pointer)
        if isinstance(found, int) and not isinstance(found, bool) and key == "model_version_at":
            found = str(found)
        if found is MISSING:
            problems.append((key, "leads to nothing in the sidecar; write it like /model/name"))
        elif not isinstance(found, str):
            problems.append((key, "leads to something else than a text in the sidecar"))
        else:
            rest[AT[key]] = found
    return problems or rest


def _path(name: str, clip: str) -> str:
    stem = clip[: len(clip) - len(Path(clip).suffix)]
    places = {"{clip}": clip, "{stem}": stem, "{name}": Path(clip).stem}
    # One pass: a clip may be called {name} itself.
    parts, rest = [], name
    while rest:
        word = next((word for word in places if rest.startswith(word)), None)
        parts.append(rest[0] if word is None else places[word])
        rest = rest[1 if word is None else len(word) :]
    return "".join(parts)


def _read(path: Path) -> tuple[Any] | str:
    """What the file holds, or what is wrong with it."""
    content = read_small(path)
    if isinstance(content, str):
        return content
    try:
        return (json.loads(content.decode("utf-8-sig")),)
    except (ValueError, RecursionError):
        return "is no JSON in UTF-8"
