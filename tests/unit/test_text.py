"""Texts made safe, numbers made readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.system.text import chance, clock, listing, printable, size


@given(st.text(st.characters(codec=None), max_size=400), st.integers(10, 300))
def test_printable_text_is_one_bounded_line_without_control_characters(
    text: str, limit: int
) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    shown.encode()


def test_a_terminal_escape_is_written_out() -> None:
    assert printable("a\x1b[31mb\tc") == "a\\x1b[31mb c"


@given(st.floats(1e-290, 1.0))
def test_a_chance_is_never_stated_too_small(probability: float) -> None:
    assert float(chance(probability)) >= probability * (1 - 1e-9)
    assert float(chance(probability)) <= probability * 1.11


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (4.5, "0:04.5"), (59.96, "1:00"), (3723, "1:02:03")]
)
def test_a_position_reads_like_a_players_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_list_is_joined_like_a_sentence() -> None:
    assert [listing(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        *("", "a", "a and b", "a, b and c"),
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1234, "1.2 kB"), (150_000, "150 kB"), (4_200_000_000, "4.2 GB")],
)
def test_a_size_has_two_or_three_digits_and_a_unit(count: int, text: str) -> None:
    assert size(count) == text
