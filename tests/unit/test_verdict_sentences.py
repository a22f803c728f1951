"""What is said of a verdict: in plain words, with what it rests on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.results import (
    Coverage,
    Detection,
    Ingredient,
    ManifestReport,
    MissingArea,
    Other,
    PictureMap,
    RegistryReport,
    Verdict,
)
from provenance.results.reports import FileKind
from provenance.verifying import verdict as steps
from provenance.verifying.summary import NOT_SHOWN, UNHEARD
from provenance.verifying.summary import summary as said
from provenance.verifying.verdict import Case
from tests.unit.findings import (
    ABSENT,
    ALIKE,
    MATCH,
    NO_MANIFEST,
    NOT_LOOKED,
    PARTIAL,
    RECOVERED,
    UNASKED,
    WEAK,
    A,
    B,
    decide,
    found,
    manifest,
    registered,
)


def test_a_withdrawn_stamp_is_revoked_and_the_summary_says_what_it_would_have_been() -> None:
    revocation = {"date": "2026-12-01", "reason": "Consent withdrawn."}
    registry = registered(revocation=revocation, knows="manifest")
    verdict, summary = decide(found(), manifest(), registry)
    assert verdict is Verdict.REVOKED
    assert summary.startswith("Withdrawn on 2026-12-01: Consent withdrawn. Otherwise: CONFIRMED. ")


CONFIRMED = "Stamped by Example Studio as ExampleVideoModel 3.2.1 on 2026-11-22; both layers agree."
LISTED = replace(UNASKED, listed_at=datetime(2026, 11, 27, tzinfo=UTC))


@pytest.mark.parametrize(
    ("registry", "rest"),
    [
        (registered(knows="manifest"), "The registry has this very manifest."),
        (registered(knows="file"), "The registry has these very bytes."),
        (UNASKED, "No registry was asked, so whether it was withdrawn is not known."),
        (LISTED, "No registry was asked; a signed list of 2026-11-27 does not withdraw it."),
        (
            registered("no_match", record=None),
            "The registry that was asked has no such stamp, so whether it was withdrawn is not "
            "known.",
        ),
    ],
)
def test_confirmed_says_what_it_rests_on_and_names_the_proven_signer(
    registry: RegistryReport, rest: str
) -> None:
    """The certificate's name, not the provider that the manifest claims."""
    assert decide(found(), manifest(), registry)[1] == f"{CONFIRMED} {rest}"


def test_confirmed_tells_of_an_ingredient_that_had_failed() -> None:
    broken = Ingredient("take1.mp4", "invalid", ("assertion.bmffHash.mismatch",))
    verdict, summary = decide(found(), manifest(ingredients=(broken,)))
    assert verdict is Verdict.CONFIRMED
    assert "had failed validation already (take1.mp4)" in summary


def test_a_trusted_signer_of_another_house_speaks_about_a_stamp() -> None:
    summary = decide(found(), manifest(signer="Partner Org", issuer=False))[1]
    assert "Partner Org" in summary
    assert "speaks about a stamp of somebody else's" in summary


def test_a_difference_between_manifest_and_record_is_named() -> None:
    summary = decide(found(), manifest(), registered(differs=("signer", "model name")))[1]
    assert "differs in signer and model name" in summary


def test_a_restored_copy_says_by_whom_when_and_after_what() -> None:
    summary = decide(found(), manifest(recovered=RECOVERED), MATCH)[1]
    assert summary.startswith(
        "This is a copy that was given its credential back, signed by Example Studio on "
        "2026-11-22, after comparing picture and sound; it is not the stamped file."
    )


def test_a_withdrawal_that_came_through_an_ancestor_names_it() -> None:
    revocation = {"date": "2026-12-01", "reason": "Consent withdrawn."}
    summary = decide(found(), manifest(), registered(revocation=revocation, through=B))[1]
    assert f"That is stamp {B}, from which this clip was made." in summary


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "alike (41 frames over 100 % of it, in squares of about 2 %), in its order, at its"),
        ({"order": "reversed"}, "played backwards"),
        ({"order": "shuffled"}, "in another order"),
        ({"speed": 2.0}, "at 2 times its speed"),
        ({"seconds": (5.0, 3.0)}, "3.0 s long where 5.0 s were stamped"),
        ({"sound": "differs"}, "the sound is not the stamped clip's"),
        ({"sound": "not_compared", "sound_reason": "none was registered"}, "none was registered"),
        ({"picture": "not_compared", "picture_reason": "all is flat"}, "compared (all is flat)"),
    ],
)
def test_a_match_says_what_was_compared_and_what_came_of_it(
    changes: dict[str, Any], words: str
) -> None:
    registry = registered(compared=replace(ALIKE, **changes))
    verdict, summary = decide(found(), NO_MANIFEST, registry)
    assert verdict is Verdict.WATERMARK_MATCH
    assert words in summary


def test_a_conflict_names_both_stamps_and_asks_to_escalate() -> None:
    summary = decide(found(B), manifest())[1]
    assert summary.startswith("The layers disagree (")
    assert A.hex in summary
    assert B.hex in summary
    assert summary.endswith("Possible splice, copied mark or re-stamp. Escalate.")


def test_an_expired_certificate_is_not_called_a_changed_file() -> None:
    expired = manifest("invalid", failures=("signingCredential.expired",))
    summary = decide(found(), expired)[1]
    assert "signingCredential.expired" in summary
    assert "changed" not in summary
    changed = manifest("invalid", failures=("assertion.bmffHash.mismatch",))
    assert decide(found(), changed)[1] == (
        "The file changed after signing. Its claims are leads, not evidence. "
        f"Watermark {A} was read."
    )


def lacking(area: MissingArea, **changes: Any) -> Detection:
    picture = PictureMap(1, 1, ("missing",), (0.0,), (9.0,), (-9.0,), (area,))
    return found(status="partial", picture=picture, **changes)


@pytest.mark.parametrize(
    ("area", "words"),
    [
        (MissingArea(0.15, 0.1, 0.1, 0.4, 0.5), "an area of 15 % at the upper left"),
        (MissingArea(0.2, 0.0, 0.8, 1.0, 1.0), "an area of 20 % at the bottom"),
        (MissingArea(0.3, 0.7, 0.2, 1.0, 0.8), "an area of 30 % at the right"),
        (MissingArea(0.1, 0.3, 0.3, 0.6, 0.6), "an area of 10 % in the middle"),
    ],
)
def test_partial_names_the_area_that_lacks_the_mark(area: MissingArea, words: str) -> None:
    """A missing area is told by its share and its place, beside the time when both are partial."""
    assert decide(lacking(area), NO_MANIFEST)[1] == (
        f"Mark found only outside {words}. The stamp is {A}. {UNHEARD}"
    )
    both = lacking(area, segments=PARTIAL.segments)
    expected = f"Mark found only in 0:00-0:04, and there only outside {words}. "
    assert decide(both, NO_MANIFEST)[1].startswith(expected)


SMALL = PictureMap(1, 1, ("marked",), outline=((0.5, 0.6), (0.9, 0.6), (0.9, 1.0), (0.5, 1.0)))


def test_a_picture_in_a_picture_is_told_with_its_place() -> None:
    """Whether bars or pictures surround it, or others are in the picture too."""
    barred = found(picture=SMALL)
    place = "an area of 16 % at the lower right"
    verdict, summary = decide(barred, NO_MANIFEST, MATCH)
    assert verdict == Verdict.WATERMARK_MATCH
    assert f"The stamped picture is {place}; the rest carries no mark of ours." in summary
    verdict, summary = decide(replace(barred, status="partial"), NO_MANIFEST, MATCH)
    assert verdict == Verdict.PARTIAL
    assert summary.startswith(
        f"Mark found only in {place}; the rest of the picture carries no mark of ours. "
        f"The stamp is {A}: ExampleVideoModel 3.2.1, 2026-11-22."
    )
    verdict, summary = decide(found(), NO_MANIFEST, MATCH, others=(Other(found(B, picture=SMALL)),))
    assert verdict == Verdict.PARTIAL
    assert f"Stamp {B} is in it too, in {place}" in summary


def test_a_claim_that_a_camera_captured_it_is_named_as_a_contradiction() -> None:
    signed = manifest(soft_binding=None, model_name=None, digital_source_type="digitalCapture")
    verdict, summary = decide(found(), signed, MATCH)
    assert verdict == Verdict.WATERMARK_MATCH
    assert "says that a camera captured it; but the picture carries a generator's mark" in summary
    generated = replace(signed, digital_source_type="trainedAlgorithmicMedia")
    assert "camera" not in decide(found(), generated, MATCH)[1]


def test_an_unknown_signer_who_says_a_camera_captured_it_is_contradicted() -> None:
    """Only where a mark was read, and without a word of what else that signer claims."""
    signed = manifest("valid", soft_binding=None, digital_source_type="digitalCapture")
    verdict, summary = decide(found(), signed, MATCH)
    assert verdict is Verdict.SIGNER_UNTRUSTED
    assert summary.endswith("a camera captured it; a generator's mark contradicts that.")
    assert "camera" not in decide(ABSENT, signed, MATCH)[1]


def test_a_trailer_is_named_as_what_changed_the_file() -> None:
    trailer = "42 bytes lie behind its end; all before them is as it was signed."
    grown = manifest("invalid", failures=("assertion.bmffHash.mismatch",), reason=trailer)
    assert decide(found(), grown, MATCH)[1].startswith(
        f"The file changed after signing: {trailer} Its claims are leads, not evidence."
    )


def test_a_still_image_is_not_said_to_have_a_sound() -> None:
    registry = registered(compared=replace(ALIKE, sound="not_compared"))
    for status in ("found", "partial"):
        summary = decide(found(status=status), NO_MANIFEST, registry, kind="image")[1]
        assert "Compared with what was stamped: the picture is alike" in summary
        assert "sound" not in summary


def test_a_part_of_the_picture_says_what_was_compared_of_it() -> None:
    """A splice does not: order, speed and length say nothing of a piece."""
    compared = "Compared with what was stamped: the picture is alike"
    registry = registered(compared=replace(ALIKE, sound="differs"))
    inset = decide(found(status="partial", picture=SMALL), NO_MANIFEST, registry)[1]
    assert compared in inset
    assert inset.endswith("the sound is not the stamped clip's.")
    assert compared not in decide(PARTIAL, NO_MANIFEST, registry)[1]


def test_nothing_found_says_how_much_was_looked_at() -> None:
    case = Case(ABSENT, NO_MANIFEST, coverage=Coverage("normal", 240, 1.0, 2.04))
    summary = said(case, steps.decide(case))
    assert summary == (
        f"None of our marks was found in 240 frames, no more than 2.0 s apart. {NOT_SHOWN}"
    )


def test_an_intact_credential_speaks_for_the_sound_as_well() -> None:
    assert UNHEARD not in decide(PARTIAL, manifest())[1]
    assert UNHEARD in decide(PARTIAL, NO_MANIFEST)[1]
    assert UNHEARD not in decide(PARTIAL, NO_MANIFEST, kind="image")[1]


def test_partial_names_the_marked_time_with_neighbours_joined() -> None:
    assert decide(PARTIAL, NO_MANIFEST)[1] == (
        f"Mark found only in 0:00-0:04. The stamp is {A}. {UNHEARD}"
    )


def test_a_registry_match_names_record_and_chance() -> None:
    assert decide(found(), NO_MANIFEST, MATCH)[1] == (
        f"Credential missing. Watermark {A} matches the registry: ExampleVideoModel 3.2.1, "
        "2026-11-22. Chance of this on an unmarked video: at most 1e-12. Compared with what was "
        "stamped: the picture could not be compared (no reason given); the sound was not compared "
        "(no reason given)."
    )


def test_what_was_not_checked_is_named_with_its_reason() -> None:
    summary = decide(ABSENT, ManifestReport("not_checked", reason="The container is unknown."))[1]
    assert summary == ("Not checked: manifest (The container is unknown). Nothing else was found.")


def test_claims_of_an_untrusted_manifest_are_not_repeated() -> None:
    for status in ("valid", "invalid", "not_checked"):
        signed = manifest(status, signer="Trust Me Ltd", model_name="Sly", soft_binding=None)
        for watermark in (found(), ABSENT, PARTIAL, WEAK, NOT_LOOKED):
            summary = decide(watermark, signed)[1]
            assert "Trust Me" not in summary
            assert "Sly" not in summary


def test_texts_from_outside_cannot_steer_a_terminal() -> None:
    summary = decide(found(), manifest(signer="Evil\x1b[2J\nStudio\u202e"))[1]
    assert "\x1b" not in summary
    assert "\n" not in summary
    assert "\u202e" not in summary


def test_a_quick_look_says_what_it_did_not_try() -> None:
    kinds: tuple[tuple[FileKind, float], ...] = (("video", 0.2), ("image", 0.0))
    for kind, gap in kinds:
        looked = Coverage("quick", 40, 1.0, gap)
        case = Case(ABSENT, NO_MANIFEST, kind=kind, coverage=looked)
        summary = said(case, steps.decide(case))
        assert "in a quick look, which tries no cropped, turned or filmed picture." in summary
