"""The desk's page without a server: its words in every language, its files, what it lets in."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources

import pytest

from provenance.report.caveats import caveats
from provenance.results import FileFacts, Verdict, VerificationReport
from provenance.service.guards import address_of
from provenance.service.texts import accepted, catalogue, chosen
from provenance.system.tongue import retold, say, speaking
from provenance.verifying.steps import next_step
from provenance.verifying.summary import said_again, summary
from provenance.verifying.verdict import Case, decide
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import said
from bench.sentences import SITUATIONS

FOLDER = resources.files("provenance.service")
PAGES = [one for one in FOLDER.joinpath("templates").iterdir() if one.name.endswith(".html")]
STATIC = list(FOLDER.joinpath("static").iterdir())
ENGLISH = catalogue()["en"]
OTHERS = [code for code in catalogue() if code != "en"]
_TRIPLES = re.compile(r"(?=\b([a-z]+ [a-z]+ [a-z]+)\b)")


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_says_everything_and_keeps_what_is_filled_in(code: str) -> None:
    texts = catalogue()[code]
    assert set(texts.own) | {"result.sha256"} == set(ENGLISH.words)
    assert set(texts.tongue.texts) == set(said.texts())
    pairs = [(ENGLISH[key], text) for key, text in texts.own.items()]
    pairs += [*texts.tongue.texts.items(), *texts.tongue.reasons.items()]
    assert [pair for pair in pairs if said.places(pair[0]) != said.places(pair[1])] == []


def test_a_text_that_comes_put_together_is_one_that_the_program_makes() -> None:
    """Of errors, the sentence and the advice are two texts; a language has all or none of them."""
    made = [one for one in said.assembled() if re.search(r"[a-z] [a-z]|^[a-z]+$", one)]
    patterns = [re.compile(re.escape(one).replace(r"\{\}", ".+")) for one in made]
    listed = [set(catalogue()[code].tongue.reasons) for code in OTHERS]
    assert all(one == listed[0] for one in listed)
    for reason in listed[0]:
        whole = said.bare(reason)
        parts = [whole] if _made(whole, patterns) else whole.rstrip(".").split("; ")
        assert all(_made(part, patterns) for part in parts), reason


def _made(text: str, patterns: list[re.Pattern[str]]) -> bool:
    return any(one.fullmatch(text) for one in patterns)


def reports() -> Iterator[VerificationReport]:
    """One of each situation in docs/verdicts.md."""
    for _, watermark, manifest, registry in SITUATIONS:
        case = Case(watermark, manifest, registry)
        decision = decide(case)
        other = decision.otherwise
        yield VerificationReport(
            FileFacts("clip.mp4", None, None, "video"),
            decision.verdict,
            summary(case, decision),
            watermark,
            manifest,
            registry,
            cause=decision.cause,
            otherwise=None if other is None else (other.verdict, other.cause),
        )


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_of_a_finding_is_in_the_language_of_the_page(code: str) -> None:
    """No three English words in a row are left, but for what others wrote."""
    others = re.compile("signing key stolen|the registry can't be reached")
    for report in reports():
        english = others.sub("", report.summary)
        with speaking(catalogue()[code].tongue):
            sentence = others.sub("", said_again(report))
            rest = [say(next_step(report)), *caveats(report)]
        assert not set(_TRIPLES.findall(english)) & set(_TRIPLES.findall(sentence)), sentence
        assert not set(rest) & {next_step(report), *caveats(report)}


def test_a_sentence_said_again_in_english_is_the_same_one() -> None:
    for report in reports():
        assert said_again(report) == report.summary
        assert said_again(replace(report, otherwise=None)) == report.summary


def test_outside_of_a_page_english_is_spoken() -> None:
    with speaking(catalogue()["de"].tongue):
        assert say("Nothing.") == "Nichts."
        assert say("Never seen.") == "Never seen."
        assert retold("other sound in 0:01-0:02") == "anderer Ton in 0:01-0:02"
        assert retold("the film {was} lost") == "the film {was} lost"
    assert say("Nothing.") == "Nothing."
    assert retold("no registry was asked") == "no registry was asked"


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
        ("it, en;q=0.4, de;q=0.6", "de"),
        ("ja-JP, en;q=0.4", "ja"),
        ("it", "en"),
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
