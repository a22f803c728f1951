"""The prompt in a generator's own tags: which text of them it is.

Four tags of a container are looked at, whatever the case of their names:

* ``prompt``: ComfyUI's graph as it ran, or plain text, which is the prompt;
* ``workflow``: ComfyUI's graph as it was drawn;
* ``parameters``: Automatic1111's text.  The prompt is what stands before the line that begins with
  ``Negative prompt:`` or, without one, ``Steps:``;
* ``comment``: JSON that holds any of these three by name, else no prompt is in it.

In a graph the prompt is the text that flows into an input called ``positive``: back along the
links to the first node with one of the inputs ``text``, ``prompt``, ``positive_prompt``,
``text_g``, ``text_l``, ``clip_l`` and ``t5xxl``, and from there to the node that holds the string,
if it is not typed in right there.  That way has to be plain: a node that makes a text out of
several is ambiguous.  A ``positive`` or ``positive_prompt`` may be a string itself.  A graph
without any has the prompt in its text encoders.  ``workflow`` counts where no ``prompt`` is there;
nodes that are muted or bypassed in it do not.

All that is found has to be one text, in the form that is hashed
(:func:`provenance.manifest.prompt.canonical_prompt`); else it is ambiguous.  Pure, and no error
holds a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from provenance.errors import PromptTagsError, UsageError
from provenance.manifest.prompt import canonical_prompt

PROMPT_TAGS: Final = ("prompt", "workflow", "parameters", "comment")
_TEXTS: Final = ("text", "prompt", "positive_prompt", "text_g", "text_l", "clip_l", "t5xxl")
_POSITIVE: Final = ("positive", "positive_prompt")
_ENCODER: Final = re.compile(r"text_?encode", re.IGNORECASE)
_SETTINGS: Final = re.compile(r"^(Negative prompt:|Steps:)", re.MULTILINE)
_MOST_NODES: Final = 10_000
_IDLE: Final = (2, 4)
"""Modes of a drawn node that is muted or bypassed."""

_Graph = dict[str, dict[str, Any]]
"""Inputs by node: a value, or ``[node, slot]`` for a link; "" holds the node's type."""


def prompt_in_tags(tags: Mapping[str, str], name: str) -> str:
    """The prompt in the tags of the clip ``name``.

    Raises:
        PromptTagsError: there is none, or more than one text could be it.
    """
    known = {tag.lower(): text for tag, text in tags.items()}
    try:
        found = {*_in_named(known), *_in_named(_json(known.get("comment")) or {})}
        texts = {canonical_prompt(text).decode() for text in found if text.strip()}
    except _Ambiguous:
        texts = {"", " "}
    except UsageError as error:  # a lone half of a character, from JSON
        raise PromptTagsError(
            f"The prompt in the tags of {name} is no valid Unicode text",
            advice="give it in a file of its own",
            settings=("prompt_file",),
        ) from error
    if len(texts) == 1:
        return texts.pop()
    if not texts:
        raise PromptTagsError(
            f"{name} holds no prompt in its tags ({', '.join(PROMPT_TAGS)})",
            advice="give it in a file of its own",
            settings=("prompt_file",),
        )
    raise PromptTagsError(
        f"The tags of {name} hold more than one text that could be the prompt",
        advice="give the right one in a file of its own",
        settings=("prompt_file",),
    )


class _Ambiguous(Exception):
    """A text that is put together out of several."""


def _in_named(values: Mapping[str, Any]) -> Iterator[str]:
    """Texts in the first three tags, each as it stands or as JSON."""
    prompt, workflow, parameters = (values.get(name) for name in PROMPT_TAGS[:3])
    graph = _json(prompt)
    if graph is not None:
        yield from _in_graph(_as_run(graph))
    elif isinstance(prompt, str):
        yield prompt
    drawn = _json(workflow)
    if drawn is not None and prompt is None:
        yield from _in_graph(_as_drawn(drawn))
    if isinstance(parameters, str) and _json(parameters) is None:
        yield _SETTINGS.split(parameters, maxsplit=1)[0]


def _json(value: Any) -> dict[str, Any] | None:
    """An object, as it is or as JSON, also as a string in JSON; None for anything else."""
    for _ in range(3):
        if not isinstance(value, str):
            break
        if value.lstrip()[:1] not in ("{", '"'):
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _as_run(graph: Mapping[str, Any]) -> _Graph:
    made: _Graph = {}
    for name, node in list(graph.items())[:_MOST_NODES]:
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict):
            made[str(name)] = {**node["inputs"], "": str(node.get("class_type", ""))}
    return made


def _as_drawn(workflow: Mapping[str, Any]) -> _Graph:
    """The same of a drawn graph, whose widgets have no names: one text alone is ``text``."""
    links, nodes = workflow.get("links"), workflow.get("nodes")
    if not isinstance(links, list) or not isinstance(nodes, list):
        return {}
    sources = {
        link[0]: [str(link[1]), link[2]]
        for link in links
        if isinstance(link, list) and len(link) >= 3 and isinstance(link[0], int | str)
    }
    made: _Graph = {}
    for node in nodes[:_MOST_NODES]:
        if not isinstance(node, dict) or node.get("mode") in _IDLE:
            continue
        inputs: dict[str, Any] = {"": str(node.get("type", ""))}
        listed = node.get("inputs")
        for slot in listed if isinstance(listed, list) else []:
            if isinstance(slot, dict) and isinstance(slot.get("link"), int | str):
                inputs[str(slot.get("name", ""))] = sources.get(slot["link"])
        widgets = node.get("widgets_values")
        listed = widgets if isinstance(widgets, list) else []
        texts = [one for one in listed if isinstance(one, str)]
        for number, text in enumerate(texts):
            inputs.setdefault("text" if len(texts) == 1 else f"widget {number}", text)
        made[str(node.get("id"))] = inputs
    return made


def _in_graph(graph: _Graph) -> Iterator[str]:
    starts = [node[name] for node in graph.values() for name in _POSITIVE if node.get(name)]
    if not starts:
        encoders = [name for name, node in graph.items() if _ENCODER.search(node[""])]
        starts = [[name, 0] for name in encoders]
    for start in starts:
        yield from _reached(graph, start)


def _reached(graph: _Graph, start: Any) -> Iterator[str]:
    """Texts that flow to an input; negative ones do not."""
    if isinstance(start, str):
        yield start
        return
    waiting, seen = [start], set()
    while waiting:
        name = _linked(waiting.pop())
        if name is None or name in seen or name not in graph:
            continue
        seen.add(name)
        node = graph[name]
        texts = [node[one] for one in _TEXTS if isinstance(node.get(one), str | list)]
        if texts:
            yield from (_followed(graph, text) for text in texts)
        elif _linked(node.get("positive")) is not None:
            waiting.append(node["positive"])
        else:
            waiting += [value for key, value in node.items() if not key.startswith("negative")]


def _followed(graph: _Graph, value: Any) -> str:
    """A text, back along the links to where it was typed in."""
    for _ in range(len(graph) + 1):
        if isinstance(value, str):
            return value
        node = graph.get(_linked(value) or "", {})
        ways = [one for key, one in node.items() if key and isinstance(one, str | list)]
        if len(ways) != 1:
            raise _Ambiguous
        value = ways[0]
    raise _Ambiguous


def _linked(value: Any) -> str | None:
    """The node that a link comes from."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], int | str):
        return str(value[0])
    return None
