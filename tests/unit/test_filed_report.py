"""Filed reports: what outsiders read, what markup in names and manifests does, what is drawn."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pypdf
import pytest

from provenance.report.caveats import caveats
from provenance.report.filed import Circumstances, Filed, moments
from provenance.report.filed.document import Anchor
from provenance.report.filed.figures import Box, Frame, Overlay, Shape, lanes, overlay, sheet
from provenance.report.filed.page import Page
from provenance.report.filed.paper import as_pdf
from provenance.report.filed.web import as_html
from provenance.results import (
    Coverage,
    FileFacts,
    Gap,
    Ingredient,
    ManifestReport,
    PictureMap,
    RegistryReport,
    Segment,
    Transform,
    Verdict,
    VerificationReport,
)
from provenance.verifying.summary import summary
from provenance.verifying.verdict import Case, decide
from provenance.video import Still
from tests.integration.test_markup_in_manifests import NASTY
from tests.unit.findings import ABSENT, A, found, manifest

WHEN = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECRETS = ("approval-1", "consent-1", "reviewer-anna", "Anna Person", "holiday of Bert", "/srv/")
SEGMENTS = (
    Segment(0.0, 2.0, "marked", 20.0),
    Segment(2.0, 3.0, "unknown", 1.0),
    Segment(3.0, 6.0, "unmarked", 0.2),
)
MAP = PictureMap(4, 2, ("marked",) * 5 + ("missing",) * 2 + ("unknown",))
CORNERS = ((0.0, 0.0), (640.0, 0.0), (640.0, 360.0), (0.0, 360.0))


def record() -> dict[str, Any]:
    return {
        "stamp_id": A.hex,
        "key_id": "k1",
        "provider": "Example Studio",
        "model": {"name": "ExampleVideoModel", "version": "3.2.1"},
        "signed_at": "2026-11-22T12:00:00Z",
        "output_sha256": "cd" * 32,
        "input_sha256": "ef" * 32,
        "signer": "Example Studio",
        "approval": "approval-1",
        "consents": ["consent-1"],
        "approvers": ["reviewer-anna"],
    }


def verified(
    said: ManifestReport, registry: RegistryReport, path: str = "/srv/inbox/clip.mp4"
) -> VerificationReport:
    """A report as ``verify`` makes it: verdict and sentence follow from the findings."""
    pixels = found(
        segments=SEGMENTS,
        picture=MAP,
        outline=CORNERS,
        transform=Transform(1.0, 0.0, False, 1.0),
        missing=(Gap(((160.0, 180.0), (480.0, 180.0), (480.0, 360.0)), 0.25, 1e-6),),
    )
    case = Case(pixels, said, registry, coverage=Coverage("normal", 40, 1.0, 0.2))
    decision = decide(case)
    return VerificationReport(
        FileFacts(path, "ab" * 32, 1234567, "video", 6.0),
        decision.verdict,
        summary(case, decision),
        pixels,
        said,
        registry,
        cause=decision.cause,
        coverage=case.coverage,
    )


def filed(report: VerificationReport, audience: Any = "outsiders") -> Filed:
    circumstances = Circumstances(("k1",), (Anchor("40a474f9", "Example Studio"),), audience)
    return Filed.of(report, circumstances, WHEN, 1.5)


def frames(report: VerificationReport) -> tuple[Frame, ...]:
    rgb = np.full((180, 320, 3), 90, np.uint8)
    return sheet(report, [Still(rgb, at, 640, 360) for at in (1.0, 4.0)])


def page(report: VerificationReport, audience: Any = "outsiders") -> Page:
    made = filed(report, audience)
    return Page.of(made, frames(made.report))


def text_of(pdf: bytes) -> str:
    return "\n".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(pdf)).pages)


class Elements(HTMLParser):
    """Every element and attribute of a page, its text, and what lies in its data block."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.data = ""
        self._inside: str | None = None
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self._inside = tag
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src", "action", "style"):
                self.addresses.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.data += data
        elif self._inside != "style":
            self.text.append(data)


def revealing() -> VerificationReport:
    """A file by a stranger who names persons, of a stamp whose record has internal references."""
    said = manifest(
        "valid",
        signer="Anna Person",
        provider="Anna Person",
        model_name="Model of Anna Person",
        ingredients=(Ingredient("holiday of Bert", "invalid", ("assertion.dataHash.mismatch",)),),
    )
    return verified(said, RegistryReport("match", record()))


def test_outsiders_get_no_internal_reference_and_no_person_out_of_a_manifest() -> None:
    shown = page(revealing())
    for told in (as_html(shown).decode(), text_of(as_pdf(shown)), json.dumps(shown.machine)):
        assert "clip.mp4" in told
        assert not [secret for secret in SECRETS if secret in told]
    kept = shown.machine["verification"]
    assert kept["registry"]["record"]["consents"] == []
    assert kept["registry"]["record"]["approval"] is None
    assert set(shown.machine["left_out"]) >= {"file.path", "registry.record.approval"}


def test_a_reason_that_names_the_files_folder_names_the_file_alone() -> None:
    reason = "/srv/inbox/clip.mp4 took longer than 600 s"
    report = revealing()
    report = replace(report, watermark=replace(report.watermark, reason=reason))
    shown = filed(report).report
    assert shown.watermark.reason == "clip.mp4 took longer than 600 s"
    assert filed(report, "staff").report.watermark.reason == reason


def test_staff_get_all_of_it_and_the_report_says_so() -> None:
    shown = page(revealing(), "staff")
    told = as_html(shown).decode()
    assert not [secret for secret in SECRETS if secret not in told]
    assert "For staff" in told
    assert shown.machine["left_out"] == []
    assert "For outsiders" in as_html(page(revealing())).decode()


def test_a_sentence_that_would_name_what_is_left_out_is_told_without_it() -> None:
    broken = (Ingredient("holiday of Bert", "invalid"),)
    said = manifest("trusted", source="embedded", ingredients=broken, soft_binding=None)
    pixels = replace(verified(said, RegistryReport()), watermark=ABSENT)
    case = Case(ABSENT, said)
    told = replace(pixels, summary=summary(case, decide(case)), verdict=Verdict.CREDENTIAL_ONLY)
    assert "(holiday of Bert)" in told.summary
    shown = filed(told).report.summary
    assert shown == told.summary.replace("holiday of Bert", "unnamed")


def test_a_withdrawn_consent_is_named_to_staff_alone() -> None:
    revocation = {
        "kind": "consent",
        "target": "consent-1",
        "reason": "Anna Person asked for it",
        "date": "2026-11-27",
        "at": "2026-11-27T10:00:00Z",
        "ended_at": None,
        "ended_reason": None,
    }
    report = verified(manifest(), RegistryReport("match", record(), revocation, knows="file"))
    assert "Anna Person asked for it" in report.summary
    shown = filed(report).report
    assert shown.verdict is Verdict.REVOKED
    assert shown.summary.startswith("Withdrawn on 2026-11-27: a consent was withdrawn.")
    assert "consent-1" not in json.dumps(filed(report).as_json())


def test_a_registry_that_failed_is_not_named_to_outsiders() -> None:
    reason = "postgresql://stamps@db.internal.example/acme can't be reached"
    failed = RegistryReport("not_checked", reason=reason, failed=True)
    report = verified(ManifestReport("absent"), failed)
    assert "db.internal" not in json.dumps(filed(report).as_json())
    assert "db.internal" in json.dumps(filed(report, "staff").as_json())


def test_a_trusted_signers_words_stay_for_everybody() -> None:
    report = verified(manifest(), RegistryReport())
    told = text_of(as_pdf(page(report)))
    assert "Example Studio" in told
    assert "ExampleVideoModel" in told


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("status", ["trusted", "valid"])
def test_markup_in_a_name_or_a_manifest_stays_text(status: Any, text: str) -> None:
    said = manifest(
        status,
        signer=text,
        provider=text,
        model_name=text,
        model_version=text,
        ingredients=(Ingredient(text, "invalid", (text,)),),
        failures=(text,),
        reason=text,
    )
    nasty = verified(said, RegistryReport(reason=text), f"-->{text}</script>.mp4")
    plain = Elements(as_html(page(verified(manifest(status), RegistryReport()), "staff")))
    html = as_html(page(nasty, "staff"))
    read = Elements(html)
    assert read.names == plain.names
    assert read.attributes == plain.attributes
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e\u2066\u200b\u2028]", html.decode())
    assert json.loads(read.data) == page(nasty, "staff").machine
    assert as_pdf(page(nasty, "staff")).startswith(b"%PDF")


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    html = as_html(page(revealing()))
    read = Elements(html)
    assert all(one.startswith("data:image/jpeg;base64,") for one in read.addresses)
    assert len(read.addresses) == 2
    assert html.count(b"<script") == html.count(b'<script type="application/json"') == 1
    assert b"default-src 'none'" in html
    assert not {name for name in read.attributes if name.startswith("on")}
    assert b"url(http" not in html
    assert b"@import" not in html


def test_the_part_for_programs_is_the_same_in_all_forms() -> None:
    shown = page(revealing())
    document = filed(revealing()).as_json()
    assert json.loads(Elements(as_html(shown)).data) == document
    reader = pypdf.PdfReader(io.BytesIO(as_pdf(shown)))
    assert json.loads(reader.attachments["report.json"][0]) == document
    verification = document["verification"]
    again = VerificationReport.from_json(verification).as_json()
    assert again.items() <= verification.items()


def test_both_forms_tell_people_the_verdict_in_its_own_words() -> None:
    report = revealing()
    shown = page(report)
    html = " ".join(Elements(as_html(shown)).text)
    pdf = text_of(as_pdf(shown)).replace("\n", " ")
    for said in (report.verdict.value, "What the signature says", "What the pixels say"):
        assert said in html
        assert said in pdf
    assert filed(report).report.summary in html
    for sentence in caveats(report):
        assert sentence in html


def test_letters_that_a_pdf_lacks_are_written_out_and_kept_in_its_attachment() -> None:
    report = verified(manifest(), RegistryReport(), "見本.mp4")
    pdf = as_pdf(page(report))
    assert r"\u898b\u672c.mp4" in text_of(pdf)
    attached = json.loads(pypdf.PdfReader(io.BytesIO(pdf)).attachments["report.json"][0])
    assert attached["verification"]["file"]["path"] == "見本.mp4"
    assert "見本.mp4" in as_html(page(report)).decode()


def test_a_report_with_much_to_say_goes_over_several_pages() -> None:
    many = tuple(Ingredient(f"part {number} " + "x" * 250, "trusted") for number in range(60))
    report = verified(manifest(ingredients=many), RegistryReport())
    report = replace(report, summary=report.summary + " More is told." * 150)
    assert len(pypdf.PdfReader(io.BytesIO(as_pdf(page(report, "staff")))).pages) > 2


def test_a_report_without_a_frame_says_so() -> None:
    shown = Page.of(filed(revealing()), ())
    assert "No frame of the file could be shown." in as_html(shown).decode()
    assert "No frame of the file could be shown." in text_of(as_pdf(shown))


def test_frames_are_taken_from_every_kind_of_stretch() -> None:
    report = revealing()
    taken = moments(report)
    assert len(taken) == 6
    assert list(taken) == sorted(taken)
    for segment in SEGMENTS:
        assert any(segment.start <= at < segment.end for at in taken)


def test_a_still_and_a_clip_of_unknown_length_are_shown_at_their_beginning() -> None:
    report = revealing()
    for facts in (replace(report.file, kind="image"), replace(report.file, seconds=None)):
        assert moments(replace(report, file=facts)) == (0.0,)


def test_the_map_is_drawn_over_frames_with_the_mark_alone() -> None:
    marked, unmarked = page(revealing()).frames
    assert (marked.caption, unmarked.caption) == ("0:01, marked", "0:04, unmarked")
    assert marked.over.missing == (Box(160.0, 180.0, 320.0, 180.0),)
    assert marked.over.areas
    assert unmarked.over == Overlay()


def test_the_border_of_the_stamped_picture_is_drawn_where_it_is_not_the_frames_own() -> None:
    shape = Shape(320, 180, 640, 360)
    inside = tuple((x / 2 + 100, y / 2 + 50) for x, y in CORNERS)
    assert overlay(found(outline=CORNERS), shape).outline == ()
    assert overlay(found(outline=inside), shape).outline == inside


def test_the_timeline_has_a_bar_a_stretch() -> None:
    (lane,) = lanes(revealing())
    assert [(bar.status, round(bar.end, 3)) for bar in lane.bars] == [
        ("marked", 0.333),
        ("unknown", 0.5),
        ("unmarked", 1.0),
    ]
