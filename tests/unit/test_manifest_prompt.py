"""Prompt hashes: keyed by default, over one canonical form."""

import hashlib
import hmac

import pytest

from provenance.errors import UsageError
from provenance.manifest import PromptKey, given_prompt_hash, hash_prompt, prompt_matches

KEY = PromptKey("p1", b"k" * 32)


def test_a_prompt_is_hashed_with_hmac_under_the_key() -> None:
    found = hash_prompt("a cat", KEY)
    assert found.alg == "hmac-sha256"
    assert found.key_id == "p1"
    assert found.value == hmac.new(KEY.secret, b"a cat", hashlib.sha256).hexdigest()


def test_without_a_key_a_prompt_is_hashed_with_plain_sha256() -> None:
    found = hash_prompt("a cat", None)
    assert (found.alg, found.key_id) == ("sha256", None)
    assert found.value == hashlib.sha256(b"a cat").hexdigest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        ("a cat\n", "  a cat"),
    ],
)
def test_one_prompt_written_in_two_ways_has_one_hash(one: str, other: str) -> None:
    assert hash_prompt(one, KEY) == hash_prompt(other, KEY)


@pytest.mark.parametrize("text", ["", "  \n", "\ud800"])
def test_a_prompt_that_is_empty_or_no_unicode_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        hash_prompt(text, KEY)


def test_a_given_hash_is_taken_over_as_sha256_in_lower_case() -> None:
    assert given_prompt_hash("AB" * 32).as_json() == {
        "alg": "sha256",
        "value": "ab" * 32,
        "key_id": None,
    }


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "ab" * 33])
def test_a_given_hash_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        given_prompt_hash(text)


def test_a_prompt_is_recognised_by_its_hash_with_the_right_key_only() -> None:
    keyed = hash_prompt("a cat", KEY)
    assert prompt_matches("a cat\n", keyed, KEY)
    assert not prompt_matches("a dog", keyed, KEY)
    assert not prompt_matches("a cat", keyed, None)
    assert not prompt_matches("a cat", keyed, PromptKey("p1", b"x" * 32))
    assert not prompt_matches("a cat", keyed, PromptKey("p2", KEY.secret))
    assert prompt_matches("a cat", hash_prompt("a cat", None), None)


def test_a_prompt_key_never_shows_its_secret() -> None:
    assert "kkk" not in repr(KEY)


def test_a_prompt_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32"):
        PromptKey("p", b"short")
