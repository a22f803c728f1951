"""A signed input becomes the parent of what is made from it, whatever its manifest is worth."""

from pathlib import Path

import pytest

from provenance.manifest import Trust, find_parent, read_manifest, sidecar_path
from tests.clips import Spec, make_clip
from tests.signing import Studio, facts, flip, picture_byte, sign


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("plain") / "plain.mp4", Spec(frames=12))


@pytest.fixture
def signed(studio: Studio, plain: Path, tmp_path: Path) -> Path:
    return sign(studio, plain, tmp_path / "parent.mp4")


def child_of(studio: Studio, parent: Path, plain: Path, target: Path) -> Path:
    found = find_parent(parent, studio.trust)
    assert found is not None
    return sign(studio, plain, target, parent=found, generation=facts(title=target.name))


def test_an_unsigned_input_is_no_parent(studio: Studio, plain: Path, tmp_path: Path) -> None:
    assert find_parent(plain, studio.trust) is None
    assert find_parent(make_clip(tmp_path / "a.mkv"), studio.trust) is None


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_signed_input_stands_in_the_new_manifest_as_trusted(
    studio: Studio, signed: Path, plain: Path, tmp_path: Path, suffix: str
) -> None:
    source = make_clip(tmp_path / f"plain.{suffix}", Spec(frames=8))
    child = child_of(studio, signed, source, tmp_path / f"child.{suffix}")
    report = read_manifest(child, studio.trust)
    assert report.status == "trusted"
    (parent,) = report.ingredients
    assert (parent.title, parent.status, parent.failures) == ("source clip", "trusted", ())


def test_an_input_with_a_sidecar_is_a_parent_like_any_other(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    parent = sign(studio, make_clip(tmp_path / "plain.mkv"), tmp_path / "parent.mkv")
    child = child_of(studio, parent, plain, tmp_path / "child.mp4")
    report = read_manifest(child, studio.trust)
    assert report.status == "trusted"
    assert report.ingredients[0].as_json() == {
        "title": "source clip",
        "status": "trusted",
        "failures": [],
    }


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_an_input_changed_after_signing_shows_its_failure_in_a_trusted_manifest(
    studio: Studio, plain: Path, tmp_path: Path, suffix: str
) -> None:
    source = make_clip(tmp_path / f"plain.{suffix}", Spec(frames=8))
    parent = sign(studio, source, tmp_path / f"parent.{suffix}")
    flip(parent, parent, picture_byte(parent))
    child = child_of(studio, parent, plain, tmp_path / "child.mp4")
    report = read_manifest(child, studio.trust)
    assert report.status == "trusted"
    assert report.ingredients[0].status == "invalid"
    assert any(code.endswith("Hash.mismatch") for code in report.ingredients[0].failures)


def test_an_input_whose_manifest_is_beyond_reading_is_still_a_parent_with_a_failure(
    studio: Studio, signed: Path, plain: Path, tmp_path: Path
) -> None:
    content = bytearray(signed.read_bytes())
    at = content.find(b"jumb") + 4
    content[at : at + 36] = bytes(36)
    signed.write_bytes(content)
    report = read_manifest(child_of(studio, signed, plain, tmp_path / "child.mp4"), studio.trust)
    assert report.status == "trusted"
    assert report.ingredients[0].status == "invalid"
    assert report.ingredients[0].failures == ("general.error",)


def test_whatever_is_damaged_in_a_parents_manifest_the_child_is_signed_and_says_the_same_of_it(
    studio: Studio, signed: Path, plain: Path, tmp_path: Path
) -> None:
    content = signed.read_bytes()
    start = content.find(b"jumb")
    for at in range(start + 20, start + 12000, 900):
        damaged = flip(signed, tmp_path / "damaged.mp4", at, 0x55)
        found = find_parent(damaged, studio.trust)
        assert found is not None
        child = sign(studio, plain, tmp_path / "child.mp4", parent=found)
        report = read_manifest(child, studio.trust)
        assert report.status == "trusted", at
        # A few of these bytes are padding that no signature covers.
        assert report.ingredients[0].status == read_manifest(damaged, studio.trust).status, at


def test_a_parent_signed_by_a_stranger_is_intact_but_untrusted(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    foreign = sign(Studio("Somebody Else"), plain, tmp_path / "foreign.mp4")
    report = read_manifest(child_of(studio, foreign, plain, tmp_path / "child.mp4"), studio.trust)
    assert report.status == "trusted"
    assert report.ingredients[0].status == "valid"
    assert report.ingredients[0].failures == ("signingCredential.untrusted",)


def test_a_parent_unknown_to_the_one_who_added_it_may_be_known_to_the_reader(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    other = Studio("Somebody Else")
    foreign = sign(other, plain, tmp_path / "foreign.mp4")
    child = child_of(studio, foreign, plain, tmp_path / "child.mp4")
    both = Trust(studio.root.certificate_pem + other.root.certificate_pem)
    (parent,) = read_manifest(child, both).ingredients
    assert (parent.status, parent.failures) == ("trusted", ())


def test_a_stranger_who_calls_their_parent_trusted_is_not_believed(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    stranger = Studio("Somebody Else")
    foreign = sign(stranger, plain, tmp_path / "foreign.mp4")
    found = find_parent(foreign, stranger.trust)
    child = sign(stranger, plain, tmp_path / "child.mp4", parent=found)
    report = read_manifest(child, studio.trust)
    assert report.status == "valid"
    assert report.ingredients[0].status == "valid"
    assert "signingCredential.untrusted" in report.ingredients[0].failures


def test_a_failure_further_back_in_the_history_stays_visible(
    studio: Studio, signed: Path, plain: Path, tmp_path: Path
) -> None:
    flip(signed, signed, picture_byte(signed))
    child = child_of(studio, signed, plain, tmp_path / "child.mp4")
    grandchild = child_of(studio, child, plain, tmp_path / "grandchild.mp4")
    report = read_manifest(grandchild, studio.trust)
    assert report.status == "trusted"
    assert [i.as_json() for i in report.ingredients] == [
        {"title": "source clip", "status": "trusted", "failures": []},
        {"title": "source clip", "status": "invalid", "failures": ["assertion.bmffHash.mismatch"]},
    ]


def test_the_sidecar_of_the_input_is_not_written_to(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    parent = sign(studio, make_clip(tmp_path / "plain.mkv"), tmp_path / "parent.mkv")
    before = sidecar_path(parent).read_bytes()
    child_of(studio, parent, plain, tmp_path / "child.mp4")
    assert sidecar_path(parent).read_bytes() == before
