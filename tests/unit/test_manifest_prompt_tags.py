"""Which text of a generator's tags is the prompt, and when it is refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from provenance.errors import PromptTagsError
from provenance.manifest import prompt_in_tags
from tests.values import present

CAT = "a cat on a skateboard\ngolden hour"


def sampler(positive: Any = ("6", 0), negative: Any = ("7", 0)) -> dict[str, Any]:
    inputs = {"seed": 7, "sampler_name": "euler", "model": ["4", 0], "latent_image": ["5", 0]}
    inputs |= {"positive": list(positive), "negative": list(negative)}
    return {"class_type": "KSampler", "inputs": inputs}


def encoder(text: Any, kind: str = "CLIPTextEncode", name: str = "text") -> dict[str, Any]:
    return {"class_type": kind, "inputs": {name: text, "clip": ["4", 1]}}


GRAPH: dict[str, Any] = {
    "3": sampler(),
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "wan.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512}},
    "6": encoder(CAT),
    "7": encoder("blurry, low quality"),
    "9": {"class_type": "VHS_VideoCombine", "inputs": {"images": ["3", 0], "prefix": "out"}},
}
DRAWN: dict[str, Any] = {
    "nodes": [
        {
            "id": 3,
            "type": "KSampler",
            "inputs": [{"name": "positive", "link": 1}, {"name": "negative", "link": 2}],
            "widgets_values": [7, "randomize", 20, 8, "euler", "normal", 1],
        },
        {"id": 6, "type": "CLIPTextEncode", "inputs": [], "widgets_values": [CAT]},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["blurry"]},
        {"id": 8, "type": "Note", "widgets_values": ["try another seed"]},
    ],
    "links": [[1, 6, 0, 3, 0, "CONDITIONING"], [2, 7, 0, 3, 1, "CONDITIONING"]],
}
PARAMETERS = f"{CAT}\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Seed: 7"


def graph(**nodes: Any) -> dict[str, str]:
    return {"prompt": json.dumps(GRAPH | {name.removeprefix("n"): n for name, n in nodes.items()})}


TAGS: dict[str, dict[str, str]] = {
    "ComfyUI": graph(),
    "in capitals, as in mkv": {"PROMPT": json.dumps(GRAPH)},
    "drawn": {"workflow": json.dumps(DRAWN)},
    "both": {"prompt": json.dumps(GRAPH), "workflow": json.dumps(DRAWN)},
    "comment": {"comment": json.dumps({"prompt": GRAPH, "workflow": DRAWN})},
    "comment, JSON in JSON": {"comment": json.dumps({"prompt": json.dumps(GRAPH)})},
    "plain": {"prompt": CAT},
    "parameters": {"parameters": PARAMETERS},
    "without a negative one": {"parameters": f"{CAT}\nSteps: 20, Seed: 7"},
    "comment with parameters": {"comment": json.dumps({"parameters": PARAMETERS})},
    "text from another node": graph(
        n6=encoder(["11", 0]), n11={"class_type": "PrimitiveString", "inputs": {"value": CAT}}
    ),
    "through a node between": graph(
        n3=sampler(positive=("10", 0), negative=("10", 1)),
        n10={
            "class_type": "WanImageToVideo",
            "inputs": {"positive": ["6", 0], "negative": ["7", 0], "vae": ["4", 2]},
        },
    ),
    "typed in where it is used": {
        "prompt": json.dumps(
            {
                "1": {
                    "class_type": "WanTextEncode",
                    "inputs": {"positive_prompt": CAT, "t5": ["2", 0]},
                }
            }
        )
    },
    "only one encoder": {"prompt": json.dumps({"6": encoder(CAT, "CogVideoTextEncode", "prompt")})},
    "said twice": graph() | {"parameters": PARAMETERS},
    "with white space around": {"prompt": f"  {CAT}\r\n"},
}


@pytest.mark.parametrize("name", TAGS)
def test_the_prompt_is_the_text_that_made_the_clip(name: str) -> None:
    assert present(prompt_in_tags(TAGS[name], "a.mp4")).replace("\r\n", "\n").strip() == CAT


NONE = {
    "no tags": {},
    "other tags": {"title": CAT, "comment": CAT, "artist": "somebody"},
    "a comment that is other JSON": {"comment": json.dumps({"text": CAT})},
    "nothing in it": {"prompt": "   "},
    "a graph without text": {"prompt": json.dumps({"4": GRAPH["4"]})},
    "a drawn graph that is muted": {
        "workflow": json.dumps(DRAWN | {"nodes": [one | {"mode": 4} for one in DRAWN["nodes"]]})
    },
}
MANY = {
    "two samplers": graph(n13=sampler(positive=("16", 0)), n16=encoder("a dog in the rain")),
    "two programs": graph() | {"parameters": "a dog\nSteps: 20"},
    "two encoders and no sampler": {
        "prompt": json.dumps({"6": encoder(CAT), "7": encoder("blurry")})
    },
    "put together": graph(
        n6=encoder(["11", 0]),
        n11={"class_type": "Concat", "inputs": {"string_a": ["12", 0], "string_b": "dusk"}},
        n12={"class_type": "PrimitiveString", "inputs": {"value": CAT}},
    ),
    "in a circle": graph(
        n6=encoder(["11", 0]), n11={"class_type": "X", "inputs": {"a": ["11", 0]}}
    ),
    "links to nowhere": graph(n6=encoder(["99", 0])),
}


@pytest.mark.parametrize("name", NONE)
def test_tags_without_a_prompt_are_refused_in_a_sentence_that_says_what_to_do(name: str) -> None:
    with pytest.raises(
        PromptTagsError, match=r"a\.mp4 holds no prompt in its tags .*in a file of its own"
    ):
        prompt_in_tags(NONE[name], "a.mp4")


@pytest.mark.parametrize("name", MANY)
def test_texts_that_might_all_be_the_prompt_are_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(PromptTagsError, match="more than one text") as caught:
        prompt_in_tags(MANY[name], "a.mp4")
    assert "cat" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("{", '{"a":', '"' * 9, "[" * 99_999, '{"nodes": 1, "links": 2}', "{}", '{"1": []}'),
        *('{"1": {"inputs": {"positive": {}}}}', '{"1": {"inputs": {"positive": [[], 0]}}}'),
        '{"nodes": [1, {"id": {}, "inputs": [1, {"link": []}]}], "links": [1, [], [[], 1, 2]]}',
        '{"1": {"inputs": {"positive": "\\ud800"}}}',
    ],
)
@pytest.mark.parametrize("tag", ["workflow", "comment", "prompt"])
def test_tags_of_any_shape_give_a_prompt_or_one_sentence(tag: str, text: str) -> None:
    with contextlib.suppress(PromptTagsError):
        assert prompt_in_tags({tag: text}, "a.mp4").strip()
