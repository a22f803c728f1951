"""``verify --report`` and ``report check`` as people use them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from provenance import Keyring, StampResult
from provenance.verifying.isolation import Examiner, Limits
from provenance.verifying.isolation.wire import Garbled, Shown
from tests.clips import ROTATE_90, Spec, make_clip
from tests.conftest import Run, entries


@pytest.fixture
def keys(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    monkeypatch.setenv("PROVENANCE_KEYS", str(keyring.folder))
    return keyring


@pytest.fixture
def root(keyring: Keyring, tmp_path: Path) -> Path:
    """What somebody outside gets from the desk by another way."""
    path = tmp_path / "root.pem"
    path.write_bytes(keyring.trust_anchors_pem)
    return path


@pytest.fixture
def film(stamped: StampResult, tmp_path: Path) -> Path:
    return Path(shutil.copy(stamped.output_path, tmp_path / "film.mp4"))


@pytest.mark.parametrize("ending", ["html", "pdf", "json"])
def test_a_report_holds_until_a_byte_of_it_is_changed(
    run: Run, keys: Keyring, film: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"report.{ending}"
    assert run("verify", film, "--report", out).code == 0
    told = run("report", "check", out, "--of", film, "--json").row
    assert (told["holds"], told["form"], told["signer"]) == (True, ending, "Example Studio")
    assert told["about"]["verdict"] == "CONFIRMED"
    shown = run("report", "check", out)
    assert shown.code == 0
    assert "Signed by Example Studio" in shown.out
    content = bytearray(out.read_bytes())
    content[len(content) // 2] ^= 1
    out.write_bytes(content)
    changed = run("report", "check", out, "--json")
    assert (changed.code, changed.row["holds"]) == (1, False)
    assert "was changed" in changed.row["reason"]


def test_whoever_has_the_desks_certificate_checks_a_report_without_its_keys(
    run: Run, keyring: Keyring, film: Path, tmp_path: Path, root: Path
) -> None:
    assert run("verify", film, "--keys", keyring.folder, "--report", "out.html").code == 0
    assert run("report", "check", "out.html", "--trust", root).code == 0
    nobody = run("report", "check", "out.html")
    assert (nobody.code, "--trust" in nobody.err) == (4, True)
    assert run("keys", "init", "--keys", "others", "--org", "Others").code == 0
    others = run("report", "check", "out.html", "--keys", "others")
    assert others.code == 1
    assert "Example Studio, who is not trusted" in others.out


def test_a_report_about_another_file_and_what_is_no_report_are_told(
    run: Run, keys: Keyring, film: Path, clip: Path
) -> None:
    assert run("verify", film, "--report", "out.json").code == 0
    other = run("report", "check", "out.json", "--of", clip)
    assert other.code == 1
    assert "about another file" in other.out
    for what in (film, "nothing.html"):
        assert run("report", "check", what).code == 3
    assert run("report", "check", "out.json", film).code == 3


def test_the_exit_code_of_verify_stays_and_a_file_that_is_none_gets_no_report(
    run: Run, keys: Keyring, clip: Path, tmp_path: Path
) -> None:
    assert run("verify", clip, "--report", "plain.html").code == 1
    (tmp_path / "broken.mp4").write_bytes(b"no film at all" * 40)
    done = run("verify", "broken.mp4", "--report", "broken.html")
    assert done.code == 3
    assert "no report" in done.err
    assert entries(tmp_path) == ["broken.mp4", "plain.html"]


def test_a_folder_gets_a_report_of_each_file_and_a_signed_index(
    run: Run, keys: Keyring, film: Path, clip: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "deeper").mkdir(parents=True)
    shutil.copy(film, inbox / "<b>one.mp4")
    shutil.copy(film, inbox / "deeper" / "two.mp4")
    shutil.copy(clip, inbox / "plain.mp4")
    (inbox / "broken.mp4").write_bytes(b"no film at all" * 40)
    (inbox / "notes.txt").write_text("notes\n")
    done = run("verify", "inbox", "--report", "filed")
    assert done.code == 3
    names = entries(tmp_path / "filed")
    assert len(names) == 4
    index = (tmp_path / "filed" / "index.html").read_text()
    assert all(f'<a href="{name}">' in index for name in names if name != "index.html")
    assert "<b>" not in index
    assert "broken.mp4" in index
    assert "inbox" not in index
    told = run("report", "check", *(f"filed/{name}" for name in names), "--json")
    assert [row["holds"] for row in told.rows] == [True] * 4
    assert told.rows[-1]["about"]["reports"] == 3
    first = tmp_path / "filed" / names[0]
    first.write_bytes(first.read_bytes() + b" ")
    assert "is not as it was" in run("report", "check", "filed/index.html").out
    first.unlink()
    gone = run("report", "check", "filed/index.html")
    assert (gone.code, "is not beside it" in gone.out) == (1, True)
    assert entries(tmp_path) == ["filed", "film.mp4", "inbox"]


def test_members_of_an_archive_are_filed_in_a_folder(
    run: Run, keys: Keyring, film: Path, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "mail").mkdir()
    shutil.copy(film, tmp_path / "mail" / "a.mp4")
    shutil.copy(clip, tmp_path / "mail" / "b.mp4")
    shutil.make_archive(str(tmp_path / "mail"), "zip", tmp_path / "mail")
    refused = run("verify", "mail.zip", "--report", "one.html")
    assert (refused.code, "name a folder" in refused.err) == (2, True)
    assert run("verify", "mail.zip", "--report", "filed").code == 1
    assert len(entries(tmp_path / "filed")) == 3


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("film.mp4", "film.mp4x", "--report", "a.html"), "several files"),
        (("film.mp4", "--report", "a.docx"), ".html, .pdf or .json"),
        (("film.mp4", "--report", "film.mp4"), ".html, .pdf or .json"),
        (("film.mp4", "--report", "there.html"), "exists already"),
        (("film.mp4", "--report", "there"), "exists already"),
        (("film.mp4", "--report", "none/a.html"), "does not exist"),
        (("film.mp4", "--report", "a.html", "--results", "rows.jsonl"), "--results"),
        (("film.mp4", "--full"), "give --report too"),
    ],
)
def test_a_report_that_can_not_be_is_refused_before_any_work(
    run: Run, film: Path, words: tuple[str, ...], said: str
) -> None:
    tmp_path = film.parent
    (tmp_path / "there.html").write_text("mine")
    (tmp_path / "there").mkdir()
    before = entries(tmp_path)
    done = run("verify", *words)
    assert (done.code, said in done.err) == (2, True)
    assert entries(tmp_path) == before
    assert (tmp_path / "there.html").read_text() == "mine"


def test_without_keys_there_is_nothing_to_sign_a_report_with(
    run: Run, film: Path, root: Path
) -> None:
    done = run("verify", film, "--trust", root, "--report", "a.html")
    assert (done.code, "no keys to sign it with" in done.err) == (4, True)


def test_internal_references_go_into_a_report_for_staff_alone(
    run: Run, keys: Keyring, clip: Path, tmp_path: Path
) -> None:
    stamp = ("--model-name", "M", "--model-version", "1", "--prompt", "x", "--approval", "appr-77")
    shutil.copy(clip, tmp_path / "clip.mp4")
    assert run("stamp", "clip.mp4", "out.mp4", *stamp, "--consent", "cons-88").code == 0
    assert run("verify", "out.mp4", "--report", "public.html").code == 0
    assert run("verify", "out.mp4", "--report", "staff.html", "--full").code == 0
    public, staff = ((tmp_path / f"{name}.html").read_text() for name in ("public", "staff"))
    for reference in ("appr-77", "cons-88"):
        assert reference in staff
        assert reference not in public


def test_frames_come_from_the_worker_upright_small_and_when_asked_for(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "tall.mp4", Spec(size=(320, 180), frames=48, matrix=ROTATE_90))
    with Examiner() as examiner:
        first, second = examiner.stills(path, (0.0, 1.0), longest=120)
        assert first.rgb.shape == second.rgb.shape == (120, 68, 3)
        assert (first.across, first.down) == (180, 320)
        assert (first.time, second.time) == (0.0, pytest.approx(1.0, abs=0.05))


def test_a_file_that_gives_no_frame_costs_nothing_but_its_frames(
    tmp_path: Path, clip: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[:2000])
    with Examiner(Limits(seconds=60)) as examiner:
        assert examiner.stills(broken, (0.0,), longest=100) == ()
        assert examiner.stills(tmp_path / "none.mp4", (0.0,), longest=100) == ()
        assert len(examiner.stills(clip, (0.0,), longest=100)) == 1


@pytest.mark.parametrize(
    "shown",
    [
        Shown(width=101, height=10, across=10, down=10),
        Shown(width=10, height=10, across=0, down=10),
        Shown(width=10, height=10, across=10, down=10, time=float("inf")),
        Shown(width=10, height=11, across=10, down=10),
        Shown(width=10, height=-10, across=10, down=10),
    ],
)
def test_a_worker_that_was_taken_over_shows_no_other_picture_than_was_asked_for(
    shown: Shown,
) -> None:
    with pytest.raises(Garbled):
        shown.still(bytes(300), 100)


def test_a_report_says_what_verify_says(
    run: Run, keys: Keyring, film: Path, tmp_path: Path
) -> None:
    row = run("verify", film, "--report", "a.json", "--full", "--json").row
    kept = json.loads((tmp_path / "a.json").read_text())["verification"]
    assert {key: kept[key] for key in row} == row
