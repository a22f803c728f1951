"""What the desk's page shows of a finding: its history, its frames, when there are reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest

from provenance import Keyring
from provenance.report.filed import Circumstances, Filed, sheet
from provenance.results import (
    Detection,
    FileFacts,
    Ingredient,
    ManifestReport,
    Segment,
    Transform,
    VerificationReport,
)
from provenance.service.examinations import Examination, Found, State
from provenance.service.reports import Reports
from provenance.service.shown import Finding, finding
from provenance.service.texts import catalogue
from provenance.verifying.summary import summary
from provenance.verifying.verdict import Case, decide
from provenance.video import Still
from tests.unit.findings import MATCH, NO_MANIFEST, found, manifest

THEN = datetime(2026, 11, 22, tzinfo=UTC)
PARENT = Ingredient("Anna's take.mp4", "invalid")


def report(
    watermark: Detection, said: ManifestReport = NO_MANIFEST, **changes: Any
) -> VerificationReport:
    case = Case(watermark, said, MATCH)
    decision = decide(case)
    file = FileFacts("clip.mp4", "ab" * 32, 1000, "video", 4.0)
    told = summary(case, decision)
    made = VerificationReport(
        file, decision.verdict, told, watermark, said, MATCH, cause=decision.cause
    )
    return replace(made, **changes)


def examined(told: VerificationReport, state: State = "done") -> Examination:
    found = Found(filed=Filed.of(told, Circumstances((), ()), THEN)).model_dump_json()
    return Examination("key", "clip.mp4", 1000, state, THEN, found=found)


def shown(told: VerificationReport, language: str = "en") -> Finding:
    one = finding(examined(told), catalogue()[language])
    assert one is not None
    return one


def test_the_history_of_a_signed_file_is_a_tree_without_titles_that_may_name_persons() -> None:
    history = shown(report(found(), manifest(ingredients=(PARENT,), signed_at=THEN))).history
    assert history is not None
    assert history.told == ("This file.", "It was signed on 2026-11-22 00:00:00 UTC.")
    assert [one.told for one in history.made_from] == [
        ("Made from another file, whose credential is broken.",)
    ]
    assert "Anna" not in str(history)


def test_of_a_copy_without_its_manifest_the_stamped_clip_is_what_was_signed() -> None:
    lent = manifest(source="registry", ingredients=(PARENT,), signed_at=THEN)
    history = shown(report(found(), lent)).history
    assert history is not None
    assert history.told == ("This file.",)
    (stamped,) = history.made_from
    assert stamped.told[0] == "A copy of the clip that was stamped."
    assert len(stamped.made_from) == 1


def test_a_trusted_manifest_says_how_the_picture_was_made_in_the_language_of_the_page() -> None:
    said = manifest(digital_source_type="trainedAlgorithmicMedia")
    assert shown(report(found(), said), "fr").declared == "un modèle génératif"
    assert shown(report(found(), manifest("valid", digital_source_type="print"))).declared is None
    assert shown(report(found(), manifest(digital_source_type="newTerm"))).declared == "newTerm"


SEEN = found(segments=(Segment(0.0, 4.0, "marked", 9.0),))
FULL = ((0.0, 0.0), (640.0, 0.0), (640.0, 360.0), (0.0, 360.0))


def lying(corners: tuple[tuple[float, float], ...], **changes: Any) -> VerificationReport:
    fields: dict[str, Any] = {"scale": 1.0, "rotation_deg": 0.0, "mirrored": False, "aspect": 1.0}
    return report(replace(SEEN, outline=corners, transform=Transform(**(fields | changes))))


def test_a_turned_picture_is_laid_back_upright_with_its_corners_where_they_were() -> None:
    """Its upper left corner is red in the shown frame, wherever that lies."""
    rgb = np.zeros((360, 640, 3), np.uint8)
    rgb[200:360, 480:640] = (250, 0, 0)
    turned = (FULL[2], FULL[3], FULL[0], FULL[1])
    (frame,) = sheet(lying(turned, rotation_deg=180.0), [Still(rgb, 1.0, 640, 360)])
    assert frame.as_stamped is not None
    laid = cv2.imdecode(np.frombuffer(frame.as_stamped, np.uint8), cv2.IMREAD_COLOR)
    assert laid is not None
    assert laid.shape == (270, 480, 3)
    assert laid[5, 5, 2] > 200 > laid[265, 475, 2]


@pytest.mark.parametrize("corners", [FULL, tuple((x + 4.0, y) for x, y in FULL)])
def test_a_picture_that_lies_as_it_was_stamped_is_not_laid_back(
    corners: tuple[tuple[float, float], ...],
) -> None:
    (frame,) = sheet(lying(corners), [Still(np.zeros((360, 640, 3), np.uint8), 1.0, 640, 360)])
    assert frame.as_stamped is None


def test_there_is_a_report_once_the_last_look_has_ended_and_somebody_can_sign_it(
    keyring: Keyring,
) -> None:
    told, reports = report(found()), Reports(keyring.signer)
    assert reports.forms(examined(told)) == ("html", "pdf", "json")
    early: tuple[State, ...] = ("waiting", "normal", "refused", "failed", "cancelled")
    assert {reports.forms(examined(told, state)) for state in early} == {()}
    assert Reports(None).forms(examined(told)) == ()
