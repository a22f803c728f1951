"""The desk's page without a server: its words in every language, its files, what it lets in."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from provenance.report import caveats
from provenance.results import Verdict
from provenance.service.guards import address_of
from provenance.service.texts import Texts, accepted, catalogue, chosen
from provenance.verifying import steps

FOLDER = resources.files("provenance.service")
PAGES = [one for one in FOLDER.joinpath("templates").iterdir() if one.name.endswith(".html")]
STATIC = list(FOLDER.joinpath("static").iterdir())
ENGLISH = catalogue()["en"]
OTHERS = [code for code in catalogue() if code != "en"]
_BRACES = re.compile(r"\{\w+\}")


def steps_of(texts: Texts) -> set[str]:
    return {key.partition(".")[2] for key in texts.words if key.startswith("sentences.")}


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_has_no_key_that_english_lacks_and_keeps_what_is_filled_in(code: str) -> None:
    for key, text in catalogue()[code].words.items():
        if key.startswith("sentences."):
            continue
        assert key in ENGLISH.words
        assert set(_BRACES.findall(text)) == set(_BRACES.findall(ENGLISH[key])), key


def test_german_says_everything_and_every_sentence_that_tells_what_to_do() -> None:
    german = catalogue()["de"]
    same = [key for key in ENGLISH.words if german[key] == ENGLISH[key]]
    assert same == ["result.sha256"]
    said = {*steps.NEXT_STEPS.values(), steps.UNASKED_STEP, steps.DIFFERS_STEP}
    said |= {steps.CAPTURED_STEP, steps.QUICK_STEP}
    assert said <= steps_of(german)


def test_a_sentence_that_nobody_translated_is_said_in_english_and_says_so() -> None:
    assert catalogue()["de"].sentence("Nothing.") == ("Nichts.", "de")
    assert catalogue()["de"].sentence("Never seen.") == ("Never seen.", "en")


def test_translated_sentences_are_those_that_the_program_says() -> None:
    own = {
        one for module in (steps, caveats) for one in vars(module).values() if isinstance(one, str)
    }
    own |= set(steps.NEXT_STEPS.values())
    for code in OTHERS:
        assert steps_of(catalogue()[code]) <= own


def test_every_verdict_has_a_heading_in_every_language() -> None:
    for texts in catalogue().values():
        assert all(texts[f"verdict.{verdict}"] for verdict in Verdict)


def test_every_text_that_a_page_asks_for_is_there() -> None:
    for page in PAGES:
        for key in re.findall(r"t(?:\.say\(|\[)'([\w.]+)'[\])]", page.read_text(encoding="utf-8")):
            assert key in ENGLISH.words, f"{page.name}: {key}"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT, en;q=0.5", "de"),
        ("fr, en;q=0.4, de;q=0.6", "de"),
        ("fr", "en"),
        ("", "en"),
        ("de;q=much", "en"),
    ],
)
def test_the_language_is_the_dearest_one_that_there_is(header: str, language: str) -> None:
    assert chosen(accepted(header)).language == language


def test_pages_name_no_other_place_and_weigh_little() -> None:
    text = [one.read_text(encoding="utf-8") for one in (*PAGES, *STATIC)]
    for one in text:
        assert set(re.findall(r"(?:https?:)?//[\w.]+", one)) <= {"http://www.w3.org"}
        assert not re.search(r"\son\w+=|\sstyle=|javascript:", one)
    assert sum(len(one.encode()) for one in text) < 60_000


class _Request:
    """As much of a request as an address needs."""

    def __init__(self, host: str) -> None:
        self.client = type("Client", (), {"host": host})


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_who_asks_is_an_address_or_a_household(host: str, counted: str) -> None:
    assert address_of(_Request(host)) == counted  # type: ignore[arg-type]  # it asks for no more
