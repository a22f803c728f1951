"""A prompt is found in what is published, however it is written there, and without its text."""

from __future__ import annotations

import json

import pytest

from provenance.manifest import PromptKey, holds_prompt, trace_prompt

KEY = PromptKey("k1", b"s" * 32)
PROMPT = "A cat, on a skateboard; golden hour -- 35mm film, über-soft\nlight"


def finds(prompt: str, text: str) -> bool:
    return holds_prompt(text, trace_prompt(prompt, KEY), KEY)


@pytest.mark.parametrize(
    "text",
    [
        PROMPT,
        PROMPT.upper(),
        "Title: " + " ".join(PROMPT.split()),
        PROMPT.replace(" ", "\u00a0\u2003\n\t"),
        json.dumps({"text": PROMPT}),
        json.dumps({"prompt": json.dumps({"6": {"text": PROMPT}})}),
        json.dumps(json.dumps(json.dumps(PROMPT))),
        "A_cat-on-a-skateboard_golden_hour_35mm_film_über-soft_light_00001.mp4",
        PROMPT.replace("ü", "u\u0308"),
        "\uff21 cat on a skateboard golden hour",  # a full-width letter
    ],
)
def test_a_prompt_is_found_whatever_its_case_white_space_punctuation_and_escapes(text: str) -> None:
    assert finds(PROMPT, text)


def test_six_words_of_a_prompt_in_a_row_give_it_away_and_five_do_not() -> None:
    assert finds(PROMPT, "user_a_cat_on_a_skateboard_golden_8f3a.mp4")
    assert finds(PROMPT, "soft light and hour 35mm film über soft light")
    assert not finds(PROMPT, "a cat on a skateboard")
    assert not finds(PROMPT, "light soft über film 35mm hour golden skateboard a on cat a")


@pytest.mark.parametrize("text", ["cat", " Cat! ", "title: cat", '{"text": "cat"}', "a\ncat\nb"])
def test_a_short_prompt_is_found_where_it_is_the_whole_of_something(text: str) -> None:
    assert finds("cat", text)


@pytest.mark.parametrize("text", ["My cat film", "concatenate", "cats", "category: dog", ""])
def test_a_short_prompt_is_no_find_within_other_words(text: str) -> None:
    assert not finds("cat", text)


def test_words_of_scripts_without_spaces_are_found_too() -> None:
    assert finds("一只猫在滑板上", "标题 一只猫在滑板上 日落")
    assert finds("แมวบนสเก็ตบอร์ด", "วิดีโอแมวบนสเก็ตบอร์ดตอนเย็น")
    assert not finds("一只猫在滑板上", "一只狗在滑板上")


def test_a_prompt_of_symbols_alone_is_found() -> None:
    assert finds("🐈🛹", "🐈 🛹")
    assert finds("🐈🛹", json.dumps("🐈🛹"))
    assert not finds("🐈🛹", "a cat")


def test_a_character_in_two_escapes_is_one() -> None:
    assert finds(
        "\U00020bb7野家 is a place to eat late", json.dumps("\U00020bb7野家 is a place to eat late")
    )


def test_a_trace_shows_nothing_of_the_prompt_and_needs_its_key() -> None:
    trace = trace_prompt(PROMPT, KEY)
    assert "skateboard" not in repr(trace)
    assert trace.runs.isdisjoint(trace_prompt(PROMPT, PromptKey("k1", b"t" * 32)).runs)
    with pytest.raises(ValueError, match="another prompt key"):
        holds_prompt(PROMPT, trace, PromptKey("k2", b"s" * 32))


def test_a_long_prompt_is_traced_in_bounded_room() -> None:
    trace = trace_prompt(" ".join(str(n) for n in range(100_000)), KEY)
    assert len(trace.runs) < 20_000
    assert holds_prompt("12 13 14 15 16 17", trace, KEY)
