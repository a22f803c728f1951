"""The signature of a filed report: nothing in the file can be changed, moved or added."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from provenance.documents import filed
from provenance.documents.filed import FORMS, Form, check, sign
from provenance.documents.seal import seal
from provenance.errors import SealError, UnreadableFileError
from provenance.manifest import LocalSigner
from provenance.manifest.certificates import issue_signer, make_root
from tests.signing import Studio

STUDIO, STRANGER = Studio(), Studio("A Stranger")
ANCHORS = STUDIO.trust.anchors_pem
BODIES: dict[Form, bytes] = {
    "html": b"<!doctype html>\n<html><body>what was found</body></html>\n",
    "json": json.dumps({"schema": "x", "found": ["a", 1]}, indent=1).encode() + b"\n",
    "pdf": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n",
}
ABOUT = {"verdict": "CONFIRMED", "file": {"sha256": "ab" * 32, "bytes": 3}}


def signed(form: Form) -> bytes:
    return sign(form, BODIES[form], ABOUT, STUDIO.signer)


@pytest.mark.parametrize("form", FORMS)
def test_a_signed_file_tells_who_signed_it_when_and_what_it_is_about(form: Form) -> None:
    told = check(signed(form), ANCHORS, "report")
    assert (told.form, told.signer, told.about) == (form, "Example Studio", ABOUT)
    assert abs(told.signed_at - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("form", FORMS)
def test_the_signature_is_one_line_without_which_the_file_is_what_it_was(form: Form) -> None:
    lines = signed(form).splitlines(keepends=True)
    (line,) = [one for one in lines if b"protected" in one]
    lines.remove(line)
    assert b"".join(lines) == BODIES[form]


def test_a_signed_json_file_is_json_still() -> None:
    told = json.loads(signed("json"))
    assert told.pop("signature").keys() == {"payload", "protected", "signature"}
    assert told == json.loads(BODIES["json"])


@pytest.mark.parametrize("form", FORMS)
def test_no_byte_can_be_changed(form: Form) -> None:
    whole = signed(form)
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises((SealError, UnreadableFileError)):
            check(changed, ANCHORS, "report")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("added", [b" ", b"\n", b"<script>alert(1)</script>"])
def test_nothing_can_be_added_anywhere(form: Form, added: bytes) -> None:
    whole = signed(form)
    for at in {0, len(whole), *range(0, len(whole), 31)}:
        with pytest.raises((SealError, UnreadableFileError)):
            check(whole[:at] + added + whole[at:], ANCHORS, "report")


@pytest.mark.parametrize("form", FORMS)
def test_the_line_can_be_moved_nowhere_else(form: Form) -> None:
    lines = signed(form).splitlines(keepends=True)
    (line,) = [one for one in lines if b"protected" in one]
    place = lines.index(line)
    lines.remove(line)
    for other in range(len(lines) + 1):
        moved = b"".join([*lines[:other], line, *lines[other:]])
        if other == place:
            assert check(moved, ANCHORS, "report")
        else:
            with pytest.raises(SealError):
                check(moved, ANCHORS, "report")


def test_nothing_can_be_hidden_beside_what_is_signed() -> None:
    whole = signed("json")
    sealed = json.loads(whole)["signature"]
    line = next(one for one in whole.splitlines() if b"protected" in one)
    for instead in (
        {**sealed, "header": {"said": "otherwise"}},
        {**sealed, "signature": sealed["signature"] + "="},
        dict(reversed(sealed.items())),
    ):
        written = json.dumps(instead, separators=(",", ":")).encode()
        with pytest.raises(SealError, match="was changed"):
            check(whole.replace(line, b'"signature": ' + written + b","), ANCHORS, "report")


def test_two_signatures_in_a_file_are_refused() -> None:
    twice = sign("html", signed("html"), ABOUT, STUDIO.signer)
    with pytest.raises(SealError, match="more than one"):
        check(twice, ANCHORS, "report")


def test_a_file_without_a_signature_is_no_report() -> None:
    for body in (*BODIES.values(), b"", b"\xff" * 100):
        with pytest.raises(UnreadableFileError, match="no signed report"):
            check(body, ANCHORS, "report")


def test_a_signature_that_a_text_in_the_report_only_speaks_of_is_none() -> None:
    body = b"<p>\x3c!-- provenance-report-signature: {} -->\n</p>\n"
    told = check(sign("html", body, ABOUT, STUDIO.signer), ANCHORS, "report")
    assert told.about == ABOUT


def test_a_report_of_somebody_who_is_not_trusted_does_not_hold() -> None:
    whole = sign("html", BODIES["html"], ABOUT, STRANGER.signer)
    with pytest.raises(SealError, match="A Stranger, who is not trusted"):
        check(whole, ANCHORS, "report")


def test_a_document_of_another_kind_is_no_signature_of_a_report() -> None:
    body = BODIES["html"]
    document = {"about": ABOUT, "form": "html", **filed._bound(body, len(body))}
    other = seal("audit-head", document, STUDIO.signer).rstrip(b"\n")
    with pytest.raises(SealError, match="no report file"):
        check(body + b"<!-- provenance-report-signature: " + other + b" -->\n", ANCHORS, "it")


def test_a_report_stops_holding_when_its_signers_certificate_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = make_root("Example Studio")
    leaf = issue_signer("Example Studio", root)
    whole = sign("html", BODIES["html"], ABOUT, LocalSigner(leaf.key_pem, leaf.certificate_pem))
    assert check(whole, root.certificate_pem, "report")

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # always UTC here
            return datetime.now(UTC) + timedelta(days=40 * 365)

    monkeypatch.setattr("provenance.documents.seal.datetime", Later)
    with pytest.raises(SealError):
        check(whole, root.certificate_pem, "report")
