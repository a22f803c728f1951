"""The verification desk as a process: what it answers, and that it keeps nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance import Keyring, StampResult, VerificationReport
from provenance.registry import Registry
from tests.conftest import Run, stamp_clip
from tests.serving import API, Served, form, served


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory, clip: Path, keyring: Keyring) -> StampResult:
    """A stamped clip whose registry lies beside it, with references nobody else may see."""
    folder = tmp_path_factory.mktemp("marked")
    with Registry(str(folder / "registry.db"), create=True) as registry:
        return stamp_clip(
            clip, folder / "marked.mp4", keyring, registry=registry, consents=("consent-secret-7",)
        )


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, marked: StampResult, keyring: Keyring
) -> Iterator[Served]:
    registry = Path(marked.output_path).with_name("registry.db")
    folder = tmp_path_factory.mktemp("desk")
    with served(
        folder, "--keys", keyring.folder, "--registry", registry, "--per-minute", "1000"
    ) as one:
        yield one


def token_of(desk: Served, page: str = "/") -> tuple[str, dict[str, str]]:
    """What a browser has of a page: the form's token, and its cookie."""
    answer = desk.ask("GET", page)
    found = re.search(r'name="token" value="([^"]+)"', answer.text)
    assert found is not None
    return found[1], {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def test_a_desk_opens_without_any_set_up_and_closes_well_when_it_is_told_to(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as desk:
        assert desk.ask("GET", "/healthz").text == "ok\n"
        assert desk.ask("GET", "/readyz").text == "ok\n"
        assert "provenance_desk_places" in desk.ask("GET", "/metrics").text
        code, said = desk.stop()
        assert code == 0
        assert "There are no keys" in said
        assert "no upload is left" in said
        assert desk.files() == []


def test_a_file_is_looked_at_quickly_first_then_normally_and_is_gone_afterwards(
    desk: Served, marked: StampResult
) -> None:
    key = desk.hand_in(Path(marked.output_path))
    events = desk.ask("GET", f"{API}/{key}/events")
    assert events.headers["Content-Type"].startswith("text/event-stream")
    told = [json.loads(line[6:]) for line in events.text.splitlines() if line.startswith("data: ")]
    looks = [one["state"] for one in told if one["state"] != "waiting"]
    assert looks[-3:] == ["quick", "normal", "done"]
    quick, done = told[-2], told[-1]
    assert quick["result"]["coverage"]["effort"] == "quick"
    assert done["result"]["coverage"]["effort"] == "normal"
    assert done["result"]["verdict"] == "CONFIRMED"
    assert done["result"]["file"]["path"] == "clip.mp4"
    assert VerificationReport.from_json(done["result"]).verdict == "CONFIRMED"
    assert desk.emptied()


def test_strangers_see_no_internal_reference(desk: Served, marked: StampResult) -> None:
    key = desk.hand_in(Path(marked.output_path))
    told = desk.until(key, "done")
    assert told["result"]["registry"]["record"]["consents"] == []
    for path in (f"{API}/{key}", f"/examinations/{key}"):
        assert "consent-secret-7" not in desk.ask("GET", path).text


def test_a_browser_without_javascript_hands_a_form_in_and_gets_a_page_that_looks_again(
    desk: Served, marked: StampResult
) -> None:
    token, cookie = token_of(desk)
    body, kind = form(Path(marked.output_path).read_bytes(), name="a.mp4", token=token)
    sent = desk.ask("POST", "/examine", body, cookie | {"Content-Type": kind})
    assert sent.status == 303
    page = sent.headers["Location"]
    assert '<noscript><meta http-equiv="refresh"' in desk.ask("GET", page).text
    desk.until(page.rpartition("/")[2], "done")
    done = desk.ask("GET", page).text
    assert "CONFIRMED" in done
    assert "Stamped by Example Studio" in done
    assert 'http-equiv="refresh"' not in done
    assert '<svg class="timeline"' in done
    picture = desk.ask("GET", f"{API}/{page.rpartition('/')[2]}/frames/0")
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert picture.body.startswith(b"\xff\xd8")


def test_a_result_can_be_removed_by_its_form_alone(desk: Served, marked: StampResult) -> None:
    key = desk.hand_in(Path(marked.output_path))
    desk.until(key, "done")
    page = f"/examinations/{key}"
    token, cookie = token_of(desk, page)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert desk.ask("POST", f"{page}/remove", b"token=other", cookie | kind).status == 403
    gone = desk.ask("POST", f"{page}/remove", f"token={token}".encode(), cookie | kind)
    assert gone.status == 303
    assert desk.ask("GET", page).status == 404
    assert desk.ask("GET", f"{API}/{key}").json["detail"].startswith("There is no such")


def test_a_report_is_signed_for_outsiders_and_any_change_to_it_is_refused(
    desk: Served, marked: StampResult, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    key = desk.hand_in(Path(marked.output_path))
    desk.until(key, "done")
    for ending, kind in (
        ("html", "text/html"),
        ("pdf", "application/pdf"),
        ("json", "application/json"),
    ):
        answer = desk.ask("GET", f"{API}/{key}/report.{ending}")
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        assert b"consent-secret-7" not in answer.body
        report = tmp_path / f"report.{ending}"
        report.write_bytes(answer.body)
        checking = ("report", "check", report, "--keys", keyring.folder)
        assert "Signed by Example Studio" in run(*checking, "--of", marked.output_path).out
        changed = bytearray(answer.body)
        changed[len(changed) // 2] ^= 1
        report.write_bytes(changed)
        assert run(*checking).code == 1
    assert desk.ask("GET", f"{API}/{key}/report.xlsx").status == 422


def test_what_cannot_be_examined_is_told_in_the_language_of_the_page(
    desk: Served, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    key = desk.hand_in(broken)
    desk.until(key, "refused")
    assert desk.ask("GET", f"{API}/{key}/report.json").status == 404
    said = "no es un vídeo ni una imagen que aquí se pueda leer"
    assert said in desk.ask("GET", f"/examinations/{key}?lang=es").text
    gone = desk.ask("GET", "/examinations/never?lang=ja")
    assert gone.status == 404
    assert "その検査は存在しないか" in gone.text


def test_a_page_speaks_german_where_that_is_asked_for(desk: Served, marked: StampResult) -> None:
    german = {"Accept-Language": "fr;q=0.3, de-AT, en;q=0.5"}
    assert "Woher kommt dieses Video?" in desk.ask("GET", "/", headers=german).text
    chosen = desk.ask("GET", "/?lang=de")
    assert "language=de" in "".join(chosen.headers.get_all("Set-Cookie") or [])
    key = desk.hand_in(Path(marked.output_path))
    desk.until(key, "done")
    page = desk.ask("GET", f"/examinations/{key}", headers=german)
    assert page.headers["Content-Language"] == "de"
    assert "Bestätigt" in page.text
    assert "<p>Nichts.</p>" in page.text
    assert "Gestempelt von Example Studio" in page.text
    assert "beide Schichten stimmen überein" in page.text


def test_a_still_image_and_an_unmarked_clip_are_answered_too(desk: Served, clip: Path) -> None:
    told = desk.until(desk.hand_in(clip), "done")["result"]
    assert told["verdict"] == "NO_MARK_FOUND"
    page = desk.ask("GET", f"/examinations/{desk.hand_in(clip)}")
    assert page.status == 200


def test_the_description_of_the_interface_is_served(desk: Served) -> None:
    document = desk.ask("GET", "/api/v1/openapi.json").json
    assert {path for path in document["paths"] if path.startswith("/api/")} == {
        API,
        f"{API}/{{key}}",
        f"{API}/{{key}}/events",
        f"{API}/{{key}}/frames/{{number}}",
        f"{API}/{{key}}/report.{{form}}",
        "/api/v1/uploads",
        "/api/v1/uploads/{key}",
    }


def test_the_manifest_of_a_copy_is_resolved_by_its_content(
    desk: Served, marked: StampResult
) -> None:
    assert desk.ask("GET", "/v1/services/status").json["status"] == "ok"
    sent = desk.ask("POST", "/v1/matches/byContent", Path(marked.output_path).read_bytes())
    (match,) = sent.json["matches"]
    store = desk.ask("GET", f"/v1/manifests/{match['manifestId']}")
    assert store.headers["Content-Type"] == "application/c2pa"
    assert desk.ask("POST", "/v1/matches/byContent", b"no video").status == 415
    assert desk.ask("GET", "/v1/manifests/none").json["detail"].startswith("There is no such")
    assert desk.emptied()


def test_a_port_that_is_taken_is_told_in_a_sentence(desk: Served, run: Run) -> None:
    ran = run("serve", "--port", str(desk.port), "--registry", "none")
    assert ran.code == 2
    assert "--port" in ran.err


def test_a_registry_that_is_required_has_to_be_there(run: Run) -> None:
    ran = run("serve", "--port", "0", "--registry", "none", "--require-registry")
    assert ran.code == 4
    assert "There is no registry to ask" in ran.err
